//! Average precision at R; its mean over queries is MAP@R.
//!
//! Musgrave, Belongie, Lim, A Metric Learning Reality Check (2020), arXiv 2003.08505, section 3.2: with R relevant
//! images in the gallery only the first R ranks count. This rewards embeddings with well separated clusters.
//!
//! ```text
//! MAP@R = 1/R · Σ P(r) over the ranks r ≤ R of relevant images
//! ```

use super::average_precision_at;

/// Average precision at R of one query.
///
/// # Shapes        ranks: ranks of the relevant images, ascending, from 1   ·   relevant: R, their number in the gallery
/// # Units         share in [0, 1]
/// # Conventions   0 without relevant images
/// # Examples
/// Ten relevant images: only rank 1 within the first ten gives 0.1; ranks 1, 2, 9 and 10 give (1 + 1 + 3/9 + 4/10) / 10.
/// ```
/// use likeness_search::metric::average_precision_at_r;
/// assert_eq!(average_precision_at_r(&[1, 11, 12], 10), 0.1);
/// assert!((average_precision_at_r(&[1, 2, 9, 10], 10) - 0.27333).abs() < 1e-5);
/// ```
pub fn average_precision_at_r(ranks: &[u32], relevant: usize) -> f64 {
    average_precision_at(ranks, relevant, u32::try_from(relevant).unwrap_or(u32::MAX))
}
