//! The trade-off of identification: FNIR over FPIR for all thresholds.

use serde::{Deserialize, Serialize};

use super::SearchStatistics;
use crate::verification::{CURVE_POINTS, Distribution};

/// The error rates of identification at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IdentificationPoint {
    /// The largest distance of a candidate; `None` if no candidate is returned.
    pub threshold: Option<f32>,
    /// The share of unmated searches that return a candidate.
    pub fpir: f64,
    /// The share of mated searches whose nearest mate is farther than the threshold.
    pub fnir: f64,
}

/// At most 200 points at false positive identification rates that are evenly spaced on a logarithmic scale.
///
/// # Conventions   begins at FPIR 0; empty without mated or unmated searches
pub fn identification_curve(searches: &SearchStatistics) -> Vec<IdentificationPoint> {
    let unmated = Distribution::sorted(searches.unmated().map(|(distance, _)| distance).collect());
    let mated = Distribution::sorted(searches.searches().iter().filter_map(|search| search.mated).collect());
    let (all, all_mated) = (unmated.len(), mated.len());
    if all == 0 || all_mated == 0 {
        return Vec::new();
    }
    let steps = CURVE_POINTS - 2;
    let allowed = |step: usize| (all as f64).powf(step as f64 / steps as f64).round() as u64;
    let mut numbers: Vec<u64> = std::iter::once(0).chain((0..=steps).map(allowed)).collect();
    numbers.dedup();
    let point = |allowed: u64| {
        let threshold = unmated.largest_threshold(allowed);
        let matching = |distances: &Distribution| threshold.map_or(0, |t| distances.at_most(t));
        IdentificationPoint {
            threshold,
            fpir: matching(&unmated) as f64 / all as f64,
            fnir: (all_mated - matching(&mated)) as f64 / all_mated as f64,
        }
    };
    let mut points: Vec<IdentificationPoint> = numbers.into_iter().map(point).collect();
    points.dedup_by_key(|point| point.threshold);
    points
}
