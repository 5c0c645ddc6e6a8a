//! Names that start with the identity: `IDENTITY_N.png`, `N` a number, the last underscore deciding.
//!
//! DigiFace-1M crops and many challenge sets are named so. Photos of one identity may lie in several folders.
//!
//! Reference: Bae et al.: DigiFace-1M (WACV 2023), arXiv 2210.02579.

use std::path::Path;

use super::{Collection, Layout, Sample};
use crate::Result;
use crate::photos::{self, Skipped};

/// Reads the collection at `root`.
pub(super) fn read(root: &Path, except: Option<&Path>) -> Result<Collection> {
    let (found, mut skipped) = photos::find_some(&[root.to_owned()], except)?;
    let mut samples = Vec::new();
    for photo in found {
        match identity_of(&photo.name) {
            Some(identity) => {
                let identity = Some(identity.to_owned());
                samples.push(Sample::new(photo.path, photo.name, identity));
            }
            None => skipped.push(Skipped::new(photo.name, "is not named IDENTITY_N")),
        }
    }
    Ok(Collection { layout: Layout::Prefix, samples, skipped, notes: Vec::new() })
}

/// The identity in a photo's name: `ann` for `set/ann_07.png`.
pub(super) fn identity_of(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let (identity, number) = stem.rsplit_once('_')?;
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
