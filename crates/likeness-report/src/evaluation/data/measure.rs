//! Measures, estimates with intervals, and differences between models.

use serde::{Deserialize, Serialize};

/// A measure with its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower end of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Upper end of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

impl Estimate {
    /// An estimate with an interval.
    pub fn new(value: f64, low: f64, high: f64) -> Self {
        Self { value, low: Some(low), high: Some(high) }
    }

    /// An estimate without an interval.
    pub fn bare(value: f64) -> Self {
        Self { value, low: None, high: None }
    }

    /// Both ends of the interval, where there is one.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.low.zip(self.high)
    }
}

/// An estimate, or the fact that the data cannot support it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Rate {
    /// Supported by at least ten expected events.
    Supported(Estimate),
    /// Insufficient data: pairs or unmated searches × rate < 10.
    Insufficient {
        /// The lowest rate that the data supports, where known.
        lowest: Option<f64>,
    },
}

impl Rate {
    /// The estimate, where supported.
    pub fn estimate(&self) -> Option<&Estimate> {
        match self {
            Self::Supported(estimate) => Some(estimate),
            Self::Insufficient { .. } => None,
        }
    }
}

/// What is measured. JSON: `{"name": "top", "at": 5}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "at", rename_all = "snake_case")]
pub enum Measure {
    /// Share of queries whose identity is among the first k images.
    Top(usize),
    /// Mean average precision.
    MeanAveragePrecision,
    /// True accept rate at this false match rate.
    Tar(f64),
    /// False negative identification rate at this false positive identification rate. Lower is better.
    Fnir(f64),
    /// Equal error rate. Lower is better.
    Eer,
    /// Another measure of which higher is better, such as "MRR".
    Other(String),
}

impl Measure {
    /// Whether a larger value is better.
    pub fn higher_is_better(&self) -> bool {
        !matches!(self, Self::Fnir(_) | Self::Eer)
    }
}

/// The measures of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelResult {
    /// The model.
    pub model: usize,
    /// Its values, in the order of columns.
    pub values: Vec<MeasureValue>,
}

/// One cell of the result table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureValue {
    /// What is measured.
    pub measure: Measure,
    /// The value with its interval, or insufficient data.
    pub value: Rate,
    /// Whether the model is the best, or not significantly different from the best.
    #[serde(default)]
    pub best_or_tied: bool,
}

/// A paired difference on the same queries: the model's value minus the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The model that is compared with the reference.
    pub model: usize,
    /// What is compared.
    pub measure: Measure,
    /// Difference of fractions, raw sign.
    pub difference: Estimate,
    /// p value after Holm's correction.
    pub p_holm: Option<f64>,
    /// p value before the correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
}
