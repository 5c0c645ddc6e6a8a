//! The weight gradient of a convolution: one product of output gradient and patches, summed over the batch.
//!
//! A job owns a block of output channels and of patch rows, walks over all images in order, and adds the products of
//! their rows. What it adds, and in which order, depends on the sizes alone.

use rayon::prelude::*;

use super::correlate::{images_per_job, pieces};
use super::gather::{Gather, patches};
use super::shape::ConvShape;
use super::tile::{self, Contraction, ROWS};
use super::{bf16, scratch};
use crate::ops::Precision;

/// Output channels in a job.
const CHANNELS: usize = 128;
/// Rows of the matrix of patches in a job.
const PATCH_ROWS: usize = 96;
/// Positions in a block.
const POSITIONS: usize = 784;
/// Jobs that a weight gradient should fall into at least.
const JOBS: usize = 8;

/// Writes the gradient of the weight to `gradient`.
pub(crate) fn weight_gradient(
    shape: &ConvShape,
    input: &[f32],
    output_gradient: &[f32],
    gradient: &mut [f32],
) {
    let (gather, input) = patches(shape, input);
    let [channels, patch_rows] = block_sizes(shape);
    let depth = shape.group_inputs() * shape.taps();
    let jobs = split(gradient, shape.group_outputs(), depth, [channels, patch_rows]);
    jobs.into_par_iter().for_each(|mut job| {
        let work = Work { shape, gather: &gather, input: &input, output_gradient };
        run_job(&work, &mut job);
    });
}

/// Bias gradient: the sum of the output gradient over images and pixels.
pub(crate) fn bias_gradient(shape: &ConvShape, output_gradient: &[f32]) -> Vec<f32> {
    let plane = shape.output_plane();
    let sum = |channel: usize| {
        let planes = output_gradient.chunks_exact(plane).skip(channel).step_by(shape.output_channels);
        planes.map(|plane| plane.iter().map(|&x| f64::from(x)).sum::<f64>()).sum::<f64>() as f32
    };
    (0..shape.output_channels).into_par_iter().map(sum).collect()
}

/// Output channels and patch rows in a job: halved until there are jobs enough, never below a few tiles.
fn block_sizes(shape: &ConvShape) -> [usize; 2] {
    let depth = shape.group_inputs() * shape.taps();
    let [mut channels, mut rows] = [CHANNELS.min(shape.group_outputs()), PATCH_ROWS.min(depth)];
    let jobs = |channels: usize, rows: usize| {
        shape.options.groups * shape.group_outputs().div_ceil(channels) * depth.div_ceil(rows)
    };
    while jobs(channels, rows) < JOBS && (channels > 2 * ROWS || rows > 24) {
        if rows > 24 {
            rows = rows.div_ceil(2).next_multiple_of(12);
        } else {
            channels = channels.div_ceil(2).next_multiple_of(ROWS);
        }
    }
    [channels, rows]
}

struct Job<'a> {
    /// First output channel, counted over all groups.
    first_channel: usize,
    group: usize,
    first_row: usize,
    /// For each output channel, a part of its filter.
    filters: Vec<&'a mut [f32]>,
}

fn split<'a>(
    gradient: &'a mut [f32],
    outputs: usize,
    depth: usize,
    [channels, rows]: [usize; 2],
) -> Vec<Job<'a>> {
    let mut jobs: Vec<Job> = Vec::new();
    for (group, filters) in gradient.chunks_mut(outputs * depth).enumerate() {
        for (block, filters) in filters.chunks_mut(channels * depth).enumerate() {
            let start = jobs.len();
            let first_channel = group * outputs + block * channels;
            let firsts = (0..depth).step_by(rows);
            jobs.extend(firsts.map(|first_row| Job { first_channel, group, first_row, filters: Vec::new() }));
            for filter in filters.chunks_mut(depth) {
                let parts = filter.chunks_mut(rows);
                jobs[start..].iter_mut().zip(parts).for_each(|(job, part)| job.filters.push(part));
            }
        }
    }
    jobs
}

struct Work<'a> {
    shape: &'a ConvShape,
    gather: &'a Gather,
    input: &'a [f32],
    output_gradient: &'a [f32],
}

/// Where a block of the batch's positions lies in rows of working memory.
struct Piece {
    image: usize,
    /// First position in the image, and columns of the rows.
    start: usize,
    range: std::ops::Range<usize>,
}

fn run_job(work: &Work, job: &mut Job) {
    let shape = work.shape;
    let (channels, rows) = (job.filters.len(), job.filters[0].len());
    let positions = shape.output_plane();
    let total = positions * shape.batch;
    let lanes = match shape.options.precision {
        Precision::Full => tile::lanes(),
        Precision::Bf16 => bf16::ROW_LANES,
    };
    let images = images_per_job(shape.batch, positions);
    let block = (images * positions).min(POSITIONS.max(lanes)).next_multiple_of(lanes);
    scratch::with(
        [channels * block, rows * block, channels * rows, block],
        |[gradients, patches, sums, line]| {
            sums.fill(0.0);
            for first in (0..total).step_by(block) {
                let count = block.min(total - first);
                let length = count.next_multiple_of(lanes);
                let pieces = || {
                    pieces(first, count, positions).map(|(image, start, range)| Piece { image, start, range })
                };
                let (gradients, patches) =
                    (&mut gradients[..channels * length], &mut patches[..rows * length]);
                match shape.options.precision {
                    Precision::Full => {
                        for piece in pieces() {
                            work.copy_gradients(job, &piece, length, gradients);
                            work.copy_patches(job, &piece, length, patches);
                        }
                        clear_tails(gradients, count, length);
                        clear_tails(patches, count, length);
                        tile::contract(Contraction { a: gradients, b: patches, length, c: sums });
                    }
                    Precision::Bf16 => {
                        let gradients =
                            &mut bytemuck::cast_slice_mut::<f32, u16>(gradients)[..channels * length];
                        let patches = &mut bytemuck::cast_slice_mut::<f32, u16>(patches)[..rows * length];
                        for piece in pieces() {
                            work.shorten_gradients(job, &piece, length, gradients);
                            work.shorten_patches(job, &piece, line, (length, patches));
                        }
                        clear_tails(gradients, count, length);
                        clear_tails(patches, count, length);
                        bf16::contract(bf16::Contraction { a: gradients, b: patches, length, c: sums });
                    }
                }
            }
            job.filters
                .iter_mut()
                .zip(sums.chunks_exact(rows))
                .for_each(|(filter, sums)| filter.copy_from_slice(sums));
        },
    );
}

impl Work<'_> {
    /// The part of a piece of each of the job's channels.
    fn gradients(&self, job: &Job, piece: &Piece) -> impl Iterator<Item = &[f32]> {
        let plane = self.shape.output_plane();
        let planes =
            &self.output_gradient[(piece.image * self.shape.output_channels + job.first_channel) * plane..];
        let (start, length) = (piece.start, piece.range.len());
        planes.chunks_exact(plane).map(move |plane| &plane[start..start + length])
    }

    fn copy_gradients(&self, job: &Job, piece: &Piece, length: usize, rows: &mut [f32]) {
        for (row, numbers) in rows.chunks_exact_mut(length).zip(self.gradients(job, piece)) {
            row[piece.range.clone()].copy_from_slice(numbers);
        }
    }

    fn shorten_gradients(&self, job: &Job, piece: &Piece, length: usize, rows: &mut [u16]) {
        for (row, numbers) in rows.chunks_exact_mut(length).zip(self.gradients(job, piece)) {
            bf16::shorten(numbers, &mut row[piece.range.clone()]);
        }
    }

    /// Writes a piece of row `k` of the matrix of patches.
    fn patches(&self, job: &Job, piece: &Piece, k: usize, line: &mut [f32]) {
        let (shape, taps, length) = (self.shape, &self.gather.taps, self.gather.channel_len());
        let channel = piece.image * shape.input_channels + job.group * shape.group_inputs() + k / taps.len();
        self.gather.line(&self.input[channel * length..][..length], taps[k % taps.len()], piece.start, line);
    }

    fn copy_patches(&self, job: &Job, piece: &Piece, length: usize, rows: &mut [f32]) {
        for (k, row) in (job.first_row..).zip(rows.chunks_exact_mut(length)) {
            self.patches(job, piece, k, &mut row[piece.range.clone()]);
        }
    }

    fn shorten_patches(
        &self,
        job: &Job,
        piece: &Piece,
        line: &mut [f32],
        (length, rows): (usize, &mut [u16]),
    ) {
        let line = &mut line[..piece.range.len()];
        for (k, row) in (job.first_row..).zip(rows.chunks_exact_mut(length)) {
            self.patches(job, piece, k, line);
            bf16::shorten(line, &mut row[piece.range.clone()]);
        }
    }
}

/// Fills the end of each row, which holds no position, with zeros.
fn clear_tails<T: Copy + Default>(rows: &mut [T], count: usize, length: usize) {
    if count < length {
        rows.chunks_exact_mut(length).for_each(|row| row[count..].fill(T::default()));
    }
}
