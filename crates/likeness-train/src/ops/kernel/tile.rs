//! The two matrix products of convolution, in registers.
//!
//! [`multiply`] adds A · B to C for packed A and B (the forward pass and the input gradient), [`contract`] adds
//! A · Bᵀ for rows that lie along the summed dimension (the weight gradient). Both choose the widest vectors of the
//! machine at run time and add in an order that depends on the shapes alone, never on the number of threads.

use pulp::{Simd, WithSimd};

/// Rows of A that are multiplied at a time.
pub(crate) const ROWS: usize = 8;
/// Vectors of B in a full panel.
const VECTORS: usize = 3;

/// Number of values in one vector of this CPU.
pub(crate) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    pulp::Arch::new().dispatch(Lanes)
}

/// Columns in a full panel of packed B.
pub(crate) fn panel_width() -> usize {
    VECTORS * lanes()
}

/// A product of packed matrices.
pub(crate) struct Product<'a> {
    /// Panels of [`ROWS`] rows: `[panel][depth][ROWS]`, `a_stride` apart.
    pub(crate) a: &'a [f32],
    /// Distance between the panels of A.
    pub(crate) a_stride: usize,
    /// Panels of columns, `[panel][depth][width]`, all but the last of [`panel_width`].
    pub(crate) b: &'a [f32],
    /// Length of the summed dimension.
    pub(crate) depth: usize,
    /// Row-major, a multiple of [`ROWS`] rows.
    pub(crate) c: &'a mut [f32],
    /// Columns of C, a multiple of [`lanes`].
    pub(crate) columns: usize,
}

/// Adds A · B to C.
pub(crate) fn multiply(product: Product) {
    pulp::Arch::new().dispatch(product);
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { a, a_stride, b, depth, c, columns } = self;
        let (b, _) = S::as_simd_f32s(b);
        let columns = columns / S::F32_LANES;
        for (panel, c) in c.chunks_exact_mut(ROWS * columns * S::F32_LANES).enumerate() {
            let a = &a[panel * a_stride..][..depth * ROWS];
            let (c, _) = S::as_mut_simd_f32s(c);
            for first in (0..columns).step_by(VECTORS) {
                let width = VECTORS.min(columns - first);
                let b = &b[first * depth..][..width * depth];
                match width {
                    3 => panel_tiles::<S, 3>(simd, a, b, &mut c[first..], columns),
                    2 => panel_tiles::<S, 2>(simd, a, b, &mut c[first..], columns),
                    _ => panel_tiles::<S, 1>(simd, a, b, &mut c[first..], columns),
                }
            }
        }
    }
}

/// One panel of A by one of B: in one tile where there are registers enough, in two otherwise.
#[inline(always)]
fn panel_tiles<S: Simd, const V: usize>(simd: S, a: &[f32], b: &[S::f32s], c: &mut [S::f32s], stride: usize) {
    let (a, _) = a.as_chunks::<ROWS>();
    let (b, _) = b.as_chunks::<V>();
    if S::REGISTER_COUNT >= 32 {
        tile::<S, ROWS, V, 0>(simd, a, b, c, stride);
    } else {
        tile::<S, 4, V, 0>(simd, a, b, c, stride);
        tile::<S, 4, V, 4>(simd, a, b, &mut c[4 * stride..], stride);
    }
}

#[inline(always)]
fn tile<S: Simd, const M: usize, const V: usize, const FIRST: usize>(
    simd: S,
    a: &[[f32; ROWS]],
    b: &[[S::f32s; V]],
    c: &mut [S::f32s],
    stride: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); V]; M];
    for (a, b) in a.iter().zip(b) {
        for i in 0..M {
            let factor = simd.splat_f32s(a[FIRST + i]);
            for j in 0..V {
                sums[i][j] = simd.mul_add_e_f32s(factor, b[j], sums[i][j]);
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        for (c, sum) in c[i * stride..][..V].iter_mut().zip(sums) {
            *c = simd.add_f32s(*c, *sum);
        }
    }
}

/// A product of one matrix and the transpose of another.
pub(crate) struct Contraction<'a> {
    /// Row-major, `length` values in a row.
    pub(crate) a: &'a [f32],
    /// Row-major, `length` values in a row.
    pub(crate) b: &'a [f32],
    /// Length of the rows of A and B, a multiple of [`lanes`].
    pub(crate) length: usize,
    /// Row-major, one row for each of A's, one column for each of B's.
    pub(crate) c: &'a mut [f32],
}

/// Adds A · Bᵀ to C.
pub(crate) fn contract(contraction: Contraction) {
    pulp::Arch::new().dispatch(contraction);
}

impl WithSimd for Contraction<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            contract_by::<S, ROWS, VECTORS>(simd, self);
        } else {
            contract_by::<S, 4, 2>(simd, self);
        }
    }
}

#[inline(always)]
fn contract_by<S: Simd, const M: usize, const N: usize>(simd: S, contraction: Contraction) {
    let Contraction { a, b, length, c } = contraction;
    let columns = b.len() / length;
    for (a, c) in a.chunks(M * length).zip(c.chunks_mut(M * columns)) {
        let rows = a.len() / length;
        for (panel, b) in b.chunks(N * length).enumerate() {
            // The last panels repeat their last row; the sums of the repetitions are dropped.
            let last = b.len() / length - 1;
            let (mut a_rows, mut b_rows) = ([&[] as &[S::f32s]; M], [&[] as &[S::f32s]; N]);
            for i in 0..M {
                a_rows[i] = S::as_simd_f32s(&a[i.min(rows - 1) * length..][..length]).0;
            }
            for j in 0..N {
                b_rows[j] = S::as_simd_f32s(&b[j.min(last) * length..][..length]).0;
            }
            let sums = dot_products(simd, a_rows, b_rows, length / S::F32_LANES);
            for (sums, c) in sums.iter().zip(c.chunks_exact_mut(columns)) {
                for (c, sum) in c[panel * N..].iter_mut().zip(sums) {
                    *c += sum;
                }
            }
        }
    }
}

/// Dot products of rows. Loops replace closures, because closures are not compiled for the wider vectors.
#[inline(always)]
fn dot_products<S: Simd, const M: usize, const N: usize>(
    simd: S,
    mut a: [&[S::f32s]; M],
    mut b: [&[S::f32s]; N],
    length: usize,
) -> [[f32; N]; M] {
    for row in &mut a {
        *row = &row[..length];
    }
    for row in &mut b {
        *row = &row[..length];
    }
    let mut sums = [[simd.splat_f32s(0.0); N]; M];
    for k in 0..length {
        let mut factors = [simd.splat_f32s(0.0); N];
        for j in 0..N {
            factors[j] = b[j][k];
        }
        for i in 0..M {
            let factor = a[i][k];
            for j in 0..N {
                sums[i][j] = simd.mul_add_e_f32s(factor, factors[j], sums[i][j]);
            }
        }
    }
    let mut totals = [[0.0; N]; M];
    for i in 0..M {
        for j in 0..N {
            totals[i][j] = simd.reduce_sum_f32s(sums[i][j]);
        }
    }
    totals
}
