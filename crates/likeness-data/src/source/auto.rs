//! `--layout auto`: which layout a collection has, with a note on the evidence and on what was assumed.
//!
//! In this order: CelebA's identity file; a table with a path and an identity column; identities in front of the names;
//! folders as identities; otherwise no identities. A file that says less than the photos themselves is passed over with a
//! note, and photos that a guessed layout has no identity for are kept without one.

use std::path::Path;

use super::found::{Found, Unnamed};
use super::{Collection, Layout, celeba, csv, evidence, folders, prefix, unlabelled};
use crate::Result;

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

/// The collection as CelebA, where its identity file lists most of the photos.
fn by_celeba(root: &Path, except: Option<&Path>, remarks: &mut Vec<String>) -> Result<Option<Collection>> {
    let Some(file) = celeba::identity_file(root) else { return Ok(None) };
    let (mut collection, foreign) = celeba::read(root, except)?;
    if foreign > collection.samples.len() {
        remarks.push(format!(
            "{} is not used: {foreign} other photos lie outside its image folder (--layout celeba to use it)",
            file.display()
        ));
        return Ok(None);
    }
    collection.notes.insert(0, format!("layout celeba: found {}", file.display()));
    Ok(Some(collection))
}

/// The collection as a table, where there is one and it lists most of the photos.
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
