//! Pictures of faces by place, read once and kept as far as a budget goes.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::RgbImage;
use likeness_data::decode::PhotoReader;

use super::FaceFile;

/// What a loader did so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoaderReport {
    /// Photos that cannot be used, each with the reason, in order of the faces.
    pub unreadable: Vec<(PathBuf, String)>,
    /// How often one of them was left out of a batch.
    pub left_out: usize,
    /// How often a file was read.
    pub reads: usize,
    /// Bytes of pictures kept in memory.
    pub cached_bytes: u64,
}

/// All faces of a run.
#[derive(Debug)]
pub(super) struct FaceStore {
    faces: Vec<FaceFile>,
    reader: PhotoReader,
    cache_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<usize, Arc<RgbImage>>,
    kept_bytes: u64,
    reads: usize,
    left_out: usize,
    unreadable: BTreeMap<usize, String>,
}

impl FaceStore {
    pub(super) fn new(faces: Vec<FaceFile>, cache_bytes: u64) -> Self {
        Self { faces, reader: PhotoReader::default(), cache_bytes, state: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.faces.len()
    }

    pub(super) fn label(&self, face: usize) -> u32 {
        self.faces[face].label
    }

    /// The picture of `face`; `None`, counted, where it cannot be read. A photo that failed once is not tried again.
    pub(super) fn picture(&self, face: usize) -> Option<Arc<RgbImage>> {
        {
            let mut state = self.state();
            if let Some(picture) = state.kept.get(&face) {
                return Some(Arc::clone(picture));
            }
            if state.unreadable.contains_key(&face) {
                state.left_out += 1;
                return None;
            }
            state.reads += 1;
        }
        match self.reader.read(&self.faces[face].path) {
            Ok(photo) => Some(self.keep(face, photo.image)),
            Err(error) => {
                self.leave_out(face, error.reason());
                None
            }
        }
    }

    /// Counts `face` as unusable, now and from now on.
    pub(super) fn leave_out(&self, face: usize, reason: String) {
        let mut state = self.state();
        state.left_out += 1;
        state.unreadable.insert(face, reason);
    }

    /// What does not fit is read again each time: with every face wanted once an epoch, putting out one for another
    /// would only put out what is wanted sooner.
    fn keep(&self, face: usize, picture: RgbImage) -> Arc<RgbImage> {
        let bytes = picture.as_raw().len() as u64;
        let picture = Arc::new(picture);
        let mut state = self.state();
        if state.kept_bytes + bytes <= self.cache_bytes && !state.kept.contains_key(&face) {
            state.kept_bytes += bytes;
            state.kept.insert(face, Arc::clone(&picture));
        }
        picture
    }

    pub(super) fn report(&self) -> LoaderReport {
        let state = self.state();
        let unreadable = state.unreadable.iter();
        LoaderReport {
            unreadable: unreadable.map(|(face, why)| (self.faces[*face].path.clone(), why.clone())).collect(),
            left_out: state.left_out,
            reads: state.reads,
            cached_bytes: state.kept_bytes,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
