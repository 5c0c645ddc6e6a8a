//! Average precision: how early all relevant images appear in a ranking, not only the first.
//!
//! Let P(r) be the share of relevant images among the first r, and R the number of relevant images in the gallery
//! (Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, section 8.4):
//!
//! ```text
//! AP   = 1/R         · Σ P(r) over the ranks r of relevant images
//! AP@k = 1/min(k, R) · Σ P(r) over the ranks r ≤ k of relevant images
//! ```
//!
//! Libraries disagree on the divisor of AP@k. With ours, a perfect ranking has AP@k = 1 for every k and R.

/// Average precision of one query.
///
/// Relevant images that are missing from `ranks` count as never found.
///
/// # Shapes        ranks: ranks of the relevant images, ascending, from 1   ·   relevant: their number in the gallery
/// # Units         share in [0, 1]
/// # Conventions   0 without relevant images
/// # Examples
/// Relevant images at ranks 1 and 3: the precisions there are 1 and 2/3.
/// ```
/// use likeness_search::metric::average_precision;
/// assert!((average_precision(&[1, 3], 2) - 5.0 / 6.0).abs() < 1e-12);
/// ```
pub fn average_precision(ranks: &[u32], relevant: usize) -> f64 {
    average_precision_at(ranks, relevant, u32::MAX)
}

/// Average precision of one query over the first `k` ranks.
///
/// # Shapes        as [`average_precision`]
/// # Conventions   divides by min(k, relevant), not by relevant or by the number found
/// # Examples
/// Three relevant images at ranks 1, 3 and 4; two of them are within the first three ranks.
/// ```
/// use likeness_search::metric::average_precision_at;
/// assert!((average_precision_at(&[1, 3, 4], 3, 3) - (1.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
/// assert_eq!(average_precision_at(&[1, 3, 4], 3, 1), 1.0);
/// assert_eq!(average_precision_at(&[2], 1, 1).to_string(), "0");
/// ```
pub fn average_precision_at(ranks: &[u32], relevant: usize, k: u32) -> f64 {
    let precisions: f64 = (1u32..)
        .zip(ranks.iter().take_while(|&&rank| rank <= k))
        .map(|(found, &rank)| f64::from(found) / f64::from(rank))
        // The empty sum of floats is −0, which would be printed as "-0".
        .fold(0.0, |sum, precision| sum + precision);
    let divisor = relevant.min(k as usize);
    if divisor == 0 { 0.0 } else { precisions / divisor as f64 }
}

/// The mean over queries; the mean of average precisions is mAP.
///
/// # Conventions   0 without queries
/// # Examples
/// ```
/// use likeness_search::metric::mean;
/// assert_eq!(mean(&[1.0, 0.5]), 0.75);
/// ```
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}
