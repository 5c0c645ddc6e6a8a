//! Weights of convolutions and linear layers, laid out in the order in which the kernels read them.

use super::lanes::{LANES, Lane};
use crate::pages::{Arena, ArenaSlice, Span};

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
    pub(crate) weights: ArenaSlice<Lane>,
    /// For each output block.
    pub(crate) bias: Vec<Lane>,
    pub(crate) groups: Vec<Group>,
}

/// A real number as weights hold it.
pub(crate) trait Number: Copy {
    fn get(self) -> f32;
}

impl Number for f32 {
    fn get(self) -> f32 {
        self
    }
}

/// As it lies in a file, the least significant byte first.
impl Number for [u8; 4] {
    fn get(self) -> f32 {
        f32::from_le_bytes(self)
    }
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

    /// Places of the kernel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// How many lanes its packed weights take.
    fn lanes(&self) -> usize {
        let blocks = 0..self.outputs.div_ceil(LANES);
        if self.kind() == Kind::Depthwise {
            return blocks.len() * self.taps();
        }
        let channels = |block| self.reads(block).map(|read| self.lanes_of(read)).sum::<usize>();
        blocks.map(channels).sum::<usize>() * self.taps()
    }

    /// Channels of input block `block`.
    pub(crate) fn lanes_of(&self, block: usize) -> usize {
        (self.inputs - block * LANES).min(LANES)
    }
}

/// Packs the weights of one convolution after the other into common memory.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    arena: Arena<Lane>,
    packed: Vec<(usize, Unplaced)>,
}

/// A [`Packed`] whose weights lie in memory that others still go to.
#[derive(Debug)]
struct Unplaced {
    shape: ConvShape,
    bias: Vec<Lane>,
    groups: Vec<Group>,
    weights: Span,
}

impl Packer {
    /// Packs weights for sums of `together` output blocks, 1 or 2, under the number `key`.
    ///
    /// # Shapes        weights: \[outputs, inputs / groups, kernel height, kernel width\]   ·   bias: \[outputs\]
    pub(crate) fn pack<N: Number>(
        &mut self,
        key: usize,
        shape: ConvShape,
        (weights, bias): (&[N], &[f32]),
        together: usize,
    ) {
        let bias = in_lanes(bias, 0.0);
        let mut groups = Vec::new();
        let place = self.arena.fill(shape.lanes(), |arena| match shape.kind() {
            Kind::Depthwise => pack_depthwise(shape, weights, arena),
            Kind::Planar | Kind::Blocked => groups = pack_dense(shape, weights, together, arena),
        });
        self.packed.push((key, Unplaced { shape, bias, groups, weights: place }));
    }

    /// All that was packed, by the numbers given.
    pub(crate) fn finish(self) -> Vec<(usize, Packed)> {
        let parts = self.arena.close();
        let placed = |(key, unplaced): (usize, Unplaced)| {
            let Unplaced { shape, bias, groups, weights } = unplaced;
            (key, Packed { shape, kind: shape.kind(), weights: parts.at(weights), bias, groups })
        };
        self.packed.into_iter().map(placed).collect()
    }
}

/// Appends the weights of a depthwise convolution.
fn pack_depthwise<N: Number>(shape: ConvShape, weights: &[N], to: &mut Vec<Lane>) {
    let (start, taps) = (to.len(), shape.taps());
    to.resize(start + shape.lanes(), Lane::ZERO);
    for (c, taps_of) in weights.chunks_exact(taps).enumerate() {
        for (t, v) in taps_of.iter().enumerate() {
            to[start + c / LANES * taps + t].0[c % LANES] = v.get();
        }
    }
}

/// Appends the weights of any other convolution.
fn pack_dense<N: Number>(shape: ConvShape, weights: &[N], together: usize, to: &mut Vec<Lane>) -> Vec<Group> {
    let together = if shape.groups == 1 { together } else { 1 };
    let (first, blocks) = (to.len(), shape.outputs.div_ceil(LANES));
    let mut groups = Vec::new();
    for block in (0..blocks).step_by(together) {
        let count = together.min(blocks - block);
        let (reads, start) = (shape.reads(block), to.len() - first);
        for read in reads.clone() {
            match shape.groups {
                1 => pack_rows(shape, weights, (block, count, read), to),
                _ => pack_read(shape, weights, (block, count, read), to),
            }
        }
        groups.push(Group { block, blocks: count, reads, start });
    }
    groups
}

/// As [`pack_read`] where every output reads every input: what lies side by side in `weights` is read so, and what is
/// written stays in the nearest cache.
fn pack_rows<N: Number>(
    shape: ConvShape,
    weights: &[N],
    (block, count, read): (usize, usize, usize),
    to: &mut Vec<Lane>,
) {
    let taps = shape.taps();
    let (lanes, row) = (shape.lanes_of(read), shape.inputs * taps);
    let start = to.len();
    to.resize(start + taps * lanes * count, Lane::ZERO);
    let packed = &mut to[start..];
    for b in 0..count {
        let first = (block + b) * LANES;
        let of_output = |o: usize| &weights[(first + o) * row + read * LANES * taps..][..lanes * taps];
        let place = |i: usize| (i % taps * lanes + i / taps) * count + b;
        if first + LANES <= shape.outputs && lanes == LANES {
            let rows: [&[[N; LANES]]; LANES] = std::array::from_fn(|o| of_output(o).as_chunks().0);
            for at in 0..taps {
                let tile: [&[N; LANES]; LANES] = std::array::from_fn(|o| &rows[o][at]);
                for i in 0..LANES {
                    packed[place(at * LANES + i)] = Lane(std::array::from_fn(|o| tile[o][i].get()));
                }
            }
            continue;
        }
        for o in 0..LANES.min(shape.outputs - first) {
            for (i, v) in of_output(o).iter().enumerate() {
                packed[place(i)].0[o] = v.get();
            }
        }
    }
}

/// Appends the weights between `count` output blocks and one input block.
fn pack_read<N: Number>(
    shape: ConvShape,
    weights: &[N],
    (block, count, read): (usize, usize, usize),
    to: &mut Vec<Lane>,
) {
    let ConvShape { inputs, outputs, groups, .. } = shape;
    let (inputs, outputs_each) = (inputs / groups, outputs / groups);
    let weight = |o: usize, i: usize, tap: usize| {
        let local = i.checked_sub(o / outputs_each * inputs).filter(|&l| l < inputs);
        local.map_or(0.0, |l| weights[(o * inputs + l) * shape.taps() + tap].get())
    };
    for tap in 0..shape.taps() {
        for i in 0..shape.lanes_of(read) {
            for b in block..block + count {
                let mut lane = Lane::ZERO;
                for (l, v) in lane.0.iter_mut().enumerate().take_while(|(l, _)| b * LANES + l < outputs) {
                    *v = weight(b * LANES + l, read * LANES + i, tap);
                }
                to.push(lane);
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
            let stored: Vec<[u8; 4]> = weights.iter().map(|v| v.to_le_bytes()).collect();
            for block in 0..outputs.div_ceil(LANES) {
                for read in 0..inputs.div_ceil(LANES) {
                    let count = count.min(outputs.div_ceil(LANES) - block);
                    let (mut one_by_one, mut rows, mut from_file) = (vec![], vec![], vec![]);
                    pack_read(shape, &weights, (block, count, read), &mut one_by_one);
                    pack_rows(shape, &weights, (block, count, read), &mut rows);
                    pack_rows(shape, &stored, (block, count, read), &mut from_file);
                    assert_eq!(rows, one_by_one, "{shape:?}, {block}, {read}");
                    assert_eq!(from_file, one_by_one, "{shape:?}, {block}, {read}");
                }
            }
        }
    }

    #[test]
    fn convolutions_in_common_memory_keep_to_their_parts() {
        let shapes = [
            ConvShape { inputs: 40, outputs: 24, groups: 1, kernel: [3, 3] },
            ConvShape { inputs: 33, outputs: 33, groups: 33, kernel: [3, 3] },
            ConvShape { inputs: 36, outputs: 60, groups: 6, kernel: [1, 2] },
            ConvShape { inputs: 3, outputs: 16, groups: 1, kernel: [7, 7] },
        ];
        let weights = |shape: &ConvShape| -> Vec<f32> {
            (0..shape.inputs / shape.groups * shape.outputs * shape.taps()).map(|i| i as f32).collect()
        };
        let pack = |packer: &mut Packer, key: usize| {
            let bias = vec![key as f32; shapes[key].outputs];
            packer.pack(key, shapes[key], (&weights(&shapes[key]), &bias), 2);
        };
        let mut common = Packer::default();
        (0..shapes.len()).for_each(|key| pack(&mut common, key));
        for (key, packed) in common.finish() {
            let mut alone = Packer::default();
            pack(&mut alone, key);
            let (_, alone) = alone.finish().remove(0);
            assert_eq!(&*packed.weights, &*alone.weights);
            assert_eq!(packed.weights.len(), shapes[key].lanes());
            assert_eq!((packed.shape, packed.bias[0].0[0]), (shapes[key], key as f32));
        }
    }
}
