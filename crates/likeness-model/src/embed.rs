//! Photos enter, a table of embeddings leaves: reading, cropping and the model on all cores at once.
//!
//! Each worker takes the next few photos, reads and crops them and runs the model on them as one batch, on its own
//! thread. Rows keep the order of the photos; a photo that cannot be used is skipped, counted and listed.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use image::RgbImage;
use likeness_data::crop::Cropper;
use likeness_data::decode::PhotoReader;
use likeness_data::limits::Limits;
use likeness_data::photos::Skipped;
use likeness_search::{EmbeddingTable, ModelTag, Row};

use crate::{Embedder, EmbedderSpec, ModelError, Result};

/// Photos that a worker embeds as one batch.
const BATCH: usize = 8;

/// A photo to embed.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedItem {
    /// The file to read.
    pub path: PathBuf,
    /// What the table will say about it; an empty `sha256` is filled in from the file.
    pub row: Row,
}

/// How embedding is carried out; nothing here changes the numbers.
pub struct EmbedRun<'a> {
    /// Raised from outside to stop.
    pub stop: &'a AtomicBool,
    /// Called after each batch with (finished, planned).
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// What a photo may cost.
    pub limits: Limits,
    /// Worker threads; 0 is one for each core.
    pub threads: usize,
}

/// A photo's way through a worker: its row and values, or why there are none.
type Outcome = Result<(Row, Vec<f32>), Skipped>;

/// The embeddings of `items` in their order, and what could not be used.
///
/// Photos that are not of the model's input size are centre-cropped to a square and scaled.
///
/// # Errors        no photo could be used; a fault of the model itself; a stop
pub fn embed(
    items: &[EmbedItem],
    embedder: &dyn Embedder,
    run: &EmbedRun<'_>,
) -> Result<(EmbeddingTable, Vec<Skipped>)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if run.threads == 0 { cores } else { run.threads }.min(items.len().max(1));
    let batch = items.len().div_ceil(threads).clamp(1, BATCH);
    let worker = Worker { embedder, reader: PhotoReader::new(run.limits) };
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new((0..items.len()).map(|_| None).collect());
    let fault: Mutex<Option<ModelError>> = Mutex::new(None);
    let failed = AtomicBool::new(false);

    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut cropper = Cropper::default();
                while !run.stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                    let start = next.fetch_add(batch, Ordering::Relaxed);
                    if start >= items.len() {
                        break;
                    }
                    let part = &items[start..items.len().min(start + batch)];
                    match worker.embed(part, &mut cropper) {
                        Ok(embedded) => {
                            let mut outcomes = lock(&outcomes);
                            for (at, outcome) in embedded.into_iter().enumerate() {
                                outcomes[start + at] = Some(outcome);
                            }
                        }
                        Err(error) => {
                            failed.store(true, Ordering::Relaxed);
                            lock(&fault).get_or_insert(error);
                        }
                    }
                    (run.progress)(done.fetch_add(part.len(), Ordering::Relaxed) + part.len(), items.len());
                }
            });
        }
    });
    if let Some(error) = lock(&fault).take() {
        return Err(error);
    }
    let outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    collect(outcomes, embedder.spec())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn collect(outcomes: Vec<Option<Outcome>>, spec: &EmbedderSpec) -> Result<(EmbeddingTable, Vec<Skipped>)> {
    let total = outcomes.len();
    let (mut rows, mut values, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    values.reserve_exact(total * spec.dimension);
    for (done, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Some(Ok((row, mut embedding))) => {
                rows.push(row);
                values.append(&mut embedding);
            }
            Some(Err(reason)) => skipped.push(reason),
            None => return Err(likeness_data::DataError::Interrupted { done, total }.into()),
        }
    }
    if rows.is_empty() {
        let first = skipped.first().map(|s| format!(" (first: {}: {})", s.name, s.reason));
        return Err(ModelError::BadArgument {
            reason: format!("none of the {total} photos could be embedded{}", first.unwrap_or_default()),
            hint: None,
        });
    }
    let tag = ModelTag::new(&spec.name, &spec.fingerprint, spec.dimension, spec.distance);
    Ok((EmbeddingTable::new(tag, rows, values)?, skipped))
}

struct Worker<'a> {
    embedder: &'a dyn Embedder,
    reader: PhotoReader,
}

impl Worker<'_> {
    fn embed(&self, items: &[EmbedItem], cropper: &mut Cropper) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(items.len());
        let (mut faces, mut places) = (Vec::new(), Vec::new());
        for (at, item) in items.iter().enumerate() {
            match self.read(item, cropper) {
                Ok((row, face)) => {
                    faces.push(face);
                    places.push(at);
                    outcomes.push(Ok((row, Vec::new())));
                }
                Err(error) => outcomes.push(Err(Skipped::new(&item.row.name, error.reason()))),
            }
        }
        for (at, embedded) in places.into_iter().zip(self.values(&faces)?) {
            match (embedded, &mut outcomes[at]) {
                (Ok(values), Ok((_, place))) => *place = values,
                (Ok(_), Err(_)) => {}
                (Err(reason), outcome) => *outcome = Err(Skipped::new(&items[at].row.name, reason)),
            }
        }
        Ok(outcomes)
    }

    fn read(&self, item: &EmbedItem, cropper: &mut Cropper) -> likeness_data::Result<(Row, RgbImage)> {
        let photo = self.reader.read(&item.path)?;
        let (width, height) = self.embedder.spec().input_size;
        let face = cropper.centre_crop(&photo.image, width, height)?;
        let mut row = item.row.clone();
        if row.sha256.is_empty() {
            row.sha256.clone_from(&photo.sha256);
        }
        Ok((row, face))
    }

    /// Each face's embedding; where the model answers a batch with no numbers, each face by itself, so that one face
    /// does not spoil the others.
    fn values(&self, faces: &[RgbImage]) -> Result<Vec<Result<Vec<f32>, String>>> {
        if faces.is_empty() {
            return Ok(Vec::new());
        }
        let dimension = self.embedder.spec().dimension;
        match self.embedder.embed(faces) {
            Ok(values) => Ok(values.chunks_exact(dimension).map(|v| Ok(v.to_vec())).collect()),
            Err(ModelError::BadOutput { .. }) => Ok(faces
                .iter()
                .map(|f| self.embedder.embed(std::slice::from_ref(f)).map_err(|e| e.to_string()))
                .collect()),
            Err(error) => Err(error),
        }
    }
}
