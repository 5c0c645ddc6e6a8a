//! Pooling: the largest or the mean of each window, sixteen channels at a time.

use super::image::Image;
use super::lanes::{Kernel, Lane, Wide};

/// What a window becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolKind {
    Max,
    /// The mean of what lies inside the picture, or of the whole window with zeros outside.
    Mean {
        counts_padding: bool,
    },
}

/// The windows of a pooling layer; each pair is height or down, width or right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) kind: PoolKind,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    /// Above and to the left.
    pub(crate) pad: [usize; 2],
    /// Below and to the right.
    pub(crate) pad_end: [usize; 2],
}

/// One pooling of a batch.
pub(crate) struct Pool<'a> {
    pub(crate) input: &'a [Lane],
    pub(crate) from: Image,
    pub(crate) out: &'a mut [Lane],
    pub(crate) image: Image,
    pub(crate) windows: Windows,
}

impl Windows {
    /// The part of window `i` that lies in the picture, and the length of the part that lies in picture or padding.
    fn span(&self, axis: usize, i: usize, length: usize) -> (std::ops::Range<usize>, usize) {
        let start = i * self.stride[axis];
        let end = (start + self.kernel[axis]).min(length + self.pad[axis] + self.pad_end[axis]);
        let inside = |at: usize| at.saturating_sub(self.pad[axis]).min(length);
        (inside(start)..inside(end), end - start)
    }
}

impl Kernel for Pool<'_> {
    #[inline(always)]
    fn run<W: Wide>(self, w: W) {
        let Self { input, from, out, image, windows } = self;
        for (n, block) in (0..image.n).flat_map(|n| (0..image.blocks()).map(move |b| (n, b))) {
            for y in 0..image.h {
                let (ys, tall) = windows.span(0, y, from.h);
                for x in 0..image.w {
                    let (xs, wide) = windows.span(1, x, from.w);
                    let rows = ys.clone().map(|y| &input[from.at(n, block, y, xs.start)..][..xs.len()]);
                    let value = match windows.kind {
                        PoolKind::Max => {
                            let lowest = w.splat(f32::NEG_INFINITY);
                            rows.flatten().fold(lowest, |best, v| w.max(best, w.load(v)))
                        }
                        PoolKind::Mean { counts_padding } => {
                            let count = if counts_padding { tall * wide } else { ys.len() * xs.len() };
                            let sum = rows.flatten().fold(w.splat(0.0), |sum, v| w.add(sum, w.load(v)));
                            w.mul(sum, w.splat(1.0 / count as f32))
                        }
                    };
                    w.store(&mut out[image.at(n, block, y, x)], value);
                }
            }
        }
    }
}
