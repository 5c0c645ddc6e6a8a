//! Weights of convolutions in bytes, laid out in the order in which `conv8` reads them.

use super::dots::{Quads, Sums, TOGETHER};
use super::lanes::{LANES, Lane};
use super::pack::{ConvShape, Group, Kind, in_lanes};
use crate::graph::Grid;

/// Weights in bytes: weight · scale of its output channel is the real one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int8Weights<'a> {
    /// \[outputs, inputs, kernel height, kernel width\]
    pub(crate) values: &'a [i8],
    /// \[outputs\]
    pub(crate) scales: &'a [f32],
}

/// A convolution's weights.
///
/// \[group\]\[input block\]\[ky\]\[kx\]\[four input channels\]\[output block of the group\]
#[derive(Debug, Clone)]
pub(crate) struct PackedInt8 {
    pub(crate) shape: ConvShape,
    /// The grid of the input.
    pub(crate) grid: Grid,
    pub(crate) weights: Vec<Quads>,
    /// Where the sums begin: bytes count from their zero, so each channel gives back what its zeros add.
    pub(crate) start: Vec<Sums>,
    /// A sum's worth, and what is added to it.
    pub(crate) scale: Vec<Lane>,
    pub(crate) bias: Vec<Lane>,
    pub(crate) groups: Vec<Group>,
}

impl PackedInt8 {
    /// Whether there is a kernel for it: channels that all mix, and sums that fit 32 bits.
    pub(crate) fn takes(shape: &ConvShape) -> bool {
        let terms = shape.inputs.saturating_mul(shape.kernel[0]).saturating_mul(shape.kernel[1]);
        shape.groups == 1 && shape.kind() == Kind::Blocked && terms < (i32::MAX / (255 * 128) / 2) as usize
    }

    /// Packs weights for sums of `together` output blocks, 1 or 2.
    ///
    /// # Shapes        bias: \[outputs\], real numbers
    pub(crate) fn new(shape: ConvShape, of: Int8Weights, bias: &[f32], grid: Grid, together: usize) -> Self {
        let scales: Vec<f32> = of.scales.iter().map(|s| s * grid.scale).collect();
        let each = of.values.len() / shape.outputs;
        let zeros =
            |weights: &[i8]| -i32::from(grid.zero) * weights.iter().map(|w| i32::from(*w)).sum::<i32>();
        let start: Vec<i32> = of.values.chunks_exact(each).map(zeros).collect();
        let sums = |chunk: &[i32]| Sums(std::array::from_fn(|i| chunk.get(i).copied().unwrap_or(0)));
        let mut packed = Self {
            shape,
            grid,
            weights: Vec::new(),
            start: start.chunks(LANES).map(sums).collect(),
            scale: in_lanes(&scales, 0.0),
            bias: in_lanes(bias, 0.0),
            groups: Vec::new(),
        };
        let (blocks, reads) = (shape.outputs.div_ceil(LANES), 0..shape.inputs.div_ceil(LANES));
        for block in (0..blocks).step_by(together) {
            let count = together.min(blocks - block);
            let start = packed.weights.len();
            for read in reads.clone() {
                packed.pack_read(of.values, block..block + count, read);
            }
            packed.groups.push(Group { block, blocks: count, reads: reads.clone(), start });
        }
        packed
    }

    /// The weights between output blocks and one input block.
    fn pack_read(&mut self, values: &[i8], blocks: std::ops::Range<usize>, read: usize) {
        let ConvShape { inputs, outputs, kernel: [height, width], .. } = self.shape;
        for tap in 0..height * width {
            for quad in 0..self.shape.lanes_of(read).div_ceil(TOGETHER) {
                for block in blocks.clone() {
                    let mut quads = Quads::ZERO;
                    for (at, value) in quads.0.iter_mut().enumerate() {
                        let (o, i) =
                            (block * LANES + at / TOGETHER, read * LANES + quad * TOGETHER + at % TOGETHER);
                        if o < outputs && i < inputs {
                            *value = values[(o * inputs + i) * height * width + tap];
                        }
                    }
                    self.weights.push(quads);
                }
            }
        }
    }
}
