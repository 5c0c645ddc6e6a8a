//! Edges: histograms of oriented gradients (HOG).
//!
//! RGB face in, contrast-normalised histograms of gradient directions out, from Dalal, Triggs: "Histograms of Oriented
//! Gradients for Human Detection" (2005), sections 6.2 to 6.4. Numbers equal scikit-image's `hog` with 9 orientations,
//! blocks of 2×2 cells and `L2-Hys` on the 8-bit [grey](super::grey) picture: a pixel votes for one direction and one
//! cell only, where the paper interpolates between neighbours.

use image::{GrayImage, RgbImage};

use super::embedder::{Describe, INPUT_SIZE};
use super::grey::grey;

/// Bins of the direction, over 0..180 degrees.
pub(super) const ORIENTATIONS: usize = 9;
/// Cells along a side of a block.
pub(super) const BLOCK_CELLS: usize = 2;
/// What no value of a normalised block exceeds before the second normalisation (section 6.4).
const CLIP: f64 = 0.2;
/// Keeps a block without any gradient at zero; scikit-image's value.
const EPSILON: f64 = 1e-5;

/// How coarsely edges are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EdgeConfig {
    /// Side of a cell in pixels, even.
    pub(super) cell_px: usize,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self { cell_px: 16 }
    }
}

impl Describe for EdgeConfig {
    const NAME: &'static str = "edge";
    const VERSION: u32 = 1;

    fn parameters(&self) -> String {
        let Self { cell_px } = self;
        format!(
            "cell={cell_px} orientations={ORIENTATIONS} block={BLOCK_CELLS} clip={CLIP} epsilon={EPSILON}"
        )
    }

    fn dimension(&self) -> usize {
        let (width, height) = INPUT_SIZE;
        let blocks = |extent: u32| extent as usize / self.cell_px + 1 - BLOCK_CELLS;
        blocks(width) * blocks(height) * BLOCK_CELLS * BLOCK_CELLS * ORIENTATIONS
    }

    fn describe(&self, face: &RgbImage) -> Vec<f32> {
        self.describe_grey(&grey(face))
    }
}

impl EdgeConfig {
    /// Describes a face given as its grey picture.
    ///
    /// # Shapes        output: [block row, block column, cell row, cell column, orientation], flattened
    pub(super) fn describe_grey(&self, image: &GrayImage) -> Vec<f32> {
        let cells = self.cells(image);
        let columns = image.width() as usize / self.cell_px;
        let rows = image.height() as usize / self.cell_px;
        let mut descriptor = Vec::new();
        for block_row in 0..(rows + 1).saturating_sub(BLOCK_CELLS) {
            for block_column in 0..(columns + 1).saturating_sub(BLOCK_CELLS) {
                let mut block = [0.0; BLOCK_CELLS * BLOCK_CELLS * ORIENTATIONS];
                for (i, cell) in block.chunks_exact_mut(ORIENTATIONS).enumerate() {
                    let (row, column) = (block_row + i / BLOCK_CELLS, block_column + i % BLOCK_CELLS);
                    cell.copy_from_slice(&cells[row * columns + column]);
                }
                normalize(&mut block);
                descriptor.extend(block.map(|v| v as f32));
            }
        }
        descriptor
    }

    /// The mean strength of the gradient in every cell and direction.
    ///
    /// # Shapes        output: [cell row × cell column] of [orientation]
    fn cells(&self, image: &GrayImage) -> Vec<[f64; ORIENTATIONS]> {
        let width = image.width() as usize;
        let (columns, rows) = (width / self.cell_px, image.height() as usize / self.cell_px);
        let mut cells = vec![[0.0; ORIENTATIONS]; rows * columns];
        let edges = bin_edges();
        let mut line = GradientLine::new(width);
        for (row, cells) in cells.chunks_exact_mut(columns.max(1)).enumerate() {
            for y in row * self.cell_px..(row + 1) * self.cell_px {
                line.fill(image, y, &edges);
                let strengths = line.strength.chunks_exact(self.cell_px);
                let bins = line.bin.chunks_exact(self.cell_px);
                for (cell, (bins, strengths)) in cells.iter_mut().zip(bins.zip(strengths)) {
                    for (&bin, &strength) in bins.iter().zip(strengths) {
                        cell[bin as usize] += f64::from(strength);
                    }
                }
            }
        }
        let pixels = (self.cell_px * self.cell_px) as f64;
        cells.iter_mut().flatten().for_each(|v| *v /= pixels);
        cells
    }
}

/// Sine and cosine of the directions that part the bins: 20, 40, … 160 degrees.
pub(super) fn bin_edges() -> [(f32, f32); ORIENTATIONS - 1] {
    std::array::from_fn(|k| {
        let (sin, cos) = (180.0 / ORIENTATIONS as f64 * (k + 1) as f64).to_radians().sin_cos();
        (sin as f32, cos as f32)
    })
}

/// The bin of the direction of a gradient, modulo 180 degrees, without computing the angle.
///
/// The gradient, turned into the upper half plane, lies at or past an edge's direction (cos φ, sin φ) where the cross
/// product gy · cos φ − gx · sin φ is not negative. No gradient of 8-bit differences comes closer to an edge than
/// 0.0006 degrees, far beyond the rounding; only 0 degrees is hit, and belongs to bin 0.
///
/// # Units         differences of grey values, x to the right and y downwards, whole numbers in -255..=255
#[inline(always)]
pub(super) fn orientation_bin(gx: f32, gy: f32, edges: &[(f32, f32); ORIENTATIONS - 1]) -> u32 {
    let gx = if gy < 0.0 {
        -gx
    } else if gy > 0.0 {
        gx
    } else {
        gx.abs()
    };
    let gy = gy.abs();
    edges.iter().map(|&(sin, cos)| u32::from(gy * cos - gx * sin >= 0.0)).sum()
}

/// The gradients of one line of a picture.
struct GradientLine {
    gx: Vec<f32>,
    gy: Vec<f32>,
    bin: Vec<u32>,
    strength: Vec<f32>,
}

impl GradientLine {
    fn new(width: usize) -> Self {
        Self { gx: vec![0.0; width], gy: vec![0.0; width], bin: vec![0; width], strength: vec![0.0; width] }
    }

    /// Central differences, zero across the picture's border (section 6.2: the plain [−1, 0, 1] mask).
    fn fill(&mut self, image: &GrayImage, y: usize, edges: &[(f32, f32); ORIENTATIONS - 1]) {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let line = |y: usize| &image.as_raw()[y * width..(y + 1) * width];
        let difference = |after: u8, before: u8| f32::from(i16::from(after) - i16::from(before));
        for (gx, around) in self.gx.iter_mut().skip(1).zip(line(y).windows(3)) {
            *gx = difference(around[2], around[0]);
        }
        if y == 0 || y + 1 == height {
            self.gy.fill(0.0);
        } else {
            for (gy, (&below, &above)) in self.gy.iter_mut().zip(line(y + 1).iter().zip(line(y - 1))) {
                *gy = difference(below, above);
            }
        }
        for i in 0..width {
            let (gx, gy) = (self.gx[i], self.gy[i]);
            self.bin[i] = orientation_bin(gx, gy, edges);
            self.strength[i] = (gx * gx + gy * gy).sqrt();
        }
    }
}

/// Lowe's clipped L2 norm: scale to length 1, clip at 0.2, scale again (section 6.4).
fn normalize(block: &mut [f64]) {
    let scale = |block: &mut [f64]| {
        let length = (block.iter().map(|v| v * v).sum::<f64>() + EPSILON * EPSILON).sqrt();
        block.iter_mut().for_each(|v| *v /= length);
    };
    scale(block);
    block.iter_mut().for_each(|v| *v = v.min(CLIP));
    scale(block);
}
