//! `.prepare.journal`: what a dataset's runs have finished, a JSON line for each photo, the settings first.
//!
//! Lines are only ever appended while a run goes; a line that a killed run left half written is dropped. An entry
//! counts as long as the photo and the face files it names are still as they were.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::plan::PlannedPhoto;
use crate::files::{self, write_atomically};
use crate::geometry::{Landmarks, Rect};
use crate::photos::display_name;
use crate::{DataError, Result};

const FILE: &str = ".prepare.journal";

/// A face that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct WrittenFace {
    /// The file, from the dataset's folder.
    pub(super) file: String,
    /// The file's length.
    pub(super) bytes: u64,
    /// SHA-256 of the photo.
    pub(super) sha256: String,
    /// Width of the upright photo.
    pub(super) width: u32,
    /// Height of the upright photo.
    pub(super) height: u32,
    /// Where the face is in the photo.
    pub(super) face_box: Option<Rect>,
    /// The face's landmarks in the photo.
    pub(super) landmarks: Option<Landmarks>,
    /// What found it.
    pub(super) detector: Option<String>,
    /// How sure it was.
    pub(super) score: Option<f32>,
    /// How many faces were found in the photo.
    pub(super) faces: Option<usize>,
}

/// A photo that was finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    photo: String,
    stem: String,
    photo_bytes: u64,
    photo_modified_ns: u64,
    /// The box the collection gave, which decides the crop.
    given_box: Option<Rect>,
    /// The faces written.
    pub(super) faces: Vec<WrittenFace>,
}

/// The journal of a dataset, open for more.
#[derive(Debug)]
pub(super) struct Journal {
    file: fs_err::File,
    entries: HashMap<String, Entry>,
    /// Face files of photos that can no longer be used.
    forgotten: Vec<String>,
    kept_folder: PathBuf,
}

impl Journal {
    /// The journal of the dataset `folder`, begun if there is none.
    ///
    /// # Errors        other settings and not `replace` → [`DataError::Occupied`]
    pub(super) fn open(folder: &Path, settings: &str, replace: bool) -> Result<Self> {
        let path = folder.join(FILE);
        let text = if path.exists() {
            String::from_utf8_lossy(&fs_err::read(&path)?).into_owned()
        } else {
            String::new()
        };
        let mut lines = text.lines();
        let found = lines.next().unwrap_or(settings);
        let same_settings = found == settings;
        if !same_settings && !replace {
            return Err(DataError::Occupied {
                path: folder.to_owned(),
                reason: format!("holds a dataset made with other settings: {}", difference(found, settings)),
                hint: "choose another folder with -o, or change this dataset with --replace".to_owned(),
            });
        }
        let mut entries = HashMap::new();
        for entry in lines.map_while(|line| serde_json::from_str::<Entry>(line).ok()) {
            entries.insert(entry.photo.clone(), entry);
        }
        remove_leftovers(folder);
        let same_pixels = same_settings || pixel_settings(found) == pixel_settings(settings);
        if !same_pixels {
            entries.values_mut().for_each(|e| e.photo_bytes = u64::MAX);
        }
        rewrite(&path, settings, &entries)?;
        let file = fs_err::OpenOptions::new().append(true).open(&path)?;
        Ok(Self { file, entries, forgotten: Vec::new(), kept_folder: folder.to_owned() })
    }

    /// What was finished of `photo`, whether or not it still holds.
    pub(super) fn entry(&self, photo: &PlannedPhoto) -> Option<&Entry> {
        self.entries.get(&key(photo))
    }

    /// Whether `photo` was finished and neither it nor its faces changed since.
    pub(super) fn holds(&self, photo: &PlannedPhoto) -> bool {
        let Some(entry) = self.entry(photo) else { return false };
        let Some((bytes, modified_ns)) = stamp(&photo.sample.path) else { return false };
        entry.photo_bytes == bytes
            && entry.photo_modified_ns == modified_ns
            && entry.stem == photo.stem
            && entry.given_box == photo.sample.face_box
            && entry.faces.iter().all(|face| {
                fs_err::metadata(self.kept_folder.join(&face.file)).is_ok_and(|m| m.len() == face.bytes)
            })
    }

    /// Forgets `photo`, which could not be used.
    pub(super) fn forget(&mut self, photo: &PlannedPhoto) {
        let forgotten = self.entries.remove(&key(photo));
        self.forgotten.extend(forgotten.into_iter().flat_map(|e| e.faces).map(|f| f.file));
    }

    /// Notes that `photo` is finished.
    pub(super) fn add(&mut self, photo: &PlannedPhoto, faces: Vec<WrittenFace>) -> Result<()> {
        let (photo_bytes, photo_modified_ns) = stamp(&photo.sample.path).unwrap_or_default();
        let entry = Entry {
            photo: key(photo),
            stem: photo.stem.clone(),
            photo_bytes,
            photo_modified_ns,
            given_box: photo.sample.face_box,
            faces,
        };
        let mut line = serde_json::to_string(&entry).map_err(std::io::Error::from)?;
        line.push('\n');
        self.file.write_all(line.as_bytes())?;
        self.entries.insert(entry.photo.clone(), entry);
        Ok(())
    }

    /// Deletes face files that earlier runs wrote and the dataset no longer has.
    pub(super) fn remove_unwanted_faces(&mut self, folder: &Path, wanted: &BTreeSet<&str>) -> Result<()> {
        let written = self.entries.values().flat_map(|e| &e.faces).map(|f| &f.file).chain(&self.forgotten);
        for file in written.filter(|file| !wanted.contains(file.as_str())) {
            let path = folder.join(file);
            if path.exists() {
                fs_err::remove_file(path)?;
            }
        }
        self.entries.retain(|_, e| e.faces.iter().all(|f| wanted.contains(f.file.as_str())));
        Ok(())
    }
}

fn rewrite(path: &Path, settings: &str, entries: &HashMap<String, Entry>) -> Result<()> {
    let mut entries: Vec<&Entry> = entries.values().collect();
    entries.sort_by(|a, b| a.photo.cmp(&b.photo));
    write_atomically(path, |file| {
        writeln!(file, "{settings}")?;
        for entry in entries {
            writeln!(file, "{}", serde_json::to_string(entry)?)?;
        }
        Ok(())
    })
}

fn key(photo: &PlannedPhoto) -> String {
    display_name(&photo.sample.path)
}

/// Length and time of change of a file.
fn stamp(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs_err::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some((metadata.len(), modified.as_nanos() as u64))
}

/// The settings that decide a face's pixels.
fn pixel_settings(settings: &str) -> Option<serde_json::Value> {
    let mut settings: serde_json::Value = serde_json::from_str(settings).ok()?;
    let config = settings.get_mut("config")?.as_object_mut()?;
    config.retain(|key, _| !matches!(key.as_str(), "layout" | "sampling" | "split" | "domain"));
    Some(settings)
}

/// The first setting that differs, as `size 224, now 112`.
fn difference(old: &str, new: &str) -> String {
    let flat = |text: &str| -> Vec<(String, String)> {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let mut flat = Vec::new();
        flatten("", &value, &mut flat);
        flat
    };
    let (old, new) = (flat(old), flat(new));
    let changed = new.iter().find(|entry| !old.contains(entry));
    let Some((name, value)) = changed else { return "a setting is gone".to_owned() };
    let before = old.iter().find(|(n, _)| n == name).map_or("none", |(_, v)| v);
    format!("{name} was {before}, now {value}")
}

fn flatten(prefix: &str, value: &serde_json::Value, flat: &mut Vec<(String, String)>) {
    match value.as_object() {
        Some(object) => {
            for (key, value) in object {
                let key = if prefix.is_empty() || prefix == "config" {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&key, value, flat);
            }
        }
        None => flat.push((prefix.to_owned(), value.to_string())),
    }
}

/// Deletes temporary files of runs that were killed.
fn remove_leftovers(folder: &Path) {
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
        if entry.file_name().to_string_lossy().starts_with(files::TEMPORARY_PREFIX) {
            // A leftover that cannot be removed does no harm.
            let _ = fs_err::remove_file(entry.path());
        }
    }
}
