//! Pixels of finished pictures: conversions between the crates that draw and the one that encodes.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{Rgb, RgbImage};
use tiny_skia::{Color, Pixmap};

/// The colour in the form that tiny-skia takes.
pub(crate) fn color(Rgb([red, green, blue]): Rgb<u8>) -> Color {
    Color::from_rgba8(red, green, blue, 255)
}

/// The pixels of `pixmap`, which must be opaque.
pub(crate) fn to_rgb(pixmap: &Pixmap) -> RgbImage {
    let bytes = pixmap.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    RgbImage::from_raw(pixmap.width(), pixmap.height(), bytes).expect("the buffer has the picture's size")
}

/// `image` as an encoded PNG.
///
/// # Errors        the encoder fails: the picture has no pixels, or is beyond the encoder's limits
pub(crate) fn encode_png(image: &RgbImage, compression: CompressionType) -> std::io::Result<Vec<u8>> {
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, compression, FilterType::Adaptive);
    image.write_with_encoder(encoder).map_err(std::io::Error::other)?;
    Ok(png)
}
