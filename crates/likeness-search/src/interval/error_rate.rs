//! A measured error rate with the number of its errors and trials and its interval.

use serde::{Deserialize, Serialize};

use super::Interval;

/// An error rate: the share of trials that are errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErrorRate {
    /// errors / trials.
    pub rate: f64,
    /// The number of errors.
    pub errors: u64,
    /// The number of trials, such as pairs or searches.
    pub trials: u64,
    /// The number of independent trials with the same precision; at most `trials`.
    pub effective_trials: f64,
    /// The 95 % Wilson interval with dependence-adjusted variance.
    pub interval: Interval,
}

impl ErrorRate {
    /// The rate of `errors` among `trials`, whose variance is `design_effect` times that of independent trials.
    ///
    /// # Conventions   `None` without a trial; a design effect below 1 counts as 1
    /// # Examples
    /// ```
    /// use likeness_search::ErrorRate;
    /// let rate = ErrorRate::new(10, 1000, 4.0).unwrap();
    /// assert_eq!((rate.rate, rate.effective_trials), (0.01, 250.0));
    /// assert!(rate.interval.contains(0.01) && !rate.interval.contains(0.05));
    /// assert_eq!(ErrorRate::new(0, 0, 1.0), None);
    /// ```
    pub fn new(errors: u64, trials: u64, design_effect: f64) -> Option<Self> {
        if trials == 0 {
            return None;
        }
        let rate = errors as f64 / trials as f64;
        let effective_trials = trials as f64 / design_effect.max(1.0);
        Some(Self {
            rate,
            errors,
            trials,
            effective_trials,
            interval: Interval::wilson(rate, effective_trials),
        })
    }
}
