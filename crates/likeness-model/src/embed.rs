//! Photos enter, a table of embeddings leaves: reading, cropping and the model on all cores at once.
//!
//! Each worker takes the next few photos, reads and crops them and runs the model on them as one batch, on its own
//! thread. Rows keep the order of the photos; a photo that cannot be used is skipped, counted and listed.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use image::RgbImage;
use likeness_data::cut::{CutConfig, FaceCutter};
use likeness_data::decode::PhotoReader;
use likeness_data::detect::FaceDetector;
use likeness_data::geometry::Rect;
use likeness_data::limits::Limits;
use likeness_data::photos::Skipped;
use likeness_search::{EmbeddingTable, ModelTag, Row};

use crate::{Embedder, EmbedderSpec, ModelError, Result};

/// Photos that a worker takes at a time, and faces that it embeds as one batch.
const BATCH: usize = 8;

/// A photo to embed.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedItem {
    /// The file to read.
    pub path: PathBuf,
    /// What the table will say about it; an empty `sha256` is filled in from the file.
    pub row: Row,
    /// Where the face is, where somebody said; in the photo's pixels.
    pub face_box: Option<Rect>,
}

/// How embedding is carried out; nothing here changes the numbers.
pub struct EmbedRun<'a> {
    /// What looks for faces, and the rules for those it finds; without it the given box or the centre square is taken.
    pub detection: Option<(&'a dyn FaceDetector, &'a CutConfig)>,
    /// Raised from outside to stop.
    pub stop: &'a AtomicBool,
    /// Called after each batch with (finished, planned).
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// What a photo may cost.
    pub limits: Limits,
    /// Worker threads; 0 is one for each core.
    pub threads: usize,
}

/// A photo's way through a worker: a row and values for each of its faces, or why there are none.
type Outcome = Result<Vec<(Row, Vec<f32>)>, Skipped>;

/// The embeddings of `items` in their order, and what could not be used.
///
/// A photo with several faces to keep gives several rows, named `photo.jpg#2` from the second on.
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
    let default_cut = CutConfig::default();
    let cut_config = run.detection.map_or(&default_cut, |(_, config)| config);
    let worker = Worker { embedder, reader: PhotoReader::new(run.limits) };
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new((0..items.len()).map(|_| None).collect());
    let fault: Mutex<Option<ModelError>> = Mutex::new(None);
    let failed = AtomicBool::new(false);

    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut cutter = FaceCutter::new(run.detection.map(|(detector, _)| detector), cut_config);
                while !run.stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                    let start = next.fetch_add(batch, Ordering::Relaxed);
                    if start >= items.len() {
                        break;
                    }
                    let part = &items[start..items.len().min(start + batch)];
                    match worker.embed(part, &mut cutter) {
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
            Some(Ok(faces)) => {
                for (row, mut embedding) in faces {
                    rows.push(row);
                    values.append(&mut embedding);
                }
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
    fn embed(&self, items: &[EmbedItem], cutter: &mut FaceCutter<'_>) -> Result<Vec<Outcome>> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(items.len());
        let (mut faces, mut places) = (Vec::new(), Vec::new());
        for (at, item) in items.iter().enumerate() {
            match self.read(item, cutter) {
                Ok(cut) => {
                    outcomes.push(Ok(Vec::with_capacity(cut.len())));
                    for (row, face) in cut {
                        faces.push(face);
                        places.push((at, row));
                    }
                }
                Err(error) => outcomes.push(Err(Skipped::new(&item.row.name, error.reason()))),
            }
            // A crowd's faces are not kept until the crowds after it have been read.
            if faces.len() >= BATCH || at + 1 == items.len() {
                let embedded = self.values(&std::mem::take(&mut faces))?;
                for ((at, row), embedded) in places.drain(..).zip(embedded) {
                    match (embedded, &mut outcomes[at]) {
                        (Ok(values), Ok(rows)) => rows.push((row, values)),
                        (Ok(_), Err(_)) => {}
                        (Err(reason), outcome) => *outcome = Err(Skipped::new(&items[at].row.name, reason)),
                    }
                }
            }
        }
        Ok(outcomes)
    }

    /// The faces of a photo, each with its row.
    fn read(
        &self,
        item: &EmbedItem,
        cutter: &mut FaceCutter<'_>,
    ) -> likeness_data::Result<Vec<(Row, RgbImage)>> {
        let photo = self.reader.read(&item.path)?;
        let faces = cutter.cut(&photo.image, item.face_box, self.embedder.spec().input_size)?;
        let one = |(at, face): (usize, likeness_data::cut::CutFace)| {
            let mut row = item.row.clone();
            if row.sha256.is_empty() {
                row.sha256.clone_from(&photo.sha256);
            }
            if at > 0 {
                row.name = format!("{}#{}", row.name, at + 1);
            }
            (row, face.image)
        };
        Ok(faces.into_iter().enumerate().map(one).collect())
    }

    /// Each face's embedding; where the model answers a batch with no numbers, each face by itself, so that one face
    /// does not spoil the others.
    fn values(&self, faces: &[RgbImage]) -> Result<Vec<Result<Vec<f32>, String>>> {
        let dimension = self.embedder.spec().dimension;
        let mut all = Vec::with_capacity(faces.len());
        for batch in faces.chunks(BATCH) {
            match self.embedder.embed(batch) {
                Ok(values) => all.extend(values.chunks_exact(dimension).map(|v| Ok(v.to_vec()))),
                Err(ModelError::BadOutput { .. }) => all.extend(
                    batch
                        .iter()
                        .map(|f| self.embedder.embed(std::slice::from_ref(f)).map_err(|e| e.to_string())),
                ),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}
