//! Precision at k: the share of relevant images among the first k ranks.
//!
//! Manning, Raghavan, Schütze, Introduction to Information Retrieval (2008), section 8.4.
//!
//! ```text
//! P@k = |{ranks r of relevant images : r ≤ k}| / k
//! ```
//!
//! The divisor is always k, also where the gallery or the number of relevant images R is smaller: a query with R = 3 has at
//! most P@10 = 0.3. Open-metric-learning divides by min(k, R), so that a perfect ranking has the value 1.
//! Pytorch-metric-learning reports k = 1 only, where all definitions agree, and its value equals top-1 accuracy.

/// Precision of one query at rank `k`.
///
/// # Shapes        ranks: ranks of the relevant images, ascending, from 1
/// # Units         share in [0, 1]
/// # Conventions   divides by k; 0 for a `k` of 0
/// # Examples
/// Three relevant images at ranks 1, 3 and 8.
/// ```
/// use likeness_search::metric::precision_at;
/// assert_eq!(precision_at(&[1, 3, 8], 1), 1.0);
/// assert_eq!(precision_at(&[1, 3, 8], 5), 2.0 / 5.0);
/// assert_eq!(precision_at(&[1, 3, 8], 10), 3.0 / 10.0); // 1 where the divisor is min(k, R)
/// ```
pub fn precision_at(ranks: &[u32], k: u32) -> f64 {
    let found = ranks.iter().take_while(|&&rank| rank <= k).count();
    if found == 0 { 0.0 } else { found as f64 / f64::from(k) }
}
