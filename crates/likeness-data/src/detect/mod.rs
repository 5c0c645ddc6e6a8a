//! Face detection: a picture enters, boxes with a score and, from most networks, five landmarks leave.
//!
//! Detectors that need no inference engine live here; the ones that run a network are in `likeness-model`.

pub mod haar;
mod main_face;
mod suppress;

use image::RgbImage;

use crate::Result;
use crate::geometry::{Landmarks, Rect};

pub use main_face::FaceChoice;
pub use suppress::suppress;

/// One face found in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Where, in the picture's own pixels; may reach over its edges.
    pub face_box: Rect,
    /// How sure, larger is surer; the scale is the detector's own.
    pub score: f32,
    /// Eyes, nose and mouth corners, where the detector gives them.
    pub landmarks: Option<Landmarks>,
}

/// Finds faces in pictures.
pub trait FaceDetector: Send + Sync {
    /// The detector's short name, as it stands in a manifest.
    fn name(&self) -> &str;

    /// The faces of each picture, surest first; outer length as `images`.
    ///
    /// # Errors
    /// Only for a fault of the detector itself; a picture without a face is an empty list.
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<Detection>>>;
}
