//! Three ways to a linear head, each from the scatter within (W) and between (B) identities. With t the mean variance within
//! identities, tr(W)/d, and m the mean of all embeddings:
//!
//! ```text
//! shrunk covariance         S = (1 − s)·W + s·t·I                 s = shrinkage: 0 is W alone, 1 the identity
//! WCCN                      y = L⁻¹·(x − m)                        S = L·Lᵀ
//! discriminant analysis     y = Qᵀ·L⁻¹·(x − m)                     Q: the leading directions of L⁻¹·B·L⁻ᵀ
//! ridge regression          y = (1 − a)·x + a·c·R·(x − m)          R = B·(W + B + r·u·I)⁻¹,  u = tr(W + B)/d,  c = d/tr(R)
//! ```
//!
//! WCCN: Hatch, Kajarekar, Stolcke, "Within-class covariance normalization for SVM-based speaker recognition", Interspeech 2006,
//! with the mixing of their equation 7. Regularised discriminant analysis: Friedman, "Regularized discriminant analysis", 1989.
//! Ridge regression predicts the mean of an embedding's identity from the embedding.
//!
//! Differences: L⁻¹ replaces the symmetric root of S⁻¹, and Q is any basis of the leading directions. Both are rotations of the
//! usual result and change no distance. Each head is scaled so that the variance within identities keeps its value.

use std::fmt::{self, Display};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::matrix::Matrix;
use super::statistics::Scatter;

/// Orthogonal iterations for the leading directions. Directions at the cut-off are weighted alike, so that they need not be exact.
const ITERATIONS: usize = 10;
/// Added to the diagonal of a Gram matrix, as a share of its trace, so that it has a Cholesky factor.
const JITTER: f64 = 1e-13;

/// A method of fitting a head, with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HeadCandidate {
    /// Within-class covariance normalisation.
    Wccn {
        /// Weight of the mean variance in the covariance within identities, from 0 to 1.
        shrinkage: f64,
        /// Whether the mean of the embeddings is subtracted.
        centred: bool,
    },
    /// Regularised linear discriminant analysis.
    Lda {
        /// Weight of the mean variance in the covariance within identities, from 0 to 1.
        shrinkage: f64,
        /// Number of values of the new embeddings.
        dimension: usize,
        /// Whether the mean of the embeddings is subtracted.
        centred: bool,
    },
    /// Ridge regression to the identities' means, mixed with the identity.
    Ridge {
        /// Penalty, as a share of the mean variance.
        penalty: f64,
        /// Weight of the regression; the embedding itself has the rest.
        mix: f64,
        /// Whether the mean of the embeddings is subtracted.
        centred: bool,
    },
}

impl Display for HeadCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wccn { shrinkage, .. } => {
                write!(f, "within-class covariance normalisation (shrinkage {shrinkage}")
            }
            Self::Lda { shrinkage, dimension, .. } => {
                write!(f, "linear discriminant analysis (shrinkage {shrinkage}, dimension {dimension}")
            }
            Self::Ridge { penalty, mix, .. } => {
                write!(f, "ridge regression to class means (penalty {penalty}, weight {mix}")
            }
        }?;
        f.write_str(if self.is_centred() { ", mean subtracted)" } else { ")" })
    }
}

impl HeadCandidate {
    /// Whether the mean of the embeddings is subtracted.
    pub fn is_centred(&self) -> bool {
        match self {
            Self::Wccn { centred, .. } | Self::Lda { centred, .. } | Self::Ridge { centred, .. } => *centred,
        }
    }

    /// The candidates for embeddings of `dimension` values. Every fit has at least `identities` identities.
    ///
    /// # Conventions   means are subtracted only where they matter: for the cosine distance (`with_means`);
    ///   `outputs` restricts the candidates to those with so many values
    pub(super) fn all(
        dimension: usize,
        identities: usize,
        with_means: bool,
        outputs: Option<usize>,
    ) -> Vec<Self> {
        let most = identities.saturating_sub(1).min(dimension);
        let reduced = outputs.unwrap_or(dimension / 2).min(most);
        let mut all = Vec::new();
        for centred in if with_means { &[true, false][..] } else { &[false] } {
            let centred = *centred;
            let wccn = [0.1, 0.2, 0.4, 0.6, 0.8, 0.9].map(|shrinkage| Self::Wccn { shrinkage, centred });
            let ridge = [(0.1, 0.1), (1.0, 0.1), (0.1, 0.3)].map(|(penalty, mix)| Self::Ridge {
                penalty,
                mix,
                centred,
            });
            if outputs.is_none_or(|outputs| outputs == dimension) {
                all.extend(wccn.into_iter().chain(ridge));
            }
            let lda =
                [0.2, 0.4, 0.6, 0.8].map(|shrinkage| Self::Lda { shrinkage, dimension: reduced, centred });
            if reduced > 0 && reduced < dimension && outputs.is_none_or(|outputs| outputs == reduced) {
                all.extend(lda);
            }
        }
        all
    }

    /// The same candidate without its mean; its matrix is the same.
    pub(super) fn uncentred(mut self) -> Self {
        match &mut self {
            Self::Wccn { centred, .. } | Self::Lda { centred, .. } | Self::Ridge { centred, .. } => {
                *centred = false
            }
        }
        self
    }

    /// The matrix for `scatter`; `None` if the covariance has no Cholesky factor.
    pub(super) fn fit(&self, scatter: &Scatter) -> Option<Matrix> {
        let Scatter { within, between_factor, .. } = scatter;
        let size = within.rows as f64;
        let (matrix, after) = match *self {
            Self::Wccn { shrinkage, .. } => {
                let matrix = whitening(within, shrinkage)?;
                let after = variance_after(&matrix, within, shrinkage);
                (matrix, after)
            }
            Self::Lda { shrinkage, dimension, .. } => {
                let whitening = whitening(within, shrinkage)?;
                let spread = whitening.times(between_factor.view().transposed());
                let matrix = leading_directions(&spread, dimension)?.times(whitening.view());
                let after = variance_after(&matrix, within, shrinkage);
                (matrix, after)
            }
            Self::Ridge { penalty, mix, .. } => {
                let matrix = ridge(within, between_factor, penalty, mix)?;
                let spread = matrix.times(within.view());
                let after = spread.values.iter().zip(&matrix.values).map(|(a, b)| a * b).sum();
                (matrix, after)
            }
        };
        let scale = (within.trace() * matrix.rows as f64 / size / after).sqrt();
        let matrix = Matrix { values: matrix.values.iter().map(|value| value * scale).collect(), ..matrix };
        matrix.values.iter().all(|value| value.is_finite()).then_some(matrix)
    }
}

/// tr(A·W·Aᵀ), the variance within identities after the matrix A that makes the shrunk covariance the identity.
fn variance_after(matrix: &Matrix, within: &Matrix, shrinkage: f64) -> f64 {
    let mean_variance = within.trace() / within.rows as f64;
    let squares: f64 = matrix.values.iter().map(|value| value * value).sum();
    match shrinkage < 1.0 {
        true => (matrix.rows as f64 - shrinkage * mean_variance * squares) / (1.0 - shrinkage),
        false => mean_variance * squares,
    }
}

/// L⁻¹ of the shrunk covariance L·Lᵀ.
fn whitening(within: &Matrix, shrinkage: f64) -> Option<Matrix> {
    let mean_variance = within.trace() / within.rows as f64;
    let shrunk = within.clone().scaled_and_shifted(1.0 - shrinkage, shrinkage * mean_variance);
    Some(shrunk.cholesky()?.inverse_of_lower())
}

/// (1 − mix)·I + mix·c·B·(W + B + penalty·u·I)⁻¹.
fn ridge(within: &Matrix, between_factor: &Matrix, penalty: f64, mix: f64) -> Option<Matrix> {
    let size = within.rows as f64;
    let between = Matrix {
        rows: between_factor.columns,
        columns: between_factor.columns,
        values: super::matrix::product(between_factor.view().transposed(), between_factor.view()),
    };
    let mut total = within.clone();
    total.add(&between);
    let shift = penalty * total.trace() / size;
    let inverse = total.scaled_and_shifted(1.0, shift).cholesky()?.inverse_of_lower();
    let regression = between.times(inverse.view().transposed()).times(inverse.view());
    let scale = mix * size / regression.trace();
    Some(regression.scaled_and_shifted(scale, 1.0 - mix))
}

/// An orthonormal basis of the `count` leading left singular directions of `spread`, one in each row, by orthogonal iteration
/// (Golub and Van Loan, Matrix Computations, 4th ed., 2013, section 8.2.4).
fn leading_directions(spread: &Matrix, count: usize) -> Option<Matrix> {
    let mut random = Pcg64::seed_from_u64(0);
    let values = (0..spread.columns * count).map(|_| random.random::<f64>() - 0.5).collect();
    let start = Matrix { rows: spread.columns, columns: count, values };
    let mut basis = orthonormal(spread.times(start.view()))?;
    for _ in 0..ITERATIONS {
        let back = Matrix {
            rows: spread.columns,
            columns: count,
            values: super::matrix::product(spread.view().transposed(), basis.view()),
        };
        basis = orthonormal(spread.times(back.view()))?;
    }
    let mut rows = Matrix::zeros(count, basis.rows);
    for (at, values) in basis.values.chunks_exact(count).enumerate() {
        values
            .iter()
            .enumerate()
            .for_each(|(direction, value)| rows.values[direction * basis.rows + at] = *value);
    }
    Some(rows)
}

/// An orthonormal basis of the columns of `matrix`, by the Cholesky factor of their Gram matrix, twice for accuracy.
fn orthonormal(mut matrix: Matrix) -> Option<Matrix> {
    for _ in 0..2 {
        let values = super::matrix::product(matrix.view().transposed(), matrix.view());
        let gram = Matrix { rows: matrix.columns, columns: matrix.columns, values };
        let shift = JITTER * gram.trace();
        let inverse = gram.scaled_and_shifted(1.0, shift).cholesky()?.inverse_of_lower();
        matrix = matrix.times(inverse.view().transposed());
    }
    Some(matrix)
}

#[cfg(test)]
mod tests {
    use super::super::statistics::Statistics;
    use super::*;

    /// 30 identities of 6 embeddings of 5 values. The first two values tell identities apart, the third only varies.
    fn scatter() -> Scatter {
        let mut random = Pcg64::seed_from_u64(4);
        let mut noise = |size: f32| size * (random.random::<f32>() - 0.5);
        let mut embeddings = Vec::new();
        for _ in 0..30 {
            let of = [noise(4.0), noise(4.0)];
            for _ in 0..6 {
                embeddings.push([of[0] + noise(0.4), of[1] + noise(0.4), noise(8.0), noise(0.4), noise(0.4)]);
            }
        }
        let groups: Vec<Vec<&[f32]>> =
            embeddings.chunks(6).map(|group| group.iter().map(|row| row.as_slice()).collect()).collect();
        Statistics::of(&groups, 5).scatter().unwrap()
    }

    /// The covariance within identities after the head.
    fn within_after(fitted: &Matrix, scatter: &Scatter) -> Matrix {
        fitted.times(scatter.within.view()).times(fitted.view().transposed())
    }

    #[test]
    fn wccn_without_shrinkage_makes_the_covariance_within_identities_spherical() {
        let scatter = scatter();
        let fitted = HeadCandidate::Wccn { shrinkage: 0.0, centred: true }.fit(&scatter).unwrap();
        let after = within_after(&fitted, &scatter);
        let mean_variance = scatter.within.trace() / 5.0;
        for (at, value) in after.values.iter().enumerate() {
            let expected = if at % 6 == 0 { mean_variance } else { 0.0 };
            assert!((value - expected).abs() < 1e-9, "{at}: {value} {expected}");
        }
    }

    #[test]
    fn full_shrinkage_changes_nothing() {
        let scatter = scatter();
        let fitted = HeadCandidate::Wccn { shrinkage: 1.0, centred: false }.fit(&scatter).unwrap();
        let identity = Matrix::zeros(5, 5).scaled_and_shifted(0.0, 1.0);
        for (value, expected) in fitted.values.iter().zip(&identity.values) {
            assert!((value - expected).abs() < 1e-12);
        }
        let mixed = HeadCandidate::Ridge { penalty: 1.0, mix: 0.0, centred: false }.fit(&scatter).unwrap();
        for (value, expected) in mixed.values.iter().zip(&identity.values) {
            assert!((value - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn discriminant_analysis_keeps_what_tells_identities_apart() {
        let scatter = scatter();
        let lda = HeadCandidate::Lda { shrinkage: 0.0, dimension: 2, centred: false };
        let fitted = lda.fit(&scatter).unwrap();
        assert_eq!((fitted.rows, fitted.columns), (2, 5));
        // The two outputs depend on the first two values alone.
        let weight = |columns: std::ops::Range<usize>| -> f64 {
            fitted.values.chunks_exact(5).flat_map(|row| &row[columns.clone()]).map(|v| v * v).sum()
        };
        assert!(weight(2..5) < 0.05 * weight(0..2), "{:?}", fitted);
        let after = within_after(&fitted, &scatter);
        assert!((after.trace() - scatter.within.trace() * 2.0 / 5.0).abs() < 1e-9);
    }

    #[test]
    fn ridge_regression_predicts_means() {
        let scatter = scatter();
        let fitted = HeadCandidate::Ridge { penalty: 1e-9, mix: 1.0, centred: false }.fit(&scatter).unwrap();
        // The value that varies without telling identities apart is suppressed.
        let row = |at: usize| &fitted.values[at * 5..][..5];
        assert!(row(2)[2].abs() < 0.1 * row(0)[0].abs(), "{:?}", fitted);
    }

    #[test]
    fn candidates_fit_the_data() {
        let all = HeadCandidate::all(128, 50, false, None);
        assert!(all.contains(&HeadCandidate::Lda { shrinkage: 0.4, dimension: 49, centred: false }));
        assert!(all.iter().all(|candidate| !candidate.is_centred()));
        assert_eq!(HeadCandidate::all(128, 50, true, None).len(), 2 * all.len());
        let reduced = HeadCandidate::all(128, 50, false, Some(20));
        assert!(!reduced.is_empty());
        assert!(reduced.iter().all(|c| matches!(c, HeadCandidate::Lda { dimension: 20, .. })));
        assert!(HeadCandidate::all(128, 50, false, Some(60)).is_empty(), "49 directions at most");
        let text = HeadCandidate::Wccn { shrinkage: 0.6, centred: true }.to_string();
        assert_eq!(text, "within-class covariance normalisation (shrinkage 0.6, mean subtracted)");
    }
}
