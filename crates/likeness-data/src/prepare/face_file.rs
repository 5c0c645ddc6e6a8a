//! The faces' files: encoding, and the time it may take.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::files::write_atomically;

/// JPEG quality of faces, where artefacts are below what networks react to.
const JPEG_QUALITY: u8 = 95;

/// The format of a face's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaceFormat {
    /// Lossless; compressed for speed.
    #[default]
    Png,
    /// Quality 95; about a fifth of the size.
    Jpeg,
}

impl FaceFormat {
    /// The file name extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
        }
    }

    /// The file's bytes.
    pub fn encode(self, face: &RgbImage) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(face.as_raw().len() / 2);
        match self {
            Self::Png => {
                let mut encoder = png::Encoder::new(&mut bytes, face.width(), face.height());
                encoder.set_color(png::ColorType::Rgb);
                encoder.set_compression(png::Compression::Fast);
                encoder.write_header()?.write_image_data(face.as_raw())?;
            }
            Self::Jpeg => JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
                .write_image(face.as_raw(), face.width(), face.height(), ExtendedColorType::Rgb8)
                .map_err(std::io::Error::other)?,
        }
        Ok(bytes)
    }

    /// Writes `face` to `path`, whole or not at all; returns the file's length in bytes.
    pub(super) fn write(self, face: &RgbImage, path: &Path) -> Result<u64> {
        let bytes = self.encode(face)?;
        write_atomically(path, |file| file.write_all(&bytes))?;
        Ok(bytes.len() as u64)
    }
}
