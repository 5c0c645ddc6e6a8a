//! Face detection: finds boxes with a score and, with most networks, five landmarks in a picture.
//!
//! This module contains the detectors that need no inference engine; those that run a network are in `likeness-embed`.

pub mod haar;
mod main_face;
mod suppress;

use image::RgbImage;

use crate::Result;
use crate::geometry::{Landmarks, Rect};

pub use main_face::FaceChoice;
pub use suppress::suppress;

/// A face found in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// The face's box in pixels of the picture; it may extend over the picture's edges.
    pub face_box: Rect,
    /// Confidence, on the detector's own scale; larger is more certain.
    pub score: f32,
    /// Eyes, nose and mouth corners; `None` if the detector does not find landmarks.
    pub landmarks: Option<Landmarks>,
}

/// Finds faces in pictures.
pub trait FaceDetector: Send + Sync {
    /// The detector's short name, as written in a manifest.
    fn name(&self) -> &str;

    /// Finds the faces in each picture, highest score first; one list for each of `images`.
    ///
    /// # Errors
    /// Only for an error of the detector itself; a picture without a face gives an empty list.
    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<Detection>>>;

    /// Finds the landmarks of a detected face again, more exactly, at higher cost; `None` keeps the detected ones.
    fn refine(&self, _image: &RgbImage, _detection: &Detection) -> Option<Landmarks> {
        None
    }
}
