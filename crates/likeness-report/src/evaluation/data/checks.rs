//! Issues of the evaluated data.

use serde::{Deserialize, Serialize};

/// What was found in the data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataChecks {
    /// Checked photos; zero means as many as evaluated.
    pub photos: usize,
    /// Issues, in the order of the table. An issue without photos was looked for and not found.
    pub issues: Vec<Issue>,
    /// Photos with a doubtful label, closest first.
    pub likely_mislabelled: Vec<Mislabelled>,
    /// Number of all photos with a doubtful label; at least the length of the list.
    pub likely_mislabelled_total: usize,
    /// Identities of the evaluated data that a model was trained on.
    pub leaks: Vec<Leak>,
    /// Photos that were left out of the measures.
    pub left_out: Vec<LeftOut>,
}

/// An issue, such as `near_duplicates`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Issue {
    /// Name as `likeness inspect` prints it.
    pub name: String,
    /// What it means, one line.
    pub detail: String,
    /// Photos with the issue.
    pub photos: usize,
    /// Top-1 of each model without those photos.
    pub without: Vec<WithoutIssue>,
    /// What to do about it.
    pub state: IssueState,
}

/// Top-1 of one model without the photos of an issue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WithoutIssue {
    /// The model.
    pub model: usize,
    /// Top-1 without the photos.
    pub top1: f64,
    /// That minus top-1 of all.
    pub change: f64,
}

/// What to do about an issue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueState {
    /// Looked for and not found.
    #[default]
    Clean,
    /// Found; worth knowing.
    Note,
    /// Found; look at these photos.
    Review,
    /// Found; these photos are not in the measures.
    Excluded,
}

/// A photo with a doubtful label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mislabelled {
    /// The photo.
    pub photo: String,
    /// Its label.
    pub label: String,
    /// The identity that it looks like.
    pub looks_like: String,
    /// The nearest photo of that identity.
    pub nearest_photo: String,
    /// Distance of that photo.
    pub distance: f64,
    /// Rank of the first photo of its own label.
    pub own_first_rank: Option<usize>,
}

/// Identities that occur in a model's training data and in the evaluated data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// The model.
    pub model: usize,
    /// Identities in both.
    pub identities: usize,
    /// Evaluated identities.
    pub of: usize,
}

/// Photos that were left out of the measures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// Why, such as "no face found" or "missing in ResNet50".
    pub reason: String,
    /// Number of photos.
    pub photos: usize,
    /// The model that misses them; absent where all do.
    pub model: Option<usize>,
    /// Names of the photos, as far as known.
    pub names: Vec<String>,
}
