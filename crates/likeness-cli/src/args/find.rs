//! Flags of `find` and `identify`.

use std::path::PathBuf;

use clap::Args as Group;

use super::number::{parse_count, single};
use super::{DistanceArg, ModelArgs, PhotosArgs};

/// Finds where else the person, or the thing, in a photo appears.
///
/// Prints the photos that show the same person, nearest first, with a verdict for each: same person, or possible. Every face of
/// PHOTO is searched for, and every face of the photos in FOLDER is compared. In photos without faces, pictures of the same kind are
/// found.
#[derive(Debug, Group)]
#[command(after_long_help = "\
Examples:
  likeness find me.jpg ~/Photos                        Where else am I?
  likeness find me.jpg ~/Photos --grid found.png       The same, with a contact sheet
  likeness find me.jpg ~/Photos --copy-to me           Copy the photos that show me to the folder me
  likeness find sofa.jpg catalogue --json              Pictures of the same kind, for a script")]
pub(crate) struct FindArgs {
    /// Photo of the person or thing to find.
    pub(crate) photo: PathBuf,
    /// Photos, folders of photos, or embeddings files to search.
    #[arg(required = true)]
    pub(crate) folder: Vec<PathBuf>,
    /// Maximum number of photos to list for each face of PHOTO [default: all].
    #[arg(short, value_name = "K", value_parser = parse_count)]
    pub(crate) k: Option<usize>,
    /// Largest distance of the same person [default: the threshold of the model].
    #[arg(long, value_name = "DISTANCE", value_parser = single(0.0, 1e9), allow_negative_numbers = true)]
    pub(crate) tolerance: Option<f32>,
    /// Print CSV with one row per photo: verdict, distance, path, and the box of the face.
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub(crate) csv: bool,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Draw a contact sheet of the photos that were found, with the matching face.
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    pub(crate) grid: Option<PathBuf>,
    /// Draw what makes the nearest photo of each face match (at most 5): the regions of both pictures, and the nearest other
    /// identity.
    #[arg(long, value_name = "PNG", help_heading = "Output")]
    pub(crate) explain: Option<PathBuf>,
    /// Copy the photos with the verdict same person to this folder. Existing files are kept.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) copy_to: Option<PathBuf>,
    /// Overwrite existing files that Likeness did not write, or that the command reads.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    /// Distance between embeddings [default: the distance of the model].
    #[arg(long, value_enum, help_heading = "Model")]
    pub(crate) distance: Option<DistanceArg>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}

/// Names the people in photos by known faces.
///
/// Prints one line for each face: the photo and the name, separated by a comma. The name is that of the known photo's file, or of its
/// folder below KNOWN. A face that is near no known face is an unknown_person; a photo without a face has no_persons_found.
#[derive(Debug, Group)]
#[command(after_long_help = "\
Examples:
  likeness identify known unknown                      known/Anna.jpg, known/Ben/1.jpg, … name the faces in unknown
  likeness identify known party.jpg --show-distance    With the distance from the nearest known face
  likeness identify known unknown --tolerance 0.5      Stricter or looser than the model's threshold")]
pub(crate) struct IdentifyArgs {
    /// Folder of known faces: NAME.jpg, or folders NAME with photos.
    pub(crate) known: PathBuf,
    /// Photos, or folders of photos, whose faces are named.
    #[arg(required = true)]
    pub(crate) unknown: Vec<PathBuf>,
    /// Largest distance of the same person [default: the threshold of the model].
    #[arg(long, value_name = "DISTANCE", value_parser = single(0.0, 1e9), allow_negative_numbers = true)]
    pub(crate) tolerance: Option<f32>,
    /// Also print the distance from the nearest known face.
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub(crate) show_distance: bool,
    /// Print one JSON document, with the box of each face.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Distance between embeddings [default: the distance of the model].
    #[arg(long, value_enum, help_heading = "Model")]
    pub(crate) distance: Option<DistanceArg>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}
