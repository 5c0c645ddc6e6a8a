//! Measures thresholds on images other than those that they were calibrated on.

use serde::{Deserialize, Serialize};

use crate::verification::{PairStatistics, false_match_rate, false_non_match_rate};
use crate::{ErrorRate, MIN_ERRORS, Thresholds};

/// Whether a measured rate agrees with the asked one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The asked rate lies in the interval of the measured one.
    AsAsked,
    /// The whole interval lies below the asked rate.
    StricterThanAsked,
    /// The whole interval lies above the asked rate.
    LooserThanAsked,
    /// There are too few trials: fewer than ten errors are expected at the asked rate.
    InsufficientData,
}

impl Reading {
    /// Compares a measured rate with the asked one.
    ///
    /// # Examples
    /// ```
    /// use likeness_search::ErrorRate;
    /// use likeness_search::calibrate::Reading;
    /// let measured = ErrorRate::new(30, 10_000, 1.0);
    /// assert_eq!(Reading::of(0.0025, measured.as_ref()), Reading::AsAsked);
    /// assert_eq!(Reading::of(0.01, measured.as_ref()), Reading::StricterThanAsked);
    /// assert_eq!(Reading::of(0.001, measured.as_ref()), Reading::LooserThanAsked);
    /// assert_eq!(Reading::of(0.0001, measured.as_ref()), Reading::InsufficientData);
    /// ```
    pub fn of(asked: f64, measured: Option<&ErrorRate>) -> Self {
        match measured {
            Some(measured) if measured.trials as f64 * asked * (1.0 + 1e-9) >= MIN_ERRORS => {
                if measured.interval.contains(asked) {
                    Self::AsAsked
                } else if measured.interval.high < asked {
                    Self::StricterThanAsked
                } else {
                    Self::LooserThanAsked
                }
            }
            _ => Self::InsufficientData,
        }
    }
}

/// A threshold measured on other images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The false match rate that the threshold was calibrated for.
    pub asked: f64,
    /// The threshold.
    pub threshold: f32,
    /// The false match rate on these images; `None` without non-mated pairs.
    pub false_match_rate: Option<ErrorRate>,
    /// The false non-match rate on these images; `None` without mated pairs.
    pub false_non_match_rate: Option<ErrorRate>,
    /// Whether the measured false match rate agrees with the asked one.
    pub reading: Reading,
}

/// Measures `thresholds` on the pairs of other images, strictest threshold first.
pub fn check(thresholds: &Thresholds, pairs: &PairStatistics) -> Vec<Checked> {
    let measure = |threshold: &crate::Threshold| {
        let measured = false_match_rate(pairs, threshold.distance);
        Checked {
            asked: threshold.fmr,
            threshold: threshold.distance,
            false_match_rate: measured,
            false_non_match_rate: false_non_match_rate(pairs, Some(threshold.distance)),
            reading: Reading::of(threshold.fmr, measured.as_ref()),
        }
    };
    thresholds.as_slice().iter().map(measure).collect()
}
