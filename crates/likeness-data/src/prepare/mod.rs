//! Prepares a dataset from a collection of photos: `faces/`, `manifest.csv`, `labels.txt` and `dataset.toml`.
//!
//! Every finished photo is recorded in a journal in the dataset's folder. A run that was interrupted for any reason
//! continues where it stopped, and a run on an unchanged collection has nothing to do. Equal collections, settings and seeds
//! give equal files for any number of threads. Only one process at a time can work in a dataset's folder.

mod face_file;
mod journal;
mod plan;
mod work;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use likeness_artifact::{FolderLock, LockError};

use self::journal::Journal;
use self::plan::PlannedPhoto;
use crate::dataset::{self, DatasetCard};
use crate::detect::FaceDetector;
use crate::labels;
use crate::limits::Limits;
use crate::manifest::{self, Face};
use crate::photos::Skipped;
use crate::sample::Sample;
use crate::sampling::SamplingConfig;
use crate::settings::PrepareConfig;
use crate::source::{self, Collection};
use crate::{DataError, Result};

/// Options of a run; apart from [`exclude`](Self::exclude), none of them changes the dataset's contents.
pub struct PrepareRun<'a> {
    /// The detector described by [`PrepareConfig::detection`]; set if and only if that is set.
    pub detector: Option<&'a dyn FaceDetector>,
    /// Set by the caller to stop the run after the photos in progress.
    pub stop: &'a AtomicBool,
    /// Called after each photo with (finished, planned).
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// Limits for the size and memory of photos.
    pub limits: Limits,
    /// Number of worker threads; 0 means one per core.
    pub threads: usize,
    /// Whether to change a dataset that was made with other settings instead of returning an error.
    pub replace: bool,
    /// Photos to leave out, by their names in the collection, with the reasons.
    pub exclude: Option<&'a HashMap<String, String>>,
}

/// Maximum number of photos in [`Prepared::examples`].
pub const EXAMPLES: usize = 64;

/// A photo with its extracted faces.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The path of the photo.
    pub photo: PathBuf,
    /// The photo's name in the collection.
    pub name: String,
    /// The faces of the photo.
    pub faces: Vec<Face>,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Number of faces in the dataset.
    pub images: usize,
    /// Number of identities in the dataset.
    pub identities: usize,
    /// Number of photos processed in this run.
    pub worked: usize,
    /// The skipped photos.
    pub skipped: Vec<Skipped>,
    /// Notes for the user about how the collection was read.
    pub notes: Vec<String>,
    /// Photos at regular intervals of the collection, for a contact sheet.
    pub examples: Vec<Example>,
}

/// Creates or updates the dataset in `output` from the collection at `input`.
///
/// # Errors
/// no photos; a folder that contains other files, has a dataset with other settings, or is used by another process; a
/// full or read-only disk; a stop → [`DataError::Interrupted`]. A photo that cannot be used is in `skipped`, not an error.
pub fn prepare(
    input: &Path,
    output: &Path,
    config: &PrepareConfig,
    run: &PrepareRun<'_>,
) -> Result<Prepared> {
    check(config)?;
    let mut collection = source::read(input, config.layout, Some(output))?;
    leave_out(&mut collection, run.exclude)?;
    let read = collection.samples.len();
    let mut samples = config.sampling.apply(collection.samples);
    if samples.is_empty() {
        return Err(DataError::NothingFound {
            path: input.to_owned(),
            reason: format!("none of its {read} photos is left after sampling"),
            hint: "lower --min-images".to_owned(),
        });
    }
    let mut notes = collection.notes;
    notes.extend(left_out(read, &samples, config));
    let (split, split_note) = config.split.resolve(&samples);
    notes.extend(split_note);
    let config = &PrepareConfig { split, ..config.clone() };
    config.split.apply(&mut samples)?;
    let mut photos = plan::plan(samples, config);

    dataset::claim(output)?;
    let _lock = FolderLock::acquire(output).map_err(|error| busy(output, error))?;
    let settings = settings_text(input, config);
    let mut journal = Journal::open(output, &settings, run.replace)?;
    let (worked, unreadable) = work::carry_out(&photos, output, config, run, &mut journal)?;

    split_what_was_used(&mut photos, config, &journal)?;
    let faces = faces(&photos, &journal);
    let mut skipped = collection.skipped;
    skipped.extend(unreadable);
    let prepared = Prepared {
        images: faces.len(),
        identities: faces.iter().filter_map(|f| f.identity.as_deref()).collect::<BTreeSet<_>>().len(),
        worked,
        skipped,
        notes,
        examples: examples(&photos, &journal),
    };
    finish(output, input, config, &faces, &prepared, &journal)?;
    if faces.is_empty() {
        return Err(DataError::NothingFound {
            path: input.to_owned(),
            reason: format!("none of its {} photos could be used", photos.len()),
            hint: format!("the reasons are listed in {}", output.join(dataset::CARD).display()),
        });
    }
    Ok(prepared)
}

/// Moves the photos that `exclude` names from the samples to the skipped photos.
///
/// # Errors        nothing is left → [`DataError::NothingFound`]
fn leave_out(collection: &mut Collection, exclude: Option<&HashMap<String, String>>) -> Result<()> {
    let Some(exclude) = exclude else { return Ok(()) };
    let before = collection.samples.len();
    let mut skipped = Vec::new();
    collection.samples.retain(|sample| match exclude.get(&sample.name) {
        Some(reason) => {
            skipped.push(Skipped::new(&sample.name, format!("excluded: {reason}")));
            false
        }
        None => true,
    });
    collection.notes.push(format!(
        "{} of {before} photos are excluded; {} of {} excluded names are not in the collection",
        skipped.len(),
        exclude.len() - skipped.len().min(exclude.len()),
        exclude.len()
    ));
    collection.skipped.append(&mut skipped);
    if collection.samples.is_empty() {
        return Err(DataError::argument(format!("all {before} photos of the collection are excluded")));
    }
    Ok(())
}

/// A note on how many of `read` photos sampling excluded.
fn left_out(read: usize, kept: &[Sample], config: &PrepareConfig) -> Option<String> {
    let left_out = read - kept.len();
    (left_out > 0).then(|| {
        let SamplingConfig { identities, min_images, max_images } = config.sampling;
        let flags: Vec<String> =
            [("--identities", identities), ("--min-images", min_images), ("--max-images", max_images)]
                .into_iter()
                .filter(|(_, value)| *value > 0)
                .map(|(flag, value)| format!("{flag} {value}"))
                .collect();
        format!("{left_out} of {read} photos are left out by {}", flags.join(", "))
    })
}

/// Converts the error of locking a dataset's folder.
fn busy(output: &Path, error: LockError) -> DataError {
    match error {
        LockError::Held { .. } => DataError::Occupied {
            path: output.to_owned(),
            reason: "another process is working in this folder".to_owned(),
            hint: "wait until it has ended, or choose another folder with -o".to_owned(),
        },
        LockError::Io(error) => DataError::Io(error),
    }
}

fn check(config: &PrepareConfig) -> Result<()> {
    if !(8..=4096).contains(&config.size) {
        return Err(DataError::BadArgument {
            reason: format!("the size of a face must lie between 8 and 4096 pixels, found {}", config.size),
            hint: Some("choose a size such as --size 112 or --size 224".to_owned()),
        });
    }
    config.detection.as_ref().map_or(Ok(()), |detection| detection.cut.validate())
}

/// All settings that affect the dataset's contents, as the journal's first line.
fn settings_text(input: &Path, config: &PrepareConfig) -> String {
    let input = absolute(input);
    serde_json::json!({ "input": crate::photos::display_name(&input), "config": config }).to_string()
}

fn absolute(path: &Path) -> PathBuf {
    fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Splits again without the photos that could not be used, because an unreadable photo must not be an identity's only query.
fn split_what_was_used(photos: &mut [PlannedPhoto], config: &PrepareConfig, journal: &Journal) -> Result<()> {
    let used: Vec<usize> = (0..photos.len()).filter(|&i| journal.entry(&photos[i]).is_some()).collect();
    if used.len() == photos.len() || used.is_empty() {
        return Ok(());
    }
    let mut samples: Vec<_> = used.iter().map(|&i| photos[i].sample.clone()).collect();
    config.split.apply(&mut samples)?;
    for (i, sample) in used.into_iter().zip(samples) {
        photos[i].sample = sample;
    }
    Ok(())
}

/// The rows of the manifest, in the plan's order.
fn faces(photos: &[PlannedPhoto], journal: &Journal) -> Vec<Face> {
    let rows = |photo: &PlannedPhoto| -> Vec<Face> {
        let entry = journal.entry(photo);
        entry.into_iter().flat_map(|e| &e.faces).map(|written| photo.face(written)).collect()
    };
    photos.iter().flat_map(rows).collect()
}

fn examples(photos: &[PlannedPhoto], journal: &Journal) -> Vec<Example> {
    let count = photos.len().min(EXAMPLES);
    let one = |nth: usize| {
        let photo = &photos[nth * photos.len() / count];
        let faces = journal.entry(photo).into_iter().flat_map(|e| &e.faces).map(|f| photo.face(f)).collect();
        Example { photo: photo.sample.path.clone(), name: photo.sample.name.clone(), faces }
    };
    (0..count).map(one).collect()
}

/// Writes the tables, and the card last, because a card marks a complete dataset. Files that are up to date are not touched.
fn finish(
    output: &Path,
    input: &Path,
    config: &PrepareConfig,
    faces: &[Face],
    prepared: &Prepared,
    journal: &Journal,
) -> Result<()> {
    let wanted: BTreeSet<&str> = faces.iter().map(|f| f.path.as_str()).collect();
    let unwanted = journal.unwanted_faces(&wanted);
    let (manifest, labels) = (manifest::text(faces)?, labels::text(faces));
    let card = DatasetCard::new(&absolute(input), config, faces, prepared.identities, &prepared.skipped)
        .with_checksums(&manifest, &labels);
    let card = card.text()?;
    let files = [
        (dataset::MANIFEST, manifest.as_slice()),
        (dataset::LABELS, labels.as_bytes()),
        (dataset::CARD, card.as_bytes()),
    ];
    let written = |(name, bytes): &(&str, &[u8])| fs_err::read(output.join(name)).is_ok_and(|b| b == *bytes);
    if unwanted.is_empty() && files.iter().all(written) {
        return Ok(());
    }
    dataset::reopen(output)?;
    for path in unwanted {
        fs_err::remove_file(path)?;
    }
    for (name, bytes) in files {
        likeness_artifact::write(&output.join(name), |file| file.write_all(bytes))?;
    }
    Ok(())
}
