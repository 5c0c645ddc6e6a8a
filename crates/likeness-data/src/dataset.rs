//! The folder of a dataset: its files, and how to open it.
//!
//! | file | contents |
//! |---|---|
//! | `dataset.toml` | the card: settings, counts and skipped photos; written last, so it exists only in a complete dataset |
//! | `manifest.csv` | one row for each face, see [`manifest`] |
//! | `labels.txt` | one line `file identity` for each face, the file relative to `faces/`, see [`labels`](crate::labels) |
//! | `faces/` | the faces |
//! | `.prepare.journal` | the photos that runs of `prepare` have finished |
//! | `.likeness.lock` | empty; locked while a process works in the folder |
//!
//! The card contains the checksums of itself, the manifest and the labels, which are verified when a dataset is opened. The
//! manifest contains the checksum of each face, see [`Dataset::check_face`]. Datasets of earlier versions have no checksums
//! and can still be opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::kind;
pub(crate) use crate::kind::{CARD, MANIFEST};
use crate::manifest::{self, Face};
use crate::photos::Skipped;
use crate::photos::display_name;
use crate::settings::PrepareConfig;
use crate::{DataError, Result};
use likeness_artifact::sha256_hex;

pub(crate) const LABELS: &str = "labels.txt";
/// Version of the folder's layout that this program writes.
const FORMAT: u32 = 1;

/// The contents of `dataset.toml`: the source and a summary of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetCard {
    /// Version of the folder's layout.
    pub format: u32,
    /// Version of the program that made the dataset.
    pub likeness: String,
    /// SHA-256 of the card's text with this value empty. Empty, as are the next two, in cards of earlier versions.
    #[serde(default)]
    pub card_sha256: String,
    /// SHA-256 of the manifest; empty in cards of earlier versions.
    #[serde(default)]
    pub manifest_sha256: String,
    /// SHA-256 of the labels; empty in cards of earlier versions.
    #[serde(default)]
    pub labels_sha256: String,
    /// The folder of the source collection.
    pub input: String,
    /// SHA-256 over the hashes of all source photos, in order.
    pub input_sha256: String,
    /// The resolved settings.
    pub settings: PrepareConfig,
    /// Numbers of faces, identities and faces per split.
    pub counts: BTreeMap<String, usize>,
    /// The photos that were skipped, with the reasons.
    #[serde(default)]
    pub skipped: Vec<SkippedRow>,
}

/// A photo of the collection that is not in the dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkippedRow {
    /// The photo's name in the collection.
    pub name: String,
    /// The reason why it was skipped.
    pub reason: String,
}

impl DatasetCard {
    pub(crate) fn new(
        input: &Path,
        settings: &PrepareConfig,
        faces: &[Face],
        identities: usize,
        skipped: &[Skipped],
    ) -> Self {
        let mut counts = BTreeMap::from([
            ("images".to_owned(), faces.len()),
            ("identities".to_owned(), identities),
            ("skipped".to_owned(), skipped.len()),
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
            skipped: skipped
                .iter()
                .map(|s| SkippedRow { name: s.name.clone(), reason: s.reason.clone() })
                .collect(),
        }
    }

    /// Sets the checksums of `manifest` and `labels`.
    pub(crate) fn with_checksums(self, manifest: &[u8], labels: &str) -> Self {
        let (manifest_sha256, labels_sha256) = (sha256_hex(manifest), sha256_hex(labels.as_bytes()));
        Self { manifest_sha256, labels_sha256, ..self }
    }

    /// The card's text, with its own checksum.
    pub(crate) fn text(self) -> Result<String> {
        let text =
            toml::to_string(&Self { card_sha256: String::new(), ..self }).map_err(std::io::Error::other)?;
        let empty = format!("{CARD_SUM}\"");
        Ok(text.replacen(&empty, &format!("{CARD_SUM}{}\"", sha256_hex(text.as_bytes())), 1))
    }

    /// Parses `text`, the contents of the card at `path`.
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

/// The beginning of the line that contains the card's own checksum.
const CARD_SUM: &str = "card_sha256 = \"";

/// A dataset that was read from its folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The folder of the dataset.
    pub folder: PathBuf,
    /// The settings that it was made with.
    pub settings: PrepareConfig,
    /// The faces, in the manifest's order.
    pub faces: Vec<Face>,
}

impl Dataset {
    /// Whether `folder` is a dataset, complete or not.
    pub fn is_at(folder: &Path) -> bool {
        kind::is_dataset(folder)
    }

    /// Opens the dataset in `folder`.
    ///
    /// # Errors
    /// the dataset is missing or incomplete → [`DataError::NothingFound`]; the manifest cannot be parsed, or the format version
    /// is unknown → [`DataError::BadTable`]; a file changed after it was written → [`DataError::ChecksumMismatch`]
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
        let faces = manifest::parse(&path, &manifest)?;
        Ok(Self { folder: folder.to_owned(), settings: card.settings, faces })
    }

    /// Checks that the file of `face` is unchanged; `sha256` is the file's current SHA-256.
    ///
    /// This matters for JPEG files, which have no checksums. A PNG file has its own, which its decoder verifies.
    ///
    /// # Errors        the file changed after it was written → [`DataError::ChecksumMismatch`]
    pub fn check_face(&self, face: &Face, sha256: &str) -> Result<()> {
        match &face.face_sha256 {
            Some(expected) if expected != sha256 => {
                Err(DataError::ChecksumMismatch { path: self.path_of(face) })
            }
            _ => Ok(()),
        }
    }

    /// The path of the picture of `face`.
    pub fn path_of(&self, face: &Face) -> PathBuf {
        self.folder.join(&face.path)
    }
}

/// Reads the file at `path` and checks that it has this SHA-256; an empty `sha256` is not checked.
fn checked_file(path: &Path, sha256: &str) -> Result<Vec<u8>> {
    let bytes = fs_err::read(path).map_err(|e| DataError::unreadable(path, e))?;
    if !sha256.is_empty() && sha256_hex(&bytes) != sha256 {
        return Err(DataError::ChecksumMismatch { path: path.to_owned() });
    }
    Ok(bytes)
}

/// Reads the card of a dataset.
///
/// # Errors        the card cannot be parsed → [`DataError::BadTable`]; it changed → [`DataError::ChecksumMismatch`]
pub fn read_card(path: &Path) -> Result<DatasetCard> {
    DatasetCard::parse(path, &fs_err::read_to_string(path)?)
}

/// Removes the card before faces change. Without a card the dataset is incomplete, also after a power loss.
///
/// # Errors        the card cannot be removed → [`DataError::Io`], naming the file
pub(crate) fn reopen(folder: &Path) -> Result<()> {
    match fs_err::remove_file(folder.join(CARD)) {
        Ok(()) => Ok(likeness_artifact::sync_folder(folder)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Checks that `folder` is empty or already a dataset; creates it if it does not exist.
///
/// # Errors        it contains other files → [`DataError::Occupied`]; it cannot be written to → [`DataError::Io`]
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
