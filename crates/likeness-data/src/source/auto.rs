//! `--layout auto`: recognises the layout of a collection, and returns notes on the evidence and the assumptions.
//!
//! The order is: the files of CelebA; a table with a path column and an identity column; names that start with an
//! identity; folders as identities; otherwise no identities. A file that covers too few of the photos is ignored with a note.
//! Photos without an identity under a guessed layout are kept without one.

use std::path::Path;

use super::found::{Found, Unnamed};
use super::{Collection, Layout, celeba, csv, evidence, folders, prefix, unlabelled};
use crate::{DataError, Result};

/// Recognises and reads the collection at `root`.
pub(super) fn read(root: &Path, except: Option<&Path>) -> Result<Collection> {
    let mut remarks = Vec::new();
    if let Some(collection) = by_celeba(root, except, &mut remarks)? {
        return Ok(collection);
    }
    if let Some(collection) = by_table(root, except, &mut remarks)? {
        return Ok(collection);
    }
    let found = Found::below(root, except)?;
    let (layout, evidence) = evidence::weigh(&found.photos);
    let mut collection = match layout {
        Layout::Folders => folders::read(found, Unnamed::Keep),
        Layout::Prefix => prefix::read(found, Unnamed::Keep),
        _ => unlabelled::read(found),
    };
    remarks.insert(0, format!("layout {}: {evidence}", layout.name()));
    collection.notes.splice(0..0, remarks);
    Ok(collection)
}

/// Reads the collection as CelebA if it has a file of CelebA that lists most of the photos.
fn by_celeba(root: &Path, except: Option<&Path>, remarks: &mut Vec<String>) -> Result<Option<Collection>> {
    let files = celeba::Files::of(root);
    if !files.any() {
        return Ok(None);
    }
    let (mut collection, foreign) = match celeba::read_files(root, &files, except) {
        // A list of attributes or boxes may lie beside other photos.
        Err(DataError::NothingFound { .. }) if files.identities.is_none() => return Ok(None),
        result => result?,
    };
    let found = match &files.identities {
        Some(file) => file.display().to_string(),
        None => "lists of CelebA".to_owned(),
    };
    if foreign > collection.samples.len() {
        let is = if files.identities.is_some() { "is" } else { "are" };
        remarks.push(format!(
            "{found} {is} not used: {foreign} other photos lie outside its image folder (--layout celeba to use it)"
        ));
        return Ok(None);
    }
    collection.notes.insert(0, format!("layout celeba: found {found}"));
    Ok(Some(collection))
}

/// Reads the collection as a table if there is one that lists most of the photos.
fn by_table(root: &Path, except: Option<&Path>, remarks: &mut Vec<String>) -> Result<Option<Collection>> {
    let Some(table) = csv::table_of(root, remarks)? else { return Ok(None) };
    let mut collection = csv::read(&table)?;
    if root.is_dir() {
        let unlisted = csv::unlisted(&collection, root, except)?;
        if unlisted.len() > collection.samples.len() {
            remarks.push(format!(
                "{} is not used: it lists {} of {} photos (name the table itself to use it)",
                table.display(),
                collection.samples.len(),
                collection.samples.len() + unlisted.len()
            ));
            return Ok(None);
        }
        if !unlisted.is_empty() {
            collection.notes.push(format!(
                "{} photos have no row in {} and are left out (--layout unlabelled reads every photo)",
                unlisted.len(),
                table.display()
            ));
            collection.skipped.extend(unlisted);
        }
    }
    collection.notes.insert(0, format!("layout csv: found {}", table.display()));
    Ok(Some(collection))
}
