//! Cosine distance: compares the directions of two vectors and ignores their lengths.

use super::lanes;

/// The dot product Σ aᵢbᵢ.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    lanes::sum(a, b, |x, y| x * y)
}

/// The squared length of `a`.
pub(crate) fn squared_norm(a: &[f32]) -> f64 {
    lanes::sum(a, a, |x, y| x * y)
}

/// Computes 1 − a·b / (|a| |b|), in [0, 2], from the dot product and the two squared lengths.
///
/// # Conventions   a zero vector has no direction: its distance from every vector, itself included, is 1
pub(crate) fn from_dot(dot: f64, a_squared: f64, b_squared: f64) -> f64 {
    if a_squared == 0.0 || b_squared == 0.0 {
        return 1.0;
    }
    (1.0 - dot / (a_squared * b_squared).sqrt()).clamp(0.0, 2.0)
}

#[cfg(test)]
mod tests {
    use crate::Distance::Cosine;

    #[test]
    fn direction_counts_and_length_does_not() {
        assert_eq!(Cosine.between(&[1.0, 0.0], &[0.0, 5.0]), 1.0);
        assert_eq!(Cosine.between(&[1.0, 2.0], &[2.0, 4.0]), 0.0);
        assert_eq!(Cosine.between(&[1.0, 2.0], &[-3.0, -6.0]), 2.0);
    }

    #[test]
    fn a_zero_vector_is_at_distance_one() {
        assert_eq!(Cosine.between(&[0.0, 0.0], &[1.0, 2.0]), 1.0);
        assert_eq!(Cosine.between(&[0.0, 0.0], &[0.0, 0.0]), 1.0);
    }

    #[test]
    fn the_largest_and_smallest_numbers_do_not_overflow() {
        assert_eq!(Cosine.between(&[f32::MAX; 3], &[f32::MAX; 3]), 0.0);
        assert_eq!(Cosine.between(&[1e-45; 4], &[1e-45; 4]), 0.0);
    }
}
