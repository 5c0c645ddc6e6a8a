//! Samples a face from a picture by a transform.
//!
//! An enlarged face is sampled by bilinear interpolation. For a reduced face, bilinear interpolation alone would skip pixels
//! and alias. [`Sampling::Area`] therefore averages the whole footprint of every face pixel: the part of the picture under
//! the face is first reduced to twice the face's resolution with a Hamming filter, and each face pixel is the mean of
//! 2×2 bilinear samples.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::resize::shrink;
use super::{Similarity, check_picture, check_size};
use crate::Result;
use crate::geometry::Rect;
use crate::scale::Filter;

/// How pixels outside the picture are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Border {
    /// Black, as in ArcFace's own pipelines.
    #[default]
    Black,
    /// The value of the nearest pixel of the picture.
    Replicate,
}

/// How the pixels of a face are sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// Bilinear interpolation at every scale, as OpenCV's `warpAffine` with `INTER_LINEAR`.
    Bilinear,
    /// Bilinear interpolation when enlarging, the mean over each pixel's footprint when reducing.
    #[default]
    Area,
}

/// Size and sampling of the output face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarpConfig {
    /// Width of the face, in pixels.
    pub width: u32,
    /// Height of the face, in pixels.
    pub height: u32,
    /// How pixels outside the picture are filled.
    pub border: Border,
    /// How pixels are sampled.
    pub sampling: Sampling,
}

impl Default for WarpConfig {
    fn default() -> Self {
        Self { width: 112, height: 112, border: Border::default(), sampling: Sampling::default() }
    }
}

/// Computes the face; its pixel (u, v) is the picture's value at `to_face`⁻¹(u, v).
///
/// # Units         coordinates count pixels at their centres: (0, 0) is the middle of the top-left pixel
/// # Conventions   [`Sampling::Bilinear`] equals OpenCV's `warpAffine(INTER_LINEAR)` within one level; versions of
/// OpenCV that round positions to 1/32 pixel differ by up to 1/64 of the steepest local contrast
/// # Errors        an empty picture, a face side outside 1 to 8192 → [`DataError::BadArgument`](crate::DataError)
pub fn warp(image: &RgbImage, to_face: &Similarity, config: &WarpConfig) -> Result<RgbImage> {
    check_picture(image)?;
    check_size(config.width, config.height)?;
    let to_picture = Affine(to_face.inverse().matrix());
    let footprint_px = 1.0 / to_face.scale();
    if config.sampling == Sampling::Bilinear || footprint_px <= 1.0 {
        return Ok(sample(image, &to_picture, config, &[(0.0, 0.0)]));
    }
    const QUARTERS: [(f64, f64); 4] = [(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)];
    match shrunk(image, &to_picture, config, footprint_px / 2.0)? {
        Some((small, to_small)) => Ok(sample(&small, &to_small, config, &QUARTERS)),
        None => Ok(sample(image, &to_picture, config, &QUARTERS)),
    }
}

/// A 2×3 matrix in row-major order.
struct Affine([f64; 6]);

impl Affine {
    fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        let m = &self.0;
        (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5])
    }
}

/// The part of the picture under the face, reduced by about `factor`, and the transform from the face into it.
///
/// `None` if reducing it gains nothing.
fn shrunk(
    image: &RgbImage,
    to_picture: &Affine,
    config: &WarpConfig,
    factor: f64,
) -> Result<Option<(RgbImage, Affine)>> {
    let Some(part) = part_under(image, to_picture, config, 3.0 * factor + 2.0) else { return Ok(None) };
    let width = (f64::from(part.width) / factor).ceil().max(1.0) as u32;
    let height = (f64::from(part.height) / factor).ceil().max(1.0) as u32;
    if factor <= 1.0 || (f64::from(width), f64::from(height)) == (part.width.into(), part.height.into()) {
        return Ok(None);
    }
    let small = shrink(image, &part, (width, height), Filter::Hamming)?;
    let (by_x, by_y) = (f64::from(width) / f64::from(part.width), f64::from(height) / f64::from(part.height));
    let m = &to_picture.0;
    let (left, top) = (f64::from(part.left), f64::from(part.top));
    // With pixel centres, the middle of the first pixel is half a pixel from the part's edge, at both sizes.
    let to_small = Affine([
        m[0] * by_x,
        m[1] * by_x,
        (m[2] + 0.5 - left) * by_x - 0.5,
        m[3] * by_y,
        m[4] * by_y,
        (m[5] + 0.5 - top) * by_y - 0.5,
    ]);
    Ok(Some((small, to_small)))
}

/// The whole pixels of the picture that the face covers, plus `margin`; `None` if it covers none.
fn part_under(image: &RgbImage, to_picture: &Affine, config: &WarpConfig, margin: f64) -> Option<Rect> {
    let (width, height) = (f64::from(config.width), f64::from(config.height));
    let corners =
        [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)].map(|(x, y)| to_picture.apply(x, y));
    let bounds = |pick: fn(&(f64, f64)) -> f64, limit: u32| {
        let low = corners.iter().map(pick).fold(f64::INFINITY, f64::min);
        let high = corners.iter().map(pick).fold(f64::NEG_INFINITY, f64::max);
        let limit = f64::from(limit);
        let (low, high) =
            ((low - margin).floor().clamp(0.0, limit), (high + margin).ceil().clamp(0.0, limit));
        (high > low).then_some((low as f32, (high - low) as f32))
    };
    let (left, across) = bounds(|c| c.0, image.width())?;
    let (top, down) = bounds(|c| c.1, image.height())?;
    Some(Rect::new(left, top, across, down))
}

/// Fractional bits of a fixed-point position. The integer part holds 2³³ pixels, enough for all scales of [`Similarity`].
const POSITION_BITS: u32 = 28;
/// Bits of a bilinear weight: four samples of 8 bits, weighted twice, fill 32 bits.
const WEIGHT_BITS: u32 = 11;

/// Computes every face pixel as the mean of bilinear samples at its centre plus each of `offsets` (one or four).
fn sample(image: &RgbImage, to_picture: &Affine, config: &WarpConfig, offsets: &[(f64, f64)]) -> RgbImage {
    let source = Source::new(image, config.border);
    let m = &to_picture.0;
    let (step_x, step_y) = (fixed(m[0]), fixed(m[3]));
    // Half a weight is added, so that truncating a position to its weight rounds it.
    let half = 1i64 << (POSITION_BITS - WEIGHT_BITS - 1);
    let steps: Vec<_> = offsets
        .iter()
        .map(|(x, y)| (fixed(m[0] * x + m[1] * y) + half, fixed(m[3] * x + m[4] * y) + half))
        .collect();
    let shift = 2 * WEIGHT_BITS + offsets.len().ilog2();
    let mut face = RgbImage::new(config.width, config.height);
    for (v, row) in face.chunks_exact_mut(3 * config.width as usize).enumerate() {
        let start = to_picture.apply(0.0, v as f64);
        let (mut x, mut y) = (fixed(start.0), fixed(start.1));
        for pixel in row.chunks_exact_mut(3) {
            let mut sum = [1u32 << (shift - 1); 3];
            for (dx, dy) in &steps {
                source.add_bilinear(x + dx, y + dy, &mut sum);
            }
            for (byte, value) in pixel.iter_mut().zip(sum) {
                *byte = (value >> shift) as u8;
            }
            (x, y) = (x + step_x, y + step_y);
        }
    }
    face
}

/// `position` in fixed point with [`POSITION_BITS`] fractional bits; far positions are clamped so that sums do not overflow.
fn fixed(position: f64) -> i64 {
    const FAR: f64 = (1u64 << 60) as f64;
    (position * f64::from(1u32 << POSITION_BITS)).round().clamp(-FAR, FAR) as i64
}

/// A picture that can be sampled at any position.
struct Source<'a> {
    pixels: &'a [u8],
    width: i64,
    height: i64,
    border: Border,
}

impl<'a> Source<'a> {
    fn new(image: &'a RgbImage, border: Border) -> Self {
        Self { pixels: image.as_raw(), width: image.width().into(), height: image.height().into(), border }
    }

    /// Adds the bilinear value at the fixed-point position (x, y), times 2^(2·[`WEIGHT_BITS`]), to `sum`.
    #[inline]
    fn add_bilinear(&self, x: i64, y: i64, sum: &mut [u32; 3]) {
        const WHOLE: u32 = 1 << WEIGHT_BITS;
        let share = |position: i64| (position >> (POSITION_BITS - WEIGHT_BITS)) as u32 & (WHOLE - 1);
        let (left, top) = (x >> POSITION_BITS, y >> POSITION_BITS);
        let (wx, wy) = ([WHOLE - share(x), share(x)], [WHOLE - share(y), share(y)]);
        if left >= 0 && top >= 0 && left < self.width - 1 && top < self.height - 1 {
            let stride = 3 * self.width as usize;
            let first = top as usize * stride + 3 * left as usize;
            let upper = &self.pixels[first..first + 6];
            let lower = &self.pixels[first + stride..first + stride + 6];
            for c in 0..3 {
                let above = wx[0] * u32::from(upper[c]) + wx[1] * u32::from(upper[c + 3]);
                let below = wx[0] * u32::from(lower[c]) + wx[1] * u32::from(lower[c + 3]);
                sum[c] += wy[0] * above + wy[1] * below;
            }
            return;
        }
        for (j, wy) in wy.into_iter().enumerate() {
            for (i, wx) in wx.into_iter().enumerate() {
                let pixel = self.pixel(left + i as i64, top + j as i64);
                for (s, p) in sum.iter_mut().zip(pixel) {
                    *s += wx * wy * u32::from(p);
                }
            }
        }
    }

    /// The pixel at (x, y); outside the picture the border decides its value.
    fn pixel(&self, x: i64, y: i64) -> [u8; 3] {
        let (inside_x, inside_y) = (x.clamp(0, self.width - 1), y.clamp(0, self.height - 1));
        if self.border == Border::Black && (inside_x, inside_y) != (x, y) {
            return [0; 3];
        }
        let first = 3 * (inside_y * self.width + inside_x) as usize;
        [self.pixels[first], self.pixels[first + 1], self.pixels[first + 2]]
    }
}

#[cfg(test)]
#[path = "warp_tests.rs"]
mod tests;
