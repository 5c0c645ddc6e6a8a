//! Face alignment: transforms a face with five landmarks to an upright face of a fixed size.
//!
//! [`similarity`] estimates the transform that maps the landmarks best onto a template. [`warp`] samples the face: by
//! bilinear interpolation when it is enlarged, by area averaging when it is reduced. [`crop_with_margin`] crops faces
//! without landmarks to squares.
//!
//! A [`Template`] is the one that ArcFace is trained with (Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face
//! Recognition", 2019, arXiv 1801.07698), or the crop of dlib's face recognition network (King, "High Quality Face Recognition
//! with Deep Metric Learning", 2017). Integer coordinates are pixel centres, in the template and in the landmarks, as in
//! OpenCV and in all published ArcFace pipelines.

mod crop;
mod resize;
pub mod similarity;
mod warp;

use image::RgbImage;

use crate::geometry::{Landmarks, Point};
use crate::{DataError, Result};

pub use crop::crop_with_margin;
pub use resize::{resize, resize_part};
pub use similarity::Similarity;
pub use warp::{Border, Sampling, WarpConfig, warp};

/// The five landmarks in a 112×112 face: left eye, right eye, nose tip, left and right mouth corner.
///
/// Source: the reference points of SphereFace and ArcFace, published with InsightFace.
pub const ARCFACE_112: Landmarks = [
    Point { x: 38.2946, y: 51.6963 },
    Point { x: 73.5318, y: 51.5014 },
    Point { x: 56.0252, y: 71.7366 },
    Point { x: 41.5493, y: 92.3655 },
    Point { x: 70.7299, y: 92.2041 },
];

/// The five landmarks in a 150×150 face as dlib's face recognition network expects it: left eye, right eye, nose tip, left and
/// right mouth corner.
///
/// dlib crops by landmarks of its own. The points are where a detector's landmarks lie in such crops on average.
pub const DLIB_150: Landmarks = [
    Point { x: 47.7, y: 47.1 },
    Point { x: 100.3, y: 47.1 },
    Point { x: 74.0, y: 77.1 },
    Point { x: 52.6, y: 107.8 },
    Point { x: 96.1, y: 107.7 },
];

/// The positions of the landmarks in an aligned face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// [`ARCFACE_112`].
    #[default]
    Arcface,
    /// [`DLIB_150`].
    Dlib,
}

impl Template {
    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arcface => "arcface",
            Self::Dlib => "dlib",
        }
    }

    /// The landmarks in a face of `size` × `size` pixels.
    ///
    /// # Examples
    /// ```
    /// use likeness_data::align::Template;
    ///
    /// assert!((Template::Arcface.landmarks(224)[0].x - 2.0 * 38.2946).abs() < 1e-4);
    /// ```
    pub fn landmarks(self, size: u32) -> Landmarks {
        let (points, side) = match self {
            Self::Arcface => (ARCFACE_112, 112.0),
            Self::Dlib => (DLIB_150, 150.0),
        };
        points.map(|p| Point { x: p.x * size as f32 / side, y: p.y * size as f32 / side })
    }

    /// The transform that maps `landmarks` of a picture onto this template in a face of `size` pixels.
    ///
    /// # Errors        landmarks that are not finite or determine no transform → [`DataError::BadArgument`]
    pub fn transform(self, landmarks: &Landmarks, size: u32) -> Result<Similarity> {
        Similarity::estimate(landmarks, &self.landmarks(size))
    }
}

/// Options of the alignment of a face by its landmarks.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignConfig {
    /// Width and height of the face, in pixels.
    pub size: u32,
    /// Where the landmarks lie in the face.
    pub template: Template,
    /// How pixels outside the picture are filled.
    pub border: Border,
    /// How pixels are sampled.
    pub sampling: Sampling,
}

impl Default for AlignConfig {
    /// The input of ArcFace networks: 112 pixels, black outside the picture.
    fn default() -> Self {
        Self {
            size: 112,
            template: Template::default(),
            border: Border::default(),
            sampling: Sampling::default(),
        }
    }
}

/// Rotates, scales and shifts the face at `landmarks` onto the template.
///
/// # Errors        landmarks that determine no transform, a size outside the limits of [`warp`] → [`DataError::BadArgument`]
/// # References    Deng et al. (2019), section 3.1
pub fn align(image: &RgbImage, landmarks: &Landmarks, config: &AlignConfig) -> Result<RgbImage> {
    let transform = config.template.transform(landmarks, config.size)?;
    let (border, sampling) = (config.border, config.sampling);
    warp(image, &transform, &WarpConfig { width: config.size, height: config.size, border, sampling })
}

/// The maximum side of an output face, in pixels.
const LARGEST_SIDE_PX: u32 = 8192;

/// Rejects face sizes of zero or above the maximum.
fn check_size(width: u32, height: u32) -> Result<()> {
    let ok = |side: u32| (1..=LARGEST_SIDE_PX).contains(&side);
    if ok(width) && ok(height) {
        return Ok(());
    }
    Err(DataError::argument(format!(
        "face size {width}×{height}: expected sides from 1 to {LARGEST_SIDE_PX} pixels"
    )))
}

/// Rejects pictures without pixels.
fn check_picture(image: &RgbImage) -> Result<()> {
    if image.width() == 0 || image.height() == 0 {
        return Err(DataError::argument(format!(
            "picture of {}×{} pixels: expected at least 1×1",
            image.width(),
            image.height()
        )));
    }
    Ok(())
}
