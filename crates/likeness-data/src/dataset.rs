//! A dataset's folder: what is in it, and how it is opened again.
//!
//! | file | holds |
//! |---|---|
//! | `dataset.toml` | settings, counts, what was passed over; written last, so its presence says the dataset is complete |
//! | `manifest.csv` | a row for each face, see [`manifest`] |
//! | `labels.txt` | `file identity` a line, the file below `faces/`, see [`labels`](crate::labels) |
//! | `faces/` | the faces |
//! | `.prepare.journal` | what runs of `prepare` have finished |
//! | `.likeness.lock` | empty; locked while a process works in the folder |
//!
//! The card holds the checksums of itself, the manifest and the labels; opening a dataset checks them. The manifest holds
//! the checksum of each face, see [`Dataset::check_face`]. Datasets of earlier versions have none and open all the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::kind;
pub(crate) use crate::kind::{CARD, MANIFEST};
use crate::manifest::{self, Face};
use crate::photos::display_name;
use crate::prepare::{PrepareConfig, Prepared};
use crate::{DataError, Result};
use likeness_artifact::sha256_hex;

pub(crate) const LABELS: &str = "labels.txt";
/// Version of the folder's layout.
const FORMAT: u32 = 1;

/// `dataset.toml`: where a dataset comes from and what is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetCard {
    /// Version of the folder's layout.
    pub format: u32,
    /// Version of the program that made it.
    pub likeness: String,
    /// SHA-256 of the card's text with this value empty; empty, like the next two, in cards of earlier versions.
    #[serde(default)]
    pub card_sha256: String,
    /// SHA-256 of the manifest.
    #[serde(default)]
    pub manifest_sha256: String,
    /// SHA-256 of the labels.
    #[serde(default)]
    pub labels_sha256: String,
    /// The collection's folder.
    pub input: String,
    /// SHA-256 over the photos' hashes in order: what the dataset was made from.
    pub input_sha256: String,
    /// The resolved settings.
    pub settings: PrepareConfig,
    /// Faces, identities, splits.
    pub counts: BTreeMap<String, usize>,
    /// What was passed over, and why.
    #[serde(default)]
    pub skipped: Vec<SkippedRow>,
}

/// A photo that is not in the dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkippedRow {
    /// Its name in the collection.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl DatasetCard {
    pub(crate) fn new(input: &Path, settings: &PrepareConfig, faces: &[Face], prepared: &Prepared) -> Self {
        let mut counts = BTreeMap::from([
            ("images".to_owned(), prepared.images),
            ("identities".to_owned(), prepared.identities),
            ("skipped".to_owned(), prepared.skipped.len()),
        ]);
        for face in faces {
            *counts.entry(face.split.name().to_owned()).or_default() += 1;
        }
        let hashes: String = faces.iter().map(|f| f.sha256.as_str()).collect();
        Self {
            format: FORMAT,
            likeness: env!("CARGO_PKG_VERSION").to_owned(),
            card_sha256: String::new(),
            manifest_sha256: String::new(),
            labels_sha256: String::new(),
            input: display_name(input),
            input_sha256: sha256_hex(hashes.as_bytes()),
            settings: settings.clone(),
            counts,
            skipped: prepared
                .skipped
                .iter()
                .map(|s| SkippedRow { name: s.name.clone(), reason: s.reason.clone() })
                .collect(),
        }
    }

    /// The same with the checksums of `manifest` and `labels`.
    pub(crate) fn with_checksums(self, manifest: &[u8], labels: &str) -> Self {
        let (manifest_sha256, labels_sha256) = (sha256_hex(manifest), sha256_hex(labels.as_bytes()));
        Self { manifest_sha256, labels_sha256, ..self }
    }

    /// The card's text with its own checksum.
    pub(crate) fn text(self) -> Result<String> {
        let text =
            toml::to_string(&Self { card_sha256: String::new(), ..self }).map_err(std::io::Error::other)?;
        let empty = format!("{CARD_SUM}\"");
        Ok(text.replacen(&empty, &format!("{CARD_SUM}{}\"", sha256_hex(text.as_bytes())), 1))
    }

    /// The card in `text`, the content of the file at `path`.
    fn parse(path: &Path, text: &str) -> Result<Self> {
        let card: Self = toml::from_str(text).map_err(|e| DataError::BadTable {
            path: path.to_owned(),
            line: None,
            reason: e.message().to_owned(),
        })?;
        let sums = [&card.card_sha256, &card.manifest_sha256, &card.labels_sha256];
        if sums.iter().all(|sum| sum.is_empty()) {
            return Ok(card);
        }
        let line = format!("\n{CARD_SUM}{}\"\n", card.card_sha256);
        let summed = text.replacen(&line, &format!("\n{CARD_SUM}\"\n"), 1);
        if sums.iter().any(|sum| sum.is_empty()) || sha256_hex(summed.as_bytes()) != card.card_sha256 {
            return Err(DataError::ChecksumMismatch { path: path.to_owned() });
        }
        Ok(card)
    }
}

/// The beginning of the card's line with its own checksum.
const CARD_SUM: &str = "card_sha256 = \"";

/// A dataset read from its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The folder.
    pub folder: PathBuf,
    /// Its faces, in the manifest's order.
    pub faces: Vec<Face>,
}

impl Dataset {
    /// Whether `folder` is a dataset, complete or not.
    pub fn is_at(folder: &Path) -> bool {
        kind::is_dataset(folder)
    }

    /// The dataset in `folder`.
    ///
    /// # Errors
    /// no or an incomplete dataset → [`DataError::NothingFound`]; a manifest that does not read, another format version →
    /// [`DataError::BadTable`]; a file that changed after it was written → [`DataError::ChecksumMismatch`]
    pub fn open(folder: &Path) -> Result<Self> {
        if !Self::is_at(folder) {
            return Err(DataError::NothingFound {
                path: folder.to_owned(),
                reason: format!("not a dataset: {CARD} or {MANIFEST} is missing"),
                hint: format!("make one with `likeness prepare PHOTOS -o {}`", folder.display()),
            });
        }
        let card = read_card(&folder.join(CARD))?;
        if card.format != FORMAT {
            return Err(DataError::BadTable {
                path: folder.join(CARD),
                line: None,
                reason: format!("expected format {FORMAT}, found {}", card.format),
            });
        }
        let path = folder.join(MANIFEST);
        let manifest = checked_file(&path, &card.manifest_sha256)?;
        if !card.labels_sha256.is_empty() {
            checked_file(&folder.join(LABELS), &card.labels_sha256)?;
        }
        Ok(Self { folder: folder.to_owned(), faces: manifest::parse(&path, &manifest)? })
    }

    /// Checks that the file of `face`, whose SHA-256 is `sha256`, is the one that was written.
    ///
    /// A PNG has checksums of its own, which its decoder checks; a JPEG has none.
    ///
    /// # Errors        another file than was written → [`DataError::ChecksumMismatch`]
    pub fn check_face(&self, face: &Face, sha256: &str) -> Result<()> {
        match &face.face_sha256 {
            Some(expected) if expected != sha256 => {
                Err(DataError::ChecksumMismatch { path: self.path_of(face) })
            }
            _ => Ok(()),
        }
    }

    /// Where the picture of `face` is.
    pub fn path_of(&self, face: &Face) -> PathBuf {
        self.folder.join(&face.path)
    }
}

/// The bytes of the file at `path`, which must have this SHA-256 unless it is empty.
fn checked_file(path: &Path, sha256: &str) -> Result<Vec<u8>> {
    let bytes = fs_err::read(path).map_err(|e| DataError::unreadable(path, e))?;
    if !sha256.is_empty() && sha256_hex(&bytes) != sha256 {
        return Err(DataError::ChecksumMismatch { path: path.to_owned() });
    }
    Ok(bytes)
}

/// The card of a dataset.
///
/// # Errors        unreadable, or not a card → [`DataError::BadTable`]; changed → [`DataError::ChecksumMismatch`]
pub fn read_card(path: &Path) -> Result<DatasetCard> {
    DatasetCard::parse(path, &fs_err::read_to_string(path)?)
}

/// Takes the card away before faces change: until it is written again the dataset is not complete, also after a power
/// loss.
///
/// # Errors        the disk's, naming the file
pub(crate) fn reopen(folder: &Path) -> Result<()> {
    match fs_err::remove_file(folder.join(CARD)) {
        Ok(()) => Ok(likeness_artifact::sync_folder(folder)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes `folder` ours: created, or empty, or a dataset already.
///
/// # Errors        it holds something else → [`DataError::Occupied`]; it cannot be written to → [`DataError::Io`]
pub(crate) fn claim(folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let ours = |name: &str| {
        name.starts_with(".prepare")
            || name == likeness_artifact::LOCK_FILE
            || likeness_artifact::is_temporary(name)
    };
    let known = folder.join(CARD).exists();
    let foreign = fs_err::read_dir(folder)?
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .find(|name| !ours(name));
    match foreign {
        Some(name) if !known && !folder.join(".prepare.journal").exists() => Err(DataError::Occupied {
            path: folder.to_owned(),
            reason: format!("is not empty (it holds {name}) and not a dataset"),
            hint: "choose another folder with -o".to_owned(),
        }),
        _ => Ok(()),
    }
}
