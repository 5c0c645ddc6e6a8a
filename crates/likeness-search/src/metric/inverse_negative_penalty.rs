//! Inverse negative penalty: how late the last relevant image appears; its mean over queries is mINP.
//!
//! Ye, Shen, Lin, Xiang, Shao, Hoi, Deep Learning for Person Re-identification: A Survey and Outlook (2021), arXiv
//! 2001.04193, section 3.3. With R relevant images, the last of them at rank H, the negative penalty NP is the share of wrong
//! images that a user sees until all relevant ones are found.
//!
//! ```text
//! NP = (H − R) / H          INP = 1 − NP = R / H
//! ```

/// Inverse negative penalty of one query.
///
/// # Shapes        ranks: ranks of all relevant images, ascending, from 1   ·   relevant: R, their number in the gallery
/// # Units         share in [0, 1]
/// # Conventions   0 without relevant images, and if `ranks` contains fewer than `relevant`, because the last one was not found
/// # Examples
/// Three relevant images, the last of them at rank 8: the user sees 8 images to find 3.
/// ```
/// use likeness_search::metric::inverse_negative_penalty;
/// assert_eq!(inverse_negative_penalty(&[1, 3, 8], 3), 3.0 / 8.0);
/// assert_eq!(inverse_negative_penalty(&[1, 2, 3], 3), 1.0);
/// assert_eq!(inverse_negative_penalty(&[1, 2], 3), 0.0);
/// ```
pub fn inverse_negative_penalty(ranks: &[u32], relevant: usize) -> f64 {
    match ranks.last() {
        Some(&last) if ranks.len() >= relevant => relevant as f64 / f64::from(last),
        _ => 0.0,
    }
}
