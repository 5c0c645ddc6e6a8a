//! Flags of `likeness config`.

use clap::{Args as Group, Subcommand};

/// An example of the configuration file, which the help shows as it is.
const EXAMPLE: &str = "\
Example of a configuration file:
  model = \"nets/face.onnx\"    # relative to the folder of this file
  models = '~/models'
  threads = 4
  flips = true

Examples:
  likeness config show --origin
  LIKENESS_THREADS=1 likeness embed photos -o photos.embeddings
  LIKENESS_CONFIG=/dev/null likeness config show";

/// Shows the defaults of flags, which environment variables and a configuration file can set.
///
/// A setting has the name of its flag: --engine-library is engine-library in the file and LIKENESS_ENGINE_LIBRARY in the
/// environment. A flag wins over the variable, the variable over the file, the file over the built-in default. An empty
/// variable counts as not set. A setting has no effect on a command without its flag. A boolean flag has an optional
/// value: --flips=false overrides flips = true.
///
/// LIKENESS_CONFIG names another configuration file, which must exist.
#[derive(Debug, Group)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    Show(ShowConfigArgs),
    Path(ConfigPathArgs),
}

/// Prints every setting with its value, in the format of the configuration file.
#[derive(Debug, Group)]
pub(crate) struct ShowConfigArgs {
    /// Also print the origin of each value: default, environment variable, or file and line.
    #[arg(long)]
    pub(crate) origin: bool,
    /// Print one JSON document, with the origins.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints the path of the configuration file, which need not exist.
#[derive(Debug, Group)]
pub(crate) struct ConfigPathArgs {}
