//! SIMD operations on sixteen values that the scanner needs, for each instruction set.
//!
//! All implementations round like single IEEE operations (no fused multiply-add), so their results are identical.

use super::integral::LANES;

/// Sixteen values of `T`.
pub(crate) type Lanes<T> = [T; LANES];

/// The operations of one instruction set.
pub(crate) trait Vectors: Copy {
    /// Sixteen values in single precision.
    type Real: Copy;
    /// Sixteen values in double precision.
    type Sum: Copy;
    /// Sixteen booleans.
    type Mask: Copy;

    /// `a − b − c + d`, modulo 2³², converted to single precision.
    fn rect(self, corners: [&Lanes<i32>; 4]) -> Self::Real;
    /// Loads values from memory.
    fn real(self, values: &Lanes<f32>) -> Self::Real;
    /// Copies one value to all lanes.
    fn splat(self, value: f32) -> Self::Real;
    /// `a + b`.
    fn add(self, a: Self::Real, b: Self::Real) -> Self::Real;
    /// `a · b`.
    fn mul(self, a: Self::Real, b: Self::Real) -> Self::Real;
    /// `a < b`.
    fn less(self, a: Self::Real, b: Self::Real) -> Self::Mask;
    /// `a = b`.
    fn equal(self, a: Self::Real, b: Self::Real) -> Self::Mask;
    /// `a` where the mask is set, `b` elsewhere.
    fn select(self, mask: Self::Mask, a: Self::Real, b: Self::Real) -> Self::Real;
    /// Zeros.
    fn zero(self) -> Self::Sum;
    /// `sum + value`.
    fn accumulate(self, sum: Self::Sum, value: Self::Real) -> Self::Sum;
    /// Stores the values to memory.
    fn sums(self, sum: Self::Sum) -> Lanes<f64>;
}

/// Arrays and loops, for processors without a specialised implementation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn each<T: Copy + Default>(value: impl Fn(usize) -> T) -> Lanes<T> {
    let mut lanes = [T::default(); LANES];
    for (l, lane) in lanes.iter_mut().enumerate() {
        *lane = value(l);
    }
    lanes
}

impl Vectors for Portable {
    type Real = Lanes<f32>;
    type Sum = Lanes<f64>;
    type Mask = Lanes<bool>;

    #[inline(always)]
    fn rect(self, [a, b, c, d]: [&Lanes<i32>; 4]) -> Lanes<f32> {
        each(|l| a[l].wrapping_sub(b[l]).wrapping_sub(c[l]).wrapping_add(d[l]) as f32)
    }
    #[inline(always)]
    fn real(self, values: &Lanes<f32>) -> Lanes<f32> {
        *values
    }
    #[inline(always)]
    fn splat(self, value: f32) -> Lanes<f32> {
        [value; LANES]
    }
    #[inline(always)]
    fn add(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        each(|l| a[l] + b[l])
    }
    #[inline(always)]
    fn mul(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        each(|l| a[l] * b[l])
    }
    #[inline(always)]
    fn less(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<bool> {
        each(|l| a[l] < b[l])
    }
    #[inline(always)]
    fn equal(self, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<bool> {
        each(|l| a[l] == b[l])
    }
    #[inline(always)]
    fn select(self, mask: Lanes<bool>, a: Lanes<f32>, b: Lanes<f32>) -> Lanes<f32> {
        each(|l| if mask[l] { a[l] } else { b[l] })
    }
    #[inline(always)]
    fn zero(self) -> Lanes<f64> {
        [0.0; LANES]
    }
    #[inline(always)]
    fn accumulate(self, sum: Lanes<f64>, value: Lanes<f32>) -> Lanes<f64> {
        each(|l| sum[l] + f64::from(value[l]))
    }
    #[inline(always)]
    fn sums(self, sum: Lanes<f64>) -> Lanes<f64> {
        sum
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use pulp::x86::{V3, V4};
    use pulp::{b16, cast, f32x4, f32x8, f32x16, f64x4, f64x8, i32x8, i32x16, m32x8};

    use super::{Lanes, Vectors};

    /// AVX-512: one register for single, two for double precision.
    impl Vectors for V4 {
        type Real = f32x16;
        type Sum = [f64x8; 2];
        type Mask = b16;

        #[inline(always)]
        fn rect(self, [a, b, c, d]: [&Lanes<i32>; 4]) -> f32x16 {
            let [a, b, c, d]: [i32x16; 4] = [cast(*a), cast(*b), cast(*c), cast(*d)];
            let (plus, minus) = (self.wrapping_add_i32x16(a, d), self.wrapping_add_i32x16(b, c));
            self.convert_i32x16_to_f32x16(self.wrapping_sub_i32x16(plus, minus))
        }
        #[inline(always)]
        fn real(self, values: &Lanes<f32>) -> f32x16 {
            cast(*values)
        }
        #[inline(always)]
        fn splat(self, value: f32) -> f32x16 {
            self.splat_f32x16(value)
        }
        #[inline(always)]
        fn add(self, a: f32x16, b: f32x16) -> f32x16 {
            self.add_f32x16(a, b)
        }
        #[inline(always)]
        fn mul(self, a: f32x16, b: f32x16) -> f32x16 {
            self.mul_f32x16(a, b)
        }
        #[inline(always)]
        fn less(self, a: f32x16, b: f32x16) -> b16 {
            self.cmp_lt_f32x16(a, b)
        }
        #[inline(always)]
        fn equal(self, a: f32x16, b: f32x16) -> b16 {
            self.cmp_eq_f32x16(a, b)
        }
        #[inline(always)]
        fn select(self, mask: b16, a: f32x16, b: f32x16) -> f32x16 {
            self.select_f32x16(mask, a, b)
        }
        #[inline(always)]
        fn zero(self) -> [f64x8; 2] {
            [self.splat_f64x8(0.0); 2]
        }
        #[inline(always)]
        fn accumulate(self, [low, high]: [f64x8; 2], value: f32x16) -> [f64x8; 2] {
            let [l, h]: [f32x8; 2] = cast(value);
            let (l, h) = (self.convert_f32x8_to_f64x8(l), self.convert_f32x8_to_f64x8(h));
            [self.add_f64x8(low, l), self.add_f64x8(high, h)]
        }
        #[inline(always)]
        fn sums(self, sum: [f64x8; 2]) -> Lanes<f64> {
            cast(sum)
        }
    }

    /// AVX2: two registers for single, four for double precision.
    impl Vectors for V3 {
        type Real = [f32x8; 2];
        type Sum = [f64x4; 4];
        type Mask = [m32x8; 2];

        #[inline(always)]
        fn rect(self, [a, b, c, d]: [&Lanes<i32>; 4]) -> [f32x8; 2] {
            let [a, b, c, d]: [[i32x8; 2]; 4] = [cast(*a), cast(*b), cast(*c), cast(*d)];
            let part = |i: usize| {
                let (plus, minus) =
                    (self.wrapping_add_i32x8(a[i], d[i]), self.wrapping_add_i32x8(b[i], c[i]));
                self.convert_i32x8_to_f32x8(self.wrapping_sub_i32x8(plus, minus))
            };
            [part(0), part(1)]
        }
        #[inline(always)]
        fn real(self, values: &Lanes<f32>) -> [f32x8; 2] {
            cast(*values)
        }
        #[inline(always)]
        fn splat(self, value: f32) -> [f32x8; 2] {
            [self.splat_f32x8(value); 2]
        }
        #[inline(always)]
        fn add(self, a: [f32x8; 2], b: [f32x8; 2]) -> [f32x8; 2] {
            [self.add_f32x8(a[0], b[0]), self.add_f32x8(a[1], b[1])]
        }
        #[inline(always)]
        fn mul(self, a: [f32x8; 2], b: [f32x8; 2]) -> [f32x8; 2] {
            [self.mul_f32x8(a[0], b[0]), self.mul_f32x8(a[1], b[1])]
        }
        #[inline(always)]
        fn less(self, a: [f32x8; 2], b: [f32x8; 2]) -> [m32x8; 2] {
            [self.cmp_lt_f32x8(a[0], b[0]), self.cmp_lt_f32x8(a[1], b[1])]
        }
        #[inline(always)]
        fn equal(self, a: [f32x8; 2], b: [f32x8; 2]) -> [m32x8; 2] {
            [self.cmp_eq_f32x8(a[0], b[0]), self.cmp_eq_f32x8(a[1], b[1])]
        }
        #[inline(always)]
        fn select(self, mask: [m32x8; 2], a: [f32x8; 2], b: [f32x8; 2]) -> [f32x8; 2] {
            [self.select_f32x8(mask[0], a[0], b[0]), self.select_f32x8(mask[1], a[1], b[1])]
        }
        #[inline(always)]
        fn zero(self) -> [f64x4; 4] {
            [self.splat_f64x4(0.0); 4]
        }
        #[inline(always)]
        fn accumulate(self, sum: [f64x4; 4], value: [f32x8; 2]) -> [f64x4; 4] {
            let parts: [f32x4; 4] = cast(value);
            let part = |i: usize| self.add_f64x4(sum[i], self.convert_f32x4_to_f64x4(parts[i]));
            [part(0), part(1), part(2), part(3)]
        }
        #[inline(always)]
        fn sums(self, sum: [f64x4; 4]) -> Lanes<f64> {
            cast(sum)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Applies every operation of the trait to one set of values.
    fn everything<V: Vectors>(v: V, corners: &[Lanes<i32>; 4], norms: &Lanes<f32>) -> [Lanes<f64>; 3] {
        let [a, b, c, d] = corners;
        let (value, norm) = (v.rect([a, b, c, d]), v.real(norms));
        let scaled = v.add(v.mul(value, norm), v.mul(v.splat(-1.5), v.rect([d, b, a, c])));
        let chosen = v.select(v.less(scaled, v.splat(0.25)), value, norm);
        let same = v.select(v.equal(chosen, norm), v.splat(3.0), scaled);
        let sum =
            |values: &[V::Real]| v.sums(values.iter().fold(v.zero(), |sum, &value| v.accumulate(sum, value)));
        [sum(&[scaled]), sum(&[chosen, norm]), sum(&[same, chosen, scaled])]
    }

    proptest! {
        #[test]
        fn every_kind_of_processor_computes_the_same(
            corners: [[i32; LANES]; 4],
            norms in proptest::array::uniform16(-1.0f32..1.0),
        ) {
            let expected = everything(Portable, &corners, &norms);
            #[cfg(target_arch = "x86_64")]
            {
                if let Some(v) = pulp::x86::V3::try_new() {
                    prop_assert_eq!(v.vectorize(|| everything(v, &corners, &norms)), expected);
                }
                if let Some(v) = pulp::x86::V4::try_new() {
                    prop_assert_eq!(v.vectorize(|| everything(v, &corners, &norms)), expected);
                }
            }
            prop_assert!(expected[0].iter().all(|v| v.is_finite()));
        }
    }
}
