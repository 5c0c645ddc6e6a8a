//! Gaussian blur, first along rows, then along columns; the border is mirrored about the outermost pixels.

use image::RgbImage;

use super::BlurConfig;
use crate::seed::RandomStream;

/// Blurs `face` with the configured probability.
pub(super) fn maybe_blur(face: &mut RgbImage, config: &BlurConfig, dice: &mut RandomStream) {
    if !dice.chance(config.probability) {
        return;
    }
    let [least, greatest] = config.sigma_share;
    blur(face, dice.range(least, greatest) * face.width() as f32);
}

/// Applies a Gaussian blur of standard deviation `sigma_px`, truncated at three standard deviations.
pub(super) fn blur(face: &mut RgbImage, sigma_px: f32) {
    let weights = weights(sigma_px);
    if weights.len() == 1 {
        return;
    }
    let (width, height) = (face.width() as usize, face.height() as usize);
    let stride = 3 * width;
    let radius = weights.len() / 2;
    let pixels: &mut [u8] = face;
    // Columns first: whole rows are added, and the compiler vectorises the additions.
    let mut rows = vec![0f32; pixels.len()];
    for (y, sums) in rows.chunks_exact_mut(stride).enumerate() {
        for (k, weight) in weights.iter().enumerate() {
            let from = mirrored(y as isize + k as isize - radius as isize, height);
            for (sum, value) in sums.iter_mut().zip(&pixels[from * stride..][..stride]) {
                *sum += weight * f32::from(*value);
            }
        }
    }
    let mut padded = vec![0f32; stride + 6 * radius];
    let mut sums = vec![0f32; stride];
    for (row, bytes) in rows.chunks_exact(stride).zip(pixels.chunks_exact_mut(stride)) {
        for (x, pixel) in padded.chunks_exact_mut(3).enumerate() {
            let from = mirrored(x as isize - radius as isize, width);
            pixel.copy_from_slice(&row[3 * from..3 * from + 3]);
        }
        sums.fill(0.5);
        for (k, weight) in weights.iter().enumerate() {
            for (sum, value) in sums.iter_mut().zip(&padded[3 * k..]) {
                *sum += weight * value;
            }
        }
        for (byte, sum) in bytes.iter_mut().zip(&sums) {
            *byte = *sum as u8;
        }
    }
}

/// Weights of the Gaussian at whole pixels, with sum 1; a single weight if the blur would change nothing.
fn weights(sigma_px: f32) -> Vec<f32> {
    let radius = (3.0 * sigma_px).ceil() as i32;
    if radius == 0 || sigma_px < 0.1 {
        return vec![1.0];
    }
    let at = |x: i32| (-0.5 * (x as f32 / sigma_px).powi(2)).exp();
    let sum: f32 = (-radius..=radius).map(at).sum();
    (-radius..=radius).map(|x| at(x) / sum).collect()
}

/// The position inside `0..length` that `at` is mirrored to, about the outermost pixels.
fn mirrored(at: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last == 0 {
        return 0;
    }
    let within = at.rem_euclid(2 * last);
    within.min(2 * last - within) as usize
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::seed::Purpose;

    /// Reference implementation: the sum over the square neighbourhood.
    fn reference(face: &RgbImage, sigma: f64) -> Vec<[f64; 3]> {
        let radius = (3.0 * sigma).ceil() as isize;
        let mirror = |mut v: isize, n: u32| {
            let last = n as isize - 1;
            while last > 0 && !(0..=last).contains(&v) {
                v = if v < 0 { -v } else { 2 * last - v };
            }
            v.clamp(0, last) as u32
        };
        let mut blurred = Vec::new();
        for (x, y, _) in face.enumerate_pixels() {
            let (mut sum, mut total) = ([0.0; 3], 0.0);
            for dy in -radius..=radius {
                for dx in -radius..=radius {
                    let weight = (-((dx * dx + dy * dy) as f64) / (2.0 * sigma * sigma)).exp();
                    let at = (mirror(x as isize + dx, face.width()), mirror(y as isize + dy, face.height()));
                    for (s, v) in sum.iter_mut().zip(face.get_pixel(at.0, at.1).0) {
                        *s += weight * f64::from(v);
                    }
                    total += weight;
                }
            }
            blurred.push(sum.map(|s| s / total));
        }
        blurred
    }

    #[test]
    fn rows_and_columns_equal_the_square() {
        let mut dice = RandomStream::new(Purpose::Augmentation, &[2]);
        for (width, height) in [(17, 12), (1, 9), (4, 1), (3, 3)] {
            let face = RgbImage::from_fn(width, height, |_, _| Rgb([0; 3].map(|_| dice.bits() as u8)));
            for sigma in [0.4f32, 1.0, 2.3] {
                let mut blurred = face.clone();
                blur(&mut blurred, sigma);
                for (found, expected) in blurred.pixels().zip(reference(&face, f64::from(sigma))) {
                    for (f, e) in found.0.iter().zip(expected) {
                        assert!((f64::from(*f) - e).abs() < 0.51, "{width}×{height} σ {sigma}: {f} {e}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_blur_of_nothing_changes_nothing() {
        let face = RgbImage::from_fn(9, 9, |x, y| Rgb([(x * y) as u8, 3, 200]));
        for sigma in [0.0, 0.05] {
            let mut blurred = face.clone();
            blur(&mut blurred, sigma);
            assert_eq!(blurred, face);
        }
    }
}
