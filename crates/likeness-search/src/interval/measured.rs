//! The rule that decides which error rates a number of trials supports.
//!
//! A rate r is supported by n trials if n·r ≥ 10, so that about ten errors are expected at that rate. With ten independent
//! errors the 95 % interval reaches from half the rate to twice the rate; with fewer it says little. (The "rule of 30" of
//! Doddington et al., The NIST speaker recognition evaluation, Speech Communication 31, 2000, asks for 30 errors, for ± 30 % at
//! 90 % confidence.)

use serde::{Deserialize, Serialize};

/// The number of expected errors from which a rate is supported.
pub const MIN_ERRORS: f64 = 10.0;

/// A value measured at an error rate, or the statement that the data cannot support that rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measured<T> {
    /// The value.
    Value(T),
    /// There are too few trials for this rate.
    InsufficientData {
        /// The lowest rate that the trials support; above 1 if they support none.
        lowest_supported: f64,
    },
}

impl<T> Measured<T> {
    /// The value that `measure` returns if `trials` support `rate`.
    ///
    /// # Examples
    /// ```
    /// use likeness_search::Measured;
    /// assert_eq!(Measured::at(1e-3, 10_000, || 0.5), Measured::Value(0.5));
    /// let too_few = Measured::at(1e-4, 10_000, || 0.5);
    /// assert_eq!(too_few, Measured::InsufficientData { lowest_supported: 1e-3 });
    /// ```
    pub fn at(rate: f64, trials: u64, measure: impl FnOnce() -> T) -> Self {
        // One part in a billion covers the rounding of rates such as 1e-3.
        if trials as f64 * rate * (1.0 + 1e-9) >= MIN_ERRORS {
            return Self::Value(measure());
        }
        Self::InsufficientData { lowest_supported: MIN_ERRORS / trials as f64 }
    }

    /// The value, unless there are too few trials.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::InsufficientData { .. } => None,
        }
    }

    /// Converts the value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Measured<U> {
        match self {
            Self::Value(value) => Measured::Value(convert(value)),
            Self::InsufficientData { lowest_supported } => Measured::InsufficientData { lowest_supported },
        }
    }
}
