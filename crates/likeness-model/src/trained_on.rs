//! `trained-on.txt`: the photos and identities that a network was trained on, so that an evaluation can warn about them.
//!
//! The file is in a run and beside every network that training writes. It contains the first 8 bytes of the SHA-256 of each
//! photo's file and of each identity's name. Somebody who has a photo can find out whether it was used for training, but
//! nobody can restore photos from the file. Names that are easy to guess can be found by hashing guesses.
//!
//! ```text
//! format 1
//! photo 00f1a2b3c4d5e6f7
//! identity 7c9e2d1f00aa55ee
//! # sha256 = …                     the seal
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use likeness_artifact::{Seal, seal_of, sealed, sha256_hex, write};

use crate::{ModelError, Result};

/// The file name.
pub const FILE: &str = "trained-on.txt";
const FORMAT: &str = "format 1";
/// Number of hexadecimal digits of a prefix: 8 bytes.
const DIGITS: usize = 16;
/// Network files of a model folder that `trained-on.txt` beside them describes.
const NETWORKS: [&str; 2] = ["model.onnx", "weights.safetensors"];

/// The path of the list for a network file outside of a model folder: `NAME.trained-on.txt` beside it.
pub fn list_of_file(model: &Path) -> PathBuf {
    model.with_extension(FILE)
}

/// The photos and identities that a network was trained on, as prefixes of their SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrainedOn {
    photos: BTreeSet<String>,
    identities: BTreeSet<String>,
}

/// The overlap of a set of photos with the training photos of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap {
    /// Number of photos that the network was trained on.
    pub photos: usize,
    /// Number of different identities, by name, that the network was trained on.
    pub identities: usize,
}

impl TrainedOn {
    /// Reads the list of the network at `model`: a run, a model folder, the graph or the weights in one, or a network file
    /// with its own list (see [`list_of_file`]). Returns `None` without a list.
    ///
    /// # Errors        a file that was changed → [`ModelError::BadModel`]; it cannot be read → [`ModelError::Io`]
    pub fn beside(model: &Path) -> Result<Option<Self>> {
        let places: Vec<PathBuf> = if model.is_dir() {
            vec![model.join(FILE), model.join("model").join(FILE)]
        } else if model.file_name().is_some_and(|name| NETWORKS.iter().any(|network| name == *network)) {
            vec![model.with_file_name(FILE)]
        } else {
            vec![list_of_file(model)]
        };
        places.iter().find(|path| path.is_file()).map(|path| Self::read(path)).transpose()
    }

    /// Reads the file at `path`.
    ///
    /// # Errors        a file that was changed, an unknown format → [`ModelError::BadModel`]; unreadable → [`ModelError::Io`]
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |reason: &str| ModelError::BadModel {
            path: path.to_owned(),
            reason: reason.to_owned(),
            hint: Some("restore the file, or delete it to continue without it".to_owned()),
        };
        let bytes = fs_err::read(path)?;
        let text = str::from_utf8(&bytes).map_err(|_| bad("was changed or truncated"))?;
        if seal_of(text) != Seal::Intact {
            return Err(bad("was changed or truncated"));
        }
        let mut lines = text.lines();
        if lines.next() != Some(FORMAT) {
            return Err(bad("has another format than this program reads"));
        }
        let mut this = Self::default();
        for line in lines.filter(|line| !line.starts_with('#')) {
            match line.split_once(' ') {
                Some(("photo", prefix)) => this.photos.insert(prefix.to_owned()),
                Some(("identity", prefix)) => this.identities.insert(prefix.to_owned()),
                _ => return Err(bad("has a line that is neither a photo nor an identity")),
            };
        }
        Ok(this)
    }

    /// Writes the file to `folder`.
    ///
    /// # Errors        it cannot be written → [`ModelError::Io`]
    pub fn write(&self, folder: &Path) -> Result<()> {
        self.write_to(&folder.join(FILE))
    }

    /// Writes the file to `path`.
    ///
    /// # Errors        it cannot be written → [`ModelError::Io`]
    pub fn write_to(&self, path: &Path) -> Result<()> {
        let mut text = format!("{FORMAT}\n");
        self.photos.iter().for_each(|prefix| text += &format!("photo {prefix}\n"));
        self.identities.iter().for_each(|prefix| text += &format!("identity {prefix}\n"));
        Ok(write(path, |file| file.write_all(sealed(&text).as_bytes()))?)
    }

    /// Adds a photo by the SHA-256 of its file in hexadecimal.
    pub fn add_photo(&mut self, sha256: &str) {
        self.photos.extend(prefix_of(sha256));
    }

    /// Adds an identity by its name.
    pub fn add_identity(&mut self, name: &str) {
        self.identities.extend(prefix_of(&sha256_hex(name.as_bytes())));
    }

    /// Adds all photos and identities of `other`.
    pub fn extend(&mut self, other: Self) {
        self.photos.extend(other.photos);
        self.identities.extend(other.identities);
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.photos.is_empty() && self.identities.is_empty()
    }

    /// Whether the network was trained on the photo whose file has this SHA-256 in hexadecimal.
    pub fn has_photo(&self, sha256: &str) -> bool {
        prefix_of(sha256).is_some_and(|prefix| self.photos.contains(&prefix))
    }

    /// Whether the network was trained on an identity of this name.
    pub fn has_identity(&self, name: &str) -> bool {
        prefix_of(&sha256_hex(name.as_bytes())).is_some_and(|prefix| self.identities.contains(&prefix))
    }

    /// Counts the photos (by the SHA-256 of their files) and the identities that the network was trained on.
    ///
    /// # Conventions   a photo or an identity that occurs twice counts once; text that is not a SHA-256 does not count
    pub fn overlap<'a>(
        &self,
        sha256s: impl IntoIterator<Item = &'a str>,
        identities: impl IntoIterator<Item = &'a str>,
    ) -> Overlap {
        let photos: BTreeSet<String> = sha256s.into_iter().filter_map(prefix_of).collect();
        let names: BTreeSet<&str> = identities.into_iter().collect();
        let identities = names.into_iter().filter_map(|name| prefix_of(&sha256_hex(name.as_bytes())));
        Overlap {
            photos: photos.intersection(&self.photos).count(),
            identities: identities.filter(|prefix| self.identities.contains(prefix)).count(),
        }
    }
}

/// The first digits of a hash in lower case; `None` if it is too short or not hexadecimal.
fn prefix_of(sha256: &str) -> Option<String> {
    let prefix = sha256.get(..DIGITS)?.to_ascii_lowercase();
    prefix.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained_on() -> TrainedOn {
        let mut this = TrainedOn::default();
        for photo in ["one", "two", "three"] {
            this.add_photo(&sha256_hex(photo.as_bytes()));
        }
        this.add_identity("Ann");
        this
    }

    #[test]
    fn photos_and_identities_in_common_are_counted_once() {
        let hashes = ["two", "two", "four"].map(|photo| sha256_hex(photo.as_bytes()));
        let photos = hashes.iter().map(String::as_str).chain(["", "no hash at all"]);
        let found = trained_on().overlap(photos, ["Ann", "Ann", "Bob"]);
        assert_eq!(found, Overlap { photos: 1, identities: 1 });
        assert_eq!(TrainedOn::default().overlap([hashes[0].as_str()], ["Ann"]), Overlap::default());
    }

    #[test]
    fn the_file_is_found_beside_a_network_and_names_nobody() {
        let run = tempfile::tempdir().unwrap();
        let model = run.path().join("model");
        fs_err::create_dir(&model).unwrap();
        trained_on().write(&model).unwrap();
        for place in [run.path().to_owned(), model.clone(), model.join("model.onnx")] {
            assert_eq!(TrainedOn::beside(&place).unwrap(), Some(trained_on()), "{place:?}");
        }
        assert_eq!(TrainedOn::beside(&model.join("other.onnx")).unwrap(), None, "another graph");
        let text = fs_err::read_to_string(model.join(FILE)).unwrap();
        assert!(!text.contains("Ann") && text.len() < 200, "{text}");
    }

    #[test]
    fn every_flipped_bit_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        trained_on().write(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        let whole = fs_err::read(&path).unwrap();
        let newline = 8 * (whole.len() - 1);
        for bit in 0..newline {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&path, bytes).unwrap();
            let error = TrainedOn::read(&path).unwrap_err();
            assert!(error.to_string().contains(FILE), "bit {bit}: {error}");
        }
    }
}
