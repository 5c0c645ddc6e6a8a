//! A folder for each identity, as Labeled Faces in the Wild and most class-per-folder datasets have it.
//!
//! The identity is the path of the photo's folder below the root, nested folders included (`crew/anna`). Folders named
//! after splits at the top (`train`, `val`, `test`, …) are splits, not identities. A folder that everything lies in
//! (`lfw/lfw/NAME/…`) is not part of the names.
//!
//! Reference: Huang, Ramesh, Berg, Learned-Miller: Labeled Faces in the Wild (2007), UMass Amherst TR 07-49.

use std::path::Path;

use super::{Collection, Layout, Sample};
use crate::Result;
use crate::photos::{self, Skipped};
use crate::split::Split;

/// Reads the collection at `root`.
pub(super) fn read(root: &Path, except: Option<&Path>) -> Result<Collection> {
    let (found, mut skipped) = photos::find_some(&[root.to_owned()], except)?;
    let folders: Vec<&str> = found.iter().filter_map(|p| Some(p.name.rsplit_once('/')?.0)).collect();
    let tops_are_splits = !folders.is_empty()
        && folders.iter().all(|f| f.split_once('/').is_some_and(|(top, _)| Split::from_name(top).is_some()));
    let shared = if tops_are_splits { 0 } else { shared_prefix(&folders) };
    let mut samples = Vec::new();
    for photo in found {
        let Some((folder, _)) = photo.name.rsplit_once('/') else {
            skipped.push(Skipped::new(photo.name, "lies in no identity's folder"));
            continue;
        };
        let (split, identity) = match folder.split_once('/') {
            Some((top, rest)) if tops_are_splits => (Split::from_name(top), rest),
            _ => (None, &folder[shared..]),
        };
        let identity = identity.to_owned();
        let mut sample = Sample::new(photo.path, photo.name, Some(identity));
        sample.split = split;
        samples.push(sample);
    }
    Ok(Collection { layout: Layout::Folders, samples, skipped, notes: Vec::new() })
}

/// Length of the longest run of leading folders, with its last `/`, that all of `folders` share and go beyond.
fn shared_prefix(folders: &[&str]) -> usize {
    let Some(first) = folders.first() else { return 0 };
    let mut ends = first.match_indices('/').map(|(at, _)| at + 1);
    ends.rfind(|&end| folders.iter().all(|f| f.starts_with(&first[..end]))).unwrap_or(0)
}
