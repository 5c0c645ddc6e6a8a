//! BCubed precision and recall of a clustering.
//!
//! Bagga and Baldwin (1998), "Entity-Based Cross-Document Coreferencing Using the Vector Space Model"; Amigó et al. (2009),
//! "A comparison of extrinsic clustering evaluation metrics based on formal constraints", doi 10.1007/s10791-008-9066-8.

use std::hash::Hash;

use super::overlap::{ClusterAgreement, overlaps};

/// BCubed precision, recall and F of a clustering; `None` without items.
///
/// The precision of an item is the share of its cluster that has its label, itself included; its recall is the share of
/// its label that is in its cluster. Both are averaged over items.
///
/// # Shapes        labels, clusters: \[items\]
/// # Panics        the lengths differ
/// # Examples
/// ```
/// use likeness_search::metric::bcubed;
/// let found = bcubed(&["a", "a", "a", "b"], &[0, 0, 1, 1]).unwrap();
/// assert_eq!((found.precision, found.recall), (0.75, 2.0 / 3.0));
/// ```
pub fn bcubed<L: Hash + Eq, C: Hash + Eq>(labels: &[L], clusters: &[C]) -> Option<ClusterAgreement> {
    let mut overlaps = overlaps(labels, clusters);
    // Sums in a fixed order are equal in every run.
    overlaps.sort_by_key(|o| (o.of_label as u64, o.of_cluster as u64, o.both as u64));
    let items = labels.len() as f64;
    let precision: f64 = overlaps.iter().map(|o| o.both * o.both / o.of_cluster).sum();
    let recall: f64 = overlaps.iter().map(|o| o.both * o.both / o.of_label).sum();
    (items > 0.0).then(|| ClusterAgreement::new(precision / items, recall / items))
}
