//! R-precision: the share of relevant images among the first R ranks, where R is the number of relevant images.
//!
//! Manning, Raghavan, Schütze, Introduction to Information Retrieval (2008), section 8.4. A perfect ranking has the value 1,
//! whatever R is. At the rank R precision and recall are equal.
//!
//! ```text
//! R-precision = |{ranks r of relevant images : r ≤ R}| / R
//! ```

/// R-precision of one query.
///
/// Relevant images that are missing from `ranks` count as never found.
///
/// # Shapes        ranks: ranks of the relevant images, ascending, from 1   ·   relevant: R, their number in the gallery
/// # Units         share in [0, 1]
/// # Conventions   0 without relevant images
/// # Examples
/// Three relevant images at ranks 1, 3 and 8: two of them are among the first three.
/// ```
/// use likeness_search::metric::r_precision;
/// assert_eq!(r_precision(&[1, 3, 8], 3), 2.0 / 3.0);
/// ```
pub fn r_precision(ranks: &[u32], relevant: usize) -> f64 {
    let found = ranks.iter().take_while(|&&rank| rank as usize <= relevant).count();
    if found == 0 { 0.0 } else { found as f64 / relevant as f64 }
}
