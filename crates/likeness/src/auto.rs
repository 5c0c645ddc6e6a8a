//! Chooses the model for photos: the face model where there are faces, the model for any pictures otherwise.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use likeness_data::decode::PhotoReader;
use likeness_data::limits::Limits;
use likeness_data::ordered::OrderedPool;

use crate::context::Context;
use crate::detector::LoadedDetector;
use crate::{LikenessError, Result};

/// Maximum number of photos that are looked at.
const SAMPLE: usize = 32;
/// Minimum length of the longer side of a face, as a share of the photo's shorter side. A smaller face does not make a photo a
/// picture of a person.
const MIN_SHARE: f32 = 0.08;

/// The faces in a sample of photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FaceSample {
    /// Number of photos that could be read.
    pub(crate) readable: usize,
    /// Number of them with a face.
    pub(crate) with_face: usize,
}

impl FaceSample {
    /// Whether at least half of the photos have a face.
    pub(crate) fn is_of_faces(self) -> bool {
        self.with_face > 0 && 2 * self.with_face >= self.readable
    }
}

/// Looks for faces in a sample of `photos`, spread evenly.
///
/// # Errors        a detector that fails; a stop
pub(crate) fn sample(
    photos: &[PathBuf],
    detector: &LoadedDetector,
    (limits, threads): (Limits, usize),
    context: Context<'_>,
) -> Result<FaceSample> {
    let count = photos.len().min(SAMPLE);
    let (readable, with_face) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let reader = PhotoReader::new(limits);
    let look = |_: &mut (), at: usize| -> Result<()> {
        let Ok(photo) = reader.read(&photos[at * photos.len() / count]) else { return Ok(()) };
        let faces = detector.detector.detect(&[&photo.image])?.pop().unwrap_or_default();
        let shorter = photo.image.width().min(photo.image.height()) as f32;
        let is_large = faces.iter().any(|f| f.face_box.width.max(f.face_box.height) >= MIN_SHARE * shorter);
        readable.fetch_add(1, Ordering::Relaxed);
        with_face.fetch_add(usize::from(is_large), Ordering::Relaxed);
        Ok(())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if threads == 0 { cores } else { threads }.min(count.max(1));
    let pool = OrderedPool { threads, most_under_way: 2 * threads, stop: context.stop };
    let done = pool.run(count, || (), look, |_, ()| Ok::<_, LikenessError>(()))?;
    if done < count {
        return Err(likeness_embed::EmbedError::Interrupted { done: 0, total: photos.len() }.into());
    }
    Ok(FaceSample { readable: readable.into_inner(), with_face: with_face.into_inner() })
}
