//! Convolution as products of packed blocks: the forward pass and the input gradient.
//!
//! The patch matrix is never complete in memory: a job gathers a block of a few hundred positions and channels that stays in
//! the cache, and multiplies it by the packed weight. Both directions are the same product with different taps. For a stride
//! s the input gradient consists of s · s phases, one for each position modulo s, each a plain correlation
//! of the output gradient with the taps that reach it (Dumoulin and Visin (2016), arXiv 1603.07285, chapter 4).

use rayon::prelude::*;

use super::gather::{Gather, Tap, patches};
use super::shape::ConvShape;
use super::tile::{self, Product, ROWS};
use super::{bf16, scratch};
use crate::ops::Precision;

/// Rows of the matrix of patches in a block.
const DEPTH: usize = 256;
/// Panels of columns in a block.
const PANELS: usize = 4;
/// Output channels in a job.
const CHANNELS: usize = 256;
/// Positions that a job should have at least.
const POSITIONS: usize = 192;
/// Jobs that a convolution should fall into at least.
const JOBS: usize = 8;

/// One correlation: its source, weight and target.
struct Phase {
    gather: Gather,
    weight: Packed,
    /// First pixel that it writes, and the distance to the next, vertically and horizontally.
    origin: [usize; 2],
    step: [usize; 2],
    /// Pixels that it writes in a row.
    width: usize,
}

/// For each group, panels of [`ROWS`] channels: `[group][panel][channel of the source, tap][ROWS]`.
enum Packed {
    Full(Vec<f32>),
    /// Each number the next two of a channel, the last filled up with zero.
    Pairs(Vec<u32>),
}

impl Packed {
    fn of(panels: Vec<f32>, depth: usize, precision: Precision) -> Self {
        if precision == Precision::Full || depth == 0 {
            return Self::Full(panels);
        }
        let pairs = depth.div_ceil(2);
        let mut packed = vec![0; panels.len() / depth * pairs];
        let panels = panels.par_chunks(depth * ROWS);
        packed.par_chunks_mut(pairs * ROWS).zip(panels).for_each(|(packed, panel)| {
            for (packed, both) in packed.chunks_exact_mut(ROWS).zip(panel.chunks(2 * ROWS)) {
                let (low, high) = both.split_at(ROWS);
                bf16::pair(low, if high.is_empty() { &[0.0; ROWS] } else { high }, packed);
            }
        });
        Self::Pairs(packed)
    }

    /// From panel `panel` on, of a weight with `depth` numbers a channel.
    fn from(&self, panel: usize, depth: usize) -> Weight<'_> {
        match self {
            Self::Full(weight) => Weight::Full(&weight[panel * depth * ROWS..]),
            Self::Pairs(weight) => Weight::Pairs(&weight[panel * depth.div_ceil(2) * ROWS..]),
        }
    }
}

/// A part of a [`Packed`].
#[derive(Clone, Copy)]
enum Weight<'a> {
    Full(&'a [f32]),
    Pairs(&'a [u32]),
}

/// Channels on both sides of a correlation.
struct Channels {
    groups: usize,
    /// In one group of the source.
    source: usize,
    /// In one group of the target.
    target: usize,
}

/// Writes the correlation of `input` with `weight` to `output`.
pub(crate) fn forward(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    let taps = shape.taps();
    let channels = Channels {
        groups: shape.options.groups,
        source: shape.group_inputs(),
        target: shape.group_outputs(),
    };
    let row = channels.source * taps;
    let (gather, input) = patches(shape, input);
    let taps: Vec<usize> = (0..taps).collect();
    let strides =
        WeightStrides { group: channels.target * row, target: row, source: taps.len(), taps: &taps };
    let packed = pack_weight(&channels, weight, &strides);
    let packed = Packed::of(packed, row, shape.options.precision);
    let phase = Phase { gather, weight: packed, origin: [0, 0], step: [1, 1], width: shape.output()[1] };
    run(&channels, &[phase], &input, bias, (output, shape.output()));
}

/// Writes the gradient of the input to `gradient`, given that of the output.
pub(crate) fn input_gradient(
    shape: &ConvShape,
    output_gradient: &[f32],
    weight: &[f32],
    gradient: &mut [f32],
) {
    let taps = shape.taps();
    let channels = Channels {
        groups: shape.options.groups,
        source: shape.group_outputs(),
        target: shape.group_inputs(),
    };
    let row = channels.target * taps;
    let [stride_y, stride_x] = shape.options.stride;
    let phases = (0..stride_y).flat_map(|y| (0..stride_x).map(move |x| [y, x]));
    let phases = phases.filter(|origin| (0..2).all(|axis| origin[axis] < shape.input[axis])).map(|origin| {
        let reaching = [reaching_taps(shape, 0, origin[0]), reaching_taps(shape, 1, origin[1])];
        let kept = || reaching[0].iter().flat_map(|&y| reaching[1].iter().map(move |&x| (y, x)));
        let kernel_width = shape.kernel[1];
        let indices: Vec<usize> = kept().map(|((ky, _), (kx, _))| ky * kernel_width + kx).collect();
        let gather = Gather {
            source: shape.output(),
            grid: std::array::from_fn(|axis| {
                (shape.input[axis] - origin[axis]).div_ceil(shape.options.stride[axis])
            }),
            phases: 1,
            taps: kept().map(|((_, dy), (_, dx))| Tap { phase: 0, shift: [dy, dx] }).collect(),
        };
        let strides =
            WeightStrides { group: channels.source * row, target: taps, source: row, taps: &indices };
        let weight = pack_weight(&channels, weight, &strides);
        let weight = Packed::of(weight, channels.source * indices.len(), shape.options.precision);
        let width = gather.grid[1];
        Phase { gather: gather.flattened(), weight, origin, step: shape.options.stride, width }
    });
    let phases: Vec<Phase> = phases.collect();
    run(&channels, &phases, output_gradient, None, (gradient, shape.input));
}

/// Taps along one axis that reach input pixels `origin` + i · stride, with the output pixel's displacement from i.
fn reaching_taps(shape: &ConvShape, axis: usize, origin: usize) -> Vec<(usize, isize)> {
    let (stride, padded) = (shape.options.stride[axis], origin + shape.options.padding[axis]);
    let reaching =
        (0..shape.kernel[axis]).filter(|tap| (padded as isize - *tap as isize) % stride as isize == 0);
    reaching.map(|tap| (tap, (padded as isize - tap as isize) / stride as isize)).collect()
}

/// Where a weight keeps its numbers.
struct WeightStrides<'a> {
    /// Distances between groups, target channels and source channels.
    group: usize,
    target: usize,
    source: usize,
    /// Places of the taps in use.
    taps: &'a [usize],
}

/// Panels of [`ROWS`] target channels, the last filled with zeros.
fn pack_weight(channels: &Channels, weight: &[f32], strides: &WeightStrides) -> Vec<f32> {
    let panels = channels.target.div_ceil(ROWS);
    let depth = channels.source * strides.taps.len();
    let mut packed = vec![0.0; channels.groups * panels * depth * ROWS];
    if depth == 0 {
        return packed;
    }
    packed.par_chunks_mut(depth * ROWS).enumerate().for_each(|(index, panel)| {
        let (group, first) = (index / panels, index % panels * ROWS);
        let rows = ROWS.min(channels.target - first);
        let weight = &weight[group * strides.group + first * strides.target..];
        let (columns, _) = panel.as_chunks_mut::<ROWS>();
        for (source, columns) in columns.chunks_exact_mut(strides.taps.len()).enumerate() {
            for (tap, column) in strides.taps.iter().zip(columns) {
                let place = source * strides.source + tap;
                for (i, cell) in column.iter_mut().enumerate().take(rows) {
                    *cell = weight[place + i * strides.target];
                }
            }
        }
    });
    packed
}

/// A group of images and a range of the channels of one group, with the planes of the target that it writes.
struct Job<'a> {
    first_image: usize,
    group: usize,
    first_channel: usize,
    /// For each image, its channels.
    planes: Vec<&'a mut [f32]>,
}

fn run(
    channels: &Channels,
    phases: &[Phase],
    source: &[f32],
    bias: Option<&[f32]>,
    (target, [height, width]): (&mut [f32], [usize; 2]),
) {
    let plane = height * width;
    let batch = target.len() / (channels.groups * channels.target * plane).max(1);
    let images =
        images_per_job(batch, phases.iter().map(|phase| phase.gather.positions()).max().unwrap_or(1));
    let others = channels.groups * batch.div_ceil(images);
    let chunk = channels_per_job(channels.target, others);
    let jobs = split(target, images, channels, (chunk, plane));
    jobs.into_par_iter().for_each(|mut job| {
        let source = |image: usize, channel: usize, length: usize| {
            let index = ((job.first_image + image) * channels.groups + job.group) * channels.source + channel;
            &source[index * length..][..length]
        };
        let bias = bias.map(|bias| &bias[job.group * channels.target + job.first_channel..]);
        let panels = channels.target.div_ceil(ROWS);
        for phase in phases {
            let depth = channels.source * phase.gather.taps.len();
            let weight = phase.weight.from(job.group * panels + job.first_channel / ROWS, depth);
            let sides = Sides { source: &source, depth, weight, bias };
            run_job(phase, &sides, &mut job.planes, [plane, width]);
        }
    });
}

/// The fewest images whose positions fill [`POSITIONS`] columns, or a few more where vectors are filled better.
pub(super) fn images_per_job(batch: usize, positions: usize) -> usize {
    let least = POSITIONS.div_ceil(positions.max(1)).clamp(1, batch.max(1));
    let lanes = tile::lanes();
    let waste = |images: &usize| {
        let columns = images * positions;
        (columns.next_multiple_of(lanes) - columns) * 1000 / columns.max(1)
    };
    (least..=(4 * least).min(batch.max(1))).min_by_key(waste).unwrap_or(least)
}

/// Channels in a job: a multiple of [`ROWS`], fewer where there would be too few jobs.
fn channels_per_job(channels: usize, others: usize) -> usize {
    let wanted = JOBS.div_ceil(others).max(channels.div_ceil(CHANNELS));
    channels.div_ceil(wanted).next_multiple_of(ROWS).max(8 * ROWS)
}

fn split<'a>(
    target: &'a mut [f32],
    images: usize,
    channels: &Channels,
    (chunk, plane): (usize, usize),
) -> Vec<Job<'a>> {
    let mut jobs: Vec<Job> = Vec::new();
    let per_group = channels.target.div_ceil(chunk);
    let mut image_planes = target.chunks_mut((channels.groups * channels.target * plane).max(1)).enumerate();
    while let Some((first_image, first)) = image_planes.next() {
        let start = jobs.len();
        for group in 0..channels.groups {
            let parts = (0..per_group).map(|part| part * chunk);
            jobs.extend(parts.map(|first_channel| Job {
                first_image,
                group,
                first_channel,
                planes: Vec::new(),
            }));
        }
        let others = image_planes.by_ref().take(images - 1).map(|(_, planes)| planes);
        for image in std::iter::once(first).chain(others) {
            let groups = image.chunks_mut(channels.target * plane);
            let parts = groups.flat_map(|group| group.chunks_mut(chunk * plane));
            jobs[start..].iter_mut().zip(parts).for_each(|(job, part)| job.planes.push(part));
        }
    }
    jobs
}

/// What a job multiplies.
struct Sides<'a> {
    /// A channel of an image, of a given length.
    source: &'a dyn Fn(usize, usize, usize) -> &'a [f32],
    /// Channels of the source times taps.
    depth: usize,
    weight: Weight<'a>,
    bias: Option<&'a [f32]>,
}

fn run_job(phase: &Phase, sides: &Sides, planes: &mut [&mut [f32]], [plane, width]: [usize; 2]) {
    let rows = planes[0].len() / plane;
    let padded_rows = rows.next_multiple_of(ROWS);
    let total = planes.len() * phase.gather.positions();
    let depth = sides.depth;
    let block = (PANELS * panel_width(sides.weight)).min(total.next_multiple_of(tile::lanes()));
    scratch::with([block * DEPTH, padded_rows * block, 2 * block], |[patches, sums, lines]| {
        for first in (0..total).step_by(block) {
            let count = block.min(total - first);
            let columns = count.next_multiple_of(tile::lanes());
            let sums = &mut sums[..padded_rows * columns];
            sums.fill(0.0);
            for k in (0..depth).step_by(DEPTH) {
                let rows = (k, DEPTH.min(depth - k));
                let lines = &mut lines[..2 * columns];
                lines.fill(0.0);
                let block = Block { phase, sides, first, count };
                multiply(&block, rows, lines, patches, (sums, columns));
            }
            write(phase, sums, sides.bias, (first, count), planes, [plane, width]);
        }
    });
}

/// Columns in a full panel of the matrix of patches.
fn panel_width(weight: Weight) -> usize {
    match weight {
        Weight::Full(_) => tile::panel_width(),
        Weight::Pairs(_) => bf16::PANEL_WIDTH,
    }
}

/// Columns `first..first + count` of the matrix of patches.
struct Block<'a, 's> {
    phase: &'a Phase,
    sides: &'a Sides<'s>,
    first: usize,
    count: usize,
}

/// Adds the product of rows `k..k + depth` to `sums`.
fn multiply(
    block: &Block,
    (k, depth): (usize, usize),
    lines: &mut [f32],
    patches: &mut [f32],
    (c, columns): (&mut [f32], usize),
) {
    let depths = block.sides.depth;
    match block.sides.weight {
        Weight::Full(weight) => {
            block.pack(k..k + depth, &mut lines[..columns], patches);
            let (a, a_stride) = (&weight[k * ROWS..], depths * ROWS);
            tile::multiply(Product { a, a_stride, b: patches, depth, c, columns });
        }
        Weight::Pairs(weight) => {
            let patches: &mut [u32] = bytemuck::cast_slice_mut(patches);
            block.pack_pairs(k..k + depth, lines, patches);
            // Blocks of rows begin at even ones.
            let (a, a_stride) = (&weight[k / 2 * ROWS..], depths.div_ceil(2) * ROWS);
            let pairs = depth.div_ceil(2);
            bf16::multiply(bf16::Product { a, a_stride, b: patches, pairs, c, columns });
        }
    }
}

impl Block<'_, '_> {
    /// Whether the columns are one run of a plane, which needs no line in between.
    fn is_direct(&self, columns: usize) -> bool {
        let positions = self.phase.gather.positions();
        let fits = self.first % positions + self.count <= positions;
        self.phase.gather.is_flat() && fits && self.count == columns
    }

    /// Row `row` of the matrix, as it lies in the source or gathered in `line`, whose end stays as it is.
    fn row<'a>(&'a self, row: usize, line: &'a mut [f32]) -> &'a [f32] {
        let gather = &self.phase.gather;
        let (taps, positions, length) = (&gather.taps, gather.positions(), gather.channel_len());
        let (channel, tap) = (row / taps.len(), taps[row % taps.len()]);
        if self.is_direct(line.len()) {
            let (image, start) = (self.first / positions, self.first % positions);
            return &(self.sides.source)(image, channel, length)[start..start + self.count];
        }
        for (image, start, range) in pieces(self.first, self.count, positions) {
            gather.line((self.sides.source)(image, channel, length), tap, start, &mut line[range]);
        }
        line
    }

    /// Packs rows into panels.
    fn pack(&self, rows: std::ops::Range<usize>, line: &mut [f32], patches: &mut [f32]) {
        let (width, depth) = (tile::panel_width(), rows.len());
        for (at, row) in rows.enumerate() {
            for (panel, part) in self.row(row, line).chunks(width).enumerate() {
                copy(part, &mut patches[panel * width * depth + at * part.len()..][..part.len()]);
            }
        }
    }

    /// Packs pairs of rows into panels; an odd one is paired with zeros.
    fn pack_pairs(&self, rows: std::ops::Range<usize>, lines: &mut [f32], patches: &mut [u32]) {
        let (width, pairs) = (bf16::PANEL_WIDTH, rows.len().div_ceil(2));
        let (low_line, high_line) = lines.split_at_mut(lines.len() / 2);
        for (at, row) in rows.clone().step_by(2).enumerate() {
            let low = self.row(row, low_line);
            let high = if row + 1 < rows.end {
                self.row(row + 1, high_line)
            } else {
                high_line.fill(0.0);
                &*high_line
            };
            for (panel, (low, high)) in low.chunks(width).zip(high.chunks(width)).enumerate() {
                let place = panel * width * pairs + at * low.len();
                bf16::pair(low, high, &mut patches[place..][..low.len()]);
            }
        }
    }
}

/// Copies a panel's row; the usual widths without a call.
#[inline]
fn copy(from: &[f32], to: &mut [f32]) {
    fn whole<const N: usize>(from: &[f32], to: &mut [f32]) -> Option<()> {
        *to.first_chunk_mut::<N>()? = *from.first_chunk::<N>()?;
        Some(())
    }
    let done = match from.len() {
        48 => whole::<48>(from, to),
        24 => whole::<24>(from, to),
        16 => whole::<16>(from, to),
        _ => None,
    };
    if done.is_none() {
        to.copy_from_slice(from);
    }
}

/// Cuts columns `first..first + count` at the images: image, first position in it, columns counted from `first`.
pub(super) fn pieces(
    first: usize,
    count: usize,
    positions: usize,
) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let end = first + count;
    (first / positions..end.div_ceil(positions)).map(move |image| {
        let from = first.max(image * positions);
        let to = end.min((image + 1) * positions);
        (image, from - image * positions, from - first..to - first)
    })
}

/// Writes finished sums to the pixels of a phase.
fn write(
    phase: &Phase,
    sums: &[f32],
    bias: Option<&[f32]>,
    (first, count): (usize, usize),
    planes: &mut [&mut [f32]],
    [plane, width]: [usize; 2],
) {
    let columns = count.next_multiple_of(tile::lanes());
    let dense = phase.step == [1, 1];
    for (image, start, range) in pieces(first, count, phase.gather.positions()) {
        let channels = planes[image].chunks_exact_mut(plane).zip(sums.chunks_exact(columns));
        for (channel, (pixels, sums)) in channels.enumerate() {
            let shift = bias.map_or(0.0, |bias| bias[channel]);
            let sums = &sums[range.clone()];
            if dense {
                let pixels = &mut pixels[start..start + sums.len()];
                pixels.iter_mut().zip(sums).for_each(|(pixel, sum)| *pixel = sum + shift);
            } else {
                for (position, sum) in (start..).zip(sums) {
                    let [y, x] = [position / phase.width, position % phase.width];
                    let [y, x] = [phase.origin[0] + y * phase.step[0], phase.origin[1] + x * phase.step[1]];
                    pixels[y * width + x] = sum + shift;
                }
            }
        }
    }
}
