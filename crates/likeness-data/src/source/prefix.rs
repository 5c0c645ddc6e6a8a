//! Names that start with the identity: `IDENTITY_N.png`, with a number `N` after the last underscore.
//!
//! DigiFace-1M crops and many challenge sets use such names. Photos of one identity may be in several folders; folders
//! named after splits are splits.
//!
//! Reference: Bae et al.: DigiFace-1M (WACV 2023), arXiv 2210.02579.

use super::found::{FolderTree, Found, Unnamed};
use super::{Collection, Layout};
use crate::photos::Skipped;
use crate::sample::Sample;

/// Reads the photos `found`, with the identity at the start of each name.
pub(super) fn read(found: Found, unnamed: Unnamed) -> Collection {
    let tree = FolderTree::of(&found.photos);
    let Found { photos, mut skipped } = found;
    let mut samples = Vec::with_capacity(photos.len());
    for photo in photos {
        let identity = identity_of(&photo.name).map(str::to_owned);
        if identity.is_none() && unnamed == Unnamed::Skip {
            skipped.push(Skipped::new(photo.name, "is not named IDENTITY_N"));
            continue;
        }
        let split = tree.place(&photo.name).split;
        let mut sample = Sample::new(photo.path, photo.name, identity);
        sample.split = split;
        samples.push(sample);
    }
    Collection { layout: Layout::Prefix, samples, skipped, notes: Vec::new() }
}

/// The file name in a photo's name, without its extension.
pub(super) fn stem_of(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// The identity in a photo's name: `ann` for `set/ann_07.png`.
pub(super) fn identity_of(name: &str) -> Option<&str> {
    let (identity, number) = stem_of(name).rsplit_once('_')?;
    let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (numbered && !identity.is_empty()).then_some(identity)
}

#[cfg(test)]
mod tests {
    use super::identity_of;

    #[test]
    fn the_last_underscore_decides() {
        assert_eq!(identity_of("Ann_Lee_0007.jpg"), Some("Ann_Lee"));
        assert_eq!(identity_of("a/b_1/100000_3.png"), Some("100000"));
        for name in ["ann.jpg", "_3.jpg", "ann_x.jpg", "ann_.jpg"] {
            assert_eq!(identity_of(name), None, "{name}");
        }
    }
}
