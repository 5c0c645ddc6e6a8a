//! Flags of `inspect`.

use std::path::PathBuf;

use clap::Args as Group;

use super::{ModelArgs, PhotosArgs};

/// Finds what is wrong with photos and labels: duplicates, bad pictures, wrong identities, leaks between splits.
///
/// Prints one line per issue with a state: clean; note (common in good collections); review (look at the photos); or excluded
/// (`prepare --exclude` leaves the photos out by default). Labels are compared with embeddings where photos have identities.
/// Of an embeddings file, only the labels are checked. Of a gallery, the photos, and the faces that people were named by.
#[derive(Debug, Group)]
#[command(after_long_help = "\
Examples:
  likeness inspect photos                              What is wrong?
  likeness inspect photos -o issues                    The same, with a table and contact sheets
  likeness prepare photos -o faces --exclude issues/issues.csv
  likeness inspect family.gallery                      Photos and named faces of a gallery")]
pub(crate) struct InspectArgs {
    /// Folder or table of photos, dataset, embeddings file, or gallery.
    pub(crate) input: PathBuf,
    /// Folder to write issues.csv, issues.json and a contact sheet per issue to.
    #[arg(short, long, value_name = "FOLDER", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Check only the pictures, without embedding them.
    #[arg(long)]
    pub(crate) skip_labels: bool,
    /// Overwrite existing files that Likeness did not write, or that the command reads.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    /// Print one JSON document.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) photos: PhotosArgs,
}
