//! Flags of `people`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

/// Lists, names and corrects the people of a gallery.
///
/// A FACE is its number, a photo with one face, or PHOTO#2, the second face of a photo from the left. group:12 stands for all
/// faces of the unnamed group with face 12. A PERSON is a name, or person:3.
#[derive(Debug, Group)]
#[command(after_long_help = "\
Examples:
  likeness people list my.gallery                      People, and groups of unnamed faces
  likeness people name my.gallery Anna group:12        All faces of the group with face 12 are Anna's
  likeness people reject my.gallery Anna party.jpg#2   This is not Anna
  likeness people undo my.gallery                      Take the last decision back")]
pub(crate) struct PeopleArgs {
    #[command(subcommand)]
    pub(crate) action: PeopleAction,
    /// Name of the user who decides [default: that of the system].
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) actor: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeopleAction {
    /// Lists the people, and groups of unnamed faces.
    List {
        /// The gallery.
        gallery: PathBuf,
        /// Also list hidden people, and all groups.
        #[arg(long)]
        all: bool,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Lists the faces of a person, those to look at first.
    Show {
        /// The gallery.
        gallery: PathBuf,
        /// The person, or group:N.
        person: String,
        /// Draw a contact sheet of the faces.
        #[arg(long, value_name = "PNG")]
        grid: Option<PathBuf>,
        /// Overwrite a contact sheet that Likeness did not draw.
        #[arg(long)]
        force: bool,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Names faces. Further faces of the person are named by them.
    Name(AssignArgs),
    /// Confirms that faces that the program assigned are the person's.
    Confirm(AssignArgs),
    /// Records that faces are not the person's.
    Reject(AssignArgs),
    /// Moves faces to another person.
    Move(AssignArgs),
    /// Merges people into one.
    Merge {
        /// The gallery.
        gallery: PathBuf,
        /// The person that remains.
        into: String,
        /// The people that end.
        #[arg(required = true)]
        from: Vec<String>,
    },
    /// Makes a new person of some faces of a person.
    Split {
        /// The gallery.
        gallery: PathBuf,
        /// The person.
        person: String,
        /// The name of the new person.
        name: String,
        /// The faces of the new person.
        #[arg(required = true)]
        faces: Vec<String>,
    },
    /// Renames a person.
    Rename {
        /// The gallery.
        gallery: PathBuf,
        /// The person.
        person: String,
        /// The new name.
        name: String,
    },
    /// Leaves a person out of lists.
    Hide {
        /// The gallery.
        gallery: PathBuf,
        /// The person.
        person: String,
        /// List the person again.
        #[arg(long)]
        show: bool,
    },
    /// Sets the birth date of a person. Earlier photos are not assigned to the person.
    Born {
        /// The gallery.
        gallery: PathBuf,
        /// The person.
        person: String,
        /// The day: YYYY-MM-DD.
        date: String,
    },
    /// Records that items are not faces.
    NotAFace(FacesArgs),
    /// Records that faces are of nobody who matters: they are never suggested.
    Ignore(FacesArgs),
    /// Answers the program's questions, those that settle the most faces first.
    Review {
        /// The gallery.
        gallery: PathBuf,
    },
    /// Undoes the last decisions.
    Undo {
        /// The gallery.
        gallery: PathBuf,
        /// How many decisions.
        #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        n: u32,
        /// Undo the decision of this number instead.
        #[arg(long, value_name = "NUMBER", conflicts_with = "n")]
        decision: Option<i64>,
    },
    /// Lists all decisions.
    History {
        /// The gallery.
        gallery: PathBuf,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Names faces as a CSV table or the XMP files beside the photos do.
    Import {
        /// The gallery.
        gallery: PathBuf,
        /// Table with a column photo and a column name or person [default: XMP files beside the photos].
        table: Option<PathBuf>,
    },
    /// Writes the people to a CSV table, or to XMP files beside the photos.
    Export {
        /// The gallery.
        gallery: PathBuf,
        /// CSV table to write.
        #[arg(required_unless_present = "xmp")]
        table: Option<PathBuf>,
        /// Write face regions to an XMP file beside each photo; other content of existing files is kept.
        #[arg(long, conflicts_with = "table")]
        xmp: bool,
        /// Overwrite a table that Likeness did not write.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Group)]
pub(crate) struct AssignArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// The person.
    pub(crate) person: String,
    /// The faces.
    #[arg(required = true, value_name = "FACE")]
    pub(crate) faces: Vec<String>,
}

#[derive(Debug, Group)]
pub(crate) struct FacesArgs {
    /// The gallery.
    pub(crate) gallery: PathBuf,
    /// The items.
    #[arg(required = true, value_name = "FACE")]
    pub(crate) faces: Vec<String>,
}
