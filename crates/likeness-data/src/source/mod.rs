//! Dataset layouts: read photos and their identities from a folder or a table.
//!
//! A layout defines where the photos are and which identity each has; it reads no pixels. Everything that it cannot use is
//! listed.

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

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::celeba::read_identities;
pub use self::csv::is_table;
use self::found::{Found, Unnamed};
use crate::photos::Skipped;
use crate::sample::Sample;
use crate::{DataError, Result};

/// How the identities of a collection's photos are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Recognise one of the other layouts.
    #[default]
    Auto,
    /// CelebA's `identity_CelebA.txt` with its image folder and its other lists.
    Celeba,
    /// One folder for each identity.
    Folders,
    /// File names `IDENTITY_N.png`.
    Prefix,
    /// A table with a path column and an identity column.
    Csv,
    /// Photos without identities.
    Unlabelled,
}

impl Layout {
    /// The layout's name on the command line and in files.
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

/// A collection that was read by a layout.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// The layout that was used, never [`Layout::Auto`].
    pub layout: Layout,
    /// The photos, in the layout's order.
    pub samples: Vec<Sample>,
    /// The photos and rows that could not be used.
    pub skipped: Vec<Skipped>,
    /// Notes for the user about how the collection was read.
    pub notes: Vec<String>,
}

/// Reads the collection at `root`, except everything below `except` (the output folder).
///
/// `root` is a folder, or a file: a table (see [`is_table`]), CelebA's identity file, or one photo.
///
/// # Conventions
/// With [`Layout::Auto`], no photo is dropped because of a guess: photos without an identity are kept as unlabelled
/// samples. A layout that the user chose skips photos that do not fit it. [`Collection::notes`] explain the assumptions.
///
/// # Errors        nothing found, an unreadable folder, an invalid table
pub fn read(root: &Path, layout: Layout, except: Option<&Path>) -> Result<Collection> {
    fs_err::metadata(root).map_err(|e| DataError::unreadable(root, e))?;
    let found = || Found::below(root, except);
    let collection = match layout {
        Layout::Auto => auto::read(root, except)?,
        Layout::Celeba => celeba::read(root, except)?,
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
            hint: "choose another layout with --layout celeba|folders|prefix|csv|unlabelled".to_owned(),
        });
    }
    Ok(collection)
}

/// Reads the table that `root` is or contains.
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
