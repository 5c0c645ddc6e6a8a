//! The flags of `likeness models`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

/// Public weights: what there is, what it allows, and how it gets here.
#[derive(Debug, Group)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) action: ModelsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsAction {
    List(ListModelsArgs),
    Pull(PullModelArgs),
    Show(ShowModelArgs),
    Import(ImportModelArgs),
}

/// Lists the weights that are known: licence, size, and whether the file is here.
#[derive(Debug, Group)]
pub(crate) struct ListModelsArgs {
    /// Models folder [default: LIKENESS_MODELS, else the user's data folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Downloads a model into the models folder and checks it; goes on where an earlier download broke off.
#[derive(Debug, Group)]
pub(crate) struct PullModelArgs {
    /// The model's name, as `models list` has it.
    pub(crate) name: String,
    /// Another address of the same file.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Models folder [default: LIKENESS_MODELS, else the user's data folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
}

/// Shows all that is known of a model, or of a file, and the file's checksum.
#[derive(Debug, Group)]
pub(crate) struct ShowModelArgs {
    /// The model's name, or a file.
    #[arg(value_name = "NAME|FILE")]
    pub(crate) model: String,
    /// Models folder [default: LIKENESS_MODELS, else the user's data folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Copies a model file into the models folder and says which one it is.
#[derive(Debug, Group)]
pub(crate) struct ImportModelArgs {
    /// The model file.
    pub(crate) file: PathBuf,
    /// Its name there: a known model's, or a file name [default: recognised by checksum, else the file's own].
    #[arg(long, value_name = "N")]
    pub(crate) name: Option<String>,
    /// Models folder [default: LIKENESS_MODELS, else the user's data folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Take the place of another file of the same name.
    #[arg(long)]
    pub(crate) replace: bool,
}
