//! Weights of convolutions, laid out in the order in which the kernels read them.

use super::lanes::{LANES, Lane};
use crate::engine::pages;

/// Which kernel a convolution runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Few input channels, read one by one from separate planes: a network's first layer.
    Planar,
    /// Each output channel reads the input channel of its own number.
    Depthwise,
    /// Everything else; of groups, only the blocks that they touch are read.
    Blocked,
}

/// The sizes that make a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvShape {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) groups: usize,
    /// Height, width.
    pub(crate) kernel: [usize; 2],
}

/// Output blocks that are computed together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Its first block.
    pub(crate) block: usize,
    /// How many: 1 or 2.
    pub(crate) blocks: usize,
    /// The input blocks it reads.
    pub(crate) reads: std::ops::Range<usize>,
    /// Where its weights begin.
    pub(crate) start: usize,
}

/// A convolution's weights.
///
/// Blocked and planar: \[group\]\[input block\]\[ky\]\[kx\]\[input channel\]\[output block of the group\]; depthwise:
/// \[block\]\[ky\]\[kx\].
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) shape: ConvShape,
    pub(crate) kind: Kind,
    pub(crate) weights: Vec<Lane>,
    /// For each output block.
    pub(crate) bias: Vec<Lane>,
    pub(crate) groups: Vec<Group>,
}

/// `values` in lanes, the last filled up with `rest`.
pub(crate) fn in_lanes(values: &[f32], rest: f32) -> Vec<Lane> {
    let lane = |chunk: &[f32]| {
        let mut lane = Lane([rest; LANES]);
        lane.0[..chunk.len()].copy_from_slice(chunk);
        lane
    };
    values.chunks(LANES).map(lane).collect()
}

impl ConvShape {
    /// The kernel for it.
    pub(crate) fn kind(&self) -> Kind {
        if self.groups > 1 && self.groups == self.inputs && self.inputs == self.outputs {
            Kind::Depthwise
        } else if self.groups == 1 && self.inputs <= 4 {
            Kind::Planar
        } else {
            Kind::Blocked
        }
    }

    /// The input blocks that an output block reads.
    fn reads(&self, block: usize) -> std::ops::Range<usize> {
        let (inputs, outputs) = (self.inputs / self.groups, self.outputs / self.groups);
        let last = ((block + 1) * LANES).min(self.outputs) - 1;
        let (from, to) = (block * LANES / outputs * inputs, (last / outputs + 1) * inputs);
        from / LANES..to.div_ceil(LANES)
    }

    /// Channels of input block `block`.
    pub(crate) fn lanes_of(&self, block: usize) -> usize {
        (self.inputs - block * LANES).min(LANES)
    }
}

impl Packed {
    /// Packs weights for sums of `together` output blocks, 1 or 2.
    ///
    /// # Shapes        weights: \[outputs, inputs / groups, kernel height, kernel width\]   ·   bias: \[outputs\]
    pub(crate) fn new(shape: ConvShape, weights: &[f32], bias: &[f32], together: usize) -> Self {
        let mut packed = Self {
            shape,
            kind: shape.kind(),
            weights: Vec::new(),
            bias: in_lanes(bias, 0.0),
            groups: Vec::new(),
        };
        match packed.kind {
            Kind::Depthwise => packed.pack_depthwise(weights),
            Kind::Planar | Kind::Blocked => packed.pack_dense(weights, together),
        }
        packed
    }

    fn pack_depthwise(&mut self, weights: &[f32]) {
        let taps = self.shape.kernel[0] * self.shape.kernel[1];
        self.weights = vec![Lane::ZERO; self.bias.len() * taps];
        for (c, taps_of) in weights.chunks_exact(taps).enumerate() {
            for (t, v) in taps_of.iter().enumerate() {
                self.weights[c / LANES * taps + t].0[c % LANES] = *v;
            }
        }
    }

    fn pack_dense(&mut self, weights: &[f32], together: usize) {
        let together = if self.shape.groups == 1 { together } else { 1 };
        let blocks = self.bias.len();
        let taps = self.shape.kernel[0] * self.shape.kernel[1];
        if self.shape.groups == 1 {
            self.weights = pages::with_capacity(blocks * self.shape.inputs * taps);
        }
        for block in (0..blocks).step_by(together) {
            let count = together.min(blocks - block);
            let reads = self.shape.reads(block);
            let start = self.weights.len();
            for read in reads.clone() {
                match self.shape.groups {
                    1 => self.pack_rows(weights, block, count, read),
                    _ => self.pack_read(weights, block, count, read),
                }
            }
            self.groups.push(Group { block, blocks: count, reads, start });
        }
    }

    /// As [`Packed::pack_read`] where every output reads every input: what lies side by side in `weights` is read so, and
    /// what is written stays in the nearest cache.
    fn pack_rows(&mut self, weights: &[f32], block: usize, count: usize, read: usize) {
        let taps = self.shape.kernel[0] * self.shape.kernel[1];
        let (lanes, row) = (self.shape.lanes_of(read), self.shape.inputs * taps);
        let start = self.weights.len();
        self.weights.resize(start + taps * lanes * count, Lane::ZERO);
        let packed = &mut self.weights[start..];
        for output in block * LANES..((block + count) * LANES).min(self.shape.outputs) {
            let (b, l) = (output / LANES - block, output % LANES);
            let values = &weights[output * row + read * LANES * taps..][..lanes * taps];
            for (i, values) in values.chunks_exact(taps).enumerate() {
                for (tap, v) in values.iter().enumerate() {
                    packed[(tap * lanes + i) * count + b].0[l] = *v;
                }
            }
        }
    }

    /// The weights between `count` output blocks and one input block.
    fn pack_read(&mut self, weights: &[f32], block: usize, count: usize, read: usize) {
        let ConvShape { inputs, outputs, groups, kernel: [height, width] } = self.shape;
        let (inputs, outputs_each) = (inputs / groups, outputs / groups);
        let weight = |o: usize, i: usize, tap: usize| {
            let local = i.checked_sub(o / outputs_each * inputs).filter(|&l| l < inputs);
            local.map_or(0.0, |l| weights[(o * inputs + l) * height * width + tap])
        };
        for tap in 0..height * width {
            for i in 0..self.shape.lanes_of(read) {
                for b in block..block + count {
                    let mut lane = Lane::ZERO;
                    for (l, v) in lane.0.iter_mut().enumerate().take_while(|(l, _)| b * LANES + l < outputs) {
                        *v = weight(b * LANES + l, read * LANES + i, tap);
                    }
                    self.weights.push(lane);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_packed_as_one_by_one() {
        for (inputs, outputs, kernel, count) in [
            (16, 32, [1, 1], 2),
            (21, 40, [3, 3], 2),
            (3, 16, [7, 5], 1),
            (50, 17, [1, 3], 2),
            (33, 48, [3, 3], 1),
        ] {
            let shape = ConvShape { inputs, outputs, groups: 1, kernel };
            let weights: Vec<f32> = (0..inputs * outputs * kernel[0] * kernel[1]).map(|i| i as f32).collect();
            let mut packed =
                Packed { shape, kind: shape.kind(), weights: vec![], bias: vec![], groups: vec![] };
            for block in 0..outputs.div_ceil(LANES) {
                for read in 0..inputs.div_ceil(LANES) {
                    let count = count.min(outputs.div_ceil(LANES) - block);
                    packed.weights.clear();
                    packed.pack_read(&weights, block, count, read);
                    let one_by_one = std::mem::take(&mut packed.weights);
                    packed.pack_rows(&weights, block, count, read);
                    let same = packed.weights.iter().zip(&one_by_one).all(|(a, b)| a.0 == b.0);
                    assert!(same && packed.weights.len() == one_by_one.len(), "{shape:?}, {block}, {read}");
                }
            }
        }
    }
}
