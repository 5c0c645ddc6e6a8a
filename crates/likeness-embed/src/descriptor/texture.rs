//! Texture: histograms of uniform local binary patterns (LBP).
//!
//! RGB face in, shares of 59 patterns in every region of a grid out. The operator, 8 neighbours on a circle compared
//! with their centre, is from Ojala, Pietikäinen, Mäenpää (2002), TPAMI 24(7), section 2; histograms over a grid of
//! regions from Ahonen, Hadid, Pietikäinen: "Face Description with Local Binary Patterns" (2006), TPAMI 28(12),
//! section 3. Codes equal scikit-image's `local_binary_pattern(method="nri_uniform", P=8)` on the 8-bit
//! [grey](super::grey) picture bit for bit, rounding of the interpolated neighbours included.

use image::{GrayImage, RgbImage};

use super::embedder::{Describe, INPUT_SIZE};
use super::grey::grey;
use super::grid::bounds;

/// Patterns told apart: 58 uniform ones and one for all others.
pub(super) const PATTERNS: usize = 59;

/// How coarsely texture is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextureConfig {
    /// Regions along a side of the face.
    pub(super) grid: u32,
    /// Radius of the circle of neighbours, in pixels.
    pub(super) radius_px: usize,
}

impl Default for TextureConfig {
    fn default() -> Self {
        Self { grid: 5, radius_px: 2 }
    }
}

impl Describe for TextureConfig {
    const NAME: &'static str = "texture";
    const VERSION: u32 = 1;

    fn parameters(&self) -> String {
        let Self { grid, radius_px } = self;
        format!("grid={grid} radius={radius_px} neighbours=8 patterns={PATTERNS}")
    }

    fn dimension(&self) -> usize {
        (self.grid * self.grid) as usize * PATTERNS
    }

    fn describe(&self, face: &RgbImage) -> Vec<f32> {
        debug_assert_eq!(face.dimensions(), INPUT_SIZE);
        self.describe_grey(&grey(face))
    }
}

impl TextureConfig {
    /// Describes a face given as its grey picture.
    pub(super) fn describe_grey(&self, image: &GrayImage) -> Vec<f32> {
        let counts = self.counts(image);
        let mut descriptor = Vec::with_capacity(counts.len());
        for region in counts.chunks_exact(PATTERNS) {
            let pixels: u32 = region.iter().sum();
            let share = 1.0 / (pixels * self.grid * self.grid) as f32;
            descriptor.extend(region.iter().map(|&count| count as f32 * share));
        }
        descriptor
    }

    /// Counts the pixels of every region and pattern.
    ///
    /// # Shapes        output: [grid row, grid column, pattern], flattened
    pub(super) fn counts(&self, image: &GrayImage) -> Vec<u32> {
        let codes = patterns(image, self.radius_px);
        let (width, height) = image.dimensions();
        let (columns, rows) = (bounds(width, self.grid), bounds(height, self.grid));
        let mut counts = vec![0; self.dimension()];
        let mut regions = counts.chunks_exact_mut(PATTERNS);
        for row in rows.windows(2) {
            for column in columns.windows(2) {
                let region = regions.next().expect("as many histograms as regions");
                for y in row[0]..row[1] {
                    let line = width as usize * y;
                    for &code in &codes[line + column[0]..line + column[1]] {
                        region[usize::from(code)] += 1;
                    }
                }
            }
        }
        counts
    }
}

/// The pattern of every pixel, in 0..[`PATTERNS`].
///
/// # Conventions   pixels beyond the picture count as 0; a neighbour equal to its centre sets its bit
pub(super) fn patterns(image: &GrayImage, radius_px: usize) -> Vec<u8> {
    let labels = pattern_labels();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let circle = Circle::new(image, radius_px);
    let mut axis = vec![0; width];
    let mut diagonal = vec![0.0; width];
    let mut codes = Vec::with_capacity(width * height);
    for y in 0..height {
        circle.axis_bits(y, &mut axis);
        circle.diagonal_bits(y, &mut diagonal);
        codes.extend(axis.iter().zip(&diagonal).map(|(&a, &d)| labels[usize::from(a) | (d as i32 as usize)]));
    }
    codes
}

/// The label of each of the 256 bit patterns, where bit i says whether neighbour i reaches its centre.
///
/// Uniform patterns, one run of ones around the circle at most, are numbered by the length of the run and then by the
/// rotation that brings it there; all others share the last label.
fn pattern_labels() -> [u8; 256] {
    std::array::from_fn(|bits| {
        let bits = bits as u8;
        let ones = bits.count_ones();
        let changes = (bits ^ bits.rotate_right(1)).count_ones();
        let label = match (changes, ones) {
            (0, 0) => 0,
            (0, _) => 57,
            (2, _) => 1 + (ones - 1) * 8 + rotation(bits),
            _ => 58,
        };
        label as u8
    })
}

/// How far the single run of ones in `bits` lies from the place where rotations start, in 0..8.
fn rotation(bits: u8) -> u32 {
    if bits & 1 == 1 { bits.count_ones() - bits.trailing_ones() } else { 8 - bits.trailing_zeros() }
}

/// A picture framed by zeros, with everything needed to look around its pixels.
///
/// Neighbour i lies at the angle i · 45° from the right, counted against the clock: 0, 2, 4 and 6 on pixels, 1, 3, 5
/// and 7 between four of them. The latter are interpolated along the line first, which is shared by the neighbours
/// above and below, then between lines, in double precision and with each operation rounded as in the reference.
struct Circle {
    radius: usize,
    /// Whole pixels from the centre towards a diagonal neighbour.
    reach: usize,
    width: usize,
    framed: Vec<u8>,
    /// The framed picture interpolated at the diagonal neighbours' columns, to the left and to the right.
    left: Vec<f64>,
    right: Vec<f64>,
    /// Share of the lower of two lines, for the neighbours above and below, by line.
    above_share: Vec<f64>,
    below_share: Vec<f64>,
}

impl Circle {
    fn new(image: &GrayImage, radius: usize) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        // Five decimals, as the reference has it.
        let offset = (radius as f64 * std::f64::consts::FRAC_1_SQRT_2 * 1e5).round() / 1e5;
        let reach = offset.floor() as usize;
        let stride = width + 2 * radius;
        let mut framed = vec![0; stride * (height + 2 * radius)];
        for (y, line) in image.as_raw().chunks_exact(width.max(1)).enumerate() {
            let start = (y + radius) * stride + radius;
            framed[start..start + width].copy_from_slice(line);
        }
        let (left_share, right_share) = (shares(width, -offset), shares(width, offset));
        let mut left = vec![0.0; width * (height + 2 * radius)];
        let mut right = left.clone();
        let lines = framed.chunks_exact(stride).zip(left.chunks_exact_mut(width.max(1)));
        for ((line, left), right) in lines.zip(right.chunks_exact_mut(width.max(1))) {
            interpolate(&line[radius - reach - 1..], &left_share, left);
            interpolate(&line[radius + reach..], &right_share, right);
        }
        let (above_share, below_share) = (shares(height, -offset), shares(height, offset));
        Self { radius, reach, width, framed, left, right, above_share, below_share }
    }

    /// Bits 0, 2, 4 and 6 of line `y`'s pixels.
    fn axis_bits(&self, y: usize, bits: &mut [u8]) {
        let (r, width) = (self.radius, self.width);
        let stride = width + 2 * r;
        let line = |dy: usize, dx: usize| &self.framed[(y + dy) * stride + dx..][..width];
        let (centre, right, left) = (line(r, r), line(r, 2 * r), line(r, 0));
        let (above, below) = (line(0, r), line(2 * r, r));
        for (x, bits) in bits[..width].iter_mut().enumerate() {
            let c = centre[x];
            *bits = u8::from(right[x] >= c)
                | u8::from(above[x] >= c) << 2
                | u8::from(left[x] >= c) << 4
                | u8::from(below[x] >= c) << 6;
        }
    }

    /// Bits 1, 3, 5 and 7 of line `y`'s pixels, as whole numbers in floating point (which vectorises).
    fn diagonal_bits(&self, y: usize, bits: &mut [f64]) {
        let (r, reach, width) = (self.radius, self.reach, self.width);
        let centre = &self.framed[(y + r) * (width + 2 * r) + r..][..width];
        let above = (y + r - reach - 1, self.above_share[y]);
        let below = (y + r + reach, self.below_share[y]);
        bits.fill(0.0);
        let neighbours = [
            (2.0, &self.right, above),
            (8.0, &self.left, above),
            (32.0, &self.left, below),
            (128.0, &self.right, below),
        ];
        for (bit, columns, (line, share)) in neighbours {
            let upper = &columns[line * width..][..width];
            let lower = &columns[(line + 1) * width..][..width];
            for (x, bits) in bits[..width].iter_mut().enumerate() {
                let neighbour = (1.0 - share) * upper[x] + share * lower[x];
                *bits += if neighbour >= f64::from(centre[x]) { bit } else { 0.0 };
            }
        }
    }
}

/// Share of the later of two neighbouring pixels in the value at `i + offset`, for every pixel i.
///
/// The same for all i but for the rounding of `i + offset`, which decides comparisons on flat ground.
fn shares(extent: usize, offset: f64) -> Vec<f64> {
    (0..extent).map(|i| i as f64 + offset).map(|at| at - at.floor()).collect()
}

/// Values between each pixel of `line` and the next.
fn interpolate(line: &[u8], share: &[f64], between: &mut [f64]) {
    let width = between.len();
    let (before, after, share) = (&line[..width], &line[1..width + 1], &share[..width]);
    for x in 0..width {
        between[x] = (1.0 - share[x]) * f64::from(before[x]) + share[x] * f64::from(after[x]);
    }
}
