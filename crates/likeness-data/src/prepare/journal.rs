//! `.prepare.journal`: what a dataset's runs have finished, a JSON line for each photo, the settings first.
//!
//! Lines are only appended while a run works. Each ends with a tab and the first 16 hexadecimal digits of its SHA-256, so
//! a line that was half written or damaged is recognised and dropped; the photo is worked on again. Journals of earlier
//! versions have no checksums and are read as they are.
//!
//! Faces are not synced one by one. Every [`SYNC_EVERY`] photos a thread syncs all faces while the work goes on, and a mark
//! is appended that says which entries it covers; the last one follows at the end. After a power loss the faces of entries
//! that a mark covers are whole. Those of the others are compared with their SHA-256 before they count.

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
/// Photos between two syncs.
const SYNC_EVERY: usize = 512;

/// A face that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct WrittenFace {
    /// The file, from the dataset's folder.
    pub(super) file: String,
    /// The file's length.
    pub(super) bytes: u64,
    /// SHA-256 of the face's file; empty in journals of earlier versions.
    #[serde(default)]
    pub(super) face_sha256: String,
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

impl Entry {
    /// Makes the photo count as changed, so that it is worked on again; its faces stay known.
    fn invalidate(&mut self) {
        self.photo_bytes = u64::MAX;
    }

    /// Whether all faces are on the disk as they were written.
    fn is_intact(&self, folder: &Path) -> bool {
        self.faces.iter().all(|face| {
            fs_err::read(folder.join(&face.file)).is_ok_and(|bytes| sha256_hex(&bytes) == face.face_sha256)
        })
    }
}

/// The journal of a dataset, open for more.
#[derive(Debug)]
pub(super) struct Journal {
    file: fs_err::File,
    settings: String,
    entries: HashMap<String, Entry>,
    /// Face files of photos that can no longer be used.
    forgotten: Vec<String>,
    /// Entries appended since the journal was opened, and how many of them no sync covers that was begun.
    appended: usize,
    unsynced_entries: usize,
    /// The face files of these entries.
    unsynced: Vec<PathBuf>,
    syncing: Option<Syncing>,
    folder: PathBuf,
}

/// A sync under way.
#[derive(Debug)]
struct Syncing {
    thread: JoinHandle<std::io::Result<()>>,
    /// Entries that had been appended when it began.
    covered: usize,
}

impl Journal {
    /// The journal of the dataset `folder`, begun if there is none.
    ///
    /// # Errors        other settings, or settings that do not read, and not `replace` → [`DataError::Occupied`]
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
                fs_err::metadata(self.folder.join(&face.file)).is_ok_and(|m| m.len() == face.bytes)
            })
    }

    /// Forgets `photo`, which could not be used.
    pub(super) fn forget(&mut self, photo: &PlannedPhoto) {
        let forgotten = self.entries.remove(&key(photo));
        self.forgotten.extend(forgotten.into_iter().flat_map(|e| e.faces).map(|f| f.file));
    }

    /// Makes what is known of `photos` invalid on the disk before their faces are written anew: an old entry must not
    /// vouch for a new file.
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

    /// Makes all faces noted so far survive a power loss, and marks that they do.
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

    /// Begins to sync all faces noted so far, beside the work.
    fn begin_sync(&mut self) {
        let (folder, files) = (self.folder.clone(), std::mem::take(&mut self.unsynced));
        let thread = std::thread::spawn(move || likeness_artifact::sync_files(&folder, &files));
        self.syncing = Some(Syncing { thread, covered: self.appended });
        self.unsynced_entries = 0;
    }

    /// Waits for the sync under way, if there is one, and marks what it covers.
    fn end_sync(&mut self) -> Result<()> {
        let Some(Syncing { thread, covered }) = self.syncing.take() else { return Ok(()) };
        thread
            .join()
            .unwrap_or_else(|_| Err(std::io::Error::other("the thread that syncs files panicked")))?;
        let mark = lines::mark(self.appended - covered);
        Ok(self.file.write_all(lines::checked(&mark).as_bytes())?)
    }

    /// Face files that earlier runs wrote, that are there, and that the dataset no longer has.
    pub(super) fn unwanted_faces(&self, wanted: &BTreeSet<&str>) -> Vec<PathBuf> {
        let written = self.entries.values().flat_map(|e| &e.faces).map(|f| &f.file).chain(&self.forgotten);
        let unwanted: BTreeSet<&String> = written.filter(|file| !wanted.contains(file.as_str())).collect();
        unwanted.into_iter().map(|file| self.folder.join(file)).filter(|path| path.exists()).collect()
    }

    /// Drops the entries of the photos `unmarked` whose faces are not as they were written, and syncs the others.
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

    /// Writes the journal anew, with a mark at its end: the faces of all entries are on the disk.
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

/// The first setting that differs, as `size was 224, now 112`.
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
        if likeness_artifact::is_temporary(&entry.file_name().to_string_lossy()) {
            // A leftover that cannot be removed does no harm.
            let _ = fs_err::remove_file(entry.path());
        }
    }
}
