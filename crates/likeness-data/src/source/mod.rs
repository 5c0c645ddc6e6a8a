//! Dataset layouts: a folder or table enters, photos with identities leave.
//!
//! A layout says where the photos are and whose they are; it reads no pixels. What it cannot use is listed, never
//! dropped in silence.

mod auto;
mod celeba;
mod columns;
mod csv;
mod evidence;
mod folders;
mod found;
mod names;
mod prefix;
mod unlabelled;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::celeba::read_identities;
pub use self::csv::is_table;
use self::found::{Found, Unnamed};
use crate::geometry::{Landmarks, Rect};
use crate::photos::Skipped;
use crate::split::Split;
use crate::{DataError, Result};

/// How a collection says whose picture a photo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Recognise one of the others.
    #[default]
    Auto,
    /// CelebA's `identity_CelebA.txt` with its image folder.
    Celeba,
    /// A folder for each identity.
    Folders,
    /// `IDENTITY_N.png`.
    Prefix,
    /// A table with a path and a label column.
    Csv,
    /// Photos of nobody in particular.
    Unlabelled,
}

impl Layout {
    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Celeba => "celeba",
            Self::Folders => "folders",
            Self::Prefix => "prefix",
            Self::Csv => "csv",
            Self::Unlabelled => "unlabelled",
        }
    }
}

/// What a photo serves as in a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It is asked about.
    Query,
    /// It is searched through.
    Gallery,
    /// Either, as in leave-one-out.
    #[default]
    Both,
}

/// A photo and what its collection says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Where the photo is.
    pub path: PathBuf,
    /// The photo's path below the collection's image folder, with `/` between parts.
    pub name: String,
    /// Whose picture it is; `None` where nobody says.
    pub identity: Option<String>,
    /// The collection's own split.
    pub split: Option<Split>,
    /// The collection's own role.
    pub role: Option<Role>,
    /// The domain it belongs to (real, drawn, grey …).
    pub domain: Option<String>,
    /// The face, where the collection says where it is, in the upright photo's pixels.
    pub face_box: Option<Rect>,
    /// The face's landmarks, likewise.
    pub landmarks: Option<Landmarks>,
}

impl Sample {
    /// A photo of which only the identity is known.
    pub fn new(path: PathBuf, name: String, identity: Option<String>) -> Self {
        Self { path, name, identity, split: None, role: None, domain: None, face_box: None, landmarks: None }
    }
}

/// A collection as its layout reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// The layout it was read as, never [`Layout::Auto`].
    pub layout: Layout,
    /// Its photos, in the layout's order.
    pub samples: Vec<Sample>,
    /// What could not be used.
    pub skipped: Vec<Skipped>,
    /// What the user should know about how it was read.
    pub notes: Vec<String>,
}

/// Reads the collection at `root`, leaving out anything below `except` (the output folder).
///
/// `root` is a folder, or a file: a table (see [`is_table`]), CelebA's identity file, or one photo.
///
/// # Conventions
/// A layout that was recognised ([`Layout::Auto`]) drops no photo because of a guess: photos without an identity are kept
/// as unlabelled samples. A layout that was named skips what does not fit it. [`Collection::notes`] say what was assumed.
///
/// # Errors        nothing found, an unreadable folder, a table that is none
pub fn read(root: &Path, layout: Layout, except: Option<&Path>) -> Result<Collection> {
    fs_err::metadata(root).map_err(|e| DataError::unreadable(root, e))?;
    let found = || Found::below(root, except);
    let collection = match layout {
        Layout::Auto => auto::read(root, except)?,
        Layout::Celeba => celeba::read(root, except)?.0,
        Layout::Csv => named_table(root, except)?,
        Layout::Folders => folders::read(found()?, Unnamed::Skip),
        Layout::Prefix => prefix::read(found()?, Unnamed::Skip),
        Layout::Unlabelled => unlabelled::read(found()?),
    };
    if collection.samples.is_empty() {
        let why = collection.skipped.first().map(|s| format!(" (first: {}: {})", s.name, s.reason));
        return Err(DataError::NothingFound {
            path: root.to_owned(),
            reason: format!(
                "no photo fits the layout `{}`, {} skipped{}",
                collection.layout.name(),
                collection.skipped.len(),
                why.unwrap_or_default()
            ),
            hint: "name another layout with --layout celeba|folders|prefix|csv|unlabelled".to_owned(),
        });
    }
    Ok(collection)
}

/// The collection of the table that `root` is or holds.
fn named_table(root: &Path, except: Option<&Path>) -> Result<Collection> {
    if !root.is_dir() {
        return csv::read(root);
    }
    let mut remarks = Vec::new();
    let table = csv::table_of(root, &mut remarks)?.ok_or_else(|| DataError::NothingFound {
        path: root.to_owned(),
        reason: match remarks.as_slice() {
            [] => "no table with a column of photos and one of identities in it".to_owned(),
            remarks => remarks.join("; "),
        },
        hint: "name the table itself".to_owned(),
    })?;
    let mut collection = csv::read(&table)?;
    collection.skipped.extend(csv::unlisted(&collection, root, except)?);
    Ok(collection)
}
