//! Flags of `likeness models`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum};
use likeness_embed::quantize::Clipping;
use likeness_model::Alignment;
#[cfg(feature = "train")]
use likeness_train::backbone::Architecture;

use super::{InputArgs, PhotosArgs, SplitChoice};

/// Lists, downloads, imports, converts and shrinks models.
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

/// Lists the known models: kind, size, licence, and whether the file is present.
#[derive(Debug, Group)]
pub(crate) struct ListModelsArgs {
    /// Folder of models [default: LIKENESS_MODELS, else the data folder of the user].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Downloads a model into the models folder and verifies it; continues an interrupted download.
#[derive(Debug, Group)]
pub(crate) struct PullModelArgs {
    /// Name of the model, as `likeness models list` prints it.
    pub(crate) name: String,
    /// Download the file from this address instead.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Folder of models [default: LIKENESS_MODELS, else the data folder of the user].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
}

/// Shows the details of a model or of a file, with the checksum of the file.
#[derive(Debug, Group)]
pub(crate) struct ShowModelArgs {
    /// Name of a model, a file, a model folder, or a run.
    #[arg(value_name = "NAME|FILE|FOLDER")]
    pub(crate) model: String,
    /// Folder of models [default: LIKENESS_MODELS, else the data folder of the user].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Copies a model file into the models folder and identifies it. With --output, makes a model folder from an ONNX file,
/// from weights, or from dlib's face recognition network.
#[derive(Debug, Group)]
pub(crate) struct ImportModelArgs {
    /// Model file to import.
    pub(crate) file: PathBuf,
    /// Name to import the file under: that of a known model, or a file name [default: identified by checksum, else the name
    /// of the file].
    #[arg(long, value_name = "N")]
    pub(crate) name: Option<String>,
    /// Folder of models [default: LIKENESS_MODELS, else the data folder of the user].
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// Overwrite a different file of the same name.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Make this model folder instead, with a description of the network and its preprocessing.
    #[arg(short, long, value_name = "FOLDER", conflicts_with_all = ["models", "replace"])]
    pub(crate) output: Option<PathBuf>,
    /// Architecture of the weights [default: inferred from their keys]. For an ONNX file: the architecture of the network, so
    /// that it can be fine-tuned.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "NAME", requires = "output")]
    pub(crate) backbone: Option<Architecture>,
    /// Import only the backbone of an ONNX file, without the layers after it, which belong to another task.
    #[cfg(feature = "train")]
    #[arg(long, requires = "backbone")]
    pub(crate) backbone_only: bool,
    /// Face alignment that the network expects [default: arcface for an input of 112x112, else none].
    #[arg(long, value_enum, requires = "output")]
    pub(crate) alignment: Option<AlignmentArg>,
    /// Licence of the network [default: that of the registry].
    #[arg(long, value_name = "TEXT", requires = "output")]
    pub(crate) licence: Option<String>,
    /// Origin of the network, such as an address [default: that of the registry].
    #[arg(long, value_name = "TEXT", requires = "output")]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

/// Face alignment that a network expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlignmentArg {
    /// Five landmarks aligned to the template of ArcFace
    Arcface,
    /// The crop of dlib's face recognition network, 150 pixels
    Dlib,
    /// No alignment: face boxes or whole pictures
    None,
}

impl From<AlignmentArg> for Alignment {
    fn from(alignment: AlignmentArg) -> Self {
        match alignment {
            AlignmentArg::Arcface => Self::Arcface,
            AlignmentArg::Dlib => Self::Dlib,
            AlignmentArg::None => Self::None,
        }
    }
}

/// Writes the graph or the weights of a model folder to a file, after checking that the folder is consistent.
#[derive(Debug, Group)]
pub(crate) struct ExportModelArgs {
    /// Model folder, run, or ONNX file.
    pub(crate) model: PathBuf,
    /// Write the graph as an ONNX file.
    #[arg(long, required_unless_present = "safetensors", conflicts_with = "safetensors")]
    pub(crate) onnx: bool,
    /// Write the weights as a safetensors file, with the keys of PyTorch.
    #[arg(long)]
    pub(crate) safetensors: bool,
    /// File to write; - stands for stdout.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Makes a MobileFaceNet smaller and faster by pruning channels of its blocks. Fine-tune the result with `likeness train
/// --weights FOLDER`.
#[cfg(feature = "train")]
#[derive(Debug, Group)]
pub(crate) struct PruneModelArgs {
    /// Model folder, or run.
    pub(crate) model: PathBuf,
    /// New model folder to write.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Share of the channels of each block to keep; the most important channels are kept.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = parse_share)]
    pub(crate) keep: f32,
}

/// Quantises an ONNX network, which makes it smaller and faster, and reports the loss of accuracy.
#[derive(Debug, Group)]
pub(crate) struct QuantizeModelArgs {
    /// Network to quantise: an ONNX file, a model folder, or a run.
    pub(crate) model: String,
    /// New model folder to write.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Type of the weights. int8 also quantises the activations; f16 only makes the file smaller.
    #[arg(long, value_enum, default_value_t = WeightsArg::Int8)]
    pub(crate) weights: WeightsArg,
    /// Photos to calibrate the ranges of the activations on, similar to those that will be embedded; int8 needs them.
    #[arg(long, value_name = "PHOTOS|DATASET", help_heading = "Calibration")]
    pub(crate) calibrate: Option<PathBuf>,
    /// Calibrate on this split of the dataset only.
    #[arg(long, value_enum, default_value_t = SplitChoice::All, help_heading = "Calibration")]
    pub(crate) split: SplitChoice,
    /// Maximum number of calibration photos, sampled evenly.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Calibration"
    )]
    pub(crate) photos: u32,
    /// Method of choosing the ranges of the activations.
    #[arg(long, value_enum, default_value_t = ClipArg::Auto, help_heading = "Calibration")]
    pub(crate) clip: ClipArg,
    /// Labelled photos to measure the loss of accuracy on [default: those of --calibrate].
    #[arg(long, value_name = "PHOTOS|DATASET", help_heading = "Accuracy")]
    pub(crate) measure: Option<PathBuf>,
    /// Measure on this split of the dataset only.
    #[arg(long, value_enum, default_value_t = SplitChoice::All, help_heading = "Accuracy")]
    pub(crate) measure_split: SplitChoice,
    /// Fail (exit code 1) if top-1 drops by more than N percentage points.
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_points,
        allow_negative_numbers = true,
        help_heading = "Accuracy"
    )]
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

/// Percentage points from -100 to 100. A negative value requires an improvement.
fn parse_points(text: &str) -> Result<f64, String> {
    let points: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    match (-100.0..=100.0).contains(&points) {
        true => Ok(points),
        false => Err("expected percentage points from -100 to 100".to_owned()),
    }
}

/// Type of the quantised weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightsArg {
    /// 8-bit integers, for weights and activations
    Int8,
    /// Half precision in the file, single precision when the network runs
    F16,
}

/// Method of choosing the ranges of the activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClipArg {
    /// As error, unless another method keeps the embeddings clearly closer to the original ones
    Auto,
    /// Range with the least squared error
    Error,
    /// Range without the outermost 0.01 %
    Percentile,
    /// Range from the smallest to the largest value
    MinMax,
}

impl ClipArg {
    /// The chosen method; `None` for `auto`.
    pub(crate) fn named(self) -> Option<Clipping> {
        match self {
            Self::Auto => None,
            Self::Error => Some(Clipping::SquaredError),
            Self::Percentile => Some(Clipping::Percentile(1e-4)),
            Self::MinMax => Some(Clipping::MinMax),
        }
    }
}
