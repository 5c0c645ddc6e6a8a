//! Embeds photos on all cores: photos enter, rows with embeddings leave in the order of the photos.
//!
//! Each worker takes the next few photos, reads and crops them, and runs the model on them as one batch, on its own
//! thread. An [`OrderedPool`] passes the rows on in the order of the photos and bounds the memory. A photo that cannot be
//! used is skipped, counted and listed.

mod batch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use image::RgbImage;
use likeness_data::DataError;
use likeness_data::cut::{CutConfig, CutFace, FaceCutter, GivenFace};
use likeness_data::decode::PhotoReader;
use likeness_data::detect::FaceDetector;
use likeness_data::geometry::{Landmarks, Rect};
use likeness_data::limits::Limits;
use likeness_data::ordered::OrderedPool;
use likeness_data::photos::Skipped;
use likeness_search::{EmbeddingTable, ModelTag, Row};

use crate::cache::{EmbeddingCache, PhotoKey};
use crate::{EmbedError, Embedder, EmbedderSpec, Result};
use batch::Batch;

/// A photo to embed.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedItem {
    /// The file to read.
    pub path: PathBuf,
    /// The photo's row in the table; an empty `sha256` is filled in from the file.
    pub row: Row,
    /// Box of the face in the photo's pixels, if known.
    pub face_box: Option<Rect>,
    /// Landmarks of the face in the photo's pixels, if known. Without a detector, the face is aligned by them.
    pub landmarks: Option<Landmarks>,
    /// The SHA-256 that the file must have, in hexadecimal; `None` accepts any file.
    pub file_sha256: Option<String>,
}

impl EmbedItem {
    /// An item without labels and without a known face.
    pub fn new(path: PathBuf, row: Row) -> Self {
        Self { path, row, face_box: None, landmarks: None, file_sha256: None }
    }

    fn given_face(&self) -> GivenFace {
        GivenFace { face_box: self.face_box, landmarks: self.landmarks }
    }
}

/// The options of [`embed`] and [`embed_each`].
pub struct EmbedRun<'a> {
    /// The face detector and the rules for cropping; without them the face is aligned by the given landmarks, or the given box
    /// or the centre square is cropped.
    pub detection: Option<(&'a dyn FaceDetector, &'a CutConfig)>,
    /// Set from outside to stop.
    pub stop: &'a AtomicBool,
    /// Called after each batch with (finished, planned).
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
    /// Limits on the size of a photo.
    pub limits: Limits,
    /// Worker threads; 0 is one for each core.
    pub threads: usize,
    /// Stored embeddings of earlier runs with the same settings; new ones are added.
    pub cache: Option<&'a EmbeddingCache>,
    /// Photos that a worker takes at a time, and faces that it embeds at once; `None` is the number of faces that the
    /// embedder computes in one run (at most 32), or 8 if it does not state one. Batches that do not fit into half of the
    /// free memory are halved.
    pub batch: Option<usize>,
    /// Called with a line about each batch that does not fit into memory.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// Most batches that are under way: begun, and their rows not yet handed on.
const MOST_UNDER_WAY: usize = 65;

/// The result for a photo: a row and an embedding for each of its faces, or why it was skipped.
type Outcome = Result<Vec<(Row, Vec<f32>)>, Skipped>;

/// The embeddings of `items` in their order, and the skipped photos.
///
/// A photo with several faces to keep gives several rows of one name, which differ in their `face`.
///
/// # Errors        as [`embed_each`]'s
pub fn embed(
    items: &[EmbedItem],
    embedder: &dyn Embedder,
    run: &EmbedRun<'_>,
) -> Result<(EmbeddingTable, Vec<Skipped>)> {
    let mut gathered = Gathered::default();
    let skipped = embed_each(items, EmbedItem::clone, embedder, run, |row, embedding| {
        gathered.keep(row, embedding);
        Ok(())
    })?;
    Ok((gathered.into_table(embedder.spec())?, skipped))
}

/// Embeddings that are collected in memory, from the calls of [`embed_each`].
#[derive(Debug, Default)]
pub struct Gathered {
    rows: Vec<Row>,
    values: Vec<f32>,
}

impl Gathered {
    /// Adds an embedding.
    pub fn keep(&mut self, row: Row, embedding: &[f32]) {
        self.rows.push(row);
        self.values.extend_from_slice(embedding);
    }

    /// A table of all embeddings, made by the model that `spec` describes.
    ///
    /// # Errors        as [`EmbeddingTable::new`]'s
    pub fn into_table(self, spec: &EmbedderSpec) -> Result<EmbeddingTable> {
        self.into_table_of(tag(spec))
    }

    /// A table of all embeddings, made by `model`.
    ///
    /// # Errors        as [`EmbeddingTable::new`]'s
    pub fn into_table_of(self, model: ModelTag) -> Result<EmbeddingTable> {
        Ok(EmbeddingTable::new(model, self.rows, self.values)?)
    }

    /// The number of embeddings.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no embeddings.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The entry about the model in a table of its embeddings.
pub fn tag(spec: &EmbedderSpec) -> ModelTag {
    ModelTag {
        licence: spec.licence.clone(),
        thresholds: spec.thresholds.clone(),
        ..ModelTag::new(&spec.name, &spec.fingerprint, spec.dimension, spec.distance)
    }
}

/// Passes the embeddings of `photos` to `keep` one by one, in their order; returns the skipped photos.
///
/// `item` names the file to read for a photo. Memory holds the photos under way and the rows that wait for earlier ones.
///
/// # Errors        no photo could be used → [`EmbedError::NothingEmbedded`]; a fault of the model itself, or of `keep`; a stop
pub fn embed_each<P: Sync>(
    photos: &[P],
    item: impl Fn(&P) -> EmbedItem + Sync,
    embedder: &dyn Embedder,
    run: &EmbedRun<'_>,
    mut keep: impl FnMut(Row, &[f32]) -> likeness_search::Result<()> + Send,
) -> Result<Vec<Skipped>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if run.threads == 0 { cores } else { run.threads }.min(photos.len().max(1));
    let most = Batch::choose(embedder, threads, run.batch, run.say);
    let batch = photos.len().div_ceil(threads).clamp(1, most.faces());
    let default_cut = CutConfig::default();
    let cut_config = run.detection.map_or(&default_cut, |(_, config)| config);
    let worker = Worker { embedder, reader: PhotoReader::new(run.limits), cache: run.cache, batch: most };
    let (mut skipped, mut rows) = (Vec::new(), 0_usize);
    let receive = |_, outcomes: Vec<Outcome>| -> Result<()> {
        for outcome in outcomes {
            match outcome {
                Ok(faces) => {
                    rows += faces.len();
                    faces.into_iter().try_for_each(|(row, embedding)| keep(row, &embedding))?;
                }
                Err(reason) => skipped.push(reason),
            }
        }
        Ok(())
    };
    let done = AtomicUsize::new(0);
    let work = |cutter: &mut FaceCutter<'_>, turn: usize| {
        let start = turn * batch;
        let part = &photos[start..photos.len().min(start + batch)];
        let items: Vec<EmbedItem> = part.iter().map(&item).collect();
        let outcomes = worker.embed(&items, cutter)?;
        (run.progress)(done.fetch_add(part.len(), Ordering::Relaxed) + part.len(), photos.len());
        Ok(outcomes)
    };
    let cutter = || FaceCutter::new(run.detection.map(|(detector, _)| detector), cut_config);
    let pool = OrderedPool { threads, most_under_way: MOST_UNDER_WAY, stop: run.stop };
    let delivered = pool.run(photos.len().div_ceil(batch), cutter, work, receive)? * batch;
    let total = photos.len();
    if delivered < total {
        return Err(EmbedError::Interrupted { done: delivered, total });
    }
    if rows == 0 {
        return Err(EmbedError::NothingEmbedded { total, skipped });
    }
    Ok(skipped)
}

struct Worker<'a> {
    embedder: &'a dyn Embedder,
    reader: PhotoReader,
    cache: Option<&'a EmbeddingCache>,
    batch: Batch<'a>,
}

/// The result of reading a photo: its faces, or their stored embeddings.
enum Read {
    Faces(Vec<(Row, RgbImage)>, PhotoKey),
    Embedded(Vec<(Row, Vec<f32>)>),
}

impl Worker<'_> {
    fn embed(&self, items: &[EmbedItem], cutter: &mut FaceCutter<'_>) -> Result<Vec<Outcome>> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(items.len());
        let (mut faces, mut places, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for (at, item) in items.iter().enumerate() {
            match self.read(item, cutter)? {
                Ok(Read::Embedded(rows)) => outcomes.push(Ok(rows)),
                Ok(Read::Faces(cut, key)) => {
                    outcomes.push(Ok(Vec::with_capacity(cut.len())));
                    keys.push((at, key));
                    for (row, face) in cut {
                        faces.push(face);
                        places.push((at, row));
                    }
                }
                Err(error) => outcomes.push(Err(Skipped::new(&item.row.name, error.reason()))),
            }
            // A crowd's faces are not kept until the crowds after it have been read.
            if faces.len() >= self.batch.faces() || at + 1 == items.len() {
                let embedded = self.values(&std::mem::take(&mut faces))?;
                for ((at, row), embedded) in places.drain(..).zip(embedded) {
                    match (embedded, &mut outcomes[at]) {
                        (Ok(values), Ok(rows)) => rows.push((row, values)),
                        (Ok(_), Err(_)) => {}
                        (Err(reason), outcome) => *outcome = Err(Skipped::new(&items[at].row.name, reason)),
                    }
                }
                for (at, key) in keys.drain(..) {
                    if let (Some(cache), Ok(rows)) = (self.cache, &outcomes[at]) {
                        cache.put(key, rows.iter().map(|(_, values)| values.as_slice()));
                    }
                }
            }
        }
        Ok(outcomes)
    }

    /// The faces of a photo, or what is known of them, each with its row.
    ///
    /// # Errors        a cache that cannot be read; a photo that cannot is the inner error
    fn read(&self, item: &EmbedItem, cutter: &mut FaceCutter<'_>) -> Result<likeness_data::Result<Read>> {
        let file = match self.reader.open(&item.path) {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        if item.file_sha256.as_ref().is_some_and(|expected| *expected != file.sha256) {
            return Ok(Err(DataError::ChecksumMismatch { path: item.path.clone() }));
        }
        let row = |at: usize, sha256: &str| {
            let mut row = item.row.clone();
            if row.sha256.is_empty() {
                sha256.clone_into(&mut row.sha256);
            }
            row.face += at as u32;
            row
        };
        let given = item.given_face();
        let key = PhotoKey::new(&file.sha256, given);
        if let Some(known) = self.cache.map(|cache| cache.get(key)).transpose()?.flatten() {
            let known = known.into_iter().enumerate().map(|(at, face)| (row(at, &file.sha256), face));
            return Ok(Ok(Read::Embedded(known.collect())));
        }
        let faces = self.reader.decoded(&item.path, file).and_then(|photo| {
            let faces = cutter.cut(&photo.image, given, self.embedder.spec().input_size)?;
            let faces = faces.into_iter().enumerate();
            let face = |(at, face): (usize, CutFace)| {
                // A box that a detector found; a given one is in the collection already.
                let face_box = face.face_box.filter(|_| face.score.is_some()).map(rounded);
                (Row { face_box, ..row(at, &photo.sha256) }, face.image)
            };
            Ok(faces.map(face).collect())
        });
        Ok(faces.map(|faces| Read::Faces(faces, key)))
    }

    /// Each face's embedding; where the model answers a batch with no numbers, each face by itself, so that one face
    /// does not spoil the others.
    fn values(&self, faces: &[RgbImage]) -> Result<Vec<Result<Vec<f32>, String>>> {
        let dimension = self.embedder.spec().dimension;
        let mut all = Vec::with_capacity(faces.len());
        for batch in faces.chunks(self.batch.faces()) {
            match self.batch.embed(self.embedder, batch) {
                Ok(values) => all.extend(values.chunks_exact(dimension).map(|v| Ok(v.to_vec()))),
                Err(
                    EmbedError::BadOutput { .. }
                    | EmbedError::OutOfMemory { .. }
                    | EmbedError::RunFailed { .. },
                ) => all.extend(
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

/// A box in whole pixels: left, top, width, height.
fn rounded(face: Rect) -> [i32; 4] {
    [face.left, face.top, face.width, face.height].map(|value| value.round() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_told_with_what_became_of_the_work() {
        let item = EmbedItem::new("nowhere.png".into(), Row::new("nowhere.png"));
        let stop = AtomicBool::new(true);
        let run = EmbedRun {
            detection: None,
            stop: &stop,
            progress: &|_, _| {},
            limits: Limits::default(),
            threads: 1,
            cache: None,
            batch: None,
            say: &|_| {},
        };
        let embedder = crate::load_embedder("color", &Default::default()).unwrap();
        let error = embed(&[item], embedder.as_ref(), &run).unwrap_err();
        assert_eq!(error.to_string(), "interrupted after 0 of 1");
        assert!(error.hint().unwrap().contains("begins again"));
    }
}
