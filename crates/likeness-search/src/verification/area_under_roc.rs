//! Area under the ROC curve (AUC): the chance that a random mated pair is nearer than a random non-mated pair.
//!
//! ```text
//! AUC = (|{(m, n): m < n}| + ½ |{(m, n): m = n}|) / (|mated| · |non-mated|)
//! ```
//!
//! Over the distances m of mated and n of non-mated pairs; the Mann–Whitney statistic. (Hanley and McNeil, The meaning and use of
//! the area under a ROC curve, Radiology 143, 1982.)

use super::PairStatistics;
use super::distribution::merged;

/// The area under the ROC curve; `None` without mated or non-mated pairs.
///
/// # Conventions   equal distances count one half, so constant embeddings give 0.5; distances in one bin of a histogram are equal
/// # Examples
/// ```
/// use likeness_search::verification::{PairConfig, PairStatistics, area_under_roc};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, ["a1", "a2", "b1", "b2"].map(row).to_vec(), vec![0.0, 1.0, 10.0, 4.0])?;
/// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
/// // Mated: 1 and 6. Non-mated: 3, 4, 9, 10.
/// assert_eq!(area_under_roc(&PairStatistics::new(&table, &config)?), Some(6.0 / 8.0));
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn area_under_roc(pairs: &PairStatistics) -> Option<f64> {
    let (mated, non_mated) = (pairs.mated().len(), pairs.non_mated().len());
    if mated == 0 || non_mated == 0 {
        return None;
    }
    let (mut twice_nearer, mut before) = (0u128, (0, 0));
    for (_, matches, false_matches) in merged(pairs.mated(), pairs.non_mated()) {
        twice_nearer += u128::from(false_matches - before.1) * u128::from(matches + before.0);
        before = (matches, false_matches);
    }
    Some(twice_nearer as f64 / (2.0 * mated as f64 * non_mated as f64))
}
