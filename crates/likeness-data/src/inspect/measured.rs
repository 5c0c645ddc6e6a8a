//! The values of one picture that the checks need.

use image::RgbImage;

use super::{PictureHash, Tone, laplacian_variance};
use crate::scale::{Filter, scale};

/// Longer side of the picture whose sharpness is measured, in pixels; smaller pictures are measured as they are.
const SHARPNESS_PX: u32 = 256;

/// The values of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Brightness, entropy and colour.
    pub tone: Tone,
    /// Variance of the Laplacian of the picture, scaled down to at most 256 pixels.
    pub sharpness: f32,
    /// The perceptual hash; `None` without pixels.
    pub hash: Option<PictureHash>,
    /// Number of faces; `None` if no detector looked.
    pub faces: Option<usize>,
}

impl Measured {
    /// Measures `picture`, the content of the file with the checksum `sha256`.
    pub fn of(picture: &RgbImage, sha256: String) -> Self {
        let (width, height) = picture.dimensions();
        let longer = width.max(height);
        let sharpness = if longer > SHARPNESS_PX {
            let side =
                |side: u32| (u64::from(side) * u64::from(SHARPNESS_PX) / u64::from(longer)).max(1) as u32;
            laplacian_variance(&scale(picture, (side(width), side(height)), Filter::Bilinear))
        } else {
            laplacian_variance(picture)
        };
        Self {
            sha256,
            size: (width, height),
            tone: Tone::of(picture),
            sharpness,
            hash: PictureHash::of(picture),
            faces: None,
        }
    }
}
