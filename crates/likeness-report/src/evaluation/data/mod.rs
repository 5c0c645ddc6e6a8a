//! The data of an evaluation report: plain structs, one file per group of sections.
//!
//! All rates are fractions (0.977, not 97.7). A `model` field is the position of a model in [`Report::models`]. An empty
//! list means that the section has no content; [`Report::absent`] may say why.

mod checks;
mod curve;
mod measure;
mod picture;
mod provenance;
mod slice;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use checks::{DataChecks, Issue, IssueState, Leak, LeftOut, Mislabelled, WithoutIssue};
pub use curve::{
    Calibration, Cmc, Curve, CurvePoint, Det, DistanceHistogram, EmbeddingMap, Epoch, FnirCurve, Growth,
    Identification, MapPoint, McNemar, NamedPlace, ThresholdRow, TrainingRun, Verification,
};
pub use measure::{Difference, Estimate, Measure, MeasureValue, ModelResult, Rate};
pub use picture::{
    Confusion, Confusions, Explanation, ExplanationSide, Jpeg, Queries, QueryHit, QueryRow, QuerySet,
};
pub use provenance::{Licence, Licensing, SettingRow, Settings, Terms, Timing, TimingRow};
pub use slice::{Slice, SliceValue, Slices};

/// Version of the JSON form of a report.
pub const FORMAT: u32 = 1;

/// All that a report states. A report of defaults is valid: every section then says that it has no content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Headline, such as "CelebA test identities: three models compared".
    pub title: String,
    /// What an identity is: a person or an object.
    pub subject: Subject,
    /// The line below the title.
    pub summary: Summary,
    /// The compared models, in the order of the tables.
    pub models: Vec<Model>,
    /// The model that the others are compared with.
    pub reference: usize,
    /// How intervals and p values were computed.
    pub intervals: Intervals,
    /// Measures of each model.
    pub result: Vec<ModelResult>,
    /// Paired differences of each other model from the reference.
    pub differences: Vec<Difference>,
    /// Found identity by rank.
    pub ranking: Vec<Cmc>,
    /// Top-1 of the reference and another model on the same queries.
    pub mcnemar: Vec<McNemar>,
    /// Pairs of images of one identity and of two.
    pub verification: Verification,
    /// Searches for identities that may not be in the gallery.
    pub identification: Identification,
    /// Top-1 of groups of queries.
    pub slices: Slices,
    /// Embeddings on a plane, one map per model.
    pub maps: Vec<EmbeddingMap>,
    /// Worst, typical and best queries.
    pub queries: Queries,
    /// Identities that are taken for others, per model.
    pub confusions: Vec<Confusions>,
    /// Issues of the evaluated data.
    pub data: DataChecks,
    /// Training curves of the models that were trained here.
    pub training: Vec<TrainingRun>,
    /// Time and memory.
    pub timing: Timing,
    /// Settings of the evaluation.
    pub settings: Settings,
    /// Licences of models and data.
    pub licences: Licensing,
    /// Caveats of the caller, one sentence each, printed under "What this cannot say".
    pub notes: Vec<String>,
    /// Why a section has no content, one sentence each.
    pub absent: BTreeMap<Section, String>,
}

/// What an identity is; the words of the report depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Identities are people.
    #[default]
    Person,
    /// Identities are things, animals or places.
    Object,
}

/// The facts in the line below the title.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Evaluated photos.
    pub photos: usize,
    /// Queries; zero means as many as photos.
    pub queries: usize,
    /// Identities of the evaluated photos.
    pub identities: usize,
    /// How photos are searched, such as "each photo searched among all others".
    pub protocol: String,
    /// Date of the evaluation, as written.
    pub date: String,
    /// Program and version, such as "likeness 0.2.0".
    pub version: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Unmated queries, which ranking measures leave out.
    pub unmated_queries: usize,
}

/// A compared model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Model {
    /// Full name, such as "dlib ResNet, 8 bits".
    pub name: String,
    /// Name in charts and sentences; the full name where absent.
    pub short_name: Option<String>,
    /// Facts below the name, such as "128 dimensions", "5.7 MB", "CC0".
    pub facts: Vec<String>,
    /// Distance between embeddings, such as "cosine".
    pub distance: String,
    /// Embedding dimension.
    pub dimension: Option<usize>,
    /// Size of the model file in bytes.
    pub bytes: Option<u64>,
}

/// How intervals and p values were computed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intervals {
    /// Bootstrap resamples of ranking measures; zero where there are no intervals.
    pub resamples: usize,
    /// Resamples of error rates, where they differ.
    pub error_rate_resamples: Option<usize>,
    /// Number of comparisons that Holm's correction covers; zero means the number of differences.
    pub comparisons: usize,
}

/// Sections of a report, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Measures and differences.
    Result,
    /// Cumulative match characteristic.
    Ranking,
    /// DET, ROC, thresholds and distances.
    Verification,
    /// FNIR, FPIR and the size of the gallery.
    Identification,
    /// Slices.
    Slices,
    /// Embedding maps.
    Map,
    /// Rows of pictures.
    Queries,
    /// Confused identities.
    Confusions,
    /// Data issues.
    Data,
    /// Training curves.
    Training,
    /// Time and memory.
    Timing,
    /// Settings and licences.
    Settings,
}
