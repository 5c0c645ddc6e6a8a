//! Slices: top-1 of groups of queries.

use serde::{Deserialize, Serialize};

use super::Estimate;

/// Top-1 by group of queries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slices {
    /// Groups, in any order; the page sorts them.
    pub rows: Vec<Slice>,
    /// Columns that could not be used, one sentence each.
    pub notes: Vec<String>,
}

/// A group of queries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slice {
    /// Name in the table, such as "Head turned 30°+".
    pub name: String,
    /// Name in the answer, such as "Heads turned 30° or more"; the table's where absent.
    pub title: Option<String>,
    /// Column that the group comes from.
    pub column: String,
    /// Queries of the group.
    pub queries: usize,
    /// Identities of those queries.
    pub identities: usize,
    /// Top-1 of each model; empty where there are too few samples.
    pub values: Vec<SliceValue>,
}

/// Top-1 of one model in one group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SliceValue {
    /// The model.
    pub model: usize,
    /// Top-1.
    pub top1: Estimate,
}
