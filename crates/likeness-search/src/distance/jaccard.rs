//! Jaccard distance of histograms, also called Ruzicka distance: the share of the union outside the intersection.
//!
//! For sets encoded as zeros and ones it is the distance of Jaccard (1901), 1 − |A ∩ B| / |A ∪ B|.

use super::lanes;

/// The intersection of two histograms, Σ min(aᵢ, bᵢ).
pub(crate) fn common(a: &[f32], b: &[f32]) -> f64 {
    lanes::sum(a, b, |x, y| if x < y { x } else { y })
}

/// The sum of a histogram, Σ aᵢ.
pub(crate) fn mass(a: &[f32]) -> f64 {
    lanes::sum(a, a, |x, _| x)
}

/// Computes 1 − Σmin / Σmax, in [0, 1], from the intersection and the two sums; Σmax = Σa + Σb − Σmin.
///
/// # Conventions   two empty histograms are equal: their distance is 0
pub(crate) fn from_common(common: f64, a_mass: f64, b_mass: f64) -> f64 {
    let union = a_mass + b_mass - common;
    if union <= 0.0 {
        return 0.0;
    }
    (1.0 - common / union).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use crate::Distance::Jaccard;

    #[test]
    fn counts_the_share_that_is_not_common() {
        assert_eq!(Jaccard.between(&[1.0, 3.0, 0.0], &[2.0, 1.0, 1.0]), 1.0 - 2.0 / 6.0);
        assert_eq!(Jaccard.between(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
    }

    #[test]
    fn empty_histograms_are_equal_to_each_other_and_far_from_the_rest() {
        assert_eq!(Jaccard.between(&[0.0, 0.0], &[0.0, 0.0]), 0.0);
        assert_eq!(Jaccard.between(&[0.0, 0.0], &[0.0, 1.0]), 1.0);
    }
}
