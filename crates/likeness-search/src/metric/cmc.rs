//! Cumulative match characteristic: how often the right identity is among the first k.
//!
//! Top-k accuracy is its value at k; so is recall at k if a query has a single relevant image. Defined in Grother and
//! Ngan, Face Recognition Vendor Test (2014), as the closed-set identification rate at rank k.

/// Share of queries whose first relevant image has a rank of at most `k`.
///
/// # Shapes        first_ranks: \[queries\], `None` if the ranking contains no relevant image
/// # Units         share in [0, 1]
/// # Conventions   0 without queries
/// # Examples
/// ```
/// use likeness_search::metric::cmc_at;
/// let first_ranks = [Some(1), Some(4), None, Some(2)];
/// assert_eq!(cmc_at(&first_ranks, 1), 0.25);
/// assert_eq!(cmc_at(&first_ranks, 2), 0.5);
/// ```
pub fn cmc_at(first_ranks: &[Option<u32>], k: u32) -> f64 {
    let found = first_ranks.iter().flatten().filter(|&&rank| rank <= k).count();
    if found == 0 { 0.0 } else { found as f64 / first_ranks.len() as f64 }
}

/// The value of [`cmc_at`] for every k from 1 to `last`; never decreases.
///
/// # Shapes        first_ranks: \[queries\]   ·   output: \[last\]
/// # Examples
/// ```
/// use likeness_search::metric::cmc_curve;
/// assert_eq!(cmc_curve(&[Some(1), Some(3), None, Some(9)], 4), [0.25, 0.25, 0.5, 0.5]);
/// ```
pub fn cmc_curve(first_ranks: &[Option<u32>], last: u32) -> Vec<f64> {
    (1..=last).map(|k| cmc_at(first_ranks, k)).collect()
}
