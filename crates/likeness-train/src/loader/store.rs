//! The images of faces, cached in memory up to a budget.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::RgbImage;
use likeness_data::decode::PhotoReader;

use super::FaceFile;

/// Statistics of a loader.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoaderReport {
    /// Photos that could not be read, with the reason, in the order of the faces.
    pub unreadable: Vec<(PathBuf, String)>,
    /// How often an unreadable photo was left out of a batch.
    pub left_out: usize,
    /// Number of file reads.
    pub reads: usize,
    /// Size of the cached images in bytes.
    pub cached_bytes: u64,
}

/// The faces of a loader, with their cached images.
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

    /// The image of `face`; `None` if it cannot be read, which is counted. A photo that failed once is not read again.
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

    /// Marks `face` as unreadable, and counts it.
    pub(super) fn leave_out(&self, face: usize, reason: String) {
        let mut state = self.state();
        state.left_out += 1;
        state.unreadable.insert(face, reason);
    }

    /// Images beyond the budget are read again each time. Every face is needed once in each epoch, so replacing a cached image
    /// would only remove one that is needed sooner.
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
