//! The two matrix products of convolution with bfloat16 factors and sums in single precision.
//!
//! A bfloat16 is the upper half of a 32-bit float, rounded to nearest even: the same range, and 8 bits of precision.
//! Processors with AVX-512 BF16 multiply pairs of them at twice the rate of 32-bit floats. Other processors use plain loops,
//! which compute the same slowly. Mixed-precision training: Micikevicius et al. (2017), arXiv 1710.03740; with bfloat16, which
//! needs no loss scaling: Kalamkar et al. (2019), arXiv 1905.12322.

use super::tile::ROWS;

/// Columns in one vector of sums.
pub(crate) const LANES: usize = 16;
/// Vectors of B in a full panel.
const VECTORS: usize = 3;
/// Columns in a full panel of packed B.
pub(crate) const PANEL_WIDTH: usize = VECTORS * LANES;
/// Values in one vector of a contraction.
pub(crate) const ROW_LANES: usize = 32;
/// Rows of A and rows of B in one tile of a contraction.
const CONTRACTED: [usize; 2] = [8, 3];

/// Whether this processor has AVX-512 BF16.
pub(crate) fn is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return fast::Avx512Bf16::try_new().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// `value` rounded to the nearest bfloat16, ties to even.
fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

fn widened(value: u16) -> f32 {
    f32::from_bits(u32::from(value) << 16)
}

/// Rounds `low` and `high` to bfloat16 and writes them as pairs: bits 0 to 15 and 16 to 31.
///
/// # Shapes        low, high, to: \[n\]
pub(crate) fn pair(low: &[f32], high: &[f32], to: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(processor) = fast::Avx512Bf16::try_new() {
        return processor.pair(low, high, to);
    }
    twin::pair(low, high, to);
}

/// Rounds `from` to bfloat16.
pub(crate) fn shorten(from: &[f32], to: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(processor) = fast::Avx512Bf16::try_new() {
        return processor.shorten(from, to);
    }
    twin::shorten(from, to);
}

/// A product of packed matrices whose summed dimension is stored in pairs.
pub(crate) struct Product<'a> {
    /// Panels of [`ROWS`] rows: `[panel][pair][ROWS]`, `a_stride` apart.
    pub(crate) a: &'a [u32],
    /// Distance between the panels of A.
    pub(crate) a_stride: usize,
    /// Panels of columns, `[panel][pair][width]`, all but the last of [`PANEL_WIDTH`].
    pub(crate) b: &'a [u32],
    /// Pairs in the summed dimension.
    pub(crate) pairs: usize,
    /// Row-major, a multiple of [`ROWS`] rows.
    pub(crate) c: &'a mut [f32],
    /// Columns of C, a multiple of [`LANES`].
    pub(crate) columns: usize,
}

/// Adds A · B to C.
pub(crate) fn multiply(product: Product) {
    #[cfg(target_arch = "x86_64")]
    if let Some(processor) = fast::Avx512Bf16::try_new() {
        return processor.multiply(product);
    }
    twin::multiply(product);
}

/// A product of one matrix and the transpose of another.
pub(crate) struct Contraction<'a> {
    /// Row-major, `length` values in a row.
    pub(crate) a: &'a [u16],
    /// Row-major, `length` values in a row.
    pub(crate) b: &'a [u16],
    /// Length of the rows of A and B, a multiple of [`ROW_LANES`].
    pub(crate) length: usize,
    /// Row-major, one row for each of A's, one column for each of B's.
    pub(crate) c: &'a mut [f32],
}

/// Adds A · Bᵀ to C.
pub(crate) fn contract(contraction: Contraction) {
    #[cfg(target_arch = "x86_64")]
    if let Some(processor) = fast::Avx512Bf16::try_new() {
        return processor.contract(contraction);
    }
    twin::contract(contraction);
}

/// The loops without special instructions.
mod twin {
    use super::{Contraction, Product, ROWS, round, widened};
    use crate::ops::kernel::bf16::PANEL_WIDTH;

    pub(super) fn pair(low: &[f32], high: &[f32], to: &mut [u32]) {
        for ((to, low), high) in to.iter_mut().zip(low).zip(high) {
            *to = u32::from(round(*low)) | u32::from(round(*high)) << 16;
        }
    }

    pub(super) fn shorten(from: &[f32], to: &mut [u16]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = round(*from));
    }

    /// The sum of the products of both halves.
    fn dot(a: u32, b: u32) -> f32 {
        let half = |pair: u32, upper: bool| widened((if upper { pair >> 16 } else { pair }) as u16);
        half(a, false) * half(b, false) + half(a, true) * half(b, true)
    }

    pub(super) fn multiply(product: Product) {
        let Product { a, a_stride, b, pairs, c, columns } = product;
        for (row, c) in c.chunks_exact_mut(columns).enumerate() {
            let a = &a[row / ROWS * a_stride..];
            for (column, c) in c.iter_mut().enumerate() {
                let first = column / PANEL_WIDTH * PANEL_WIDTH;
                let width = PANEL_WIDTH.min(columns - first);
                let b = &b[first * pairs + column - first..];
                *c += (0..pairs).map(|k| dot(a[k * ROWS + row % ROWS], b[k * width])).sum::<f32>();
            }
        }
    }

    pub(super) fn contract(contraction: Contraction) {
        let Contraction { a, b, length, c } = contraction;
        let columns = b.len() / length;
        for (a, c) in a.chunks_exact(length).zip(c.chunks_exact_mut(columns)) {
            for (b, c) in b.chunks_exact(length).zip(c) {
                *c += a.iter().zip(b).map(|(a, b)| widened(*a) * widened(*b)).sum::<f32>();
            }
        }
    }
}

/// The loops with AVX-512 BF16.
///
/// Unsafe code is of two kinds here. Functions with target features are called through [`fast::Avx512Bf16`] alone, which exists
/// only where the processor has these features. Arrays of plain numbers become vectors of the same size, for which any bits are
/// a value, and back.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod fast {
    use std::arch::is_x86_feature_detected;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    use super::super::tile;
    use super::{CONTRACTED, Contraction, LANES, Product, ROW_LANES, ROWS, VECTORS, twin};

    /// Proof that the processor has AVX-512 BF16.
    #[derive(Clone, Copy)]
    pub(super) struct Avx512Bf16(());

    impl Avx512Bf16 {
        /// The proof for this processor; `None` where it lacks an instruction set, or where full-precision kernels use vectors of
        /// another length.
        pub(super) fn try_new() -> Option<Self> {
            let found = is_x86_feature_detected!("avx512bf16")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512f")
                && tile::lanes() == LANES;
            found.then_some(Self(()))
        }

        pub(super) fn pair(self, low: &[f32], high: &[f32], to: &mut [u32]) {
            // SAFETY: `self` proves that the processor has the features.
            unsafe { pair_by(low, high, to) }
        }

        pub(super) fn shorten(self, from: &[f32], to: &mut [u16]) {
            // SAFETY: `self` proves that the processor has the features.
            unsafe { shorten_by(from, to) }
        }

        pub(super) fn multiply(self, product: Product) {
            // SAFETY: `self` proves that the processor has the features.
            unsafe { multiply_by(product) }
        }

        pub(super) fn contract(self, contraction: Contraction) {
            // SAFETY: `self` proves that the processor has the features.
            unsafe { contract_by(contraction) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn floats(values: &[f32; LANES]) -> __m512 {
        // SAFETY: 64 bytes of numbers become 64 bytes of numbers.
        unsafe { transmute::<[f32; LANES], __m512>(*values) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn halves<T: Copy, const N: usize>(values: &[T; N]) -> __m512bh {
        const { assert!(size_of::<[T; N]>() == size_of::<__m512bh>()) }
        // SAFETY: the sizes are equal, and T is u16 or u32.
        unsafe { std::mem::transmute_copy::<[T; N], __m512bh>(values) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn pair_by(low: &[f32], high: &[f32], to: &mut [u32]) {
        let (whole, rest) = to.as_chunks_mut::<LANES>();
        let ((low, low_rest), (high, high_rest)) = (low.as_chunks::<LANES>(), high.as_chunks::<LANES>());
        // SAFETY: any bits are indices; those of a lane count from 0 for the low halves and from 16 for the high ones.
        let order: __m512i = unsafe {
            transmute::<[u16; 32], __m512i>(std::array::from_fn(|i| (i / 2 + i % 2 * LANES) as u16))
        };
        for ((to, low), high) in whole.iter_mut().zip(low).zip(high) {
            let both = _mm512_cvtne2ps_pbh(floats(high), floats(low));
            // SAFETY: vectors of one size.
            *to = unsafe {
                let both = transmute::<__m512bh, __m512i>(both);
                transmute::<__m512i, [u32; LANES]>(_mm512_permutexvar_epi16(order, both))
            };
        }
        twin::pair(low_rest, high_rest, rest);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn shorten_by(from: &[f32], to: &mut [u16]) {
        let (whole, rest) = to.as_chunks_mut::<ROW_LANES>();
        let (from, from_rest) = from.as_chunks::<ROW_LANES>();
        for (to, from) in whole.iter_mut().zip(from) {
            let ([low, high], _) = from.as_chunks::<LANES>() else { unreachable!("two halves") };
            // SAFETY: vectors of one size.
            *to = unsafe {
                transmute::<__m512bh, [u16; ROW_LANES]>(_mm512_cvtne2ps_pbh(floats(high), floats(low)))
            };
        }
        twin::shorten(from_rest, rest);
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn multiply_by(product: Product) {
        let Product { a, a_stride, b, pairs, c, columns } = product;
        let (b, _) = b.as_chunks::<LANES>();
        let vectors = columns / LANES;
        for (panel, c) in c.chunks_exact_mut(ROWS * columns).enumerate() {
            let (a, _) = a[panel * a_stride..][..pairs * ROWS].as_chunks::<ROWS>();
            for first in (0..vectors).step_by(VECTORS) {
                let width = VECTORS.min(vectors - first);
                let b = &b[first * pairs..][..width * pairs];
                let c = &mut c[first * LANES..];
                match width {
                    3 => tile::<3>(a, b, c, columns),
                    2 => tile::<2>(a, b, c, columns),
                    _ => tile::<1>(a, b, c, columns),
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn tile<const V: usize>(a: &[[u32; ROWS]], b: &[[u32; LANES]], c: &mut [f32], stride: usize) {
        let (b, _) = b.as_chunks::<V>();
        let mut sums = [[_mm512_setzero_ps(); V]; ROWS];
        for (a, b) in a.iter().zip(b) {
            for i in 0..ROWS {
                let factor = halves(&[a[i]; LANES]);
                for j in 0..V {
                    sums[i][j] = _mm512_dpbf16_ps(sums[i][j], factor, halves(&b[j]));
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            let (c, _) = c[i * stride..][..V * LANES].as_chunks_mut::<LANES>();
            for (c, sum) in c.iter_mut().zip(sums) {
                // SAFETY: vectors of one size.
                *c = unsafe { transmute::<__m512, [f32; LANES]>(_mm512_add_ps(floats(c), *sum)) };
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn contract_by(contraction: Contraction) {
        const M: usize = CONTRACTED[0];
        const N: usize = CONTRACTED[1];
        let Contraction { a, b, length, c } = contraction;
        let columns = b.len() / length;
        for (a, c) in a.chunks(M * length).zip(c.chunks_mut(M * columns)) {
            let rows = a.len() / length;
            for (panel, b) in b.chunks(N * length).enumerate() {
                // The last panels repeat their last row; the sums of the repetitions are dropped.
                let last = b.len() / length - 1;
                let mut a_rows: [&[[u16; ROW_LANES]]; M] = [&[]; M];
                let mut b_rows: [&[[u16; ROW_LANES]]; N] = [&[]; N];
                for i in 0..M {
                    a_rows[i] = a[i.min(rows - 1) * length..][..length].as_chunks().0;
                }
                for j in 0..N {
                    b_rows[j] = b[j.min(last) * length..][..length].as_chunks().0;
                }
                let sums = dot_products(a_rows, b_rows, length / ROW_LANES);
                for (sums, c) in sums.iter().zip(c.chunks_exact_mut(columns)) {
                    for (c, sum) in c[panel * N..].iter_mut().zip(sums) {
                        *c += sum;
                    }
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn dot_products<const M: usize, const N: usize>(
        mut a: [&[[u16; ROW_LANES]]; M],
        mut b: [&[[u16; ROW_LANES]]; N],
        length: usize,
    ) -> [[f32; N]; M] {
        for row in &mut a {
            *row = &row[..length];
        }
        for row in &mut b {
            *row = &row[..length];
        }
        let mut sums = [[_mm512_setzero_ps(); N]; M];
        for k in 0..length {
            for i in 0..M {
                let factor = halves(&a[i][k]);
                for j in 0..N {
                    sums[i][j] = _mm512_dpbf16_ps(sums[i][j], factor, halves(&b[j][k]));
                }
            }
        }
        let mut totals = [[0.0; N]; M];
        for i in 0..M {
            for j in 0..N {
                totals[i][j] = _mm512_reduce_add_ps(sums[i][j]);
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::twin::noise;

    #[test]
    fn rounding_is_to_nearest_even_and_keeps_what_is_no_number() {
        // As PyTorch: torch.tensor(x).bfloat16().view(torch.int16)
        let cases = [
            (0.0, 0x0000),
            (1.0, 0x3f80),
            (-2.5, 0xc020),
            (1.0 + 1.0 / 256.0, 0x3f80), // halfway, down to even
            (1.0 + 3.0 / 256.0, 0x3f82), // halfway, up to even
            (1.004, 0x3f81),
            (f32::INFINITY, 0x7f80),
            (f32::MAX, 0x7f80),
        ];
        for (value, expected) in cases {
            assert_eq!(round(value), expected, "{value}");
        }
        assert!(widened(round(f32::NAN)).is_nan());
        let values: Vec<f32> = cases.iter().map(|c| c.0).chain([f32::NAN; 70]).chain(noise(37, 3)).collect();
        let (mut fast, mut slow) = (vec![0u16; values.len()], vec![0u16; values.len()]);
        shorten(&values, &mut fast);
        twin::shorten(&values, &mut slow);
        let same = |(a, b): (&u16, &u16)| a == b || (widened(*a).is_nan() && widened(*b).is_nan());
        assert!(fast.iter().zip(&slow).all(same));
        let (low, high) = (noise(53, 1), noise(53, 2));
        let (mut fast, mut slow) = (vec![0u32; 53], vec![0u32; 53]);
        pair(&low, &high, &mut fast);
        twin::pair(&low, &high, &mut slow);
        assert_eq!(fast, slow);
    }

    #[test]
    fn both_products_are_those_of_the_plain_loops() {
        let close = |fast: &[f32], slow: &[f32]| {
            fast.iter().zip(slow).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a} {b}"));
        };
        for (columns, pairs, panels) in [(48, 7, 2), (64, 1, 1), (16, 130, 3), (176, 33, 2)] {
            let words = |count: usize, seed: u32| -> Vec<u32> {
                let mut words = vec![0; count];
                twin::pair(&noise(count, seed), &noise(count, seed + 1), &mut words);
                words
            };
            let (a, b) = (words(panels * pairs * ROWS, 1), words(columns * pairs, 5));
            let start = noise(panels * ROWS * columns, 9);
            let (mut fast, mut slow) = (start.clone(), start);
            multiply(Product { a: &a, a_stride: pairs * ROWS, b: &b, pairs, c: &mut fast, columns });
            twin::multiply(Product { a: &a, a_stride: pairs * ROWS, b: &b, pairs, c: &mut slow, columns });
            close(&fast, &slow);
        }
        for (rows, columns, length) in [(8, 3, 32), (11, 7, 96), (1, 1, 64), (16, 10, 320)] {
            let halves =
                |count: usize, seed: u32| -> Vec<u16> { noise(count, seed).into_iter().map(round).collect() };
            let (a, b) = (halves(rows * length, 1), halves(columns * length, 2));
            let (mut fast, mut slow) = (vec![0.5; rows * columns], vec![0.5; rows * columns]);
            contract(Contraction { a: &a, b: &b, length, c: &mut fast });
            twin::contract(Contraction { a: &a, b: &b, length, c: &mut slow });
            close(&fast, &slow);
        }
    }
}
