//! Writes rows of the patch matrix (im2col), which turns a convolution into a matrix product, block by block.
//!
//! Row (channel, tap) and column (image, y, x) of that matrix hold `source[image][channel][y + tap.y][x + tap.x]`, or
//! zero outside of the image. A stride s is removed beforehand: [`split_phases`] sorts the pixels by their position modulo s
//! into s · s planes, and each tap reads consecutive pixels of one plane.

use std::borrow::Cow;

use rayon::prelude::*;

use super::shape::ConvShape;

/// One position of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tap {
    /// Index of the plane of the source channel that the tap reads.
    pub(crate) phase: usize,
    /// Displacement from the position, vertically and horizontally.
    pub(crate) shift: [isize; 2],
}

/// How the matrix's columns read the source.
#[derive(Debug, Clone)]
pub(crate) struct Gather {
    /// Height and width of a plane of the source.
    pub(crate) source: [usize; 2],
    /// Number of planes of a channel of the source.
    pub(crate) phases: usize,
    /// Rows and columns of positions in one image.
    pub(crate) grid: [usize; 2],
    pub(crate) taps: Vec<Tap>,
}

impl Gather {
    /// The same gather with planes treated as one row, where that gives the same result.
    pub(crate) fn flattened(mut self) -> Self {
        if self.taps == [Tap { phase: 0, shift: [0, 0] }] && self.grid == self.source {
            self.source = [1, self.source[0] * self.source[1]];
            self.grid = self.source;
        }
        self
    }

    /// Whether the columns are the source's pixels as they lie in memory.
    pub(crate) fn is_flat(&self) -> bool {
        self.phases == 1
            && self.source[0] == 1
            && self.grid == self.source
            && self.taps == [Tap { phase: 0, shift: [0, 0] }]
    }

    /// Positions in one image.
    pub(crate) fn positions(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// Number of values in one channel of the source.
    pub(crate) fn channel_len(&self) -> usize {
        self.phases * self.source[0] * self.source[1]
    }

    /// Writes positions `first..first + line.len()` of one tap over one channel of the source.
    pub(crate) fn line(&self, channel: &[f32], tap: Tap, first: usize, line: &mut [f32]) {
        let picture = self.source[0] * self.source[1];
        let picture = &channel[tap.phase * picture..][..picture];
        if self.grid[1] == self.source[1] {
            self.shifted_line(picture, tap.shift, first, line);
        } else {
            self.row_by_row(picture, tap.shift, first, line);
        }
    }

    /// A line whose rows are as long as the source's: one copy, then zeros where rows were left.
    fn shifted_line(&self, plane: &[f32], [dy, dx]: [isize; 2], first: usize, line: &mut [f32]) {
        let width = self.source[1];
        let shift = dy * width as isize + dx + first as isize;
        let from = (-shift).clamp(0, line.len() as isize) as usize;
        let to = (plane.len() as isize - shift).clamp(from as isize, line.len() as isize) as usize;
        line[..from].fill(0.0);
        if to > from {
            let start = (from as isize + shift) as usize;
            line[from..to].copy_from_slice(&plane[start..start + to - from]);
        }
        line[to..].fill(0.0);
        let reach = dx.unsigned_abs().min(width);
        let hidden = if dx < 0 { 0..reach } else { width - reach..width };
        for column in hidden {
            let start = (column + width - first % width) % width;
            line.iter_mut().skip(start).step_by(width).for_each(|value| *value = 0.0);
        }
    }

    fn row_by_row(&self, picture: &[f32], [dy, dx]: [isize; 2], first: usize, line: &mut [f32]) {
        let [height, width] = self.source;
        let [mut y, mut x] = [first / self.grid[1], first % self.grid[1]];
        let mut rest = line;
        while !rest.is_empty() {
            let length = rest.len().min(self.grid[1] - x);
            let (part, tail) = rest.split_at_mut(length);
            match usize::try_from(y as isize + dy) {
                Ok(row) if row < height => {
                    shifted_row(&picture[row * width..][..width], x as isize + dx, part)
                }
                _ => part.fill(0.0),
            }
            [y, x] = [y + 1, 0];
            rest = tail;
        }
    }
}

/// Writes `row[origin + i]`, zero outside of the row.
fn shifted_row(row: &[f32], origin: isize, part: &mut [f32]) {
    let from = origin.min(0).unsigned_abs().min(part.len());
    let to = usize::try_from(row.len() as isize - origin).unwrap_or(0).clamp(from, part.len());
    part[..from].fill(0.0);
    part[to..].fill(0.0);
    if to > from {
        let start = (from as isize + origin) as usize;
        part[from..to].copy_from_slice(&row[start..start + to - from]);
    }
}

/// The matrix of patches of the forward pass, and the input sorted for it.
pub(crate) fn patches<'a>(shape: &ConvShape, input: &'a [f32]) -> (Gather, Cow<'a, [f32]>) {
    let [stride_y, stride_x] = shape.options.stride;
    let axis = |axis: usize| {
        let stride = shape.options.stride[axis] as isize;
        let places = 0..shape.kernel[axis] as isize;
        places
            .map(move |place| place - shape.options.padding[axis] as isize)
            .map(move |place| (place.rem_euclid(stride) as usize, place.div_euclid(stride)))
    };
    let used = |axis_index: usize, phase: usize| axis(axis_index).any(|(of_tap, _)| of_tap == phase);
    let phases: Vec<[usize; 2]> = (0..stride_y)
        .flat_map(|y| (0..stride_x).map(move |x| [y, x]))
        .filter(|[y, x]| used(0, *y) && used(1, *x))
        .collect();
    let taps = axis(0).flat_map(|y| axis(1).map(move |x| (y, x))).map(|((phase_y, dy), (phase_x, dx))| {
        let phase = phases.iter().position(|phase| *phase == [phase_y, phase_x]);
        Tap { phase: phase.expect("a tap's own phase is used"), shift: [dy, dx] }
    });
    let source = std::array::from_fn(|axis| shape.input[axis].div_ceil(shape.options.stride[axis]));
    let gather = Gather { source, phases: phases.len(), grid: shape.output(), taps: taps.collect() };
    let input = if shape.options.stride == [1, 1] {
        Cow::Borrowed(input)
    } else {
        Cow::Owned(split_phases(shape, &phases, source, input))
    };
    (gather.flattened(), input)
}

/// Sorts the pixels of each channel by their position modulo the stride: one plane for each phase, padded with zeros.
fn split_phases(
    shape: &ConvShape,
    phases: &[[usize; 2]],
    [height, width]: [usize; 2],
    input: &[f32],
) -> Vec<f32> {
    let length = phases.len() * height * width;
    let [stride_y, stride_x] = shape.options.stride;
    let mut sorted = vec![0.0; shape.batch * shape.input_channels * length];
    let channels = sorted.par_chunks_mut(length).zip(input.par_chunks(shape.input_plane()));
    channels.with_min_len(16).for_each(|(pictures, plane)| {
        for (picture, [first_y, first_x]) in pictures.chunks_exact_mut(height * width).zip(phases) {
            let rows = plane.chunks_exact(shape.input[1]).skip(*first_y).step_by(stride_y);
            for (to, from) in picture.chunks_exact_mut(width).zip(rows) {
                let from = from.get(*first_x..).unwrap_or_default();
                to.iter_mut().zip(from.chunks(stride_x)).for_each(|(to, from)| *to = from[0]);
            }
        }
    });
    sorted
}
