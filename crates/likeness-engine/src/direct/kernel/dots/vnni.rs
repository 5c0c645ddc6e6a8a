//! Products of bytes with AVX-512 VNNI: `vpdpbusd` adds four products to each of sixteen sums.
//!
//! Unsafe code is of two kinds here. Instructions are used only through [`Vnni`], which exists only where the processor
//! was found to have them. Arrays of plain numbers become vectors of the same size, for which any bits are a value.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::mem::transmute;

use pulp::x86::V4;

use super::super::lanes::{Bytes, LANES, Lane, Registers, Wide};
use super::{DotKernel, Dots, Quads, Sums, TOGETHER};

/// A processor with AVX-512 VNNI.
#[derive(Clone, Copy)]
pub(super) struct Vnni(Registers<V4, 1>);

impl Vnni {
    /// This one, if it has the instructions.
    pub(super) fn try_new(simd: V4) -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx512vnni").then_some(Self(Registers(simd)))
    }

    /// Runs `kernel` with them.
    pub(super) fn run<K: DotKernel>(self, kernel: K) {
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
        #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni")]
        fn with_features<K: DotKernel>(kernel: K, vnni: Vnni) {
            kernel.run(vnni);
        }
        // SAFETY: `self` is the proof of VNNI, its `V4` of the others.
        unsafe { with_features(kernel, self) }
    }
}

impl Wide for Vnni {
    const EACH: usize = 1;
    type V = <Registers<V4, 1> as Wide>::V;

    #[inline(always)]
    fn load(self, from: &Lane) -> Self::V {
        self.0.load(from)
    }
    #[inline(always)]
    fn store(self, to: &mut Lane, v: Self::V) {
        self.0.store(to, v);
    }
    #[inline(always)]
    fn load_bytes(self, from: &Bytes) -> Self::V {
        // SAFETY: the instructions are there; vectors of one size.
        unsafe {
            let bytes = transmute::<[u8; LANES], __m128i>(from.0);
            transmute::<__m512, Self::V>(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)))
        }
    }
    #[inline(always)]
    fn store_bytes(self, to: &mut Bytes, v: Self::V) {
        // SAFETY: as above. Rounds to the nearest, ties to even; what is above 255 becomes 255.
        unsafe {
            let whole = _mm512_cvtps_epi32(transmute::<Self::V, __m512>(v));
            let bytes = _mm512_cvtusepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512()));
            to.0 = transmute::<__m128i, [u8; LANES]>(bytes);
        }
    }
    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        self.0.splat(value)
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        self.0.add(a, b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        self.0.mul(a, b)
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        self.0.div(a, b)
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        self.0.max(a, b)
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        self.0.min(a, b)
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        self.0.fma(a, b, c)
    }
    #[inline(always)]
    fn where_positive(self, v: Self::V, other: Self::V) -> Self::V {
        self.0.where_positive(v, other)
    }
    #[inline(always)]
    fn power_of_two(self, v: Self::V) -> Self::V {
        self.0.power_of_two(v)
    }
}

impl Dots for Vnni {
    type Sum = __m512i;
    type Weights = __m512i;
    type Inputs = __m512i;

    #[inline(always)]
    fn sums(self, from: &Sums) -> Self::Sum {
        // SAFETY: vectors of one size.
        unsafe { transmute::<[i32; LANES], __m512i>(from.0) }
    }
    #[inline(always)]
    fn weights(self, from: &Quads) -> Self::Weights {
        // SAFETY: as above.
        unsafe { transmute::<[i8; LANES * TOGETHER], __m512i>(from.0) }
    }
    #[inline(always)]
    fn inputs(self, from: [u8; TOGETHER]) -> Self::Inputs {
        // SAFETY: the instructions are there.
        unsafe { _mm512_set1_epi32(i32::from_le_bytes(from)) }
    }
    #[inline(always)]
    fn dot(self, sum: Self::Sum, inputs: Self::Inputs, weights: Self::Weights) -> Self::Sum {
        // SAFETY: as above.
        unsafe { _mm512_dpbusd_epi32(sum, inputs, weights) }
    }
    #[inline(always)]
    fn real(self, sum: Self::Sum) -> Self::V {
        // SAFETY: as above; vectors of one size.
        unsafe { transmute::<__m512, Self::V>(_mm512_cvtepi32_ps(sum)) }
    }
}
