//! Face detection with a Haar cascade: no network, no GPU, OpenCV's XML files.
//!
//! The steps for one picture:
//!
//! 1. `grey` converts it to grey.
//! 2. `pyramid` lists the sizes to scan, and `resize` computes them, a strip of rows at a time (`tile`).
//! 3. `integral` computes integral images of the strip, so that the sum of any rectangle needs four reads.
//! 4. `scan` evaluates the `plan`, made from the [`cascade`] (read by `xml`), in every window.
//! 5. `group` merges the accepted windows around each face; their number is the face's score.
//!
//! Every step computes exactly what OpenCV 4's `CascadeClassifier::detectMultiScale` computes, so the boxes are the same.
//! Viola and Jones (2001), doi 10.1109/CVPR.2001.990517.

pub mod cascade;
mod grey;
mod group;
mod integral;
mod lanes;
mod plan;
mod pyramid;
#[cfg(test)]
mod reference;
mod resize;
mod scan;
mod tile;
mod xml;

use std::path::Path;
use std::sync::Mutex;

use image::RgbImage;
use serde::{Deserialize, Serialize};

pub use self::cascade::Cascade;

use self::group::{Group, group};
use self::pyramid::{PixelRect, layers};
use self::tile::{Scratch, Search};
use super::{Detection, FaceDetector};
use crate::geometry::Rect;
use crate::{DataError, Result};

/// The maximum number of accepted windows in a picture; cascades that find faces accept a few hundred.
const MAX_WINDOWS: usize = 100_000;

/// Options of the search in a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HaarConfig {
    /// The scale factor between consecutive sizes of the picture; at least 1.01, OpenCV's default is 1.1.
    pub scale_factor: f64,
    /// A face needs more than this many accepted windows; 0 returns every window by itself. OpenCV's default is 3.
    pub min_neighbors: u32,
    /// The minimum face size in pixels; 0 means the cascade's window.
    pub min_face_px: u32,
    /// The maximum face size in pixels; 0 means the picture's size.
    pub max_face_px: u32,
    /// Distributes one picture over all cores; off by default, for callers that distribute pictures over cores.
    pub parallel: bool,
}

impl Default for HaarConfig {
    fn default() -> Self {
        Self { scale_factor: 1.1, min_neighbors: 3, min_face_px: 0, max_face_px: 0, parallel: false }
    }
}

impl HaarConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// [`DataError::BadArgument`] for a scale factor below 1.01 or not finite, or a largest face below the smallest.
    pub fn validate(&self) -> Result<()> {
        if !(self.scale_factor.is_finite() && self.scale_factor >= 1.01) {
            let given = self.scale_factor;
            return Err(DataError::argument(format!("scale_factor is {given}, expected at least 1.01")));
        }
        if self.max_face_px != 0 && self.max_face_px < self.min_face_px {
            let (most, least) = (self.max_face_px, self.min_face_px);
            return Err(DataError::argument(format!("max_face_px is {most}, below min_face_px, {least}")));
        }
        Ok(())
    }
}

/// Finds faces with a Haar cascade.
///
/// The score of a [`Detection`] is the number of accepted windows (OpenCV's `numDetections`). There are no
/// landmarks.
#[derive(Debug)]
pub struct HaarDetector {
    cascade: Cascade,
    config: HaarConfig,
    idle: Mutex<Vec<Scratch>>,
}

impl HaarDetector {
    /// Creates a detector from a cascade.
    ///
    /// # Errors
    /// The errors of [`HaarConfig::validate`].
    pub fn new(cascade: Cascade, config: HaarConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { cascade, config, idle: Mutex::new(Vec::new()) })
    }

    /// Creates a detector from a cascade file.
    ///
    /// # Errors
    /// The errors of [`Cascade::read`] and [`HaarConfig::validate`].
    pub fn from_file(path: &Path, config: HaarConfig) -> Result<Self> {
        Self::new(Cascade::read(path)?, config)
    }

    /// Finds the faces in one picture, highest score first; faces with equal scores are in OpenCV's order.
    ///
    /// # Errors
    /// [`DataError::BadArgument`] for a cascade that rejects hardly any window: it accepts more than 100,000 windows
    /// of the picture.
    pub fn detect_one(&self, image: &RgbImage) -> Result<Vec<Detection>> {
        let (width, height) = image.dimensions();
        let mut scratch = self.lock_idle().pop().unwrap_or_default();
        let layers = layers(self.cascade.window(), (width, height), &self.config);
        let search = Search { cascade: &self.cascade, layers: &layers, parallel: self.config.parallel };
        let windows = search.scan(image, &mut scratch);
        self.lock_idle().push(scratch);
        if windows.len() > MAX_WINDOWS {
            return Err(DataError::argument(format!(
                "the cascade accepts {} windows of the picture as faces, expected at most {MAX_WINDOWS}",
                windows.len()
            )));
        }
        let mut groups = group(&windows, self.config.min_neighbors);
        groups.sort_by_key(|group| std::cmp::Reverse(group.neighbours));
        Ok(groups.into_iter().filter_map(|group| detection(group, width, height)).collect())
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl FaceDetector for HaarDetector {
    fn name(&self) -> &str {
        "haar"
    }

    fn detect(&self, images: &[&RgbImage]) -> Result<Vec<Vec<Detection>>> {
        images.iter().map(|image| self.detect_one(image)).collect()
    }
}

/// Clips the group's box to the picture; `None` if nothing is left of it.
fn detection(Group { rect, neighbours }: Group, width: u32, height: u32) -> Option<Detection> {
    let PixelRect { x, y, width: w, height: h } = rect;
    let (left, top) = (x.max(0), y.max(0));
    let right = (i64::from(x) + i64::from(w)).min(i64::from(width));
    let bottom = (i64::from(y) + i64::from(h)).min(i64::from(height));
    let face_box = Rect::new(
        left as f32,
        top as f32,
        (right - i64::from(left)) as f32,
        (bottom - i64::from(top)) as f32,
    );
    face_box.is_valid().then_some(Detection { face_box, score: neighbours as f32, landmarks: None })
}
