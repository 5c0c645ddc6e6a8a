//! One folder for each identity, as in Labeled Faces in the Wild and most class-per-folder datasets.
//!
//! The identity is the path of the photo's folder relative to the root, with nested folders (`crew/anna`). A folder that
//! contains everything (`lfw/lfw/NAME/…`) and folders named after splits (`train`, `val`, `test`) are not part of it; see
//! [`FolderTree`].
//!
//! Reference: Huang, Ramesh, Berg, Learned-Miller: Labeled Faces in the Wild (2007), UMass Amherst TR 07-49.

use super::found::{FolderTree, Found, Unnamed};
use super::{Collection, Layout};
use crate::photos::Skipped;
use crate::sample::Sample;

/// Reads the photos `found`, with each folder as one identity.
pub(super) fn read(found: Found, unnamed: Unnamed) -> Collection {
    let tree = FolderTree::of(&found.photos);
    let Found { photos, mut skipped } = found;
    let mut samples = Vec::with_capacity(photos.len());
    for photo in photos {
        let place = tree.place(&photo.name);
        let (split, identity) = (place.split, place.folder.map(str::to_owned));
        if identity.is_none() && unnamed == Unnamed::Skip {
            skipped.push(Skipped::new(photo.name, "is not inside an identity folder"));
            continue;
        }
        let mut sample = Sample::new(photo.path, photo.name, identity);
        sample.split = split;
        samples.push(sample);
    }
    Collection { layout: Layout::Folders, samples, skipped, notes: Vec::new() }
}
