//! Scatter of embeddings within and between identities. The sums of disjoint sets of identities are added, so that a fit
//! without some identities needs no second pass over the embeddings.

use super::matrix::{Matrix, View, product};

/// Embeddings of one identity.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// Number of embeddings.
    count: usize,
    mean: Vec<f64>,
}

/// The statistics of a set of identities.
#[derive(Debug, Clone)]
pub(super) struct Statistics {
    /// Σ over embeddings of (x − mean of its identity)(x − mean of its identity)ᵀ.
    within: Matrix,
    identities: Vec<Identity>,
}

/// Mean, and scatter within and between identities, each divided by its number of degrees of freedom or of embeddings.
#[derive(Debug, Clone)]
pub(super) struct Scatter {
    /// Mean of all embeddings.
    pub(super) mean: Vec<f64>,
    /// Pooled covariance within identities.
    pub(super) within: Matrix,
    /// Weighted differences of the identities' means from the mean: Bᵀ·B is the covariance between identities.
    pub(super) between_factor: Matrix,
}

impl Statistics {
    /// Statistics of the groups of embeddings, one group for each identity. Groups may be empty.
    ///
    /// # Shapes        groups: for each identity, embeddings of `dimension` values each
    pub(super) fn of(groups: &[Vec<&[f32]>], dimension: usize) -> Self {
        let mut within = Matrix::zeros(dimension, dimension);
        let mut identities = Vec::new();
        let mut centred: Vec<f64> = Vec::new();
        for group in groups.iter().filter(|group| !group.is_empty()) {
            let mut mean = vec![0.0; dimension];
            for embedding in group {
                mean.iter_mut().zip(*embedding).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            mean.iter_mut().for_each(|sum| *sum /= group.len() as f64);
            for embedding in group {
                centred.extend(embedding.iter().zip(&mean).map(|(value, mean)| f64::from(*value) - mean));
            }
            identities.push(Identity { count: group.len(), mean });
        }
        let rows = View::new(&centred, centred.len() / dimension, dimension, dimension);
        within.values = product(rows.transposed(), rows);
        Self { within, identities }
    }

    /// The sum of several statistics of disjoint identities.
    pub(super) fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut sum = parts.next()?.clone();
        for part in parts {
            sum.within.add(&part.within);
            sum.identities.extend(part.identities.iter().cloned());
        }
        Some(sum)
    }

    /// Number of identities.
    pub(super) fn identities(&self) -> usize {
        self.identities.len()
    }

    /// The scatter; `None` without an identity of several embeddings, or if all embeddings of each identity are equal.
    pub(super) fn scatter(&self) -> Option<Scatter> {
        let dimension = self.within.rows;
        let total: usize = self.identities.iter().map(|identity| identity.count).sum();
        let freedom = total.checked_sub(self.identities.len()).filter(|freedom| *freedom > 0)?;
        let mut mean = vec![0.0; dimension];
        for Identity { count, mean: of_identity } in &self.identities {
            let weight = *count as f64 / total as f64;
            mean.iter_mut().zip(of_identity).for_each(|(sum, value)| *sum += weight * value);
        }
        let mut between_factor = Matrix::zeros(self.identities.len(), dimension);
        for (row, identity) in between_factor.values.chunks_exact_mut(dimension).zip(&self.identities) {
            let weight = (identity.count as f64 / total as f64).sqrt();
            let differences = identity.mean.iter().zip(&mean).map(|(value, mean)| weight * (value - mean));
            row.iter_mut().zip(differences).for_each(|(to, value)| *to = value);
        }
        let within = self.within.clone().scaled_and_shifted(1.0 / freedom as f64, 0.0);
        (within.trace() > 0.0).then_some(Scatter { mean, within, between_factor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two identities of two embeddings each, and one of one.
    const VALUES: [[f32; 2]; 5] = [[0.0, 1.0], [2.0, 1.0], [5.0, 0.0], [5.0, 4.0], [-2.0, -1.0]];

    fn groups(ranges: &[std::ops::Range<usize>]) -> Vec<Vec<&'static [f32]>> {
        ranges.iter().map(|range| VALUES[range.clone()].iter().map(|row| row.as_slice()).collect()).collect()
    }

    #[test]
    fn scatter_is_that_of_the_definition() {
        let scatter = Statistics::of(&groups(&[0..2, 2..4, 4..5]), 2).scatter().unwrap();
        assert!((scatter.mean[0] - 2.0).abs() < 1e-12 && (scatter.mean[1] - 1.0).abs() < 1e-12);
        // Deviations (∓1, 0) and (0, ∓2); 5 embeddings of 3 identities have 2 degrees of freedom.
        assert_eq!(scatter.within.values, [1.0, 0.0, 0.0, 4.0]);
        let between = product(scatter.between_factor.view().transposed(), scatter.between_factor.view());
        // Means (1, 1), (5, 2), (−2, −1), with weights 2/5, 2/5, 1/5.
        for (found, expected) in between.iter().zip([7.2, 2.8, 2.8, 1.2]) {
            assert!((found - expected).abs() < 1e-12, "{between:?}");
        }
    }

    #[test]
    fn statistics_of_parts_add_up() {
        let whole = Statistics::of(&groups(&[0..2, 2..4, 4..5]), 2);
        let parts = [
            Statistics::of(&groups(std::slice::from_ref(&(0..2))), 2),
            Statistics::of(&groups(&[2..4, 4..5]), 2),
        ];
        let sum = Statistics::sum(&parts).unwrap();
        assert_eq!((sum.within.values.clone(), sum.identities()), (whole.within.values, 3));
        assert!(Statistics::sum([]).is_none());
    }

    #[test]
    fn identities_without_variation_have_no_scatter() {
        assert!(Statistics::of(&groups(&[0..1, 2..3]), 2).scatter().is_none());
        let equal: Vec<&[f32]> = vec![&VALUES[0], &VALUES[0]];
        assert!(Statistics::of(&[equal, Vec::new()], 2).scatter().is_none());
    }
}
