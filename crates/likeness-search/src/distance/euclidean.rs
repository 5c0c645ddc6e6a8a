//! Euclidean distance: the length of the difference.

use super::squared_euclidean;

/// Computes √Σ (aᵢ − bᵢ)².
pub(crate) fn between(a: &[f32], b: &[f32]) -> f64 {
    squared_euclidean::between(a, b).sqrt()
}

#[cfg(test)]
mod tests {
    use crate::Distance::Euclidean;

    #[test]
    fn three_four_five() {
        assert_eq!(Euclidean.between(&[0.0, 0.0], &[3.0, 4.0]), 5.0);
    }
}
