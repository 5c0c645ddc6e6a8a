//! Encodes and writes the files of faces.

use crate::settings::FaceFormat;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use crate::Result;
use likeness_artifact::sha256_hex;

/// JPEG quality of faces; the artefacts are too small to affect networks.
const JPEG_QUALITY: u8 = 95;

impl FaceFormat {
    /// Encodes `face` in this format.
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

    /// Writes `face` to `path` atomically; the journal syncs the file later. Returns the file's length in bytes and its
    /// SHA-256.
    pub(super) fn write(self, face: &RgbImage, path: &Path) -> Result<(u64, String)> {
        let bytes = self.encode(face)?;
        likeness_artifact::write_unsynced(path, &bytes)?;
        Ok((bytes.len() as u64, sha256_hex(&bytes)))
    }
}
