//! Flags of `gallery`, `search` and `people`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand, ValueEnum};
use likeness::PhotoOptions;
use likeness_gallery::catalogue::{Filter, ItemKind};

use super::ReadingArgs;
use super::number::{parse_count, single};

/// Stores photos, faces and people in one file, and keeps it up to date with folders.
#[derive(Debug, Group)]
pub(crate) struct GalleryArgs {
    #[command(subcommand)]
    pub(crate) action: GalleryAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GalleryAction {
    Create(CreateArgs),
    Add(AddArgs),
    Sync(SyncArgs),
    Remove(RemoveArgs),
    List(ListArgs),
    Columns(ColumnsArgs),
    Stats(GalleryFileArgs),
    Verify(VerifyArgs),
    Backup(BackupArgs),
    Migrate(MigrateArgs),
    Index(IndexArgs),
    Export(ExportArgs),
}

impl GalleryAction {
    /// The flags that control how photos are read, if the command has them.
    pub(crate) fn reading_mut(&mut self) -> Option<&mut GalleryReadingArgs> {
        match self {
            Self::Create(args) => Some(&mut args.reading),
            Self::Add(args) => Some(&mut args.reading),
            Self::Sync(args) => Some(&mut args.reading),
            _ => None,
        }
    }
}

/// What the items of a gallery are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// The faces in the photos.
    Faces,
    /// Whole pictures.
    Pictures,
}

impl From<KindArg> for ItemKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Faces => Self::Faces,
            KindArg::Pictures => Self::Pictures,
        }
    }
}

fn parse_filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| error.to_string())
}

/// Creates a gallery, and adds photos to it.
#[derive(Debug, Group)]
#[command(after_long_help = "\
Examples:
  likeness gallery create my.gallery ~/Photos          A gallery of the faces in all photos below ~/Photos
  likeness gallery create things.gallery ~/Shop --kind pictures")]
pub(crate) struct CreateArgs {
    /// The gallery: a file to create.
    pub(crate) gallery: PathBuf,
    /// Folders and photos to add.
    pub(crate) photos: Vec<PathBuf>,
    /// What to store: the faces in the photos, or whole pictures.
    #[arg(long, value_enum, default_value_t = KindArg::Faces)]
    pub(crate) kind: KindArg,
    #[command(flatten)]
    pub(crate) reading: GalleryReadingArgs,
}

/// Adds folders and photos to a gallery.
///
/// A folder stays connected: `likeness gallery sync` adds its new photos and follows moved ones. Photos that the gallery has
/// already, under any name, are not embedded again.
#[derive(Debug, Group)]
pub(crate) struct AddArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// Folders and photos to add.
    #[arg(required = true)]
    pub(crate) photos: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: GalleryReadingArgs,
}

/// Brings a gallery up to date with its folders.
///
/// New photos are added, moved ones are followed, and photos without a file are marked missing. Names and decisions are never
/// lost. If a folder is gone or empty, as when a disk is not mounted, nothing of it is marked missing.
#[derive(Debug, Group)]
pub(crate) struct SyncArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// Keep running, and sync again whenever this many seconds have passed.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "30", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) watch: Option<u64>,
    /// Take a folder without photos for empty, instead of for one that is not mounted.
    #[arg(long)]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) reading: GalleryReadingArgs,
}

/// Flags that control how photos of a gallery are read.
#[derive(Debug, Group)]
pub(crate) struct GalleryReadingArgs {
    /// Model of a new gallery: face, picture, the name of an installed model, an ONNX file, a model folder or a run [default:
    /// face, or picture with --kind pictures].
    #[arg(long, value_name = "NAME|FILE", help_heading = "Model")]
    pub(crate) model: Option<String>,
    /// Whether the model is a default from the environment or the configuration file.
    #[arg(skip)]
    pub(crate) model_is_default: bool,
    /// Face detector of a new gallery [default: the built-in yunet].
    #[arg(
        long,
        value_name = "NAME|FILE",
        default_value = "auto",
        hide_default_value = true,
        help_heading = "Faces"
    )]
    detector: String,
    /// Reject models and detectors whose licence does not allow commercial use, or is not known.
    #[arg(long, help_heading = "Model")]
    pub(crate) commercial: bool,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl GalleryReadingArgs {
    /// The photo options that the flags set.
    pub(crate) fn options(&self) -> PhotoOptions {
        let mut options = PhotoOptions {
            limits: self.reading.limits(),
            threads: self.reading.threads,
            ..PhotoOptions::default()
        };
        options.detection.detector.clone_from(&self.detector);
        options.detection.commercial = self.commercial;
        options
    }
}

/// Removes photos from a gallery; the files stay.
///
/// What was decided about the faces is kept, and holds again if the photo is added again.
#[derive(Debug, Group)]
pub(crate) struct RemoveArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// Photos, or folders of photos, to remove.
    #[arg(required_unless_present = "condition")]
    pub(crate) photos: Vec<PathBuf>,
    /// Remove the photos that match a condition, such as: path ~ '*/Screenshots/*'.
    #[arg(long = "where", value_name = "CONDITION", value_parser = parse_filter)]
    pub(crate) condition: Option<Filter>,
}

/// Lists the photos of a gallery, or its faces.
#[derive(Debug, Group)]
#[command(after_long_help = "\
Conditions compare columns with values, and may use and, or, not and parentheses:
  person = Anna                      Photos with Anna
  path ~ '*/2019/*' and not person = Anna
  date >= 2019-07 and width > 1000
Columns: person, path, date, origin, state, width, height, bytes, quality, score, sha256, photo, face")]
pub(crate) struct ListArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// List faces with their numbers, boxes and people, instead of photos.
    #[arg(long)]
    pub(crate) faces: bool,
    /// List only what matches a condition.
    #[arg(long = "where", value_name = "CONDITION", value_parser = parse_filter)]
    pub(crate) condition: Option<Filter>,
    /// Print CSV.
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub(crate) csv: bool,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Stores further columns of photos from a CSV table, for conditions such as: camera = Leica.
#[derive(Debug, Group)]
pub(crate) struct ColumnsArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// Table with a column photo or path; its other columns are stored.
    pub(crate) table: PathBuf,
}

/// Shows how much a gallery stores.
#[derive(Debug, Group)]
pub(crate) struct GalleryFileArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Checks a gallery for damage.
///
/// Exit code 1 if something is wrong.
#[derive(Debug, Group)]
pub(crate) struct VerifyArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// Also read every photo again, and compare its content.
    #[arg(long)]
    pub(crate) photos: bool,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Copies a gallery, as it is at one moment, while it is in use.
#[derive(Debug, Group)]
pub(crate) struct BackupArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// File to write.
    pub(crate) copy: PathBuf,
    /// Overwrite an existing gallery.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Changes the model of a gallery.
///
/// All faces are embedded again from their photos. The old model serves until the new one is complete; then one step
/// switches. An interrupted migration goes on where it stopped. Names and decisions stay.
#[derive(Debug, Group)]
pub(crate) struct MigrateArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// The new model: face, picture, the name of an installed model, an ONNX file, a model folder or a run.
    #[arg(long, value_name = "NAME|FILE", required_unless_present = "rollback", conflicts_with = "rollback")]
    pub(crate) model: Option<String>,
    /// Embed with the new model and show which assignments would change, but do not switch.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Return to the model that was used before.
    #[arg(long)]
    pub(crate) rollback: bool,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Makes files that speed searches up, and measures them.
///
/// Searches are exact and need nothing of this. In a gallery of millions of faces, a graph finds almost all of the nearest in
/// a fraction of the time: search --approximate.
#[derive(Debug, Group)]
pub(crate) struct IndexArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// Make the graph for search --approximate, or complete it.
    #[arg(long)]
    pub(crate) hnsw: bool,
    /// Measure each way of searching in this gallery: share of the nearest that it finds, and time.
    #[arg(long)]
    pub(crate) explain_cost: bool,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Format of exported embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormatArg {
    /// Embeddings file of Likeness: safetensors with rows as JSON.
    Safetensors,
    /// NumPy arrays.
    Npz,
    /// Apache Parquet.
    Parquet,
    /// Rows without embeddings, as CSV.
    Csv,
}

/// Writes the embeddings and rows of a gallery to a file.
#[derive(Debug, Group)]
pub(crate) struct ExportArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// File to write: .embeddings, .safetensors, .npz, .parquet or .csv.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Format [default: by the extension of the file].
    #[arg(long, value_enum)]
    pub(crate) format: Option<ExportFormatArg>,
    /// Export only what matches a condition.
    #[arg(long = "where", value_name = "CONDITION", value_parser = parse_filter)]
    pub(crate) condition: Option<Filter>,
    /// Overwrite existing files that Likeness did not write.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Searches a gallery for the people or things in photos.
///
/// Every face of PHOTO is searched for. Each hit has a verdict: match, possible, or no match.
#[derive(Debug, Group)]
#[command(after_long_help = "\
Examples:
  likeness search my.gallery stranger.jpg              Who is this?
  likeness search my.gallery me.jpg -k 100 --where \"date >= 2019\"
  likeness search my.gallery me.jpg --json             For a script")]
pub(crate) struct SearchArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// Photos of the people or things to find.
    #[arg(required = true)]
    pub(crate) photos: Vec<PathBuf>,
    /// Maximum number of hits for each face.
    #[arg(short, value_name = "K", value_parser = parse_count, default_value = "10")]
    pub(crate) k: usize,
    /// Search only what matches a condition, such as: date >= 2019 and not person = Anna.
    #[arg(long = "where", value_name = "CONDITION", value_parser = parse_filter)]
    pub(crate) condition: Option<Filter>,
    /// Search by the graph that `likeness gallery index --hnsw` made: faster, but it may miss some of the nearest.
    #[arg(long)]
    pub(crate) approximate: bool,
    /// Search a second time with the mean of the face and its N nearest, weighted by their similarity (query expansion).
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "5", value_parser = parse_count)]
    pub(crate) expand: Option<usize>,
    /// Sort the hits by the neighbours that they share with the face (k-reciprocal re-ranking).
    #[arg(long)]
    pub(crate) rerank: bool,
    /// Largest distance of a match [default: the threshold of the model].
    #[arg(long, value_name = "DISTANCE", value_parser = single(0.0, 1e9), allow_negative_numbers = true)]
    pub(crate) tolerance: Option<f32>,
    /// Print CSV with one row per hit.
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub(crate) csv: bool,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Draw a contact sheet of the hits.
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    pub(crate) grid: Option<PathBuf>,
    /// Draw what makes the best hit of each face match (at most 5): the regions of both pictures, and the nearest other identity.
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    pub(crate) explain: Option<PathBuf>,
    /// Overwrite existing files that Likeness did not write, or that the command reads.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}
