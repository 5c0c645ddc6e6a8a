//! What a comparison says in words.

use serde::{Deserialize, Serialize};

use super::Difference;

/// The level of significance.
const SIGNIFICANCE: f64 = 0.05;

/// The result of comparing a model with the reference. No result means "equal": a test cannot show that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The model is significantly better.
    Better,
    /// The model is significantly worse.
    Worse,
    /// The data do not show a difference.
    NoSignificantDifference,
}

impl Reading {
    /// Reads one difference with the p-value that [`holm`](super::holm) adjusted over all comparisons.
    ///
    /// # Conventions   significant if `adjusted_p` is below 0.05 and the difference is not 0
    /// # Examples
    /// ```
    /// use likeness_search::compare::{Difference, Reading};
    /// let difference = Difference {
    ///     measure: "EER".into(), higher_is_better: false, difference: 0.02, interval: None, p: 0.01, resamples: 1000,
    /// };
    /// assert_eq!(Reading::of(&difference, 0.01), Reading::Worse);
    /// assert_eq!(Reading::of(&difference, 0.06), Reading::NoSignificantDifference);
    /// ```
    pub fn of(difference: &Difference, adjusted_p: f64) -> Self {
        let gain = if difference.higher_is_better { difference.difference } else { -difference.difference };
        match adjusted_p < SIGNIFICANCE {
            true if gain > 0.0 => Self::Better,
            true if gain < 0.0 => Self::Worse,
            _ => Self::NoSignificantDifference,
        }
    }

    /// The reading in words, as printed in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoSignificantDifference => "no significant difference",
        }
    }
}
