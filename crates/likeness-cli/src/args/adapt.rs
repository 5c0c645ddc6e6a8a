//! Flags of `likeness adapt`.

use std::path::PathBuf;

use clap::Args as Group;

use super::{ModelArgs, PhotosArgs, SplitChoice};

/// Adapts a model to your labels: fits a linear head to its embeddings, and writes a new model if people or things that it
/// has not seen are found better.
///
/// The network itself is not changed, so that this takes seconds. The head is chosen and measured on identities that are
/// held out. If they do not improve, nothing is written and the exit code is 1.
#[derive(Debug, Group)]
pub(crate) struct AdaptArgs {
    /// A gallery (its named and confirmed faces), a dataset, an embeddings file, or labelled photos.
    #[arg(value_name = "DATASET|GALLERY|EMBEDDINGS")]
    pub(crate) input: PathBuf,
    /// New model folder to write.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Use only this split of a dataset.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) split: SplitChoice,
    /// Name of the new model [default: that of the model with -adapted].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Number of values of the new embeddings [default: chosen on held-out identities].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) dimension: Option<u32>,
    /// Seed of the held-out identities and of the confidence intervals.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}
