//! Reciprocal rank of the first relevant image; its mean over queries is the mean reciprocal rank (MRR).
//!
//! Voorhees, The TREC-8 Question Answering Track Report (1999), section 3.
//!
//! ```text
//! RR = 1 / rank of the first relevant image
//! ```

/// Reciprocal rank of one query.
///
/// # Shapes        ranks: ranks of the relevant images, ascending, from 1
/// # Units         share in [0, 1]
/// # Conventions   0 if no relevant image was found
/// # Examples
/// ```
/// use likeness_search::metric::reciprocal_rank;
/// assert_eq!(reciprocal_rank(&[4, 5, 9]), 0.25);
/// assert_eq!(reciprocal_rank(&[]), 0.0);
/// ```
pub fn reciprocal_rank(ranks: &[u32]) -> f64 {
    ranks.first().map_or(0.0, |&rank| 1.0 / f64::from(rank))
}
