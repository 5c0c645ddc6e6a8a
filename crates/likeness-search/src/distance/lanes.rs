//! Sums over two vectors in f64, in an order that does not depend on the machine.
//!
//! Element `i` is added to lane `i mod 16`, and the lanes are added in a fixed order at the end. Every instruction set
//! therefore gives the same bits, and each can keep the lanes in its widest registers.

/// Number of independent running sums: two of the widest registers (AVX-512).
const LANES: usize = 16;

/// Computes Σ `term(aᵢ, bᵢ)` with the widest instructions that the machine supports.
///
/// # Panics        the lengths differ; tables check lengths when they are created
pub(crate) fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    assert_eq!(a.len(), b.len(), "embeddings of one table have one length");
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || sum_in_lanes(a, b, term),
    )
}

#[inline(always)]
fn sum_in_lanes(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0f64; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += term(f64::from(a[lane]), f64::from(b[lane]));
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[lane] += term(f64::from(*a), f64::from(*b));
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

    #[test]
    fn agrees_with_the_plain_loop_at_every_length() {
        for length in 0..70 {
            let a: Vec<f32> = (0..length).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..length).map(|i| (i as f32 * 0.91).cos()).collect();
            let plain: f64 = a.iter().zip(&b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            assert!((sum(&a, &b, |x, y| x * y) - plain).abs() < 1e-13, "length {length}");
        }
    }
}
