//! Timing, settings and licences.

use serde::{Deserialize, Serialize};

/// Time and memory of each model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// One row per model.
    pub rows: Vec<TimingRow>,
    /// What was timed and on what machine, one or two sentences.
    pub note: String,
}

/// Time and memory of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimingRow {
    /// The model.
    pub model: usize,
    /// Processor time from photo to embedding, in milliseconds.
    pub cpu_ms: Option<f64>,
    /// Photos a second.
    pub photos_per_second: Option<f64>,
    /// Peak memory in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Size of the model file in bytes.
    pub file_bytes: Option<u64>,
    /// Time of the evaluation in seconds.
    pub evaluation_s: Option<f64>,
}

/// Settings of the evaluation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Names and values, in order.
    pub rows: Vec<SettingRow>,
}

/// A setting.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingRow {
    /// Name, such as "Protocol".
    pub name: String,
    /// Value in words.
    pub value: String,
    /// Whether the value is code, such as a command.
    pub code: bool,
}

/// Licences of models and data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Licensing {
    /// Models, data and detectors.
    pub rows: Vec<Licence>,
    /// Further sentences about the pictures of this page, such as their credits.
    pub notes: Vec<String>,
}

/// The licence of one part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Licence {
    /// Part, such as "YuNet, detector". A model's name where absent.
    pub part: String,
    /// The model, where the part is one.
    pub model: Option<usize>,
    /// Licence, such as "CC0-1.0".
    pub licence: String,
    /// How strict it is.
    pub terms: Terms,
    /// Where the part comes from.
    pub origin: String,
    /// What a model learned from.
    pub learned_from: String,
    /// SHA-256, hexadecimal.
    pub fingerprint: String,
}

/// Terms of use, from the freest to the strictest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Terms {
    /// Any use.
    Free,
    /// Any use with credit.
    Attribution,
    /// Any use; derived works have the same terms.
    ShareAlike,
    /// Not stated or not known.
    #[default]
    Unknown,
    /// Research only, or no commercial use.
    NonCommercial,
    /// Non-commercial, and no copies.
    NoCopies,
}
