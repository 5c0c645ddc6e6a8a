//! Squared Euclidean distance: ranks as the Euclidean distance does, without computing the root.

use super::lanes;

/// Computes Σ (aᵢ − bᵢ)².
pub(crate) fn between(a: &[f32], b: &[f32]) -> f64 {
    lanes::sum(a, b, |x, y| (x - y) * (x - y))
}

#[cfg(test)]
mod tests {
    use crate::Distance::SquaredEuclidean;

    #[test]
    fn three_four_five() {
        assert_eq!(SquaredEuclidean.between(&[0.0, 0.0], &[3.0, 4.0]), 25.0);
    }
}
