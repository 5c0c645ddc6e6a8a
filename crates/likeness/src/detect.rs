//! Finds faces in photos.

use std::path::PathBuf;

use likeness_data::decode::PhotoReader;
use likeness_data::detect::Detection;
use likeness_data::limits::Limits;
use likeness_data::ordered::OrderedPool;
use likeness_data::photos::{self, PhotoPath, Skipped};

use crate::context::{Context, Stage};
use crate::detector::{self, LoadedDetector};
use crate::options::DetectionOptions;
use crate::{LikenessError, Result, invalid};

/// Most photos of each worker thread that are begun and not yet passed on.
const MOST_UNDER_WAY: usize = 4;

/// Options of [`detect`].
#[derive(Debug, Clone, Default)]
pub struct DetectOptions {
    /// Detector options. The detectors `none` and `auto` stand for the built-in one.
    pub detection: DetectionOptions,
    /// Limits of the size of pictures and of memory.
    pub limits: Limits,
    /// Number of worker threads; 0 means one per core.
    pub threads: usize,
}

/// A photo and the faces in it.
#[derive(Debug, Clone)]
pub struct PhotoFaces {
    /// The photo.
    pub photo: PhotoPath,
    /// Width of the upright photo in pixels.
    pub width: u32,
    /// Height of the upright photo in pixels.
    pub height: u32,
    /// Faces in the photo, in the order of the detector.
    pub faces: Vec<Detection>,
}

/// The result of [`detect`].
#[derive(Debug, Clone)]
pub struct Detected {
    /// Name of the detector.
    pub detector: String,
    /// Photos that could be read, in order, with their faces.
    pub photos: Vec<PhotoFaces>,
    /// Photos that could not be read, with the reasons.
    pub skipped: Vec<Skipped>,
}

/// Width, height and faces of a photo, or the reason why it was skipped.
type Found = Result<(u32, u32, Vec<Detection>), String>;

/// Finds the faces in the photos and folders `inputs`.
///
/// # Errors        no detector, no photo, a stop; a photo that cannot be read is listed and does not end the call
pub fn detect(inputs: &[PathBuf], options: &DetectOptions, context: Context<'_>) -> Result<Detected> {
    let mut options = options.clone();
    if options.detection.detector == "none" {
        "auto".clone_into(&mut options.detection.detector);
    }
    let Some(detector) = detector::load(&options.detection)? else {
        return Err(invalid("no face detector is chosen", "leave --detector out"));
    };
    context.note(format!("detector {}", detector.title));
    let (photos, mut skipped) = photos::find_some(inputs, None)?;
    let stage = context.stage("detect");
    let found = detect_all(&photos, &detector, &options, context, stage.as_ref())?;
    stage.end(photos.len(), "photos");
    let mut seen = Vec::with_capacity(photos.len());
    for (photo, found) in photos.into_iter().zip(found) {
        match found {
            Ok((width, height, faces)) => seen.push(PhotoFaces { photo, width, height, faces }),
            Err(reason) => skipped.push(Skipped::new(photo.name, reason)),
        }
    }
    Ok(Detected { detector: detector.detector.name().to_owned(), photos: seen, skipped })
}

/// Detects the faces of each photo on several threads. The results are in the order of `photos`.
fn detect_all(
    photos: &[PhotoPath],
    detector: &LoadedDetector,
    options: &DetectOptions,
    context: Context<'_>,
    stage: &dyn Stage,
) -> Result<Vec<Found>> {
    let reader = PhotoReader::new(options.limits);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if options.threads == 0 { cores } else { options.threads }.min(photos.len());
    let (least_px, least_score) = (options.detection.cut.min_face_px as f32, options.detection.min_score);
    let one = |photo: &PhotoPath| -> likeness_data::Result<(u32, u32, Vec<Detection>)> {
        let read = reader.read(&photo.path)?;
        let mut faces = detector.detector.detect(&[&read.image])?.pop().unwrap_or_default();
        let is_large = |d: &Detection| d.face_box.width.max(d.face_box.height) >= least_px;
        faces.retain(|d| is_large(d) && least_score.is_none_or(|least| d.score >= least));
        Ok((read.image.width(), read.image.height(), faces))
    };
    let pool = OrderedPool { threads, most_under_way: MOST_UNDER_WAY * threads, stop: context.stop };
    let mut found = Vec::with_capacity(photos.len());
    let work =
        |(): &mut (), at: usize| Ok::<_, LikenessError>(one(&photos[at]).map_err(|error| error.reason()));
    pool.run(
        photos.len(),
        || (),
        work,
        |at, faces| {
            found.push(faces);
            stage.show(at + 1, photos.len());
            Ok(())
        },
    )?;
    if found.len() < photos.len() {
        return Err(invalid("interrupted; nothing was written", "run the same command again"));
    }
    Ok(found)
}
