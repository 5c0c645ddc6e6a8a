//! Faces by the Haar cascade: no network, no graphics card, OpenCV's XML files.
//!
//! One picture's way through this folder:
//!
//! 1. `grey` drops the colour;
//! 2. `pyramid` lists the sizes to look at and `resize` makes them, a strip of rows at a time (`tile`);
//! 3. `integral` sums the strip, so that any rectangle costs four reads;
//! 4. `scan` runs the `plan` made from the [`cascade`] (read by `xml`) over every window;
//! 5. `group` joins the windows that answered around one face, and their number is the face's score.
//!
//! Every step is arithmetically that of OpenCV 4's `CascadeClassifier::detectMultiScale`, so the boxes are the same.
//! Viola and Jones (2001), doi 10.1109/CVPR.2001.990517.

pub mod cascade;
mod grey;
mod group;
mod integral;
mod lanes;
mod plan;
mod pyramid;
mod resize;
mod scan;
mod tile;
#[cfg(test)]
mod twin;
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

/// The most windows of one picture that are joined: cascades that find faces answer to a few hundred.
const MAX_WINDOWS: usize = 100_000;

/// How a picture is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HaarConfig {
    /// How much smaller the picture gets from one size to the next; at least 1.01, OpenCV's default is 1.1.
    pub scale_factor: f64,
    /// A face needs more than this many windows around it; 0 gives every window by itself. OpenCV's default is 3.
    pub min_neighbors: u32,
    /// The smallest face in pixels; 0 for the cascade's window.
    pub min_face_px: u32,
    /// The largest face in pixels; 0 for the picture.
    pub max_face_px: u32,
    /// Spreads one picture over all cores; off by default, for callers that spread pictures over them.
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
/// The score of a [`Detection`] is the number of windows that answered (OpenCV's `numDetections`); there are no
/// landmarks.
#[derive(Debug)]
pub struct HaarDetector {
    cascade: Cascade,
    config: HaarConfig,
    idle: Mutex<Vec<Scratch>>,
}

impl HaarDetector {
    /// A detector for this cascade.
    ///
    /// # Errors
    /// As [`HaarConfig::validate`].
    pub fn new(cascade: Cascade, config: HaarConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { cascade, config, idle: Mutex::new(Vec::new()) })
    }

    /// A detector for the cascade in this file.
    ///
    /// # Errors
    /// As [`Cascade::read`] and [`HaarConfig::validate`].
    pub fn from_file(path: &Path, config: HaarConfig) -> Result<Self> {
        Self::new(Cascade::read(path)?, config)
    }

    /// The faces of one picture, surest first; among equals in the order of OpenCV.
    ///
    /// # Errors
    /// [`DataError::BadArgument`] for a cascade that turns hardly anything away: it answers to more than 100,000 windows
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
                "the cascade takes {} windows of the picture for faces, expected at most {MAX_WINDOWS}",
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

/// The group's box cut to the picture; none when nothing is left of it.
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
