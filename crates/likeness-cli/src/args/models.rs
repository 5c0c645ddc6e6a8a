//! The flags of `likeness models`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum};
use likeness_embed::quantize::Clipping;
use likeness_model::Alignment;
#[cfg(feature = "train")]
use likeness_train::backbone::Architecture;

use super::{InputArgs, PhotosArgs, SplitChoice};

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
    Import(Box<ImportModelArgs>),
    Export(ExportModelArgs),
    #[cfg(feature = "train")]
    Prune(PruneModelArgs),
    Quantize(Box<QuantizeModelArgs>),
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
    /// The model's name, a file, a model folder, or a run.
    #[arg(value_name = "NAME|FILE|FOLDER")]
    pub(crate) model: String,
    /// Models folder [default: LIKENESS_MODELS, else the user's data folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Copies a model file into the models folder and says which one it is; with --output makes a model folder of an ONNX file
/// or of weights.
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
    /// Make a model folder here instead, which says what the network is and expects.
    #[arg(short, long, value_name = "FOLDER", conflicts_with_all = ["models", "replace"])]
    pub(crate) output: Option<PathBuf>,
    /// Which network weights are of [default: told by their keys]; of an ONNX file, the network known here that it is, so that
    /// it can be trained on.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "NAME", requires = "output")]
    pub(crate) backbone: Option<Architecture>,
    /// What the network's faces were laid on [default: arcface for an input of 112 by 112, else none].
    #[arg(long, value_enum, requires = "output")]
    pub(crate) alignment: Option<AlignmentArg>,
    /// Under which terms it may be used [default: what the registry knows].
    #[arg(long, value_name = "TEXT", requires = "output")]
    pub(crate) licence: Option<String>,
    /// Where it comes from [default: what the registry knows].
    #[arg(long, value_name = "TEXT", requires = "output")]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

/// What faces are laid on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlignmentArg {
    /// ArcFace's template of five landmarks
    Arcface,
    /// Nothing: boxes or whole pictures
    None,
}

impl From<AlignmentArg> for Alignment {
    fn from(alignment: AlignmentArg) -> Self {
        match alignment {
            AlignmentArg::Arcface => Self::Arcface,
            AlignmentArg::None => Self::None,
        }
    }
}

/// Takes the graph or the weights out of a model folder, if its files belong together.
#[derive(Debug, Group)]
pub(crate) struct ExportModelArgs {
    /// The model folder, a run, or an ONNX file.
    pub(crate) model: PathBuf,
    /// The graph, for any program that reads ONNX.
    #[arg(long, required_unless_present = "safetensors", conflicts_with = "safetensors")]
    pub(crate) onnx: bool,
    /// The weights under PyTorch's keys.
    #[arg(long)]
    pub(crate) safetensors: bool,
    /// The file to write; - writes to stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Replace another file of this name.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Makes a narrower and faster network of a MobileFaceNet by taking channels out of its blocks; it has to be trained again, with
/// `likeness train --weights FOLDER`.
#[cfg(feature = "train")]
#[derive(Debug, Group)]
pub(crate) struct PruneModelArgs {
    /// The model folder, or a run.
    pub(crate) model: PathBuf,
    /// The new model folder.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Share of the channels within each block that stay, those that matter most.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = parse_share)]
    pub(crate) keep: f32,
}

/// Makes a smaller and faster network of an ONNX network by rounding its numbers, and says what that costs.
#[derive(Debug, Group)]
pub(crate) struct QuantizeModelArgs {
    /// The network: an ONNX file, a model folder, or a run.
    pub(crate) model: String,
    /// The new model folder.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// What the weights become; int8 rounds activations too, f16 shortens the file alone.
    #[arg(long, value_enum, default_value_t = WeightsArg::Int8)]
    pub(crate) weights: WeightsArg,
    /// Photos like those that will be embedded: what values the activations take is learned from them.
    #[arg(long, value_name = "PHOTOS|DATASET")]
    pub(crate) calibrate: Option<PathBuf>,
    /// Only this part of the dataset that is calibrated on.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) split: SplitChoice,
    /// Photos that are enough to calibrate on, evenly spread.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) photos: u32,
    /// How ranges of activations are chosen.
    #[arg(long, value_enum, default_value_t = ClipArg::Auto)]
    pub(crate) clip: ClipArg,
    /// Labelled photos to measure the cost on [default: those of --calibrate].
    #[arg(long, value_name = "PHOTOS|DATASET")]
    pub(crate) measure: Option<PathBuf>,
    /// Only this part of the dataset that is measured on.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) measure_split: SplitChoice,
    /// Exit with 1 when top-1 falls by more percentage points than this.
    #[arg(long, value_name = "POINTS", value_parser = parse_points, allow_negative_numbers = true)]
    pub(crate) most_lost: Option<f64>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: PhotosArgs,
}

/// A share above 0 and at most 1.
#[cfg(feature = "train")]
fn parse_share(text: &str) -> Result<f32, String> {
    let share: f32 = text.parse().map_err(|_| "expected a number".to_owned())?;
    // NaN lies in no range.
    match share > 0.0 && share <= 1.0 {
        true => Ok(share),
        false => Err("expected a share above 0 and at most 1".to_owned()),
    }
}

/// Percentage points, negative where more is asked for than there was.
fn parse_points(text: &str) -> Result<f64, String> {
    let points: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    match (-100.0..=100.0).contains(&points) {
        true => Ok(points),
        false => Err("expected percentage points from -100 to 100".to_owned()),
    }
}

/// What weights become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightsArg {
    /// Signed bytes, activations in unsigned bytes
    Int8,
    /// Half precision in the file, single precision in use
    F16,
}

/// How ranges of activations are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClipArg {
    /// Least squared error, unless another way keeps the embeddings of the photos clearly closer
    Auto,
    /// Least squared error
    Error,
    /// Without the outermost 0.01 %
    Percentile,
    /// Smallest to largest
    MinMax,
}

impl ClipArg {
    /// The way that is named, if one is.
    pub(crate) fn named(self) -> Option<Clipping> {
        match self {
            Self::Auto => None,
            Self::Error => Some(Clipping::SquaredError),
            Self::Percentile => Some(Clipping::Percentile(1e-4)),
            Self::MinMax => Some(Clipping::MinMax),
        }
    }
}
