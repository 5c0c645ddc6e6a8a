//! Photos without identities: any folder, as a gallery or as an unlabelled target domain.
//!
//! Folders named after splits (`train`, `val`, `test`) are still splits.

use super::found::{FolderTree, Found};
use super::{Collection, Layout};
use crate::sample::Sample;

/// Reads the photos `found` without identities.
pub(super) fn read(found: Found) -> Collection {
    let tree = FolderTree::of(&found.photos);
    let one = |photo: crate::photos::PhotoPath| {
        let split = tree.place(&photo.name).split;
        let mut sample = Sample::new(photo.path, photo.name, None);
        sample.split = split;
        sample
    };
    let samples = found.photos.into_iter().map(one).collect();
    Collection { layout: Layout::Unlabelled, samples, skipped: found.skipped, notes: Vec::new() }
}
