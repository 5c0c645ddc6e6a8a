//! False non-match rate (FNMR): the share of mated pairs that do not match.
//!
//! ```text
//! FNMR(t) = |{mated pairs at distance > t}| / |mated pairs|
//! ```
//!
//! ISO/IEC 19795-1:2021. The interval is Wilson's with dependence-adjusted variance (arXiv 2306.01198).

use super::PairStatistics;
use crate::ErrorRate;

/// The false non-match rate at a threshold, with its interval; `None` without mated pairs.
///
/// # Conventions   without a threshold no pair matches, and the rate is 1
/// # Units         threshold: a distance; a pair at the threshold matches
/// # Examples
/// ```
/// use likeness_search::verification::{PairConfig, PairStatistics, false_non_match_rate};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, ["a1", "a2", "b1", "b2"].map(row).to_vec(), vec![0.0, 1.0, 9.0, 5.0])?;
/// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
/// let pairs = PairStatistics::new(&table, &config)?;
/// assert_eq!(false_non_match_rate(&pairs, Some(1.0)).unwrap().rate, 0.5); // b1 and b2 are 4 apart
/// assert_eq!(false_non_match_rate(&pairs, None).unwrap().rate, 1.0);
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn false_non_match_rate(pairs: &PairStatistics, threshold: Option<f32>) -> Option<ErrorRate> {
    let all = pairs.mated().len();
    let errors = all - threshold.map_or(0, |threshold| pairs.mated().at_most(threshold));
    ErrorRate::new(errors, all, pairs.counts.false_non_match_effect(errors))
}
