//! Curves, histograms, maps and the tables beside them.

use serde::{Deserialize, Serialize};

use super::{Estimate, Rate};

/// A point of a curve with its interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Rank, rate or number of images.
    pub x: f64,
    /// The measured rate, with its interval.
    #[serde(flatten)]
    pub y: Estimate,
    /// Distance threshold of this point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// Points in ascending order of `x`.
pub type Curve = Vec<CurvePoint>;

/// Cumulative match characteristic of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cmc {
    /// The model.
    pub model: usize,
    /// x: rank from 1; y: share of queries found by that rank.
    pub points: Curve,
}

/// How often two models agree about top-1 (McNemar).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// The first model, usually the reference.
    pub first: usize,
    /// The second model.
    pub second: usize,
    /// Queries that both find.
    pub both: usize,
    /// Queries that only the first finds.
    pub only_first: usize,
    /// Queries that only the second finds.
    pub only_second: usize,
    /// Queries that neither finds.
    pub neither: usize,
    /// p value of the exact test.
    pub p: f64,
}

/// Verification: one identity or two?
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verification {
    /// Pairs of images of one identity.
    pub mated_pairs: u64,
    /// Pairs of images of two identities.
    pub non_mated_pairs: u64,
    /// Lowest false match rate that the pairs support.
    pub lowest_fmr: Option<f64>,
    /// Error rates by threshold.
    pub det: Vec<Det>,
    /// Where the operating thresholds come from; absent where no model is calibrated.
    pub calibration: Option<Calibration>,
    /// Calibrated thresholds, measured on this data.
    pub thresholds: Vec<ThresholdRow>,
    /// Distances of mated and non-mated pairs.
    pub distances: Vec<DistanceHistogram>,
}

/// Detection error trade-off of one model; the ROC shows the same numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Det {
    /// The model.
    pub model: usize,
    /// x: false match rate; y: false non-match rate.
    pub points: Curve,
    /// Equal error rate.
    pub eer: Option<Estimate>,
    /// Area under the ROC.
    pub auc: Option<Estimate>,
}

/// The data that operating thresholds were calibrated on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Calibration {
    /// Name, such as "CelebA's 241 training identities".
    pub data: String,
    /// Identities of the calibration data.
    pub identities: usize,
    /// Non-mated pairs of the calibration data.
    pub non_mated_pairs: u64,
    /// Models that were trained on identities of the calibration data.
    pub trained_on: Vec<usize>,
    /// What the rates were measured on, such as "the test identities".
    pub measured_on: String,
}

/// A calibrated threshold of one model, measured on the evaluated data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdRow {
    /// The model.
    pub model: usize,
    /// False match rate that was asked for.
    pub asked_fmr: f64,
    /// Distance threshold.
    pub threshold: f64,
    /// False match rate of the evaluated pairs.
    pub measured_fmr: Rate,
    /// Non-mated pairs within the threshold.
    pub false_matches: u64,
    /// Share of mated pairs beyond the threshold.
    pub fnmr: Estimate,
}

/// Histogram of the distances of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DistanceHistogram {
    /// The model.
    pub model: usize,
    /// Ends of the bins, one more than bins.
    pub edges: Vec<f64>,
    /// Share of mated pairs in each bin.
    pub mated: Vec<f64>,
    /// Share of non-mated pairs in each bin.
    pub non_mated: Vec<f64>,
    /// Operating threshold.
    pub threshold: Option<f64>,
    /// False match rate that the threshold was calibrated for.
    pub asked_fmr: Option<f64>,
    /// Share of mated pairs beyond the threshold.
    pub mated_beyond: Option<f64>,
    /// Share of non-mated pairs within the threshold.
    pub non_mated_within: Option<f64>,
}

/// Open-set identification.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identification {
    /// Images in the gallery of a search.
    pub gallery_images: usize,
    /// Searches whose identity is not in the gallery.
    pub unmated_searches: u64,
    /// Lowest false positive identification rate that the searches support.
    pub lowest_fpir: Option<f64>,
    /// Misses against false alarms.
    pub fnir: Vec<FnirCurve>,
    /// False alarms by the size of the gallery.
    pub growth: Vec<Growth>,
}

/// Misses against false alarms of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FnirCurve {
    /// The model.
    pub model: usize,
    /// x: FPIR; y: FNIR.
    pub points: Curve,
}

/// False alarms of one model at a fixed threshold in growing galleries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Growth {
    /// The model.
    pub model: usize,
    /// The fixed distance threshold.
    pub threshold: f64,
    /// False match rate that the threshold was calibrated for.
    pub asked_fmr: Option<f64>,
    /// Measured; x: images in the gallery, y: FPIR.
    pub measured: Curve,
    /// Projected to larger galleries.
    pub projected: Curve,
}

/// Embeddings of one model on a plane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmbeddingMap {
    /// The model.
    pub model: usize,
    /// Method and parameters, such as "t-SNE, perplexity 25, seed 2".
    pub method: String,
    /// The images.
    pub points: Vec<MapPoint>,
    /// Identities with most errors, with the middle of their images.
    pub named: Vec<NamedPlace>,
}

/// An image on a map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MapPoint {
    /// Horizontal place.
    pub x: f64,
    /// Vertical place, upward.
    pub y: f64,
    /// For a query whose first hit is wrong: the position of that hit in the list of points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_hit: Option<usize>,
    /// Position in [`EmbeddingMap::named`] of the identity, where it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<usize>,
}

/// A named identity of a map.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NamedPlace {
    /// The identity.
    pub identity: String,
    /// Its wrong queries.
    pub errors: usize,
}

/// Training curves of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainingRun {
    /// The model.
    pub model: usize,
    /// The validation data, such as "503 photos of 24 people held out of the training identities".
    pub validation: String,
    /// Epochs in order.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights were kept.
    pub kept_epoch: Option<usize>,
}

/// One epoch of training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Epoch {
    /// Number from 1.
    pub epoch: usize,
    /// Loss, such as "CosFace"; the loss curve is broken where it changes.
    pub objective: String,
    /// Mean loss.
    pub loss: Option<f64>,
    /// Top-1 of the validation data.
    pub top1: Option<f64>,
    /// Mean average precision of the validation data.
    pub map: Option<f64>,
}
