//! Direct convolution: feature maps and packed weights enter, feature maps leave; nothing is unrolled into columns.
//!
//! A tile of P neighbouring pixels times B blocks of sixteen output channels stays in registers while every input channel
//! and tap passes by, as in Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD
//! Architectures", 2018, arXiv:1808.05567. Margins of zeros around the input make borders like any other pixel. Each sum
//! is taken in the same order whatever the tile and the batch, so a picture's numbers do not depend on its neighbours.

use super::finish::{Finish, FinishRows, First, Pixels};
use super::image::Image;
use super::lanes::{self, Kernel, LANES, Lane, Wide, sums_in_registers, sums_kept};
use super::pack::{Group, Kind, Packed};
use super::target::Target;

/// How the kernel moves over its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Down, right.
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Zeros above and to the left.
    pub(crate) pad: [usize; 2],
}

impl Steps {
    /// Where the first tap of output pixel (y, x) lies in a plane of `from`.
    #[inline(always)]
    pub(super) fn origin(&self, from: &Image, y: usize, x: usize) -> usize {
        let ([sy, sx], [top, left]) = (self.stride, self.pad);
        (y * sy + from.margin.top - top) * from.row() + x * sx + from.margin.left - left
    }
}

/// What a convolution reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Blocks of sixteen channels.
    Blocked(&'a [Lane], Image),
    /// Planes of single numbers, of the sizes of an image whose channels are counted as pictures.
    Planar(&'a [f32], Image),
}

/// One convolution of a batch.
pub(crate) struct Conv<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) out: Target<'a>,
    pub(crate) image: Image,
    pub(crate) packed: &'a Packed,
    pub(crate) steps: Steps,
    pub(crate) first: First<'a>,
    pub(crate) finishes: &'a [Finish<'a>],
}

/// Widths of tiles for which kernels are compiled.
const WIDTHS: [usize; 9] = [1, 2, 4, 5, 6, 7, 8, 10, 14];

/// The one of `widths` that computes the fewest pixels of a row of `width` in vain.
pub(super) fn tile_width(widths: &[usize], width: usize, most: usize) -> usize {
    // A tile costs its pixels and about one more, for loading the weights.
    let cost = |p: usize| width.div_ceil(p) * (p + 1);
    let fitting = widths.iter().copied().filter(|&p| p <= most.min(width));
    fitting.rev().min_by_key(|&p| cost(p)).unwrap_or(1)
}

/// Output blocks that are computed together on this machine.
pub(crate) fn blocks_together() -> usize {
    if sums_in_registers() >= 28 { 2 } else { 1 }
}

/// Pixels of a band: its input and output stay in the nearest cache while every group of weights passes over it.
pub(super) const BAND: usize = 256;

/// Weights up to this length pass over each band anew, from the second cache; longer ones pass once over everything.
const SHORT_WEIGHTS: usize = (256 << 10) / size_of::<Lane>();

impl Conv<'_> {
    /// Computes it.
    pub(crate) fn compute(mut self) {
        let image = self.image;
        let whole = |block| Group { block, blocks: 1, reads: block..block + 1, start: 0 };
        let depthwise: Vec<Group>;
        let groups = match self.packed.kind {
            Kind::Depthwise => {
                depthwise = (0..self.packed.bias.len()).map(whole).collect();
                &depthwise
            }
            Kind::Planar | Kind::Blocked => &self.packed.groups,
        };
        // Depthwise convolutions read nothing twice.
        if self.packed.kind == Kind::Depthwise || self.packed.weights.len() > SHORT_WEIGHTS {
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

    /// Whether rows can be taken as one long row.
    fn is_flat(&self) -> bool {
        let Source::Blocked(_, from) = self.source else { return false };
        from.is_dense()
            && self.packed.kind == Kind::Blocked
            && self.packed.shape.kernel == [1, 1]
            && self.steps.stride == [1, 1]
            && self.steps.pad == [0, 0]
    }

    fn compute_band(&mut self, group: &Group, n: usize, rows: std::ops::Range<usize>) {
        let (step, width) = match self.is_flat() {
            true => (rows.len(), rows.len() * self.image.w),
            false => (1, self.image.w),
        };
        // A stride beyond 2 has no tiles of its own: a tile of one pixel knows no stride.
        let most = if self.steps.stride[1] > 2 { 1 } else { sums_in_registers() / blocks_together() };
        let p = tile_width(&WIDTHS, width, most);
        for y in rows.clone().step_by(step) {
            self.compute_row(group, Row { n, y, width }, p);
            for block in group.block..group.block + group.blocks {
                let (finishes, image) = (self.finishes, self.image);
                // Who rounds leaves nothing to be done in memory.
                let Target::Floats(out) = &mut self.out else { continue };
                FinishRows { finishes, out, image, n, block, rows: y..y + step }.apply();
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
        with_width!(1 2 4 5 6 7 8 10 14);
    }

    fn row_of<const P: usize>(&mut self, group: &Group, row: Row) {
        let pair = group.blocks == 2;
        match (self.packed.kind, self.steps.stride[1] == 2 && P > 1) {
            (Kind::Depthwise, false) => lanes::run(DepthwiseRow::<P, 1>(self, group, row)),
            (Kind::Depthwise, true) => lanes::run(DepthwiseRow::<P, 2>(self, group, row)),
            (_, false) if pair => lanes::run(DenseRow::<2, P, 1>(self, group, row)),
            (_, false) => lanes::run(DenseRow::<1, P, 1>(self, group, row)),
            (_, true) if pair => lanes::run(DenseRow::<2, P, 2>(self, group, row)),
            (_, true) => lanes::run(DenseRow::<1, P, 2>(self, group, row)),
        }
    }
}

/// A run of output pixels; a flat one goes on in the next row.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) n: usize,
    pub(super) y: usize,
    pub(super) width: usize,
}

impl Row {
    /// The tiles' first pixels; the last tile overlaps the one before it where the width is no multiple.
    #[inline(always)]
    pub(super) fn tiles<const P: usize>(self) -> impl Iterator<Item = usize> {
        (0..self.width).step_by(P).map(move |x| x.min(self.width - P))
    }
}

/// Takes the sums of a tile to memory.
#[inline(always)]
fn store<W: Wide, const P: usize>(w: W, conv: &mut Conv, pixels: Pixels, mut sums: [W::V; P]) {
    conv.first.of(w, pixels.block, &mut sums);
    conv.out.put(w, &conv.image, pixels, sums);
}

/// P pixels at a time, S apart.
struct DenseRow<'c, 'a, const B: usize, const P: usize, const S: usize>(&'c mut Conv<'a>, &'c Group, Row);

impl<const B: usize, const P: usize, const S: usize> Kernel for DenseRow<'_, '_, B, P, S> {
    #[inline(always)]
    fn run<W: Wide>(self, w: W) {
        let Self(conv, group, row) = self;
        if B * P > sums_kept(W::EACH) {
            unreachable!("tiles fit the registers");
        }
        for x in row.tiles::<P>() {
            let bias: [W::V; B] = std::array::from_fn(|b| w.load(&conv.packed.bias[group.block + b]));
            let mut sums: [[W::V; P]; B] = bias.map(|v| [v; P]);
            match conv.source {
                Source::Blocked(data, from) => {
                    blocked_tile::<W, B, P, S>(w, conv, group, (data, &from), (row.n, row.y, x), &mut sums);
                }
                Source::Planar(data, from) => {
                    planar_tile::<W, B, P, S>(w, conv, group, (data, &from), (row.n, row.y, x), &mut sums);
                }
            }
            store(w, conv, Pixels { n: row.n, block: group.block, y: row.y, x }, sums[0]);
            if B > 1 {
                store(w, conv, Pixels { n: row.n, block: group.block + 1, y: row.y, x }, sums[B - 1]);
            }
        }
    }
}

#[inline(always)]
fn blocked_tile<W: Wide, const B: usize, const P: usize, const S: usize>(
    w: W,
    conv: &Conv,
    group: &Group,
    (data, from): (&[Lane], &Image),
    (n, y, x): (usize, usize, usize),
    sums: &mut [[W::V; P]; B],
) {
    let ([height, width], [down, right]) = (conv.packed.shape.kernel, conv.steps.dilation);
    // A copy that nothing else points to stays in registers.
    let mut acc = *sums;
    let origin = conv.steps.origin(from, y, x);
    let mut weights = conv.packed.weights[group.start..].as_chunks::<B>().0;
    for read in group.reads.clone() {
        let lanes = conv.packed.shape.lanes_of(read);
        let start = from.start(n, read) + origin;
        for ky in 0..height {
            for kx in 0..width {
                let at = start + ky * down * from.row() + kx * right;
                let pixels: &[[Lane; S]; P] = run_of(&data[at..]);
                let (these, rest) = weights.split_at(lanes);
                weights = rest;
                for (i, weights) in these.iter().enumerate() {
                    let weight: [W::V; B] = std::array::from_fn(|b| w.load(&weights[b]));
                    for p in 0..P {
                        let value = w.splat(pixels[p][0].0[i % LANES]);
                        for b in 0..B {
                            acc[b][p] = w.fma(weight[b], value, acc[b][p]);
                        }
                    }
                }
            }
        }
    }
    *sums = acc;
}

/// The first `P` runs of `S`.
#[inline(always)]
pub(super) fn run_of<T, const P: usize, const S: usize>(data: &[T]) -> &[[T; S]; P] {
    data.as_chunks::<S>().0.first_chunk().expect("margins and slack hold what a tile looks at")
}

#[inline(always)]
fn planar_tile<W: Wide, const B: usize, const P: usize, const S: usize>(
    w: W,
    conv: &Conv,
    group: &Group,
    (data, from): (&[f32], &Image),
    (n, y, x): (usize, usize, usize),
    sums: &mut [[W::V; P]; B],
) {
    let ([height, width], [down, right]) = (conv.packed.shape.kernel, conv.steps.dilation);
    let mut acc = *sums;
    let origin = conv.steps.origin(from, y, x);
    let channels = conv.packed.shape.inputs;
    let mut weights = conv.packed.weights[group.start..].as_chunks::<B>().0.chunks_exact(channels);
    for ky in 0..height {
        for kx in 0..width {
            let Some(weights) = weights.next() else { break };
            for (i, weights) in weights.iter().enumerate() {
                let at = (n * channels + i) * from.plane() + origin + ky * down * from.row() + kx * right;
                let pixels: &[[f32; S]; P] = run_of(&data[at..]);
                let weight: [W::V; B] = std::array::from_fn(|b| w.load(&weights[b]));
                for p in 0..P {
                    let value = w.splat(pixels[p][0]);
                    for b in 0..B {
                        acc[b][p] = w.fma(weight[b], value, acc[b][p]);
                    }
                }
            }
        }
    }
    *sums = acc;
}

/// The same for a convolution whose channels do not mix.
struct DepthwiseRow<'c, 'a, const P: usize, const S: usize>(&'c mut Conv<'a>, &'c Group, Row);

impl<const P: usize, const S: usize> Kernel for DepthwiseRow<'_, '_, P, S> {
    #[inline(always)]
    fn run<W: Wide>(self, w: W) {
        let Self(conv, group, row) = self;
        if P > sums_kept(W::EACH) {
            unreachable!("tiles fit the registers");
        }
        let Source::Blocked(data, from) = conv.source else {
            unreachable!("the planner gives these convolutions blocks");
        };
        let ([height, width], [down, right]) = (conv.packed.shape.kernel, conv.steps.dilation);
        let weights = &conv.packed.weights[group.block * height * width..][..height * width];
        for x in row.tiles::<P>() {
            let mut acc = [w.load(&conv.packed.bias[group.block]); P];
            let start = from.start(row.n, group.block) + conv.steps.origin(&from, row.y, x);
            for ky in 0..height {
                for kx in 0..width {
                    let weight = w.load(&weights[ky * width + kx]);
                    let pixels: &[[Lane; S]; P] =
                        run_of(&data[start + ky * down * from.row() + kx * right..]);
                    for p in 0..P {
                        acc[p] = w.fma(w.load(&pixels[p][0]), weight, acc[p]);
                    }
                }
            }
            store(w, conv, Pixels { n: row.n, block: group.block, y: row.y, x }, acc);
        }
    }
}
