//! False negative identification rate (FNIR): the share of mated searches that miss the query's identity.
//!
//! ```text
//! FNIR(N, R, t) = |{mated searches whose nearest mate is farther than t, or has a rank above R}| / |mated searches|
//! ```
//!
//! ISO/IEC 19795-1:2021; NIST IR 8271. Two values of R are computed. Without a limit on the rank, a nearer image of someone else
//! does not matter: the user looks at all candidates. With R = 1 a mate also has to be nearer than every image of another
//! identity, as if the first candidate were accepted automatically.

use serde::{Deserialize, Serialize};

use super::SearchStatistics;
use crate::ErrorRate;

/// False negative identification rates at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FalseNegatives {
    /// Mated searches whose nearest mate is farther than the threshold.
    pub any_rank: ErrorRate,
    /// Mated searches whose nearest mate is farther than the threshold, or not nearer than all images of other identities.
    pub rank_one: ErrorRate,
}

/// The false negative identification rates at a threshold; `None` without mated searches.
///
/// # Conventions   without a threshold no search returns a candidate, and the rates are 1; at R = 1 an image of another identity at the
///   same distance as the mate counts as nearer
/// # Examples
/// ```
/// use likeness_search::identification::{SearchConfig, SearchStatistics, false_negative_identification_rate};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, ["a1", "a2", "b1", "b2"].map(row).to_vec(), vec![0.0, 3.0, 4.0, 6.0])?;
/// let config = SearchConfig { distance: Distance::Euclidean, ..SearchConfig::default() };
/// let rates = false_negative_identification_rate(&SearchStatistics::new(&table, &config)?, Some(2.0)).unwrap();
/// assert_eq!((rates.any_rank.errors, rates.rank_one.errors), (2, 3)); // b1's nearest image is a2
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn false_negative_identification_rate(
    searches: &SearchStatistics,
    threshold: Option<f32>,
) -> Option<FalseNegatives> {
    let limit = threshold.unwrap_or(f32::NEG_INFINITY);
    let mated = searches.searches().iter().filter_map(|search| Some((search.mated?, search)));
    let any: Vec<(f32, usize)> = mated.clone().map(|(mated, search)| (mated, search.identity)).collect();
    let is_first = |mated: f32, other: Option<f32>| other.is_none_or(|other| mated < other);
    let first = mated.map(|(mated, search)| {
        (if is_first(mated, search.non_mated) { mated } else { f32::INFINITY }, search.identity)
    });
    let first: Vec<(f32, usize)> = first.collect();
    Some(FalseNegatives {
        any_rank: searches.rate(&any, limit, true)?,
        rank_one: searches.rate(&first, limit, true)?,
    })
}
