//! What happens to a convolution's sums before the next layer sees them: activations, additions, scales.

use super::image::Image;
use super::lanes::{self, Bytes, Kernel, Lane, Wide, exp, sigmoid};
use crate::graph::Grid;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Activation {
    /// max(x, 0)
    Relu,
    /// x where positive, a·x elsewhere
    Leaky(f32),
    /// min(max(x, low), high)
    Clip { low: f32, high: f32 },
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// x / (1 + e⁻ˣ)
    Silu,
    /// min(max(alpha·x + beta, 0), 1)
    HardSigmoid { alpha: f32, beta: f32 },
    /// x · min(max(x/6 + ½, 0), 1)
    HardSwish,
    /// eˣ
    Exp,
    /// 2 / (1 + e⁻²ˣ) − 1
    Tanh,
    /// The nearest number of a grid
    Grid(Grid),
}

impl Activation {
    /// The function of sixteen numbers.
    #[inline(always)]
    pub(crate) fn of<W: Wide>(self, w: W, v: W::V) -> W::V {
        let hard = |alpha: f32, beta: f32| {
            w.min(w.max(w.fma(v, w.splat(alpha), w.splat(beta)), w.splat(0.0)), w.splat(1.0))
        };
        match self {
            Self::Relu => w.max(v, w.splat(0.0)),
            Self::Leaky(a) => w.where_positive(v, w.mul(v, w.splat(a))),
            Self::Clip { low, high } => w.min(w.max(v, w.splat(low)), w.splat(high)),
            Self::Sigmoid => sigmoid(w, v),
            Self::Silu => w.mul(v, sigmoid(w, v)),
            Self::HardSigmoid { alpha, beta } => hard(alpha, beta),
            Self::HardSwish => w.mul(v, hard(1.0 / 6.0, 0.5)),
            Self::Exp => exp(w, v),
            Self::Tanh => {
                let s = sigmoid(w, w.add(v, v));
                w.add(w.add(s, s), w.splat(-1.0))
            }
            Self::Grid(grid) => grid.of(w, v),
        }
    }
}

/// What a convolution does to its sums while they are still in registers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum First<'a> {
    Nothing,
    Relu,
    /// x where positive, slope·x elsewhere; a slope for each channel.
    Slope(&'a [Lane]),
}

impl First<'_> {
    /// The same for the sums of one block.
    #[inline(always)]
    pub(crate) fn of<W: Wide, const P: usize>(&self, w: W, block: usize, sums: &mut [W::V; P]) {
        match self {
            Self::Nothing => {}
            Self::Relu => {
                let zero = w.splat(0.0);
                for v in sums {
                    *v = w.max(*v, zero);
                }
            }
            Self::Slope(slopes) => {
                let slope = w.load(&slopes[block]);
                for v in sums {
                    *v = w.where_positive(*v, w.mul(*v, slope));
                }
            }
        }
    }
}

/// One further function of the values that stand in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Finish<'a> {
    Activation(Activation),
    /// x where positive, slope·x elsewhere; a slope for each channel.
    Slope(&'a [Lane]),
    /// scale·x + shift, for each channel.
    Scale(&'a [Lane], &'a [Lane]),
    /// x + y
    Add(&'a [Lane], Image),
    /// x + y of bytes
    AddBytes(&'a [Bytes], Image, Grid),
    /// x · y
    Mul(&'a [Lane], Image),
    /// x · y of a plane of one pixel
    MulChannel(&'a [Lane], Image),
}

/// Pixels of one block of a picture from (y, x) on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pixels {
    pub(crate) n: usize,
    pub(crate) block: usize,
    pub(crate) y: usize,
    pub(crate) x: usize,
}

impl Finish<'_> {
    /// Whether it can be applied to numbers in registers. Others are left to memory: each would be compiled once more for
    /// every kernel.
    pub(crate) fn fits_registers(&self) -> bool {
        use Activation::{Grid, Relu};
        matches!(self, Self::Activation(Relu | Grid(_)) | Self::Slope(_) | Self::Add(..) | Self::AddBytes(..))
    }

    /// The same for P pixels whose numbers are in registers.
    ///
    /// No closures here: a closure that is not inlined knows nothing of the processor's instructions.
    #[inline(always)]
    pub(crate) fn of<W: Wide, const P: usize>(&self, w: W, at: Pixels, values: &mut [W::V; P]) {
        let Pixels { n, block, y, x } = at;
        match *self {
            Finish::Activation(Activation::Relu) => {
                let zero = w.splat(0.0);
                for v in values {
                    *v = w.max(*v, zero);
                }
            }
            Finish::Activation(Activation::Grid(grid)) => {
                for v in values {
                    *v = grid.of(w, *v);
                }
            }
            Finish::Slope(slopes) => {
                let slope = w.load(&slopes[block]);
                for v in values {
                    *v = w.where_positive(*v, w.mul(*v, slope));
                }
            }
            Finish::Add(data, other) => {
                let (data, places) = (&data[other.start(n, block)..], other.places::<P>(y, x));
                for p in 0..P {
                    values[p] = w.add(values[p], w.load(&data[places[p]]));
                }
            }
            Finish::AddBytes(data, other, grid) => {
                let (data, places) = (&data[other.start(n, block)..], other.places::<P>(y, x));
                for p in 0..P {
                    values[p] = w.add(values[p], grid.meaning(w, w.load_bytes(&data[places[p]])));
                }
            }
            _ => unreachable!("only what fits registers is applied in them"),
        }
    }
}

/// Applies functions to rows of one block of a picture.
pub(crate) struct FinishRows<'a> {
    pub(crate) finishes: &'a [Finish<'a>],
    pub(crate) out: &'a mut [Lane],
    pub(crate) image: Image,
    pub(crate) n: usize,
    pub(crate) block: usize,
    pub(crate) rows: std::ops::Range<usize>,
}

impl FinishRows<'_> {
    /// Does it; nothing where there is no function.
    pub(crate) fn apply(self) {
        if !self.finishes.is_empty() {
            lanes::run(self);
        }
    }
}

impl Kernel for FinishRows<'_> {
    #[inline(always)]
    fn run<W: Wide>(self, w: W) {
        let Self { finishes, out, image, n, block, rows } = self;
        for y in rows {
            let out = &mut out[image.at(n, block, y, 0)..][..image.w];
            for finish in finishes {
                match *finish {
                    Finish::Activation(f) => each(w, out, |v| f.of(w, v)),
                    Finish::Slope(slopes) => {
                        let slope = w.load(&slopes[block]);
                        each(w, out, |v| w.where_positive(v, w.mul(v, slope)));
                    }
                    Finish::Scale(scales, shifts) => {
                        let (scale, shift) = (w.load(&scales[block]), w.load(&shifts[block]));
                        each(w, out, |v| w.fma(v, scale, shift));
                    }
                    Finish::Add(data, other) => {
                        let data = &data[other.at(n, block, y, 0)..][..image.w];
                        each_with(w, out, data, |a, b| w.add(a, b));
                    }
                    Finish::AddBytes(data, other, grid) => {
                        let data = &data[other.at(n, block, y, 0)..][..image.w];
                        for (lane, bytes) in out.iter_mut().zip(data) {
                            let v = w.add(w.load(lane), grid.meaning(w, w.load_bytes(bytes)));
                            w.store(lane, v);
                        }
                    }
                    Finish::Mul(data, other) => {
                        let data = &data[other.at(n, block, y, 0)..][..image.w];
                        each_with(w, out, data, |a, b| w.mul(a, b));
                    }
                    Finish::MulChannel(data, other) => {
                        let factor = w.load(&data[other.at(n, block, 0, 0)]);
                        each(w, out, |v| w.mul(v, factor));
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn each<W: Wide>(w: W, out: &mut [Lane], f: impl Fn(W::V) -> W::V) {
    for lane in out {
        let v = f(w.load(lane));
        w.store(lane, v);
    }
}

#[inline(always)]
fn each_with<W: Wide>(w: W, out: &mut [Lane], other: &[Lane], f: impl Fn(W::V, W::V) -> W::V) {
    for (lane, other) in out.iter_mut().zip(other) {
        let v = f(w.load(lane), w.load(other));
        w.store(lane, v);
    }
}
