//! False positive identification rate (FPIR): the share of unmated searches that return a candidate.
//!
//! ```text
//! FPIR(N, t) = |{unmated searches with a gallery image at distance ≤ t}| / |unmated searches|
//! ```
//!
//! At gallery size N. ISO/IEC 19795-1:2021; NIST IR 8271. The interval is Wilson's with the variance between the queries' identities
//! (arXiv 2306.01198); the gallery counts as given.

use super::SearchStatistics;
use crate::ErrorRate;

/// The false positive identification rate at a threshold; `None` without unmated searches.
///
/// # Examples
/// ```
/// use likeness_search::identification::{SearchConfig, SearchStatistics, false_positive_identification_rate};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, ["a1", "a2", "b1"].map(row).to_vec(), vec![0.0, 1.0, 5.0])?;
/// let config = SearchConfig { distance: Distance::Euclidean, ..SearchConfig::default() };
/// let rate = false_positive_identification_rate(&SearchStatistics::new(&table, &config)?, 4.0).unwrap();
/// assert_eq!((rate.errors, rate.trials), (2, 3)); // a2 and b1 are 4 apart
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn false_positive_identification_rate(searches: &SearchStatistics, threshold: f32) -> Option<ErrorRate> {
    let unmated: Vec<(f32, usize)> = searches.unmated().collect();
    searches.rate(&unmated, threshold, false)
}

/// The false positive identification rate at the same threshold in a gallery `factor` times as large.
///
/// ```text
/// FPIR(factor · N, t) = 1 − (1 − FPIR(N, t))^factor
/// ```
///
/// Assumes that images of further people are independent of those in the gallery.
///
/// # Examples
/// ```
/// use likeness_search::identification::projected_fpir;
/// assert!((projected_fpir(0.003, 10.0) - 0.0296).abs() < 1e-4);
/// assert_eq!(projected_fpir(0.5, 2.0), 0.75);
/// ```
pub fn projected_fpir(fpir: f64, factor: f64) -> f64 {
    // Accurate for small rates, too: 1 − (1 − p)^m = −expm1(m · ln1p(−p)).
    -(factor * (-fpir).ln_1p()).exp_m1()
}
