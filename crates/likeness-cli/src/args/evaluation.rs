//! The flags of `compare`, `calibrate` and `report`.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use super::{DistanceArg, ModelArgs, ModelSettings, PhotosArgs, RankArgs, SplitChoice, number::number};

/// Flags that several commands share: which queries are searched, and how intervals are computed.
#[derive(Debug, Group)]
pub(crate) struct StudyArgs {
    /// Use only this split of a dataset.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) split: SplitChoice,
    /// Reference that all other models are compared with: its name or number [default: the first].
    #[arg(long, value_name = "MODEL")]
    pub(crate) reference: Option<String>,
    /// Columns to slice by, such as age or yaw; may be repeated. `none` slices by no column [default: the computed columns
    /// face size, sharpness, brightness, yaw, detector score and faces, and all columns of the data with few values].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) slice: Vec<String>,
    /// CSV table with more columns of the photos: the first column names the photo, or the identity.
    #[arg(long, value_name = "CSV")]
    pub(crate) columns: Option<PathBuf>,
    /// Number of resamples of each interval [default: 2000, or as many as the comparison of all models needs].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=100_000))]
    pub(crate) resamples: Option<u32>,
    /// Seed of the intervals and of the map.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

/// Compares models on the same queries: differences with intervals and p-values.
///
/// The first argument names labelled photos: a dataset, a folder or a table. All others are models, or embeddings files of
/// these photos. Embeddings files alone are compared without photos. A model is a name (face, picture), a descriptor, an ONNX
/// file, a model folder, a run, or a recipe (TOML), which is trained first.
#[derive(Debug, Group)]
pub(crate) struct CompareArgs {
    /// Labelled photos, then models or embeddings files.
    #[arg(required = true, value_name = "PHOTOS MODEL")]
    pub(crate) input: Vec<String>,
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    /// Folder of the runs of recipes. A run that has ended is not trained again, an interrupted one is continued.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "FOLDER", default_value = "likeness-runs", help_heading = "Recipes")]
    pub(crate) runs: PathBuf,
    /// Folder to search for the weights that recipes name; may be repeated [default: the folder of the recipes].
    #[cfg(feature = "train")]
    #[arg(long, value_name = "FOLDER", help_heading = "Recipes")]
    pub(crate) weights: Vec<PathBuf>,
    /// Device to train recipes on: cpu, cuda, cuda:N or wgpu.
    #[cfg(feature = "train")]
    #[arg(long, value_name = "DEVICE", default_value = "cpu", help_heading = "Recipes")]
    pub(crate) device: String,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) search: RankArgs,
    #[command(flatten)]
    pub(crate) model: ModelSettings,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

/// Whether a report contains pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PicturesArg {
    /// Pictures, unless the licence of the data forbids copies
    Auto,
    /// Names and distances only
    None,
    /// Pictures, whatever the licence is
    All,
}

/// Writes an evaluation report of one or several models: a page, and the same as Markdown and JSON.
///
/// The first argument names labelled photos: a dataset, a folder or a table. All others are models, or embeddings files of
/// these photos. Without a model, the built-in one is used. The report is one HTML file that needs no network; beside it are
/// NAME.md and NAME.json.
#[derive(Debug, Group)]
pub(crate) struct ReportArgs {
    /// Labelled photos, then models or embeddings files.
    #[arg(required = true, value_name = "PHOTOS MODEL")]
    pub(crate) input: Vec<String>,
    /// Report to write.
    #[arg(short, long, value_name = "HTML", default_value = "report.html")]
    pub(crate) output: PathBuf,
    /// Title of the report [default: the name of the data].
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    #[command(flatten)]
    pub(crate) study: StudyArgs,
    /// Whether the report contains pictures.
    #[arg(long, value_enum, default_value_t = PicturesArg::Auto)]
    pub(crate) pictures: PicturesArg,
    /// Licence of the data, for the section about licences; CC BY 4.0, CC0, MIT and other free licences allow pictures.
    #[arg(long, value_name = "LICENCE")]
    pub(crate) data_licence: Option<String>,
    /// Overwrite existing files that Likeness did not write, or that the command reads.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) search: RankArgs,
    #[command(flatten)]
    pub(crate) model: ModelSettings,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

/// Measures distance thresholds for given false match rates on labelled photos.
///
/// PHOTOS are a dataset, a folder of labelled photos, an embeddings file, or a gallery whose people are named. The thresholds
/// are printed; --write stores them in the model folder or in the gallery.
#[derive(Debug, Group)]
pub(crate) struct CalibrateArgs {
    /// Labelled photos, an embeddings file, or a gallery.
    pub(crate) photos_of: PathBuf,
    /// Use only this split of a dataset.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) split: SplitChoice,
    /// False match rates, such as 1e-3,1e-4 [default: 1e-2,1e-3,1e-4,1e-5,1e-6].
    #[arg(long, value_name = "RATE", value_delimiter = ',', value_parser = number(1e-9, 0.5))]
    pub(crate) fmr: Vec<f64>,
    /// Also the threshold at which this share of searches for strangers names somebody (FPIR), at --gallery-size.
    #[arg(long, value_name = "RATE", value_parser = number(1e-9, 0.5))]
    pub(crate) fpir: Option<f64>,
    /// Number of images in the gallery for --fpir [default: that of the gallery or of the photos].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) gallery_size: Option<u64>,
    /// Distance between embeddings [default: the distance of the model].
    #[arg(long, value_enum)]
    pub(crate) distance: Option<DistanceArg>,
    /// Store the thresholds: in the model folder that --model names, or in this gallery.
    #[arg(long, value_name = "FOLDER|GALLERY")]
    pub(crate) write: Option<PathBuf>,
    /// Keep photos that are likely mislabelled, which are left out otherwise.
    #[arg(long)]
    pub(crate) keep_suspects: bool,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}
