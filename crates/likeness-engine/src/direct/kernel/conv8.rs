//! Convolution of bytes: as `conv`, with four input channels a step and integer sums.
//!
//! Margins hold the byte that stands for zero. Sums become real numbers in registers, where everything that follows the
//! convolution is applied, and go to memory once.

use super::conv::{BAND, Row, Steps, blocks_together, run_of, tile_width};
use super::dots::{self, DotKernel, Dots, Quads, TOGETHER, quad};
use super::finish::{Finish, FinishRows, Pixels};
use super::image::Image;
use super::lanes::Bytes;
use super::pack::Group;
use super::pack8::PackedInt8;
use super::target::Target;

/// Weights up to this length pass over each band anew, from the second cache; longer ones pass once over everything.
const SHORT_WEIGHTS: usize = (256 << 10) / size_of::<Quads>();

/// Widths of tiles for which kernels are compiled.
const WIDTHS: [usize; 6] = [1, 2, 4, 7, 8, 14];

/// One convolution of a batch.
pub(crate) struct Int8Conv<'a> {
    pub(crate) source: &'a [Bytes],
    pub(crate) from: Image,
    pub(crate) out: Target<'a>,
    pub(crate) image: Image,
    pub(crate) packed: &'a PackedInt8,
    pub(crate) steps: Steps,
    pub(crate) finishes: &'a [Finish<'a>],
    /// Whether all of them fit registers; if not, they are applied in memory, to real numbers.
    pub(crate) in_registers: bool,
}

impl Int8Conv<'_> {
    /// Computes it.
    pub(crate) fn compute(mut self) {
        let image = self.image;
        let groups = &self.packed.groups;
        if self.packed.weights.len() > SHORT_WEIGHTS {
            for (group, n) in groups.iter().flat_map(|g| (0..image.n).map(move |n| (g, n))) {
                self.compute_band(group, n, 0..image.h);
            }
            return;
        }
        let rows = (BAND / image.w).max(1);
        for (n, y) in (0..image.n).flat_map(|n| (0..image.h).step_by(rows).map(move |y| (n, y))) {
            for group in groups {
                self.compute_band(group, n, y..(y + rows).min(image.h));
            }
        }
    }

    fn compute_band(&mut self, group: &Group, n: usize, rows: std::ops::Range<usize>) {
        // Pixels that are read and written in order may be taken as one long row.
        let flat = self.from.is_dense()
            && self.packed.shape.kernel == [1, 1]
            && self.steps.stride == [1, 1]
            && self.steps.pad == [0, 0];
        let (step, width) = match flat {
            true => (rows.len(), rows.len() * self.image.w),
            false => (1, self.image.w),
        };
        // A stride beyond 2 has no tiles of its own: a tile of one pixel knows no stride.
        let most = if self.steps.stride[1] > 2 { 1 } else { dots::sums_in_registers() / blocks_together() };
        let p = tile_width(&WIDTHS, width, most);
        for y in rows.step_by(step) {
            self.compute_row(group, Row { n, y, width }, p);
            let Target::Floats(out) = &mut self.out else { continue };
            if !self.in_registers {
                for block in group.block..group.block + group.blocks {
                    let (finishes, image) = (self.finishes, self.image);
                    FinishRows { finishes, out, image, n, block, rows: y..y + step }.apply();
                }
            }
        }
    }

    fn compute_row(&mut self, group: &Group, row: Row, p: usize) {
        macro_rules! with_width {
            ($($width:literal)*) => {
                match p {
                    $($width => self.row_of::<$width>(group, row),)*
                    _ => unreachable!("tile_width gives one of WIDTHS"),
                }
            };
        }
        with_width!(1 2 4 7 8 14);
    }

    fn row_of<const P: usize>(&mut self, group: &Group, row: Row) {
        match (self.steps.stride[1] == 2 && P > 1, group.blocks == 2) {
            (false, true) => dots::run(ByteRow::<2, P, 1>(self, group, row)),
            (false, false) => dots::run(ByteRow::<1, P, 1>(self, group, row)),
            (true, true) => dots::run(ByteRow::<2, P, 2>(self, group, row)),
            (true, false) => dots::run(ByteRow::<1, P, 2>(self, group, row)),
        }
    }
}

/// P pixels at a time, S apart.
struct ByteRow<'c, 'a, const B: usize, const P: usize, const S: usize>(&'c mut Int8Conv<'a>, &'c Group, Row);

impl<const B: usize, const P: usize, const S: usize> DotKernel for ByteRow<'_, '_, B, P, S> {
    #[inline(always)]
    fn run<W: Dots>(self, w: W) {
        let Self(conv, group, row) = self;
        if B * P > dots::sums_kept(W::EACH) {
            unreachable!("tiles fit the registers");
        }
        for x in row.tiles::<P>() {
            let sums = tile::<W, B, P, S>(w, conv, group, (row.n, row.y, x));
            put(w, conv, Pixels { n: row.n, block: group.block, y: row.y, x }, sums[0]);
            if B > 1 {
                put(w, conv, Pixels { n: row.n, block: group.block + 1, y: row.y, x }, sums[B - 1]);
            }
        }
    }
}

#[inline(always)]
fn tile<W: Dots, const B: usize, const P: usize, const S: usize>(
    w: W,
    conv: &Int8Conv,
    group: &Group,
    (n, y, x): (usize, usize, usize),
) -> [[W::Sum; P]; B] {
    let ([height, width], [down, right]) = (conv.packed.shape.kernel, conv.steps.dilation);
    let start: [W::Sum; B] = std::array::from_fn(|b| w.sums(&conv.packed.start[group.block + b]));
    let mut sums: [[W::Sum; P]; B] = start.map(|v| [v; P]);
    let origin = conv.steps.origin(&conv.from, y, x);
    let mut weights = conv.packed.weights[group.start..].as_chunks::<B>().0;
    for read in group.reads.clone() {
        let quads = conv.packed.shape.lanes_of(read).div_ceil(TOGETHER);
        let start = conv.from.start(n, read) + origin;
        for ky in 0..height {
            for kx in 0..width {
                let at = start + ky * down * conv.from.row() + kx * right;
                let pixels: &[[Bytes; S]; P] = run_of(&conv.source[at..]);
                let (these, rest) = weights.split_at(quads);
                weights = rest;
                for (i, weights) in these.iter().enumerate() {
                    let weights: [W::Weights; B] = std::array::from_fn(|b| w.weights(&weights[b]));
                    for p in 0..P {
                        let inputs = w.inputs(quad(&pixels[p][0], i % TOGETHER));
                        for b in 0..B {
                            sums[b][p] = w.dot(sums[b][p], inputs, weights[b]);
                        }
                    }
                }
            }
        }
    }
    sums
}

/// Takes the sums of a tile to memory, as what they stand for.
#[inline(always)]
fn put<W: Dots, const P: usize>(w: W, conv: &mut Int8Conv, pixels: Pixels, sums: [W::Sum; P]) {
    let (scale, bias) = (w.load(&conv.packed.scale[pixels.block]), w.load(&conv.packed.bias[pixels.block]));
    let mut values = [bias; P];
    for p in 0..P {
        values[p] = w.fma(w.real(sums[p]), scale, bias);
    }
    if conv.in_registers {
        for finish in conv.finishes {
            finish.of(w, pixels, &mut values);
        }
    }
    conv.out.put(w, &conv.image, pixels, values);
}
