//! Receiver operating characteristic (ROC): the true accept rate over the false match rate, for all thresholds.
//!
//! The curve has at most 200 points at false match rates that are evenly spaced on a logarithmic scale, from one non-mated pair to
//! all of them. The point at rate r is that of the largest threshold with FMR ≤ r, so its own rate may be smaller.
//! (Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27, 2006.)

use serde::{Deserialize, Serialize};

use super::PairStatistics;

/// The largest number of points of a curve.
pub const CURVE_POINTS: usize = 200;

/// The error rates at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The largest distance that matches; `None` if no pair matches.
    pub threshold: Option<f32>,
    /// The share of non-mated pairs that match.
    pub false_match_rate: f64,
    /// The share of mated pairs that do not match; 1 minus the true accept rate.
    pub false_non_match_rate: f64,
}

/// The ROC curve from the strictest threshold to the loosest.
///
/// # Conventions   begins at FMR 0 with the largest threshold without a false match; both rates are monotonic; empty without mated or
///   non-mated pairs
/// # Examples
/// ```
/// use likeness_search::verification::{PairConfig, PairStatistics, roc_curve};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, ["a1", "a2", "b1", "b2"].map(row).to_vec(), vec![0.0, 1.0, 10.0, 4.0])?;
/// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
/// let curve = roc_curve(&PairStatistics::new(&table, &config)?);
/// assert_eq!((curve[0].false_match_rate, curve[0].false_non_match_rate), (0.0, 0.5));
/// // The third of four non-mated pairs is 9 apart; the mated pair b1 and b2, 6 apart, matches below that.
/// assert_eq!((curve[2].false_match_rate, curve[2].false_non_match_rate), (0.5, 0.0));
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn roc_curve(pairs: &PairStatistics) -> Vec<CurvePoint> {
    let (mated, non_mated) = (pairs.mated(), pairs.non_mated());
    let (all_mated, all) = (mated.len(), non_mated.len());
    if all_mated == 0 || all == 0 {
        return Vec::new();
    }
    let steps = CURVE_POINTS - 2;
    let allowed = |step: usize| (all as f64).powf(step as f64 / steps as f64).round() as u64;
    let mut numbers: Vec<u64> = std::iter::once(0).chain((0..=steps).map(allowed)).collect();
    numbers.dedup();
    let loosest = non_mated.largest().max(mated.largest());
    let point = |allowed: u64| {
        let threshold = if allowed >= all { Some(loosest) } else { non_mated.largest_threshold(allowed) };
        let matching = |distances: &super::Distribution| threshold.map_or(0, |t| distances.at_most(t));
        CurvePoint {
            threshold,
            false_match_rate: matching(non_mated).min(allowed) as f64 / all as f64,
            false_non_match_rate: (all_mated - matching(mated)) as f64 / all_mated as f64,
        }
    };
    let mut points: Vec<CurvePoint> = numbers.into_iter().map(point).collect();
    points.dedup_by_key(|point| point.threshold);
    points
}
