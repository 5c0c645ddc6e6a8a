//! Equal error rate (EER): the rate at which the false match rate equals the false non-match rate.
//!
//! Both rates are step functions of the threshold and rarely equal. The ROC curve connects their values at the distinct distances
//! by straight lines; the EER is its intersection with FMR = FNMR. With the rates (f₀, n₀) at the last distance with f₀ < n₀
//! and (f₁, n₁) at the next one:
//!
//! ```text
//! EER = f₀ + s (f₁ − f₀),   s = (n₀ − f₀) / (n₀ − f₀ + f₁ − n₁)
//! ```
//!
//! The common recipe that solves 1 − x = TPR(x) on the interpolated curve of scikit-learn's `roc_curve` gives the same value.

use serde::{Deserialize, Serialize};

use super::PairStatistics;
use super::distribution::merged;

/// The equal error rate and where it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EqualErrorRate {
    /// The common value of both error rates.
    pub rate: f64,
    /// The smallest distance at which the false match rate is at least the false non-match rate.
    pub threshold: f32,
}

/// The equal error rate; `None` without mated or non-mated pairs.
///
/// # Conventions   0 if all mated pairs are nearer than all non-mated pairs; 0.5 for constant embeddings
/// # Examples
/// ```
/// use likeness_search::verification::{PairConfig, PairStatistics, equal_error_rate};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, ["a1", "a2", "b1", "b2"].map(row).to_vec(), vec![0.0, 1.0, 10.0, 4.0])?;
/// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
/// // Mated: 1 and 6. Non-mated: 3, 4, 9, 10. From distance 4 on, two of four non-mated pairs match, and one mated pair does not.
/// let found = equal_error_rate(&PairStatistics::new(&table, &config)?).unwrap();
/// assert_eq!((found.rate, found.threshold), (0.5, 4.0));
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn equal_error_rate(pairs: &PairStatistics) -> Option<EqualErrorRate> {
    let (mated, non_mated) = (pairs.mated().len() as f64, pairs.non_mated().len() as f64);
    if mated == 0.0 || non_mated == 0.0 {
        return None;
    }
    let mut before = (0.0, 1.0);
    for (threshold, matches, false_matches) in merged(pairs.mated(), pairs.non_mated()) {
        let rates = (false_matches as f64 / non_mated, 1.0 - matches as f64 / mated);
        if rates.0 >= rates.1 {
            return Some(EqualErrorRate { rate: crossing(before, rates), threshold });
        }
        before = rates;
    }
    None
}

/// The rate at which both rates are equal on the line between two points (FMR, FNMR).
pub(super) fn crossing(before: (f64, f64), after: (f64, f64)) -> f64 {
    let (gap, over) = (before.1 - before.0, after.0 - after.1);
    if gap + over == 0.0 { after.0 } else { before.0 + gap / (gap + over) * (after.0 - before.0) }
}
