//! The command-line flags, and their conversion to the options of the library.

mod adapt;
mod config;
mod evaluation;
mod find;
mod gallery;
mod inspect;
mod model;
mod models;
mod number;
mod people;
mod photos;
#[cfg(feature = "train")]
pub(crate) mod train;

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use likeness_data::align::Template;
use likeness_data::cut::{KeepFaces, NoFace};
use likeness_data::inspect::Issue;
use likeness_data::settings::FaceFormat;
use likeness_data::source::Layout;
use likeness_data::split::SplitMethod;
use likeness_engine::EngineChoice;
use likeness_model::preprocess::{ChannelOrder, Normalization};
use likeness_search::{Distance, Protocol, ResultsShape};

use number::{number, parse_count};

pub(crate) use adapt::AdaptArgs;
pub(crate) use config::{ConfigAction, ConfigArgs, ShowConfigArgs};
pub(crate) use evaluation::{CalibrateArgs, CompareArgs, PicturesArg, ReportArgs, StudyArgs};
pub(crate) use find::{FindArgs, IdentifyArgs};
pub(crate) use gallery::{
    AddArgs, BackupArgs, ColumnsArgs, CreateArgs, ExportArgs, ExportFormatArg, GalleryAction, GalleryArgs,
    GalleryFileArgs, GalleryReadingArgs, IndexArgs, ListArgs, MigrateArgs, RemoveArgs, SearchArgs, SyncArgs,
    VerifyArgs,
};
pub(crate) use inspect::InspectArgs;
pub(crate) use model::{InputArgs, ModelArgs, ModelSettings};
#[cfg(feature = "train")]
pub(crate) use models::PruneModelArgs;
pub(crate) use models::{
    ExportModelArgs, ImportModelArgs, ListModelsArgs, ModelsAction, ModelsArgs, PullModelArgs,
    QuantizeModelArgs, ShowModelArgs, WeightsArg,
};
pub(crate) use people::{AssignArgs, FacesArgs, PeopleAction, PeopleArgs};
pub(crate) use photos::{DetectionArgs, PhotosArgs, ReadingArgs};
#[cfg(feature = "train")]
pub(crate) use train::TrainArgs;

/// Finds pictures of the same person, or of the same thing, in a collection.
#[derive(Debug, Parser)]
#[command(name = "likeness", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Find(FindArgs),
    Identify(IdentifyArgs),
    Gallery(GalleryArgs),
    Search(SearchArgs),
    People(PeopleArgs),
    Prepare(PrepareArgs),
    Inspect(InspectArgs),
    #[cfg(feature = "train")]
    Train(Box<TrainArgs>),
    Adapt(Box<AdaptArgs>),
    Detect(DetectArgs),
    Embed(EmbedArgs),
    Match(MatchArgs),
    Evaluate(EvaluateArgs),
    Compare(CompareArgs),
    Calibrate(CalibrateArgs),
    Report(ReportArgs),
    Models(ModelsArgs),
    Config(ConfigArgs),
    Demo(DemoArgs),
}

impl Command {
    /// The model flags of the command, if it has them.
    pub(crate) fn model_mut(&mut self) -> Option<&mut ModelArgs> {
        match self {
            Self::Find(args) => Some(&mut args.model),
            Self::Identify(args) => Some(&mut args.model),
            Self::Adapt(args) => Some(&mut args.model),
            Self::Inspect(args) => Some(&mut args.model),
            Self::Embed(args) => Some(&mut args.model),
            Self::Match(args) => Some(&mut args.model),
            Self::Evaluate(args) => Some(&mut args.model),
            Self::Calibrate(args) => Some(&mut args.model),
            _ => None,
        }
    }
}

/// Makes a dataset of a collection of photos: samples, splits and crops them to faces of one size.
#[derive(Debug, Group)]
pub(crate) struct PrepareArgs {
    /// The collection: a folder of photos, or a table (CSV) of photos.
    pub(crate) photos: PathBuf,
    /// Folder of the dataset to make or to update.
    #[arg(short, long, value_name = "DATASET")]
    pub(crate) output: PathBuf,
    /// Layout of the collection: where the identity of a photo comes from.
    #[arg(long, value_enum, default_value_t = LayoutArg::Auto)]
    pub(crate) layout: LayoutArg,
    /// Keep only the N identities with the most images [default: all].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) identities: usize,
    /// Keep only identities with at least N images.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_images: usize,
    /// Keep at most N images per identity [default: all].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) max_images: usize,
    /// Method of splitting the photos into training, validation and test.
    #[arg(long, value_enum, default_value_t = SplitArg::Auto)]
    pub(crate) split: SplitArg,
    /// Share of the photos or identities held out for validation.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = number(0.0, 1.0))]
    pub(crate) validation: f64,
    /// Seed of all random numbers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Width and height of the cropped faces, in pixels.
    #[arg(long, value_name = "PX", default_value_t = 224)]
    pub(crate) size: u32,
    /// File format of the cropped faces.
    #[arg(long, value_enum, default_value_t = FormatArg::Png)]
    pub(crate) format: FormatArg,
    /// Template that faces with landmarks are aligned to: that of the model which will be used.
    #[arg(long, value_enum, default_value_t = AlignArg::Dlib, help_heading = "Faces")]
    pub(crate) align: AlignArg,
    /// Domain of photos for which the collection names none, such as photo or drawing.
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<String>,
    /// Leave out the photos of this table: the issues.csv of `likeness inspect`, or a CSV file with a column photo.
    #[arg(long, value_name = "FILE")]
    pub(crate) exclude: Option<PathBuf>,
    /// Issues whose photos are left out [default: likely_mislabelled,identity_conflict,exact_duplicates].
    #[arg(long, value_name = "ISSUES", value_delimiter = ',', value_parser = parse_issue, requires = "exclude")]
    pub(crate) issues: Vec<Issue>,
    /// Draw a contact sheet of photos with the detected boxes and landmarks.
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    pub(crate) preview: Option<PathBuf>,
    /// Overwrite the preview even if Likeness did not write the existing file.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) detection: DetectionArgs,
    /// Update a dataset that was made with other settings, instead of failing.
    #[arg(long, help_heading = "Output")]
    pub(crate) replace: bool,
    /// Print the counts as one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

fn parse_issue(name: &str) -> Result<Issue, String> {
    let known = || Issue::ALL.map(Issue::name).join(", ");
    Issue::from_name(name).ok_or_else(|| format!("no such issue; expected {}", known()))
}

/// Finds faces in photos and prints or draws their boxes and landmarks.
///
/// Without --detector, the built-in detector is used. Every face is reported: --faces, --no-face and --margin, which
/// control cropping, have no effect here.
#[derive(Debug, Group)]
pub(crate) struct DetectArgs {
    /// Photos, and folders of photos.
    #[arg(required = true)]
    pub(crate) photos: Vec<PathBuf>,
    /// Print one JSON document.
    #[arg(long, conflicts_with = "csv", help_heading = "Output")]
    pub(crate) json: bool,
    /// Print CSV with one row per face (the default without --preview).
    #[arg(long, help_heading = "Output")]
    pub(crate) csv: bool,
    /// Draw a contact sheet of the photos with boxes and landmarks.
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    pub(crate) preview: Option<PathBuf>,
    /// Overwrite existing files that Likeness did not write, or that the command reads.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) detection: DetectionArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Computes the embeddings of photos and writes them to a file.
#[derive(Debug, Group)]
pub(crate) struct EmbedArgs {
    /// Photos, folders of photos, tables, datasets or embeddings files.
    #[arg(required = true)]
    pub(crate) input: Vec<PathBuf>,
    /// Embeddings file to write.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Use only this split of a dataset.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) split: SplitChoice,
    /// Overwrite existing files that Likeness did not write, or that the command reads.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

/// Ranks the images of a gallery by their distance from each query.
#[derive(Debug, Group)]
pub(crate) struct MatchArgs {
    /// The queries, then the gallery: photos, folders, tables, datasets or embeddings files.
    ///
    /// The first input holds the queries; all other inputs together are the gallery. A single input is searched within itself:
    /// its queries in its gallery if a dataset has both, else each image among all others. With --gallery, all inputs
    /// are queries.
    #[arg(required = true, value_names = ["QUERIES", "GALLERY"])]
    pub(crate) input: Vec<PathBuf>,
    /// Input of the gallery; may be repeated. All inputs without a flag are then queries.
    #[arg(long, value_name = "GALLERY")]
    pub(crate) gallery: Vec<PathBuf>,
    /// Number of gallery images to list for each query.
    #[arg(short, value_name = "K", default_value = "10", value_parser = parse_count)]
    pub(crate) k: usize,
    /// Results file to write [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Group name to write into the results.
    #[arg(long, value_name = "NAME", default_value = "likeness", help_heading = "Output")]
    pub(crate) group: String,
    /// JSON structure of the results.
    #[arg(long, value_enum, default_value_t = ShapeArg::Map, help_heading = "Output")]
    pub(crate) shape: ShapeArg,
    /// Post the results to the server of a challenge, and print its answer.
    #[arg(long, value_name = "URL", help_heading = "Submission")]
    pub(crate) submit: Option<String>,
    /// Seconds to wait for the server.
    #[arg(
        long,
        value_name = "S",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=86_400),
        help_heading = "Submission"
    )]
    pub(crate) submit_timeout: u64,
    /// Draw a contact sheet of each query with its nearest gallery images.
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    pub(crate) grid: Option<PathBuf>,
    /// Number of queries on the contact sheet.
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_count, help_heading = "Output")]
    pub(crate) grid_queries: usize,
    /// Overwrite existing files that Likeness did not write, or that the command reads.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    /// Print one JSON document with ranks and distances.
    #[arg(long, conflicts_with = "output", help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) search: RankArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

impl MatchArgs {
    /// The queries and the gallery. The gallery is empty if the queries are searched within themselves.
    pub(crate) fn sides(&self) -> (&[PathBuf], &[PathBuf]) {
        match &self.input[..] {
            all if !self.gallery.is_empty() => (all, &self.gallery),
            all => all.split_at(1.min(all.len())),
        }
    }
}

/// Measures how well a model finds images of the same identity.
#[derive(Debug, Group)]
pub(crate) struct EvaluateArgs {
    /// Dataset, embeddings file, or labelled photos.
    pub(crate) input: PathBuf,
    /// Gallery to search in; INPUT then holds only queries.
    #[arg(long, value_name = "GALLERY")]
    pub(crate) gallery: Option<PathBuf>,
    /// Use only this split of a dataset.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) split: SplitChoice,
    /// Evaluation protocol [default: query-gallery if the input has roles, else leave-one-out].
    #[arg(long, value_enum)]
    pub(crate) protocol: Option<ProtocolArg>,
    /// Also report metrics per group of this column, within and between groups: domain, split, role, or any column of a
    /// dataset's manifest.
    #[arg(long, value_name = "COLUMN", conflicts_with = "gallery")]
    pub(crate) by: Option<String>,
    /// Also verify a list of pairs by ten-fold cross-validation: LFW's pairs.txt, or a CSV table with the columns path_a, path_b,
    /// same (0 or 1) and optionally fold.
    #[arg(long, value_name = "FILE", conflicts_with = "gallery")]
    pub(crate) pairs: Option<PathBuf>,
    /// Draw a t-SNE map of the embeddings, coloured by the column of --by [default: domain] and by identity; PNG or SVG.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) map: Option<PathBuf>,
    /// Overwrite existing files that Likeness did not write, or that the command reads.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    /// Fail (exit code 1) if top-1 is below this share, such as 0.95.
    #[arg(long, value_name = "SHARE", value_parser = number(0.0, 1.0))]
    pub(crate) require_top1: Option<f64>,
    /// Seed of the confidence intervals and of the map.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) search: RankArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

/// Runs every step on synthetic faces: draw, prepare, embed, match, evaluate, train.
#[derive(Debug, Clone, Group)]
pub(crate) struct DemoArgs {
    /// New or empty folder for all files.
    #[arg(short, long, value_name = "FOLDER", default_value = "likeness-demo")]
    pub(crate) output: PathBuf,
    /// Number of people to draw.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(crate) identities: u32,
    /// Number of pictures per person.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub(crate) images: u32,
    /// Seed of the synthetic faces.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Number of epochs to train a small network on faces of other people; 0 skips training.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) epochs: u32,
}

/// Flags that control how embeddings are compared.
#[derive(Debug, Group)]
pub(crate) struct RankArgs {
    /// Distance between embeddings [default: the distance of the model].
    #[arg(long, value_enum)]
    pub(crate) distance: Option<DistanceArg>,
    /// Let a query match its own file.
    #[arg(long)]
    pub(crate) allow_self: bool,
}

/// Declares the values of a flag, and the library's value for each.
macro_rules! values {
    ($(#[$doc:meta])* $name:ident => $target:ty { $($(#[$value_doc:meta])* $value:ident => $into:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $name {
            $($(#[$value_doc])* $value),+
        }

        impl From<$name> for $target {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$value => $into),+
                }
            }
        }
    };
}

values!(LayoutArg => Layout {
    /// Detect the layout, and report it
    Auto => Layout::Auto,
    /// CelebA: identity_CelebA.txt and its image folder
    Celeba => Layout::Celeba,
    /// One folder per identity
    Folders => Layout::Folders,
    /// Identity at the start of the file name: IDENTITY_N.png
    Prefix => Layout::Prefix,
    /// CSV table with a path column and a label column
    Csv => Layout::Csv,
    /// Photos without identities
    Unlabelled => Layout::Unlabelled,
});

values!(SplitArg => SplitMethod {
    /// The split or the roles of the collection if it has them, else as images
    Auto => SplitMethod::Auto,
    /// Hold out the last images of each identity
    Images => SplitMethod::Images,
    /// Hold out whole identities, chosen by --seed
    Identities => SplitMethod::Identities,
    /// The split or the roles of the collection
    Official => SplitMethod::Official,
});

values!(FormatArg => FaceFormat {
    /// PNG, lossless
    Png => FaceFormat::Png,
    /// JPEG with quality 95
    Jpeg => FaceFormat::Jpeg,
});

values!(AlignArg => Template {
    /// The built-in model face, and dlib's network
    Dlib => Template::Dlib,
    /// ArcFace networks, such as those of InsightFace
    Arcface => Template::Arcface,
});

values!(FacesArg => KeepFaces {
    /// The face that is large and near the centre
    Main => KeepFaces::Main,
    /// The largest face
    Largest => KeepFaces::Largest,
    /// The face nearest to the centre
    Center => KeepFaces::Center,
    /// Every face
    All => KeepFaces::All,
});

values!(NoFaceArg => NoFace {
    /// Skip the photo and list it
    Skip => NoFace::Skip,
    /// Use the centre square of the photo
    Keep => NoFace::Keep,
});

values!(DistanceArg => Distance {
    /// 1 − cosine similarity
    Cosine => Distance::Cosine,
    /// Euclidean (L2) distance
    Euclidean => Distance::Euclidean,
    /// Squared Euclidean distance
    SquaredEuclidean => Distance::SquaredEuclidean,
    /// 1 − Σmin/Σmax, for histograms
    Jaccard => Distance::Jaccard,
});

values!(ShapeArg => ResultsShape {
    /// {"groupname": …, "images": {query: [gallery, …]}}
    Map => ResultsShape::Map,
    /// [{"filename": query, "gallery_images": [gallery, …]}]
    List => ResultsShape::List,
});

values!(ProtocolArg => Protocol {
    /// Every image searches among all others
    LeaveOneOut => Protocol::LeaveOneOut,
    /// Queries search in the gallery, by the roles of the dataset
    QueryGallery => Protocol::QueryGallery,
});

values!(NormalizeArg => Normalization {
    /// None: values from 0 to 255
    None => Normalization::NONE,
    /// Scaled to [-1, 1], as for the networks of InsightFace
    Arcface => Normalization::ARCFACE,
    /// ImageNet mean and standard deviation, as in torchvision
    Imagenet => Normalization::IMAGENET,
});

values!(ChannelsArg => ChannelOrder {
    /// Red, green, blue
    Rgb => ChannelOrder::Rgb,
    /// Blue, green, red
    Bgr => ChannelOrder::Bgr,
});

values!(EngineArg => EngineChoice {
    /// The first of direct, onnxruntime and rten that is available and can run the network
    Auto => EngineChoice::Auto,
    /// Built-in engine for convolutional networks
    Direct => EngineChoice::Direct,
    /// Built-in engine for any network (RTen)
    Rten => EngineChoice::Rten,
    /// ONNX Runtime, from an installed library; see --engine-library
    #[value(name = "onnxruntime")]
    OnnxRuntime => EngineChoice::OnnxRuntime,
    /// Burn, for networks written by train or import, on the device of --engine-device
    Burn => EngineChoice::Burn,
});

/// A split of a dataset, or the whole dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitChoice {
    /// The whole dataset
    All,
    /// The training split
    Train,
    /// The validation split
    Validation,
    /// The test split
    Test,
}

impl SplitChoice {
    /// The name of the split in files; `None` for the whole dataset.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Train => Some("train"),
            Self::Validation => Some("validation"),
            Self::Test => Some("test"),
        }
    }
}
