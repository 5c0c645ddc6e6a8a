//! Products of bytes: sums of sixteen channels, to which four inputs are added at a time.
//!
//! Activations are unsigned bytes, weights signed ones, sums 32-bit integers that cannot overflow (`pack8` sees to it), so
//! every machine gets the same integers. AVX-512 VNNI has one instruction for it, AVX2 takes four; the plain loop
//! computes the same elsewhere and judges both in tests.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod vnni;

use super::lanes::{Bytes, LANES, Machine, Registers, Wide};

/// Inputs that one step adds.
pub(crate) const TOGETHER: usize = 4;

/// Weights of sixteen outputs for four inputs, those of an output side by side.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(crate) struct Quads(pub(crate) [i8; LANES * TOGETHER]);

impl Quads {
    /// No weight.
    pub(crate) const ZERO: Self = Self([0; LANES * TOGETHER]);
}

/// One integer of each of sixteen channels.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(crate) struct Sums(pub(crate) [i32; LANES]);

/// The instructions of one kind of processor for products of bytes.
pub(crate) trait Dots: Wide {
    /// Sixteen sums in registers.
    type Sum: Copy;
    /// Weights in registers.
    type Weights: Copy;
    /// Four inputs, once for each of sixteen outputs.
    type Inputs: Copy;

    fn sums(self, from: &Sums) -> Self::Sum;
    fn weights(self, from: &Quads) -> Self::Weights;
    fn inputs(self, from: [u8; TOGETHER]) -> Self::Inputs;
    /// Each sum with its four products.
    fn dot(self, sum: Self::Sum, inputs: Self::Inputs, weights: Self::Weights) -> Self::Sum;
    /// The sums as real numbers.
    fn real(self, sum: Self::Sum) -> Self::V;
}

/// Any processor.
impl Dots for Registers<pulp::Scalar128b, 4> {
    type Sum = [i32; LANES];
    type Weights = [i8; LANES * TOGETHER];
    type Inputs = [u8; TOGETHER];

    #[inline(always)]
    fn sums(self, from: &Sums) -> Self::Sum {
        from.0
    }
    #[inline(always)]
    fn weights(self, from: &Quads) -> Self::Weights {
        from.0
    }
    #[inline(always)]
    fn inputs(self, from: [u8; TOGETHER]) -> Self::Inputs {
        from
    }
    #[inline(always)]
    fn dot(self, mut sum: Self::Sum, inputs: Self::Inputs, weights: Self::Weights) -> Self::Sum {
        for (sum, weights) in sum.iter_mut().zip(weights.as_chunks::<TOGETHER>().0) {
            for (input, weight) in inputs.iter().zip(weights) {
                *sum += i32::from(*input) * i32::from(*weight);
            }
        }
        sum
    }
    #[inline(always)]
    fn real(self, sum: Self::Sum) -> Self::V {
        self.load(&super::lanes::Lane(sum.map(|v| v as f32)))
    }
}

/// Work on products of bytes, written once for every processor.
pub(crate) trait DotKernel {
    /// Does it.
    fn run<W: Dots>(self, w: W);
}

/// Runs `kernel` with the best products of this machine.
pub(crate) fn run<K: DotKernel>(kernel: K) {
    match Machine::now() {
        #[cfg(target_arch = "x86_64")]
        Machine::Avx512(simd) => match vnni::Vnni::try_new(simd) {
            Some(vnni) => vnni.run(kernel),
            None => avx2::run(*simd, kernel),
        },
        #[cfg(target_arch = "x86_64")]
        Machine::Avx2(simd) => avx2::run(simd, kernel),
        _ => kernel.run(Registers::<_, 4>(pulp::Scalar128b)),
    }
}

/// Sums of sixteen channels that a kernel keeps in registers, where real numbers take `each` registers for sixteen.
pub(crate) const fn sums_kept(each: usize) -> usize {
    if each == 1 { 28 } else { 4 }
}

/// The same for the machine at hand.
pub(crate) fn sums_in_registers() -> usize {
    match Machine::now() {
        #[cfg(target_arch = "x86_64")]
        Machine::Avx512(simd) if vnni::Vnni::try_new(simd).is_some() => sums_kept(1),
        _ => sums_kept(2),
    }
}

/// Whether this processor multiplies bytes faster than real numbers.
pub(crate) fn are_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return matches!(Machine::now(), Machine::Avx512(_) | Machine::Avx2(_));
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Four bytes of a block of sixteen.
#[inline(always)]
pub(crate) fn quad(bytes: &Bytes, i: usize) -> [u8; TOGETHER] {
    bytes.0.as_chunks::<TOGETHER>().0[i]
}

#[cfg(test)]
mod tests {
    use super::super::lanes::on_each_machine;
    use super::*;

    /// Sums of a list of products.
    struct Chain<'a>(&'a [([u8; 4], Quads)], &'a mut [f32; LANES]);

    impl DotKernel for Chain<'_> {
        #[inline(always)]
        fn run<W: Dots>(self, w: W) {
            let mut sum = w.sums(&Sums(std::array::from_fn(|i| i as i32 - 7)));
            for (inputs, weights) in self.0 {
                sum = w.dot(sum, w.inputs(*inputs), w.weights(weights));
            }
            let mut lane = super::super::lanes::Lane::ZERO;
            w.store(&mut lane, w.real(sum));
            *self.1 = lane.0;
        }
    }

    #[test]
    fn every_machine_gets_the_same_integers() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        // The ends of the range first: products of pairs would leave 16 bits.
        let mut terms = vec![([255; 4], Quads([127; 64])), ([255; 4], Quads([-128; 64]))];
        for _ in 0..300 {
            terms.push((std::array::from_fn(|_| next()), Quads(std::array::from_fn(|_| next() as i8))));
        }
        for count in [0, 1, 2, 302] {
            let terms = &terms[..count];
            let expected: [f32; LANES] = std::array::from_fn(|o| {
                let products = terms
                    .iter()
                    .flat_map(|(x, w)| (0..4).map(move |k| i64::from(x[k]) * i64::from(w.0[o * 4 + k])));
                (products.sum::<i64>() + o as i64 - 7) as f32
            });
            on_each_machine(|| {
                let mut found = [0.0; LANES];
                run(Chain(terms, &mut found));
                assert_eq!(found, expected);
            });
        }
    }
}
