//! Changes brightness, contrast, saturation and hue, or removes colour, by one affine map of a pixel's three values.
//!
//! Each change is linear in the pixel: brightness scales it, contrast scales its difference from the picture's mean
//! lightness, saturation scales its difference from its own lightness, hue rotates it about the grey axis in the YIQ colour
//! space, and grey is a saturation of 0. The changes are composed, and values are rounded and clamped once. torchvision's
//! `ColorJitter` rounds and clamps after each change, and its hue rotates HSV, which is not linear.

use image::RgbImage;

use super::ColourConfig;
use crate::seed::RandomStream;

/// Weights of red, green and blue in the lightness (ITU-R BT.601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Changes the colours of `face`, or removes them, with the configured probabilities.
pub(super) fn colour(
    face: &mut RgbImage,
    config: &ColourConfig,
    grey: f32,
    dice: &mut RandomStream,
    grey_dice: &mut RandomStream,
) {
    let mut change = Affine::IDENTITY;
    if dice.chance(config.probability) {
        let mut factor = |reach: f32| 1.0 + dice.range(-reach, reach);
        let (brightness, contrast) = (factor(config.brightness), factor(config.contrast));
        let saturation = factor(config.saturation);
        let turn = dice.range(-config.hue, config.hue);
        change = Affine::brightness(brightness)
            .then(&Affine::contrast(contrast, brightness * mean_lightness(face)))
            .then(&Affine::saturation(saturation))
            .then(&Affine::hue(turn));
    }
    if grey_dice.chance(grey) {
        change = change.then(&Affine::saturation(0.0));
    }
    if change != Affine::IDENTITY {
        change.apply(face);
    }
}

/// Mean lightness of a picture's pixels; 0 for an empty picture.
fn mean_lightness(face: &RgbImage) -> f32 {
    let mut sums = [0u64; 3];
    for pixel in face.as_raw().chunks_exact(3) {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(*value);
        }
    }
    let count = (face.as_raw().len() / 3).max(1) as f64;
    sums.iter().zip(LUMA).map(|(sum, share)| (*sum as f64 / count) as f32 * share).sum()
}

/// An affine map of a pixel's values: `matrix` · values + `offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Affine {
    matrix: [[f32; 3]; 3],
    offset: [f32; 3],
}

impl Affine {
    const IDENTITY: Self =
        Self { matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], offset: [0.0; 3] };

    fn brightness(factor: f32) -> Self {
        Self { matrix: Self::IDENTITY.matrix.map(|row| row.map(|v| v * factor)), offset: [0.0; 3] }
    }

    fn contrast(factor: f32, mean: f32) -> Self {
        Self { offset: [mean * (1.0 - factor); 3], ..Self::brightness(factor) }
    }

    fn saturation(factor: f32) -> Self {
        let mut matrix = Self::brightness(factor).matrix;
        for row in &mut matrix {
            for (value, share) in row.iter_mut().zip(LUMA) {
                *value += (1.0 - factor) * share;
            }
        }
        Self { matrix, offset: [0.0; 3] }
    }

    /// Rotates the chrominance plane of YIQ by `turn` of a full circle.
    fn hue(turn: f32) -> Self {
        const TO_YIQ: [[f32; 3]; 3] = [LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]];
        let (sin, cos) = (turn * std::f32::consts::TAU).sin_cos();
        let rotation = [[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]];
        let matrix = product(&product(&inverse(&TO_YIQ), &rotation), &TO_YIQ);
        Self { matrix, offset: [0.0; 3] }
    }

    /// The composition: this map, followed by `next`.
    fn then(&self, next: &Self) -> Self {
        let moved = next.matrix.map(|row| dot(&row, &self.offset));
        let offset = [0, 1, 2].map(|c| moved[c] + next.offset[c]);
        Self { matrix: product(&next.matrix, &self.matrix), offset }
    }

    fn apply(&self, face: &mut RgbImage) {
        // Half a level is added to round.
        let [r, g, b] = self.matrix;
        let offset = self.offset.map(|o| o + 0.5);
        for pixel in face.chunks_exact_mut(3) {
            let values = [pixel[0], pixel[1], pixel[2]].map(f32::from);
            // `as` clamps to the range of u8.
            pixel[0] = (dot(&r, &values) + offset[0]) as u8;
            pixel[1] = (dot(&g, &values) + offset[1]) as u8;
            pixel[2] = (dot(&b, &values) + offset[2]) as u8;
        }
    }
}

fn dot(a: &[f32; 3], b: &[f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn product(a: &[[f32; 3]; 3], b: &[[f32; 3]; 3]) -> [[f32; 3]; 3] {
    a.map(|row| [0, 1, 2].map(|c| dot(&row, &[b[0][c], b[1][c], b[2][c]])))
}

/// The inverse by cofactors; the matrix must be invertible.
fn inverse(m: &[[f32; 3]; 3]) -> [[f32; 3]; 3] {
    let minor = |r: usize, c: usize| {
        let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f32 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    [0, 1, 2].map(|r| [0, 1, 2].map(|c| minor(c, r) / determinant))
}

#[cfg(test)]
#[path = "colour_tests.rs"]
mod tests;
