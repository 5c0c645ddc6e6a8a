//! Products of bytes with AVX2: of each four, those at even and those at odd places are added by `vpmaddwd`.
//!
//! `vpmaddubsw` would take bytes as they are, but its sums of two products do not fit their 16 bits; here nothing is lost.

use pulp::x86::V3;
use pulp::{NullaryFnOnce, Simd, i16x16, i32x8};

use super::super::lanes::Registers;
use super::{DotKernel, Dots, Quads, Sums, TOGETHER};

type Avx2 = Registers<V3, 2>;

/// Runs `kernel` with AVX2.
pub(super) fn run<K: DotKernel>(simd: V3, kernel: K) {
    struct On<K>(K, Avx2);
    impl<K: DotKernel> NullaryFnOnce for On<K> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            self.0.run(self.1);
        }
    }
    simd.vectorize(On(kernel, Registers(simd)));
}

/// The halves of sixteen numbers.
#[inline(always)]
fn halves<T: Copy, const N: usize>(values: &[T]) -> [[T; N]; 2] {
    let (chunks, _) = values.as_chunks::<N>();
    [chunks[0], chunks[1]]
}

impl Dots for Avx2 {
    type Sum = [i32x8; 2];
    /// Of each half the weights at even places, then those at odd ones.
    type Weights = [[i16x16; 2]; 2];
    type Inputs = [i16x16; 2];

    #[inline(always)]
    fn sums(self, from: &Sums) -> Self::Sum {
        halves::<i32, 8>(&from.0).map(pulp::cast)
    }
    #[inline(always)]
    fn weights(self, from: &Quads) -> Self::Weights {
        halves::<i8, 32>(&from.0).map(|half| {
            // Pairs of bytes as numbers of 16 bits: the upper is the odd one.
            let pairs: i16x16 = pulp::cast(half);
            let avx2 = self.0.avx2;
            let low = avx2._mm256_slli_epi16::<8>(pulp::cast(pairs));
            [
                pulp::cast(avx2._mm256_srai_epi16::<8>(low)),
                pulp::cast(avx2._mm256_srai_epi16::<8>(pulp::cast(pairs))),
            ]
        })
    }
    #[inline(always)]
    fn inputs(self, from: [u8; TOGETHER]) -> Self::Inputs {
        let all = i32::from_le_bytes(from);
        [all & 0x00ff_00ff, (all >> 8) & 0x00ff_00ff].map(|v| pulp::cast(self.0.splat_i32s(v)))
    }
    #[inline(always)]
    fn dot(self, sum: Self::Sum, inputs: Self::Inputs, weights: Self::Weights) -> Self::Sum {
        let madd = |a: i16x16, b: i16x16| -> i32x8 {
            pulp::cast(self.0.avx2._mm256_madd_epi16(pulp::cast(a), pulp::cast(b)))
        };
        let of = |half: usize| {
            let even = self.0.add_i32s(sum[half], madd(inputs[0], weights[half][0]));
            self.0.add_i32s(even, madd(inputs[1], weights[half][1]))
        };
        [of(0), of(1)]
    }
    #[inline(always)]
    fn real(self, sum: Self::Sum) -> Self::V {
        sum.map(|s| pulp::cast(self.0.avx._mm256_cvtepi32_ps(pulp::cast(s))))
    }
}
