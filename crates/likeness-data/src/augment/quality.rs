//! Quality loss of photos: reduced resolution and JPEG compression.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{DynamicImage, RgbImage};

use super::{JpegConfig, LowResolutionConfig};
use crate::align::resize;
use crate::seed::RandomStream;
use crate::{DataError, Result};

/// Scales `face` down and up again, with the configured probability.
pub(super) fn low_resolution(
    face: &mut RgbImage,
    config: &LowResolutionConfig,
    dice: &mut RandomStream,
) -> Result<()> {
    if !dice.chance(config.probability) {
        return Ok(());
    }
    let share = dice.range(config.least_share, 1.0);
    let (width, height) = face.dimensions();
    let less = |side: u32| ((side as f32 * share).round() as u32).max(1);
    *face = resize(&resize(face, less(width), less(height))?, width, height)?;
    Ok(())
}

/// Compresses `face` as JPEG and decodes it, with the configured probability.
pub(super) fn jpeg(face: &mut RgbImage, config: &JpegConfig, dice: &mut RandomStream) -> Result<()> {
    if !dice.chance(config.probability) {
        return Ok(());
    }
    let [least, greatest] = config.quality.map(f32::from);
    let quality = dice.range(least, greatest + 1.0).min(greatest) as u8;
    *face = through_jpeg(face, quality)
        .map_err(|e| DataError::argument(format!("JPEG of a face of {} pixels: {e}", face.width())))?;
    Ok(())
}

fn through_jpeg(face: &RgbImage, quality: u8) -> image::ImageResult<RgbImage> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(face)?;
    Ok(DynamicImage::from_decoder(JpegDecoder::new(Cursor::new(bytes))?)?.into_rgb8())
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::seed::Purpose;

    fn waves() -> RgbImage {
        RgbImage::from_fn(64, 64, |x, y| {
            let wave = |a: f32, b: f32| (127.5 + 110.0 * (a * x as f32 + b * y as f32).sin()) as u8;
            Rgb([wave(0.2, 0.1), wave(0.05, 0.3), wave(0.6, -0.4)])
        })
    }

    fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
        let sum: f64 = a.iter().zip(b.iter()).map(|(p, q)| f64::from(p.abs_diff(*q)).powi(2)).sum();
        (sum / a.len() as f64).sqrt()
    }

    fn dice() -> RandomStream {
        RandomStream::new(Purpose::Augmentation, &[1])
    }

    #[test]
    fn lower_quality_loses_more() {
        let face = waves();
        let mut last = 0.0;
        for quality in [95, 60, 20, 5] {
            let mut after = face.clone();
            jpeg(&mut after, &JpegConfig { probability: 1.0, quality: [quality; 2] }, &mut dice()).unwrap();
            assert_eq!(after.dimensions(), face.dimensions());
            let lost = difference(&after, &face);
            assert!(lost > last && lost < 60.0, "quality {quality}: {lost} after {last}");
            last = lost;
        }
    }

    #[test]
    fn resolution_is_lost_but_not_the_mean() {
        let face = waves();
        let config = LowResolutionConfig { probability: 1.0, least_share: 0.2 };
        let mut after = face.clone();
        low_resolution(&mut after, &config, &mut dice()).unwrap();
        assert_eq!(after.dimensions(), face.dimensions());
        assert!(difference(&after, &face) > 1.0);
        let mean = |f: &RgbImage| f.iter().map(|v| f64::from(*v)).sum::<f64>() / f.len() as f64;
        assert!((mean(&after) - mean(&face)).abs() < 2.0);
        let mut tiny = RgbImage::from_pixel(1, 1, Rgb([9, 8, 7]));
        low_resolution(&mut tiny, &config, &mut dice()).unwrap();
        assert_eq!(tiny.get_pixel(0, 0).0, [9, 8, 7]);
    }
}
