//! `.prepare.journal`: the photos that runs have finished, one JSON line each, after a first line with the settings.
//!
//! A run only appends lines. Each line ends with a tab and the first 16 hexadecimal digits of its SHA-256, so a truncated or
//! damaged line is detected and dropped, and its photo is processed again. Journals of earlier versions have no checksums and
//! are read without them.
//!
//! Faces are not synced one by one. After every [`SYNC_EVERY`] photos a thread syncs all faces in the background, and then
//! appends a mark that says which entries it covers; the last mark is written at the end of the run. After a power loss the
//! faces of all entries covered by a mark are intact. The faces of other entries are compared with their SHA-256.

mod lines;

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use self::lines::Lines;
use super::plan::PlannedPhoto;
use crate::geometry::{Landmarks, Rect};
use crate::photos::display_name;
use crate::{DataError, Result};
use likeness_artifact::sha256_hex;

const FILE: &str = ".prepare.journal";
/// Number of photos between two syncs.
const SYNC_EVERY: usize = 512;

/// A face that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct WrittenFace {
    /// The file, relative to the dataset's folder.
    pub(super) file: String,
    /// The file's length in bytes.
    pub(super) bytes: u64,
    /// SHA-256 of the face's file; empty in journals of earlier versions.
    #[serde(default)]
    pub(super) face_sha256: String,
    /// SHA-256 of the photo.
    pub(super) sha256: String,
    /// Width of the upright photo in pixels.
    pub(super) width: u32,
    /// Height of the upright photo in pixels.
    pub(super) height: u32,
    /// The face's box in the photo.
    pub(super) face_box: Option<Rect>,
    /// The face's landmarks in the photo.
    pub(super) landmarks: Option<Landmarks>,
    /// The detector that found the face.
    pub(super) detector: Option<String>,
    /// The detector's score.
    pub(super) score: Option<f32>,
    /// Number of faces found in the photo.
    pub(super) faces: Option<usize>,
}

/// The record of a finished photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    photo: String,
    stem: String,
    photo_bytes: u64,
    photo_modified_ns: u64,
    /// The box that the collection gave; it affects the crop.
    given_box: Option<Rect>,
    /// The landmarks that the collection gave; they affect the crop.
    #[serde(default)]
    given_landmarks: Option<Landmarks>,
    /// The faces that were written.
    pub(super) faces: Vec<WrittenFace>,
}

impl Entry {
    /// Makes the photo appear changed, so that it is processed again; its faces stay recorded.
    fn invalidate(&mut self) {
        self.photo_bytes = u64::MAX;
    }

    /// Whether the files of all faces are unchanged.
    fn is_intact(&self, folder: &Path) -> bool {
        self.faces.iter().all(|face| {
            fs_err::read(folder.join(&face.file)).is_ok_and(|bytes| sha256_hex(&bytes) == face.face_sha256)
        })
    }
}

/// The journal of a dataset, open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    file: fs_err::File,
    settings: String,
    entries: HashMap<String, Entry>,
    /// Face files of photos that can no longer be used.
    forgotten: Vec<String>,
    /// Entries appended since the journal was opened, and how many of them no started sync covers.
    appended: usize,
    unsynced_entries: usize,
    /// The face files of the entries that no started sync covers.
    unsynced: Vec<PathBuf>,
    syncing: Option<Syncing>,
    folder: PathBuf,
}

/// A sync in progress.
#[derive(Debug)]
struct Syncing {
    thread: JoinHandle<std::io::Result<()>>,
    /// Number of entries that had been appended when it started.
    covered: usize,
}

impl Journal {
    /// Opens the journal of the dataset in `folder`, or creates it.
    ///
    /// # Errors        other or unreadable settings, unless `replace` → [`DataError::Occupied`]
    pub(super) fn open(folder: &Path, settings: &str, replace: bool) -> Result<Self> {
        let path = folder.join(FILE);
        let bytes = if path.exists() { fs_err::read(&path)? } else { Vec::new() };
        let lines = Lines::parse(&String::from_utf8_lossy(&bytes));
        let same_settings = lines.settings.as_deref().is_none_or(|found| found == settings) && !lines.damaged;
        if !same_settings && !replace {
            return Err(occupied(folder, &lines, settings));
        }
        let mut journal = Self {
            file: fs_err::OpenOptions::new().create(true).append(true).open(&path)?,
            settings: settings.to_owned(),
            entries: lines.entries,
            forgotten: Vec::new(),
            appended: 0,
            unsynced_entries: 0,
            unsynced: Vec::new(),
            syncing: None,
            folder: folder.to_owned(),
        };
        remove_leftovers(folder);
        journal.check_unmarked(&lines.unmarked)?;
        let found = lines.settings.as_deref().unwrap_or(settings);
        if lines.damaged || (!same_settings && pixel_settings(found) != pixel_settings(settings)) {
            journal.entries.values_mut().for_each(Entry::invalidate);
        }
        journal.rewrite()?;
        Ok(journal)
    }

    /// The entry of `photo`, which may be outdated.
    pub(super) fn entry(&self, photo: &PlannedPhoto) -> Option<&Entry> {
        self.entries.get(&key(photo))
    }

    /// Whether `photo` is finished, and neither it nor its faces changed since.
    pub(super) fn holds(&self, photo: &PlannedPhoto) -> bool {
        let Some(entry) = self.entry(photo) else { return false };
        let Some((bytes, modified_ns)) = stamp(&photo.sample.path) else { return false };
        entry.photo_bytes == bytes
            && entry.photo_modified_ns == modified_ns
            && entry.stem == photo.stem
            && entry.given_box == photo.sample.face_box
            && entry.given_landmarks == photo.sample.landmarks
            && entry.faces.iter().all(|face| {
                fs_err::metadata(self.folder.join(&face.file)).is_ok_and(|m| m.len() == face.bytes)
            })
    }

    /// Removes `photo`, which could not be used.
    pub(super) fn forget(&mut self, photo: &PlannedPhoto) {
        let forgotten = self.entries.remove(&key(photo));
        self.forgotten.extend(forgotten.into_iter().flat_map(|e| e.faces).map(|f| f.file));
    }

    /// Invalidates the entries of `photos` on disk before their faces are rewritten, because an old entry must not confirm a
    /// new file.
    pub(super) fn invalidate<'a>(&mut self, photos: impl Iterator<Item = &'a PlannedPhoto>) -> Result<()> {
        let mut changed = false;
        for photo in photos {
            if let Some(entry) = self.entries.get_mut(&key(photo)) {
                entry.invalidate();
                changed = true;
            }
        }
        if changed { self.rewrite() } else { Ok(()) }
    }

    /// Records that `photo` is finished.
    pub(super) fn add(&mut self, photo: &PlannedPhoto, faces: Vec<WrittenFace>) -> Result<()> {
        let (photo_bytes, photo_modified_ns) = stamp(&photo.sample.path).unwrap_or_default();
        let entry = Entry {
            photo: key(photo),
            stem: photo.stem.clone(),
            photo_bytes,
            photo_modified_ns,
            given_box: photo.sample.face_box,
            given_landmarks: photo.sample.landmarks,
            faces,
        };
        let line = serde_json::to_string(&entry).map_err(std::io::Error::from)?;
        self.file.write_all(lines::checked(&line).as_bytes())?;
        self.unsynced.extend(entry.faces.iter().map(|f| self.folder.join(&f.file)));
        self.entries.insert(entry.photo.clone(), entry);
        self.appended += 1;
        self.unsynced_entries += 1;
        if self.syncing.as_ref().is_some_and(|syncing| syncing.thread.is_finished()) {
            self.end_sync()?;
        }
        if self.syncing.is_none() && self.unsynced_entries >= SYNC_EVERY {
            self.begin_sync();
        }
        Ok(())
    }

    /// Syncs all faces recorded so far, and appends a mark.
    pub(super) fn sync(&mut self) -> Result<()> {
        if self.appended == 0 {
            return Ok(());
        }
        self.end_sync()?;
        if self.unsynced_entries > 0 {
            self.begin_sync();
            self.end_sync()?;
        }
        Ok(self.file.sync_data()?)
    }

    /// Starts to sync all faces recorded so far in the background.
    fn begin_sync(&mut self) {
        let (folder, files) = (self.folder.clone(), std::mem::take(&mut self.unsynced));
        let thread = std::thread::spawn(move || likeness_artifact::sync_files(&folder, &files));
        self.syncing = Some(Syncing { thread, covered: self.appended });
        self.unsynced_entries = 0;
    }

    /// Waits for the sync in progress, if there is one, and marks the entries that it covers.
    fn end_sync(&mut self) -> Result<()> {
        let Some(Syncing { thread, covered }) = self.syncing.take() else { return Ok(()) };
        thread
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("the thread that syncs files panicked")))?;
        let mark = lines::mark(self.appended - covered);
        Ok(self.file.write_all(lines::checked(&mark).as_bytes())?)
    }

    /// Existing face files of earlier runs that do not belong to the dataset any more.
    pub(super) fn unwanted_faces(&self, wanted: &BTreeSet<&str>) -> Vec<PathBuf> {
        let written = self.entries.values().flat_map(|e| &e.faces).map(|f| &f.file).chain(&self.forgotten);
        let unwanted: BTreeSet<&String> = written.filter(|file| !wanted.contains(file.as_str())).collect();
        unwanted.into_iter().map(|file| self.folder.join(file)).filter(|path| path.exists()).collect()
    }

    /// Drops the entries of the photos `unmarked` if their faces changed, and syncs the others.
    fn check_unmarked(&mut self, unmarked: &[String]) -> Result<()> {
        let mut kept = Vec::new();
        for photo in unmarked {
            let Some(entry) = self.entries.get_mut(photo) else { continue };
            if entry.is_intact(&self.folder) {
                kept.extend(entry.faces.iter().map(|f| self.folder.join(&f.file)));
            } else {
                entry.invalidate();
            }
        }
        if kept.is_empty() { Ok(()) } else { Ok(likeness_artifact::sync_files(&self.folder, &kept)?) }
    }

    /// Rewrites the journal, with a mark at its end that covers all entries.
    fn rewrite(&mut self) -> Result<()> {
        let path = self.folder.join(FILE);
        let mut entries: Vec<&Entry> = self.entries.values().collect();
        entries.sort_by(|a, b| a.photo.cmp(&b.photo));
        likeness_artifact::write(&path, |file| {
            file.write_all(lines::checked(&self.settings).as_bytes())?;
            for entry in entries {
                file.write_all(lines::checked(&serde_json::to_string(entry)?).as_bytes())?;
            }
            file.write_all(lines::checked(&lines::mark(0)).as_bytes())
        })?;
        self.file = fs_err::OpenOptions::new().append(true).open(&path)?;
        Ok(())
    }
}

fn occupied(folder: &Path, lines: &Lines, settings: &str) -> DataError {
    let found = lines.settings.as_deref().unwrap_or_default();
    let reason = if lines.damaged {
        format!("its journal {FILE} is damaged: the settings do not match their checksum")
    } else {
        format!("holds a dataset made with other settings: {}", difference(found, settings))
    };
    DataError::Occupied {
        path: folder.to_owned(),
        reason,
        hint: "choose another folder with -o, or change this dataset with --replace".to_owned(),
    }
}

fn key(photo: &PlannedPhoto) -> String {
    display_name(&photo.sample.path)
}

/// Length and modification time of a file.
fn stamp(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs_err::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some((metadata.len(), modified.as_nanos() as u64))
}

/// The settings that affect a face's pixels.
fn pixel_settings(settings: &str) -> Option<serde_json::Value> {
    let mut settings: serde_json::Value = serde_json::from_str(settings).ok()?;
    let config = settings.get_mut("config")?.as_object_mut()?;
    config.retain(|key, _| !matches!(key.as_str(), "layout" | "sampling" | "split" | "domain"));
    Some(settings)
}

/// The first setting that differs, such as `size was 224, now 112`.
fn difference(old: &str, new: &str) -> String {
    let flat = |text: &str| -> Vec<(String, String)> {
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let mut flat = Vec::new();
        flatten("", &value, &mut flat);
        flat
    };
    let (old, new) = (flat(old), flat(new));
    let changed = new.iter().find(|entry| !old.contains(entry));
    let Some((name, value)) = changed else { return "a setting was removed".to_owned() };
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
        if likeness_artifact::is_temporary(&entry.file_name().to_string_lossy()) {
            // A temporary file that cannot be removed does no harm.
            let _ = fs_err::remove_file(entry.path());
        }
    }
}
