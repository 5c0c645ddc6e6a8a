//! Operators on plain tensors, for the small heads and tails of a network and for arithmetic on shapes.

use super::finish::Activation;
use super::lanes::{Kernel, LANES, Lane, Wide};
use super::pack::{ConvShape, Packed};

/// Distance from one index to the next, for each axis of a row-major tensor.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}

/// Calls `visit` with the place of every element of `shape` in a tensor of `strides`, in row-major order.
pub(crate) fn walk(shape: &[usize], strides: &[isize], start: usize, mut visit: impl FnMut(usize)) {
    if shape.contains(&0) {
        return;
    }
    let mut index = vec![0; shape.len()];
    let mut at = start as isize;
    loop {
        visit(at as usize);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis] as isize;
            index[axis] = 0;
        }
    }
}

/// Copies the elements that [`walk`] visits.
pub(crate) fn copy<T: Copy>(input: &[T], out: &mut [T], shape: &[usize], strides: &[isize], start: usize) {
    let mut to = out.iter_mut();
    walk(shape, strides, start, |at| {
        if let Some(to) = to.next() {
            *to = input[at];
        }
    });
}

/// The strides by which a tensor of `shape` is read as one of `as_shape`; 0 where it is repeated.
pub(crate) fn broadcast_strides(shape: &[usize], as_shape: &[usize]) -> Vec<isize> {
    let missing = as_shape.len() - shape.len();
    let own = strides(shape);
    (0..as_shape.len())
        .map(|i| match i.checked_sub(missing) {
            Some(i) if shape[i] != 1 => own[i] as isize,
            _ => 0,
        })
        .collect()
}

/// A function of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// x where positive, slope·x elsewhere.
    Slope,
}

impl Binary {
    /// Its value.
    #[inline(always)]
    pub(crate) fn of(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Slope => {
                if a > 0.0 {
                    a
                } else {
                    a * b
                }
            }
        }
    }

    /// Its value for whole numbers; `None` where it has none.
    pub(crate) fn of_whole(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Sub => a.checked_sub(b),
            Self::Mul => a.checked_mul(b),
            Self::Div => a.checked_div(b),
            Self::Slope => None,
        }
    }
}

/// A function of every pair of numbers, each tensor repeated to `shape`.
pub(crate) fn binary(
    function: Binary,
    (a, a_shape): (&[f32], &[usize]),
    (b, b_shape): (&[f32], &[usize]),
    out: &mut [f32],
    shape: &[usize],
) {
    if let ([b], true) = (b, a_shape == shape) {
        return out.iter_mut().zip(a).for_each(|(to, a)| *to = function.of(*a, *b));
    }
    if a_shape == b_shape {
        return out.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = function.of(*a, *b));
    }
    copy(a, out, shape, &broadcast_strides(a_shape, shape), 0);
    let mut to = out.iter_mut();
    walk(shape, &broadcast_strides(b_shape, shape), 0, |at| {
        if let Some(to) = to.next() {
            *to = function.of(*to, b[at]);
        }
    });
}

/// Exponentials that sum to one, along the middle axis of \[outer, length, inner\].
pub(crate) fn softmax(input: &[f32], out: &mut [f32], length: usize, inner: usize) {
    let size = length * inner;
    if size == 0 {
        return;
    }
    for (from, to) in input.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        for i in 0..inner {
            let column = || from.iter().skip(i).step_by(inner);
            let largest = column().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
            let sum: f32 = column().map(|v| (v - largest).exp()).sum();
            for (to, v) in to.iter_mut().skip(i).step_by(inner).zip(column()) {
                *to = (v - largest).exp() / sum;
            }
        }
    }
}

/// A function of every number.
pub(crate) struct Each<'a> {
    pub(crate) function: Activation,
    pub(crate) input: &'a [f32],
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Each<'_> {
    #[inline(always)]
    fn run<W: Wide>(self, w: W) {
        for (from, to) in self.input.chunks(LANES).zip(self.out.chunks_mut(LANES)) {
            let mut lane = Lane::ZERO;
            lane.0[..from.len()].copy_from_slice(from);
            let v = self.function.of(w, w.load(&lane));
            w.store(&mut lane, v);
            to.copy_from_slice(&lane.0[..to.len()]);
        }
    }
}

/// A fully connected layer of a batch.
pub(crate) struct Linear<'a> {
    /// Of a convolution of one pixel, for one output block at a time.
    pub(crate) packed: &'a Packed,
    /// \[n, inputs\]
    pub(crate) input: &'a [f32],
    /// \[n, outputs\]
    pub(crate) out: &'a mut [f32],
}

impl Linear<'_> {
    /// `N` rows at once, so that the weights are read once for all.
    #[inline(always)]
    fn rows<W: Wide, const N: usize>(&mut self, w: W, block: usize, n: usize) {
        let Packed { shape: ConvShape { inputs, outputs, .. }, weights, bias, .. } = self.packed;
        let rows: [&[f32]; N] = std::array::from_fn(|i| &self.input[(n + i) * inputs..][..*inputs]);
        let mut sums = [w.load(&bias[block]); N];
        for (i, weights) in weights[block * inputs..][..*inputs].iter().enumerate() {
            let weight = w.load(weights);
            for r in 0..N {
                sums[r] = w.fma(weight, w.splat(rows[r][i]), sums[r]);
            }
        }
        let count = LANES.min(outputs - block * LANES);
        for (r, v) in sums.iter().enumerate() {
            let mut lane = Lane::ZERO;
            w.store(&mut lane, *v);
            self.out[(n + r) * outputs + block * LANES..][..count].copy_from_slice(&lane.0[..count]);
        }
    }
}

impl Kernel for Linear<'_> {
    #[inline(always)]
    fn run<W: Wide>(mut self, w: W) {
        let rows = self.out.len() / self.packed.shape.outputs;
        for block in 0..self.packed.bias.len() {
            for n in (0..rows / 4 * 4).step_by(4) {
                self.rows::<W, 4>(w, block, n);
            }
            for n in rows / 4 * 4..rows {
                self.rows::<W, 1>(w, block, n);
            }
        }
    }
}
