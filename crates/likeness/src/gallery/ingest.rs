//! Reads photos for a gallery: files enter, photos with faces, qualities and embeddings leave.
//!
//! A file whose content the gallery has is only hashed. A file that cannot be read or decoded becomes an unreadable photo with the
//! reason, so that the next sync does not read it again.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::RgbImage;
use likeness_data::cut::{CutConfig, CutFace, FaceCutter, GivenFace};
use likeness_data::decode::PhotoReader;
use likeness_data::detect::FaceDetector;
use likeness_data::ordered::OrderedPool;
use likeness_data::photos::Skipped;
use likeness_data::quality::quality;
use likeness_data::{DataError, limits::Limits};
use likeness_embed::Embedder;
use likeness_gallery::catalogue::{
    FileKey, NewItem, NewPhoto, PhotoState, ReadCatalogue, SqliteCatalogue, StoredModel, WriteCatalogue,
};
use likeness_gallery::{Gallery, PhotoId};

use crate::context::Context;
use crate::{LikenessError, Result};

/// Photos that a worker reads at a time.
const BATCH: usize = 8;
/// Faces that are embedded at a time.
const FACES: usize = 16;
/// Photos that are stored in one transaction, unless time is up earlier.
const MOST: usize = 256;
/// Longest time that finished photos wait to be stored.
const LONGEST: Duration = Duration::from_secs(2);

/// A file to read.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// What the gallery stores about it.
    pub(super) key: FileKey,
    /// Further columns.
    pub(super) attributes: Vec<(String, String)>,
}

/// What became of files.
#[derive(Debug, Clone, Default)]
pub struct Ingested {
    /// Photos that the gallery did not have.
    pub added: usize,
    /// Files with a content that the gallery had: moved, copied or touched.
    pub known: usize,
    /// Faces or pictures of the added photos.
    pub items: usize,
    /// Added photos without a face.
    pub without_face: usize,
    /// Files that cannot be read, with the reasons.
    pub unreadable: Vec<Skipped>,
}

/// How photos are read.
pub(super) struct Reading<'a> {
    pub(super) embedder: &'a dyn Embedder,
    pub(super) detector: Option<&'a dyn FaceDetector>,
    pub(super) cut: &'a CutConfig,
    pub(super) limits: Limits,
    pub(super) threads: usize,
    /// Whether photos that were removed from the gallery are added again.
    pub(super) revive: bool,
}

/// What a worker made of a file.
enum Outcome {
    /// The gallery has a photo with this content.
    Known(PhotoId),
    New(NewPhoto),
    /// No file any more, or one that may not be read: nothing is stored.
    Skipped(String),
}

/// Reads `files` and stores them in `gallery`. Photos that are finished stay stored if the work is stopped.
///
/// # Errors        a model that fails, a gallery that cannot be written to, a stop
pub(super) fn ingest(
    gallery: &mut Gallery,
    model: &StoredModel,
    files: &[Source],
    reading: &Reading<'_>,
    context: Context<'_>,
) -> Result<Ingested> {
    let known = known_photos(gallery.catalogue(), reading.revive)?;
    let progress = context.stage("read");
    let reader = PhotoReader::new(reading.limits);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if reading.threads == 0 { cores } else { reading.threads };
    let batch = files.len().div_ceil(threads.max(1)).clamp(1, BATCH);
    let pool = OrderedPool { threads, most_under_way: 4 * threads, stop: context.stop };
    let mut store = Store {
        gallery,
        model,
        ingested: Ingested::default(),
        waiting: Vec::new(),
        found: Vec::new(),
        seen: HashSet::new(),
        since: Instant::now(),
    };
    let work = |cutter: &mut FaceCutter<'_>, turn: usize| {
        let part = &files[turn * batch..files.len().min((turn + 1) * batch)];
        read(part, &known, cutter, &reader, reading)
    };
    let mut done = 0;
    let received = pool.run(
        files.len().div_ceil(batch),
        || FaceCutter::new(reading.detector, reading.cut),
        work,
        |turn, outcomes: Vec<Outcome>| {
            for (file, outcome) in files[turn * batch..].iter().zip(outcomes) {
                store.take(file, outcome)?;
                done += 1;
            }
            progress.show(done, files.len());
            Ok::<_, LikenessError>(())
        },
    )?;
    store.flush()?;
    let ingested = store.ingested;
    if received * batch < files.len() {
        return Err(crate::invalid(
            format!("interrupted: {done} of {} files were read and are stored", files.len()),
            "run the same command again to go on",
        ));
    }
    progress.end(files.len(), "files");
    Ok(ingested)
}

/// The photos of the gallery that need not be embedded again, by content. Removed ones count unless they are revived.
fn known_photos(catalogue: &SqliteCatalogue, revive: bool) -> Result<HashMap<String, PhotoId>> {
    let photos = catalogue.photos(None)?.into_iter();
    Ok(photos.filter(|p| !revive || p.state != PhotoState::Removed).map(|p| (p.sha256, p.id)).collect())
}

struct Store<'a> {
    gallery: &'a mut Gallery,
    model: &'a StoredModel,
    ingested: Ingested,
    waiting: Vec<NewPhoto>,
    /// Files with known contents.
    found: Vec<(PhotoId, FileKey)>,
    /// The contents of the photos that were added.
    seen: HashSet<String>,
    since: Instant,
}

impl Store<'_> {
    fn take(&mut self, file: &Source, outcome: Outcome) -> Result<()> {
        let name = &file.key.path;
        match outcome {
            Outcome::Known(photo) => {
                self.ingested.known += 1;
                self.found.push((photo, file.key.clone()));
            }
            Outcome::New(photo) => {
                if let Some(reason) = &photo.unreadable {
                    self.ingested.unreadable.push(Skipped::new(name, reason));
                } else if !self.seen.insert(photo.sha256.clone()) {
                    // Another file of this run has the same content.
                    self.ingested.known += 1;
                } else {
                    self.ingested.added += 1;
                    self.ingested.items += photo.items.len();
                    self.ingested.without_face += usize::from(photo.items.is_empty());
                }
                self.waiting.push(photo);
            }
            Outcome::Skipped(reason) => self.ingested.unreadable.push(Skipped::new(name, reason)),
        }
        if self.waiting.len() + self.found.len() >= MOST || self.since.elapsed() > LONGEST {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let photos = std::mem::take(&mut self.waiting);
        self.since = Instant::now();
        if !photos.is_empty() {
            self.gallery.catalogue_mut().put_photos(self.model.id, &photos)?;
        }
        let found = std::mem::take(&mut self.found);
        if !found.is_empty() {
            self.gallery.catalogue_mut().put_files(&found)?;
        }
        Ok(())
    }
}

/// Reads some files and embeds their faces together.
fn read(
    files: &[Source],
    known: &HashMap<String, PhotoId>,
    cutter: &mut FaceCutter<'_>,
    reader: &PhotoReader,
    reading: &Reading<'_>,
) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(files.len());
    let (mut crops, mut places) = (Vec::new(), Vec::new());
    for (at, file) in files.iter().enumerate() {
        let (outcome, faces) = one(file, known, cutter, reader, reading);
        outcomes.push(outcome);
        places.extend(std::iter::repeat_n(at, faces.len()));
        crops.extend(faces);
    }
    let mut embeddings = embedded(reading.embedder, &crops)?.into_iter();
    let mut next = vec![0; files.len()];
    let mut failed: Vec<Option<String>> = vec![None; files.len()];
    for at in places {
        let (Some(values), Outcome::New(photo)) = (embeddings.next(), &mut outcomes[at]) else { continue };
        match values {
            Ok(values) => photo.items[next[at]].vector = values,
            Err(reason) => failed[at] = Some(reason),
        }
        next[at] += 1;
    }
    for (outcome, reason) in outcomes.iter_mut().zip(failed) {
        if let (Outcome::New(photo), Some(reason)) = (outcome, reason) {
            photo.items.clear();
            photo.unreadable = Some(reason);
        }
    }
    Ok(outcomes)
}

/// The embedding of each face; faces that the model gives no numbers for are reported one by one.
fn embedded(embedder: &dyn Embedder, crops: &[RgbImage]) -> Result<Vec<Result<Vec<f32>, String>>> {
    let dimension = embedder.spec().dimension;
    let mut all = Vec::with_capacity(crops.len());
    for batch in crops.chunks(FACES) {
        match embedder.embed(batch) {
            Ok(values) => all.extend(values.chunks_exact(dimension).map(|v| Ok(v.to_vec()))),
            Err(_) => all.extend(
                batch.iter().map(|f| embedder.embed(std::slice::from_ref(f)).map_err(|e| e.to_string())),
            ),
        }
    }
    Ok(all)
}

/// What a file is, and the crops of its faces.
fn one(
    file: &Source,
    known: &HashMap<String, PhotoId>,
    cutter: &mut FaceCutter<'_>,
    reader: &PhotoReader,
    reading: &Reading<'_>,
) -> (Outcome, Vec<RgbImage>) {
    let opened = match reader.open(&file.path) {
        Ok(opened) => opened,
        Err(error) if is_broken(&file.path, &error) => {
            let name = format!("{}/{}", file.key.root, file.key.path);
            let sha256 = likeness_artifact::sha256_hex(name.as_bytes());
            return (Outcome::New(unreadable(file, sha256, error.reason())), Vec::new());
        }
        Err(error) => return (Outcome::Skipped(error.reason()), Vec::new()),
    };
    if let Some(photo) = known.get(&opened.sha256) {
        return (Outcome::Known(*photo), Vec::new());
    }
    let (sha256, taken) = (opened.sha256.clone(), opened.taken());
    let cut = reader.decoded(&file.path, opened).and_then(|photo| {
        let (width, height) = photo.image.dimensions();
        let faces = match cutter.cut(&photo.image, GivenFace::default(), reading.embedder.spec().input_size) {
            Err(DataError::NoFace { .. }) => Vec::new(),
            faces => faces?,
        };
        Ok(((width, height), faces))
    });
    let ((width, height), faces) = match cut {
        Ok(cut) => cut,
        // A decoder may be installed later.
        Err(error @ DataError::MissingDecoder { .. }) => {
            return (Outcome::Skipped(error.reason()), Vec::new());
        }
        Err(error) => return (Outcome::New(unreadable(file, sha256, error.reason())), Vec::new()),
    };
    let items = faces.iter().map(|face| item(face, reading.detector.is_some())).collect();
    let photo = NewPhoto {
        sha256,
        width,
        height,
        taken,
        unreadable: None,
        file: file.key.clone(),
        items,
        attributes: file.attributes.clone(),
    };
    (Outcome::New(photo), faces.into_iter().map(|face| face.image).collect())
}

/// Whether a file is there and can be opened, but is no photo: it is empty, or too large.
fn is_broken(path: &Path, error: &DataError) -> bool {
    !matches!(error, DataError::Io { .. } | DataError::NothingFound { .. }) && path.is_file()
}

fn unreadable(file: &Source, sha256: String, reason: String) -> NewPhoto {
    NewPhoto {
        sha256,
        width: 0,
        height: 0,
        taken: None,
        unreadable: Some(reason),
        file: file.key.clone(),
        items: Vec::new(),
        attributes: file.attributes.clone(),
    }
}

/// A face or picture without its embedding.
fn item(face: &CutFace, is_face: bool) -> NewItem {
    let score = face.score.filter(|_| is_face);
    NewItem {
        face_box: face
            .face_box
            .filter(|_| is_face)
            .map(|b| [b.left, b.top, b.width, b.height].map(|value| value.round() as i32)),
        landmarks: face.landmarks.filter(|_| is_face).map(|points| points.map(|point| [point.x, point.y])),
        score,
        quality: match is_face {
            true => quality(&face.image, face.face_box.as_ref(), face.landmarks.as_ref(), score),
            false => 1.0,
        },
        vector: Vec::new(),
    }
}
