//! The items that labels and clusters have in common, from which the agreement of a clustering with labels is computed.

use std::collections::HashMap;
use std::hash::Hash;

/// Precision, recall and their harmonic mean of a clustering.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterAgreement {
    /// How far clusters contain one label only, from 0 to 1.
    pub precision: f64,
    /// How far labels lie in one cluster only, from 0 to 1.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f: f64,
}

impl ClusterAgreement {
    pub(super) fn new(precision: f64, recall: f64) -> Self {
        let sum = precision + recall;
        Self { precision, recall, f: if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 } }
    }
}

/// The numbers of items of a label, of a cluster, and of both.
pub(super) struct Overlap {
    pub(super) of_label: f64,
    pub(super) of_cluster: f64,
    pub(super) both: f64,
}

/// The overlap of every label with every cluster that has items of it, in no particular order.
///
/// # Panics        the lengths differ
pub(super) fn overlaps<L: Hash + Eq, C: Hash + Eq>(labels: &[L], clusters: &[C]) -> Vec<Overlap> {
    assert_eq!(labels.len(), clusters.len(), "every item has a label and a cluster");
    let (of_label, of_cluster) = (counts(labels.iter()), counts(clusters.iter()));
    let overlap = |((label, cluster), both): (_, u64)| Overlap {
        of_label: of_label[label] as f64,
        of_cluster: of_cluster[cluster] as f64,
        both: both as f64,
    };
    counts(labels.iter().zip(clusters)).into_iter().map(overlap).collect()
}

/// The number of occurrences of each value.
pub(super) fn counts<T: Hash + Eq>(values: impl Iterator<Item = T>) -> HashMap<T, u64> {
    let mut counts = HashMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts
}
