//! The tones of a picture: brightness, sharpness, entropy and colour.
//!
//! | value | definition |
//! |---|---|
//! | luma | `0.299 R + 0.587 G + 0.114 B` of a pixel (ITU-R BT.601), from 0 to 255 |
//! | brightness | mean luma |
//! | percentile | smallest luma that at least this share of the pixels does not exceed |
//! | sharpness | variance of the four-neighbour Laplacian of the luma (Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000, doi 10.1109/ICPR.2000.903548) |
//! | entropy | `−Σ p log₂ p` over the 256 levels of luma (Shannon 1948), from 0 to 8 bits |
//! | chroma | 99th percentile over the pixels of max(R, G, B) − min(R, G, B), from 0 to 255 |

use image::RgbImage;

/// Levels of luma.
const LEVELS: usize = 256;

/// The tones of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// Mean luma, from 0 to 255.
    pub brightness: f32,
    /// The 5th percentile of luma, from 0 to 255.
    pub darkest: u8,
    /// The 99th percentile of luma, from 0 to 255.
    pub brightest: u8,
    /// Shannon entropy of the luma histogram in bits, from 0 to 8.
    pub entropy: f32,
    /// The 99th percentile of the difference between the largest and the smallest channel of a pixel, from 0 to 255.
    pub chroma: u8,
}

impl Tone {
    /// The tones of `picture`.
    ///
    /// # Conventions   a picture without pixels is black
    /// # Examples
    /// ```
    /// use image::{Rgb, RgbImage};
    /// use likeness_data::inspect::Tone;
    /// let halves = RgbImage::from_fn(8, 8, |x, _| Rgb([if x < 4 { 0 } else { 200 }; 3]));
    /// let tone = Tone::of(&halves);
    /// assert_eq!((tone.brightness, tone.darkest, tone.brightest), (100.0, 0, 200));
    /// assert_eq!((tone.entropy, tone.chroma), (1.0, 0));
    /// ```
    pub fn of(picture: &RgbImage) -> Self {
        let (mut lumas, mut chromas, mut sum) = ([0_u64; LEVELS], [0_u64; LEVELS], 0.0_f64);
        for pixel in picture.pixels() {
            let luma = luma(pixel);
            sum += f64::from(luma);
            lumas[luma.round() as usize] += 1;
            let [r, g, b] = pixel.0;
            chromas[usize::from(r.max(g).max(b) - r.min(g).min(b))] += 1;
        }
        let count = (f64::from(picture.width()) * f64::from(picture.height())).max(1.0);
        Self {
            brightness: (sum / count) as f32,
            darkest: percentile(&lumas, 0.05),
            brightest: percentile(&lumas, 0.99),
            entropy: entropy(&lumas),
            chroma: percentile(&chromas, 0.99),
        }
    }
}

/// The luma of a pixel, from 0 to 255.
pub(crate) fn luma(pixel: &image::Rgb<u8>) -> f32 {
    let [r, g, b] = pixel.0.map(f32::from);
    0.299 * r + 0.587 * g + 0.114 * b
}

/// The smallest level that at least `share` of the pixels does not exceed.
fn percentile(histogram: &[u64; LEVELS], share: f64) -> u8 {
    let total: u64 = histogram.iter().sum();
    let mut below = 0;
    for (level, count) in (0..=u8::MAX).zip(histogram) {
        below += count;
        if below as f64 >= share * total as f64 {
            return level;
        }
    }
    u8::MAX
}

fn entropy(histogram: &[u64; LEVELS]) -> f32 {
    let total = histogram.iter().sum::<u64>() as f64;
    let bits = histogram.iter().filter(|count| **count > 0).map(|count| {
        let share = *count as f64 / total;
        -share * share.log2()
    });
    bits.sum::<f64>() as f32
}

/// Variance of the four-neighbour Laplacian of the picture's luma: small for a blurred picture.
///
/// # Conventions   0 for a picture of less than 3 × 3 pixels; the value depends on the size of the picture, so compare pictures
/// of one size
/// # Examples
/// ```
/// use image::{Rgb, RgbImage};
/// use likeness_data::inspect::laplacian_variance;
/// let flat = RgbImage::from_pixel(9, 9, Rgb([120; 3]));
/// let board = RgbImage::from_fn(9, 9, |x, y| Rgb([if (x + y) % 2 == 0 { 0 } else { 255 }; 3]));
/// assert_eq!(laplacian_variance(&flat), 0.0);
/// assert!(laplacian_variance(&board) > 1_000_000.0);
/// ```
pub fn laplacian_variance(picture: &RgbImage) -> f32 {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let grey: Vec<f32> = picture.pixels().map(luma).collect();
    let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let at = y * width + x;
            let value = grey[at - 1] + grey[at + 1] + grey[at - width] + grey[at + width] - 4.0 * grey[at];
            sum += f64::from(value);
            squares += f64::from(value * value);
        }
    }
    let count = ((width - 2) * (height - 2)) as f64;
    (squares / count - (sum / count).powi(2)).max(0.0) as f32
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn tones_of_constants_and_of_nothing() {
        for (level, count) in [(0, 1), (255, 4), (90, 0)] {
            let tone = Tone::of(&RgbImage::from_pixel(count, count, Rgb([level; 3])));
            let level = if count == 0 { 0 } else { level };
            assert!((tone.brightness - f32::from(level)).abs() < 1e-3, "{tone:?}");
            assert_eq!((tone.darkest, tone.brightest, tone.entropy, tone.chroma), (level, level, 0.0, 0));
        }
    }

    #[test]
    fn colour_and_entropy_are_measured() {
        let ramp =
            RgbImage::from_fn(256, 2, |x, y| Rgb([x as u8, x as u8, if y == 0 { x as u8 } else { 0 }]));
        let tone = Tone::of(&ramp);
        assert!(tone.entropy > 7.0 && tone.chroma > 240, "{tone:?}");
        assert_eq!(laplacian_variance(&RgbImage::new(2, 9)), 0.0);
    }

    #[test]
    fn blur_lowers_the_variance() {
        let sharp =
            RgbImage::from_fn(64, 64, |x, y| Rgb([if (x / 4 + y / 4) % 2 == 0 { 20 } else { 220 }; 3]));
        let blurred = image::imageops::blur(&sharp, 2.0);
        assert!(laplacian_variance(&blurred) < laplacian_variance(&sharp) / 20.0);
    }
}
