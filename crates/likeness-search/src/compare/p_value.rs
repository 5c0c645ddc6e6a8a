//! The p-value of a paired bootstrap.
//!
//! The null hypothesis is that a difference is 0. The p-value is the smallest level at which the percentile interval excludes
//! 0 (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 15.4). One is added to both counts, as for
//! permutation tests (Davison and Hinkley, Bootstrap Methods and their Application, 1997, equation 4.11), because a finite
//! number of resamples cannot show that p is 0.
//!
//! ```text
//! p = min(1, 2 · (1 + min(#{d* ≤ 0}, #{d* ≥ 0})) / (B + 1))        B resampled differences d*
//! ```

/// The two-sided p-value of resampled differences; values that are not numbers are left out.
///
/// # Units         probability in (0, 1]; at least [`smallest_p`]
/// # Conventions   1 without a value
/// # Examples
/// 999 differences, ten of them not positive: 2 · 11 / 1000.
/// ```
/// use likeness_search::compare::bootstrap_p;
/// let differences: Vec<f64> = (0..999).map(|i| f64::from(i) - 9.0).collect();
/// assert_eq!(bootstrap_p(&differences), 0.022);
/// assert_eq!(bootstrap_p(&[0.1; 999]), 0.002);
/// assert_eq!(bootstrap_p(&[0.0; 999]), 1.0);
/// assert_eq!(bootstrap_p(&[f64::NAN]), 1.0);
/// ```
pub fn bootstrap_p(differences: &[f64]) -> f64 {
    let values = || differences.iter().filter(|value| !value.is_nan());
    let below = values().filter(|&&value| value <= 0.0).count();
    let above = values().filter(|&&value| value >= 0.0).count();
    let count = values().count();
    (2.0 * (1 + below.min(above)) as f64 / (count + 1) as f64).min(1.0)
}

/// The smallest p-value that `resamples` can give: 2 / (B + 1), which is 0.002 for a thousand.
///
/// # Examples
/// ```
/// use likeness_search::compare::smallest_p;
/// assert_eq!(smallest_p(999), 0.002);
/// ```
pub fn smallest_p(resamples: u32) -> f64 {
    (2.0 / (f64::from(resamples) + 1.0)).min(1.0)
}

/// The number of resamples with which one of `comparisons` can be significant at 0.05 after [`holm`](super::holm)'s adjustment.
///
/// The adjustment multiplies the smallest p-value by the number of comparisons m, so 2 m / (B + 1) must be below 0.05.
///
/// # Examples
/// ```
/// use likeness_search::compare::{resamples_needed, smallest_p};
/// assert_eq!(resamples_needed(24), 960);
/// assert!(24.0 * smallest_p(960) < 0.05 && 24.0 * smallest_p(959) >= 0.05);
/// ```
pub fn resamples_needed(comparisons: usize) -> u32 {
    u32::try_from(comparisons.saturating_mul(40)).unwrap_or(u32::MAX)
}
