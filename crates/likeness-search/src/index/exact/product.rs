//! The two f32 kernels: dot products, or sums of minima, of a block of queries with a range of gallery rows.

/// Number of terms that one call of the matrix product may sum in its own order; fewer terms give a tighter error bound.
pub(super) const SLICE: usize = 256;
/// Number of terms of the sums of minima per pass, so that a slice of a block of queries fits the L2 cache.
pub(super) const COMMON_SLICE: usize = 1024;
/// Number of running sums of minima.
pub(super) const LANES: usize = 32;

/// Writes Σ aᵢbᵢ of every query with every gallery row.
///
/// # Shapes        queries: \[n, dim\]   ·   gallery: \[m, dim\]   ·   output: \[n, m\]; all row-major
/// # Panics        the lengths do not match the shapes
pub(crate) fn dots(queries: &[f32], gallery: &[f32], dim: usize, output: &mut [f32]) {
    let (n, m) = (queries.len() / dim, gallery.len() / dim);
    assert_eq!(queries.len(), n * dim, "queries are whole rows");
    assert_eq!(gallery.len(), m * dim, "the gallery is whole rows");
    assert_eq!(output.len(), n * m, "the output has a place for every pair");
    let row = dim as isize;
    for start in (0..dim).step_by(SLICE) {
        let (a, b) = (&queries[start..], &gallery[start..]);
        let terms = SLICE.min(dim - start);
        let add = start > 0;
        // Sound: the assertions above ensure that a, b and output hold the whole rows that the shapes and strides below address
        // (the last row of a slice ends inside its own row). `output` is borrowed mutably and does not overlap a or b.
        #[allow(unsafe_code)]
        unsafe {
            gemm::gemm(
                n,
                m,
                terms, //
                output.as_mut_ptr(),
                1,
                m as isize,
                add, //
                a.as_ptr(),
                1,
                row, //
                b.as_ptr(),
                row,
                1, //
                if add { 1.0 } else { 0.0 },
                1.0, //
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

/// Writes Σ min(aᵢ, bᵢ) of every query with every gallery row, slice by slice to stay in the cache.
///
/// # Shapes        as [`dots`]
pub(super) fn commons(queries: &[f32], gallery: &[f32], dim: usize, output: &mut [f32]) {
    let m = gallery.len() / dim;
    assert_eq!(output.len(), queries.len() / dim * m, "the output has a place for every pair");
    output.fill(0.0);
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for start in (0..dim).step_by(COMMON_SLICE) {
                let slice = start..dim.min(start + COMMON_SLICE);
                for (column, b) in gallery.chunks_exact(dim).enumerate() {
                    for (row, a) in queries.chunks_exact(dim).enumerate() {
                        output[row * m + column] += common(&a[slice.clone()], &b[slice.clone()]);
                    }
                }
            }
        },
    );
}

#[inline(always)]
fn common(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0f32; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += if a[lane] < b[lane] { a[lane] } else { b[lane] };
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[lane] += if a < b { a } else { b };
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    type Kernel = fn(&[f32], &[f32], usize, &mut [f32]);
    type Term = fn(f32, f32) -> f32;

    #[test]
    fn both_kernels_agree_with_the_plain_loop() {
        let kernels: [(Kernel, Term); 2] = [(dots, |a, b| a * b), (commons, f32::min)];
        for (kernel, term) in kernels {
            for dim in [1, 2, 31, 32, 33, 100, 255, 256, 257, 1300, 2049] {
                let (n, m) = (5, 7);
                let value = |i: usize| ((i * 37 % 101) as f32 / 101.0).sqrt();
                let queries: Vec<f32> = (0..n * dim).map(value).collect();
                let gallery: Vec<f32> = (0..m * dim).map(|i| value(i + 13)).collect();
                let mut found = vec![f32::NAN; n * m];
                kernel(&queries, &gallery, dim, &mut found);
                for (pair, found) in found.iter().enumerate() {
                    let (a, b) = (&queries[pair / m * dim..], &gallery[pair % m * dim..]);
                    let plain: f32 = (0..dim).map(|i| term(a[i], b[i])).sum();
                    assert!((found - plain).abs() < 1e-5 * dim as f32, "{dim}: {found} {plain}");
                }
            }
        }
    }
}
