//! The challenge score: a weighted sum of three top-k accuracies, at most 1000.

use crate::{Result, SearchError};

/// Computes 600 · top-1 + 300 · top-5 + 100 · top-10.
///
/// # Units         parameters: shares in [0, 1]   ·   output: a score in [0, 1000]
/// # Errors        a share outside [0, 1], for instance a percentage → `BadArgument`
/// # Examples
/// ```
/// use likeness_search::metric::challenge_score;
/// assert_eq!(challenge_score(0.5, 0.75, 1.0)?, 300.0 + 225.0 + 100.0);
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn challenge_score(top1: f64, top5: f64, top10: f64) -> Result<f64> {
    for (name, share) in [("top-1", top1), ("top-5", top5), ("top-10", top10)] {
        if !(0.0..=1.0).contains(&share) {
            let reason = format!("{name}: expected a share between 0 and 1, received {share}");
            return Err(SearchError::BadArgument { reason });
        }
    }
    Ok(600.0 * top1 + 300.0 * top5 + 100.0 * top10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_refused() {
        let refused = challenge_score(0.5, 75.0, 1.0).unwrap_err().to_string();
        assert_eq!(refused, "top-5: expected a share between 0 and 1, received 75");
    }
}
