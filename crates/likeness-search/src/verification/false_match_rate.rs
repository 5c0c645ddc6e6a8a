//! False match rate (FMR): the share of non-mated pairs that match.
//!
//! ```text
//! FMR(t) = |{non-mated pairs at distance ≤ t}| / |non-mated pairs|
//! ```
//!
//! ISO/IEC 19795-1:2021. The interval is Wilson's with dependence-adjusted variance (arXiv 2306.01198).

use super::PairStatistics;
use crate::ErrorRate;

/// The false match rate at a threshold, with its interval; `None` without non-mated pairs.
///
/// # Units         threshold: a distance; a pair at the threshold matches
/// # Examples
/// Four people on a line. Of six non-mated pairs, one is at most 1 apart.
/// ```
/// use likeness_search::verification::{PairConfig, PairStatistics, false_match_rate};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let row = |name: &str| Row { identity: Some(name.into()), ..Row::new(name) };
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, ["a", "b", "c", "d"].map(row).to_vec(), vec![0.0, 1.0, 3.0, 6.0])?;
/// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
/// let rate = false_match_rate(&PairStatistics::new(&table, &config)?, 1.0).unwrap();
/// assert_eq!((rate.errors, rate.trials), (1, 6));
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn false_match_rate(pairs: &PairStatistics, threshold: f32) -> Option<ErrorRate> {
    let errors = pairs.non_mated().at_most(threshold);
    ErrorRate::new(errors, pairs.non_mated().len(), pairs.counts.false_match_effect(errors))
}
