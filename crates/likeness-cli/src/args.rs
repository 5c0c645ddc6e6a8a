//! The flags, and nothing but the flags.

mod model;
mod models;
mod number;
mod photos;
#[cfg(feature = "train")]
pub(crate) mod train;

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use likeness_data::cut::{KeepFaces, NoFace};
use likeness_data::settings::FaceFormat;
use likeness_data::source::Layout;
use likeness_data::split::SplitMethod;
use likeness_engine::EngineChoice;
use likeness_model::preprocess::{ChannelOrder, Normalization};
use likeness_search::{Distance, Protocol, ResultsShape};

use number::{number, parse_count};

pub(crate) use model::{InputArgs, ModelArgs};
#[cfg(feature = "train")]
pub(crate) use models::PruneModelArgs;
pub(crate) use models::{
    ExportModelArgs, ImportModelArgs, ListModelsArgs, ModelsAction, ModelsArgs, PullModelArgs,
    QuantizeModelArgs, ShowModelArgs, WeightsArg,
};
pub(crate) use photos::{DetectionArgs, PhotosArgs, ReadingArgs};
#[cfg(feature = "train")]
pub(crate) use train::TrainArgs;

/// Finds pictures of the same person, or the same thing, in a collection.
#[derive(Debug, Parser)]
#[command(name = "likeness", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Prepare(PrepareArgs),
    #[cfg(feature = "train")]
    Train(Box<TrainArgs>),
    Detect(DetectArgs),
    Embed(EmbedArgs),
    Match(MatchArgs),
    Evaluate(EvaluateArgs),
    Models(ModelsArgs),
    Demo(DemoArgs),
}

/// Makes a dataset from a collection of photos: sampled, split, cropped, all of one size.
#[derive(Debug, Group)]
pub(crate) struct PrepareArgs {
    /// The collection: a folder, or a table of photos.
    pub(crate) photos: PathBuf,
    /// The dataset's folder.
    #[arg(short, long, value_name = "DATASET")]
    pub(crate) output: PathBuf,
    /// How the collection says whose picture a photo is.
    #[arg(long, value_enum, default_value_t = LayoutArg::Auto)]
    pub(crate) layout: LayoutArg,
    /// Keep this many identities, those with the most images [default: all].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) identities: usize,
    /// Keep identities with at least this many images.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_images: usize,
    /// Keep at most this many images of an identity [default: all].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) max_images: usize,
    /// What is held out: what the collection says, images of each identity by index, or whole identities.
    #[arg(long, value_enum, default_value_t = SplitArg::Auto)]
    pub(crate) split: SplitArg,
    /// Share held out for validation.
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = number(0.0, 1.0))]
    pub(crate) validation: f64,
    /// Seed of everything drawn by chance.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Width and height of a face in pixels.
    #[arg(long, value_name = "PX", default_value_t = 224)]
    pub(crate) size: u32,
    /// File format of the faces.
    #[arg(long, value_enum, default_value_t = FormatArg::Png)]
    pub(crate) format: FormatArg,
    /// Domain written into the manifest where the collection names none.
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<String>,
    /// Draw a contact sheet of photos with the boxes and landmarks that were found.
    #[arg(long, value_name = "PNG")]
    pub(crate) preview: Option<PathBuf>,
    /// Replace a preview that Likeness did not write.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) detection: DetectionArgs,
    /// Change a dataset that was made with other settings, instead of refusing.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Print one JSON document with the counts.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Finds faces in photos and prints or draws where they are.
///
/// Without --detector the best that is here looks for them. Every face is told: --faces, --no-face and --margin, which
/// say what is cut out of a photo, change nothing here.
#[derive(Debug, Group)]
pub(crate) struct DetectArgs {
    /// Photos and folders.
    #[arg(required = true)]
    pub(crate) photos: Vec<PathBuf>,
    /// Print JSON: one document.
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// Print CSV: a row a face (default).
    #[arg(long)]
    pub(crate) csv: bool,
    /// Draw a contact sheet with boxes and landmarks.
    #[arg(long, value_name = "PNG")]
    pub(crate) preview: Option<PathBuf>,
    /// Replace files that Likeness did not write, and files that the command reads.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) detection: DetectionArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Turns photos into embeddings and stores them.
#[derive(Debug, Group)]
pub(crate) struct EmbedArgs {
    /// Photos, folders, or a dataset.
    #[arg(required = true)]
    pub(crate) input: Vec<PathBuf>,
    /// The embeddings file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Only this part of a dataset.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) split: SplitChoice,
    /// Replace files that Likeness did not write, and files that the command reads.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

/// Ranks a gallery by its distance from each query.
#[derive(Debug, Group)]
pub(crate) struct MatchArgs {
    /// The queries, then the gallery: photos, folders, tables, datasets or embeddings files.
    ///
    /// The first is the queries, all others together are the gallery. One alone is searched within itself: its queries in
    /// its gallery where a dataset has both, else each image among the others. With --gallery, all are queries.
    #[arg(required = true, value_names = ["QUERIES", "GALLERY"])]
    pub(crate) input: Vec<PathBuf>,
    /// A part of the gallery; may be repeated. Everything named without a flag is then a query.
    #[arg(long, value_name = "GALLERY")]
    pub(crate) gallery: Vec<PathBuf>,
    /// Gallery images listed for each query.
    #[arg(short, value_name = "K", default_value = "10", value_parser = parse_count)]
    pub(crate) k: usize,
    /// Where the results go [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Group name in the results.
    #[arg(long, value_name = "NAME", default_value = "likeness")]
    pub(crate) group: String,
    /// Shape of the results.
    #[arg(long, value_enum, default_value_t = ShapeArg::Map)]
    pub(crate) shape: ShapeArg,
    /// Post the results to a challenge's server and print its answer.
    #[arg(long, value_name = "URL")]
    pub(crate) submit: Option<String>,
    /// Seconds that the server may take.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) submit_timeout: u64,
    /// Draw a contact sheet: each query with its nearest.
    #[arg(long, value_name = "PNG")]
    pub(crate) grid: Option<PathBuf>,
    /// Queries on the contact sheet.
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_count)]
    pub(crate) grid_queries: usize,
    /// Replace files that Likeness did not write, and files that the command reads.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON document with ranks and distances.
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

impl MatchArgs {
    /// The queries and the gallery; no gallery where the queries are searched within themselves.
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
    /// A dataset, an embeddings file, or labelled photos.
    pub(crate) input: PathBuf,
    /// Search in this instead: INPUT is the queries.
    #[arg(long, value_name = "GALLERY")]
    pub(crate) gallery: Option<PathBuf>,
    /// Only this part of a dataset.
    #[arg(long, value_enum, default_value_t = SplitChoice::All)]
    pub(crate) split: SplitChoice,
    /// Who searches for what [default: query-gallery where the dataset has roles, else leave-one-out].
    #[arg(long, value_enum)]
    pub(crate) protocol: Option<ProtocolArg>,
    /// Also apart by this column, within and across its values: domain, split, role, or any of a dataset's manifest.
    #[arg(long, value_name = "COLUMN", conflicts_with = "gallery")]
    pub(crate) by: Option<String>,
    /// Draw the embeddings on a plane (t-SNE), coloured by --by's column, or the domain, and by identity; PNG or SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
    /// Replace files that Likeness did not write, and files that the command reads.
    #[arg(long)]
    pub(crate) force: bool,
    /// Exit with 1 when top-1 is below this share.
    #[arg(long, value_name = "SHARE", value_parser = number(0.0, 1.0))]
    pub(crate) require_top1: Option<f64>,
    /// Seed of the confidence intervals.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

/// Runs the whole loop on synthetic faces: draw, prepare, embed, match, evaluate, train.
#[derive(Debug, Clone, Group)]
pub(crate) struct DemoArgs {
    /// Where everything goes.
    #[arg(short, long, value_name = "FOLDER", default_value = "likeness-demo")]
    pub(crate) output: PathBuf,
    /// People to draw.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(crate) identities: u32,
    /// Pictures of each.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub(crate) images: u32,
    /// Seed of the faces.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Epochs of training a small network on other people's faces; 0 trains none.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) epochs: u32,
}

/// How embeddings are compared.
#[derive(Debug, Group)]
pub(crate) struct SearchArgs {
    /// Distance [default: the model's own].
    #[arg(long, value_enum)]
    pub(crate) distance: Option<DistanceArg>,
    /// Let a query find its own file.
    #[arg(long)]
    pub(crate) allow_self: bool,
}

/// Declares a flag's values, each with the domain's own value.
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
    /// Recognise it, and say what was seen
    Auto => Layout::Auto,
    /// identity_CelebA.txt and its image folder
    Celeba => Layout::Celeba,
    /// A folder for each identity
    Folders => Layout::Folders,
    /// IDENTITY_N.png
    Prefix => Layout::Prefix,
    /// A table with a path and a label column
    Csv => Layout::Csv,
    /// Photos of nobody in particular
    Unlabelled => Layout::Unlabelled,
});

values!(SplitArg => SplitMethod {
    /// What the collection says where it has a split or roles of its own, else the last images of each identity
    Auto => SplitMethod::Auto,
    /// The last images of each identity
    Images => SplitMethod::Images,
    /// Whole identities, drawn by the seed
    Identities => SplitMethod::Identities,
    /// What the collection says
    Official => SplitMethod::Official,
});

values!(FormatArg => FaceFormat {
    /// Lossless
    Png => FaceFormat::Png,
    /// Quality 95
    Jpeg => FaceFormat::Jpeg,
});

values!(FacesArg => KeepFaces {
    /// The large one near the centre
    Main => KeepFaces::Main,
    /// The largest
    Largest => KeepFaces::Largest,
    /// The one nearest to the centre
    Center => KeepFaces::Center,
    /// Every one
    All => KeepFaces::All,
});

values!(NoFaceArg => NoFace {
    /// Skip it, count it, list it
    Skip => NoFace::Skip,
    /// Take the centre square instead
    Keep => NoFace::Keep,
});

values!(DistanceArg => Distance {
    /// 1 − cosine similarity
    Cosine => Distance::Cosine,
    /// Length of the difference
    Euclidean => Distance::Euclidean,
    /// Squared length of the difference
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
    /// Queries search in the gallery, by the dataset's roles
    QueryGallery => Protocol::QueryGallery,
});

values!(NormalizeArg => Normalization {
    /// 0 to 255 as it is
    None => Normalization::NONE,
    /// To [-1, 1], as InsightFace's networks
    Arcface => Normalization::ARCFACE,
    /// torchvision's ImageNet statistics
    Imagenet => Normalization::IMAGENET,
});

values!(ChannelsArg => ChannelOrder {
    /// Red, green, blue
    Rgb => ChannelOrder::Rgb,
    /// Blue, green, red
    Bgr => ChannelOrder::Bgr,
});

values!(EngineArg => EngineChoice {
    /// The first of direct, onnxruntime and rten that is here and can run the network
    Auto => EngineChoice::Auto,
    /// Likeness's own, for convolutional networks
    Direct => EngineChoice::Direct,
    /// Always there
    Rten => EngineChoice::Rten,
    /// ONNX Runtime, from a library on this machine
    #[value(name = "onnxruntime")]
    OnnxRuntime => EngineChoice::OnnxRuntime,
    /// What training computes with, for networks that it wrote, on the device of --engine-device
    Burn => EngineChoice::Burn,
});

/// A part of a dataset, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitChoice {
    /// Everything
    All,
    /// What is learned from
    Train,
    /// What is decided by
    Validation,
    /// What is reported on
    Test,
}

impl SplitChoice {
    /// The split's name in files; `None` for all.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Train => Some("train"),
            Self::Validation => Some("validation"),
            Self::Test => Some("test"),
        }
    }
}
