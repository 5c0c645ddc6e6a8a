//! A photo, or a face in it, and the cut that the model sees.

use std::path::PathBuf;

use image::RgbImage;
use likeness_data::DataError;
use likeness_data::cut::{CutConfig, FaceCutter, GivenFace, KeepFaces};
use likeness_data::decode::PhotoReader;
use likeness_data::detect::{Detection, FaceDetector};
use likeness_data::geometry::{Landmarks, Point, Rect};
use likeness_gallery::catalogue::ItemRow;
use likeness_search::Row;

use crate::{LikenessError, Loader, Result, invalid};

/// Shorter side of a cut that is shown, in pixels.
const SHOWN_PX: u32 = 300;
/// Least overlap (intersection over union) of a face that is found again with its box.
const SAME_BOX: f32 = 0.6;

/// A photo, or a face in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictured {
    /// The photo.
    pub path: PathBuf,
    /// Box of the face in pixels of the upright photo: left, top, width, height; `None` for a whole picture.
    pub face_box: Option<[i32; 4]>,
    /// Landmarks of the face. Without them, the face is found again by its box.
    pub landmarks: Option<Landmarks>,
    /// The SHA-256 that the file must have, in hexadecimal; `None` accepts any file.
    pub sha256: Option<String>,
}

/// A cut as the model sees it, and larger, to be shown.
pub(super) struct Cuts {
    pub(super) seen: RgbImage,
    pub(super) shown: RgbImage,
}

impl Pictured {
    /// The photo, or the face, of a row of embeddings.
    ///
    /// # Errors        a row without a path
    pub fn of_row(row: &Row) -> Result<Self> {
        let path = row.photo_path().ok_or_else(|| {
            invalid(
                format!("{}: the path of this photo is not known, so it cannot be explained", row.name),
                "embed the photos themselves; only embeddings with paths lead back to pictures",
            )
        })?;
        Ok(Self { path, face_box: row.face_box, landmarks: None, sha256: None })
    }

    /// The photo, or the face, of an item of a gallery.
    pub fn of_item(row: &ItemRow) -> Self {
        Self {
            path: PathBuf::from(&row.path),
            face_box: row.item.face_box,
            landmarks: row.item.landmarks.map(|points| points.map(|[x, y]| Point { x, y })),
            sha256: Some(row.sha256.clone()),
        }
    }

    /// The picture, to be shown without an explanation.
    ///
    /// # Errors        those of [`explain`](super::explain)
    pub fn shown(&self, loader: &Loader<'_>) -> Result<RgbImage> {
        Ok(self.cuts(loader)?.shown)
    }

    /// Cuts the picture as `loader` does when it embeds the photo.
    ///
    /// # Errors        a photo that is gone, damaged or another one; a face that is not found again
    pub(super) fn cuts(&self, loader: &Loader<'_>) -> Result<Cuts> {
        if self.path.as_os_str().is_empty() {
            return Err(invalid(
                "there is no file with this photo any more",
                "restore the file, then run `likeness gallery sync`",
            ));
        }
        let reader = PhotoReader::new(loader.photo_options().limits);
        let file = reader.open(&self.path)?;
        if self.sha256.as_ref().is_some_and(|expected| *expected != file.sha256) {
            return Err(DataError::ChecksumMismatch { path: self.path.clone() }.into());
        }
        let photo = reader.decoded(&self.path, file)?.image;
        let (detector, config) = loader.detection()?;
        let detector = detector.map(|loaded| loaded.detector.as_ref());
        let (width, height) = loader.embedder()?.spec().input_size;
        let scale = SHOWN_PX.div_ceil(width.min(height)).max(1);
        let [seen, shown] = match (detector, self.landmarks, self.rect()) {
            (Some(detector), None, Some(face_box)) => {
                let face = self.found_again(detector, &photo, face_box)?;
                let config =
                    CutConfig { faces: KeepFaces::All, min_face_px: 0, min_score: f32::MIN, ..config };
                let mut cutter = FaceCutter::new(Some(&face), &config);
                self.both(&mut cutter, &photo, GivenFace::default(), (width, height), scale)?
            }
            (_, landmarks, face_box) => {
                let mut cutter = FaceCutter::new(None, &config);
                self.both(&mut cutter, &photo, GivenFace { face_box, landmarks }, (width, height), scale)?
            }
        };
        Ok(Cuts { seen, shown })
    }

    fn rect(&self) -> Option<Rect> {
        self.face_box.map(|values| {
            let [left, top, width, height] = values.map(|value| value as f32);
            Rect::new(left, top, width, height)
        })
    }

    /// The cut of the model's size, and one that is `scale` times larger.
    fn both(
        &self,
        cutter: &mut FaceCutter<'_>,
        photo: &RgbImage,
        given: GivenFace,
        (width, height): (u32, u32),
        scale: u32,
    ) -> Result<[RgbImage; 2]> {
        let mut cut = |scale: u32| -> Result<RgbImage> {
            let face = cutter.cut(photo, given, (width * scale, height * scale))?.pop();
            face.map(|face| face.image).ok_or_else(|| self.is_gone())
        };
        Ok([cut(1)?, cut(scale)?])
    }

    /// The face at `face_box`, detected again.
    fn found_again(&self, detector: &dyn FaceDetector, photo: &RgbImage, face_box: Rect) -> Result<OneFace> {
        let found = detector.detect(&[photo])?.pop().unwrap_or_default();
        let overlap = |face: &Detection| face.face_box.iou(&face_box);
        let nearest = found.into_iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
        let mut face = nearest.filter(|face| overlap(face) >= SAME_BOX).ok_or_else(|| self.is_gone())?;
        face.landmarks = detector.refine(photo, &face).or(face.landmarks);
        Ok(OneFace(face))
    }

    fn is_gone(&self) -> LikenessError {
        LikenessError::FaceNotFound { path: self.path.clone() }
    }
}

/// A detector that finds one known face.
struct OneFace(Detection);

impl FaceDetector for OneFace {
    fn name(&self) -> &str {
        "known face"
    }

    fn detect(&self, images: &[&RgbImage]) -> likeness_data::Result<Vec<Vec<Detection>>> {
        Ok(images.iter().map(|_| vec![self.0.clone()]).collect())
    }
}
