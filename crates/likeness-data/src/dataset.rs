//! A dataset's folder: what is in it, and how it is opened again.
//!
//! | file | holds |
//! |---|---|
//! | `dataset.toml` | settings, counts, what was passed over; written last, so its presence says the dataset is complete |
//! | `manifest.csv` | a row for each face, see [`manifest`](crate::manifest) |
//! | `labels.txt` | `file identity` a line, the file below `faces/` |
//! | `faces/` | the faces |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::write_atomically;
use crate::manifest::{self, Face};
use crate::photos::display_name;
use crate::prepare::{PrepareConfig, Prepared};
use crate::{DataError, Result};

pub(crate) const CARD: &str = "dataset.toml";
pub(crate) const MANIFEST: &str = "manifest.csv";
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
            input: display_name(input),
            input_sha256: crate::decode::sha256_hex(hashes.as_bytes()),
            settings: settings.clone(),
            counts,
            skipped: prepared
                .skipped
                .iter()
                .map(|s| SkippedRow { name: s.name.clone(), reason: s.reason.clone() })
                .collect(),
        }
    }
}

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
        folder.join(CARD).is_file() && folder.join(MANIFEST).is_file()
    }

    /// The dataset in `folder`.
    ///
    /// # Errors        no or an incomplete dataset; a manifest that does not read; another format version
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
        Ok(Self { folder: folder.to_owned(), faces: manifest::read(&folder.join(MANIFEST))? })
    }

    /// Where the picture of `face` is.
    pub fn path_of(&self, face: &Face) -> PathBuf {
        self.folder.join(&face.path)
    }
}

/// The card of a dataset.
///
/// # Errors        unreadable, or not a card → [`DataError::BadTable`]
pub fn read_card(path: &Path) -> Result<DatasetCard> {
    let text = fs_err::read_to_string(path)?;
    toml::from_str(&text).map_err(|e| DataError::BadTable {
        path: path.to_owned(),
        line: None,
        reason: e.message().to_owned(),
    })
}

pub(crate) fn write_card(path: &Path, card: &DatasetCard) -> Result<()> {
    let text = toml::to_string(card).map_err(std::io::Error::other)?;
    write_atomically(path, |file| file.write_all(text.as_bytes()))
}

pub(crate) fn write_labels(path: &Path, faces: &[Face]) -> Result<()> {
    write_atomically(path, |file| {
        for face in faces {
            if let Some(identity) = &face.identity {
                let name = face.path.strip_prefix("faces/").unwrap_or(&face.path);
                writeln!(file, "{name} {identity}")?;
            }
        }
        Ok(())
    })
}

/// Takes the card away before faces change: until [`write_card`] the dataset is not complete.
///
/// # Errors        the disk's, naming the file
pub(crate) fn reopen(folder: &Path) -> Result<()> {
    match fs_err::remove_file(folder.join(CARD)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Makes `folder` ours: created, or empty, or a dataset already.
///
/// # Errors        it holds something else → [`DataError::Occupied`]; it cannot be written to → [`DataError::Io`]
pub(crate) fn claim(folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let ours = |name: &str| name.starts_with(".prepare") || name.starts_with(crate::files::TEMPORARY_PREFIX);
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
