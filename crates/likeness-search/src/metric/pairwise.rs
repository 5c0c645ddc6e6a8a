//! Pairwise precision and recall of a clustering.

use std::hash::Hash;

use super::overlap::{ClusterAgreement, counts, overlaps};

/// Pairwise precision, recall and F of a clustering.
///
/// Precision is the share of the pairs in a cluster that have one label; recall is the share of the pairs of one label that are
/// in one cluster.
///
/// # Shapes        labels, clusters: \[items\]
/// # Conventions   without pairs in clusters the precision is 1, without pairs of one label the recall is 1
/// # Panics        the lengths differ
/// # Examples
/// ```
/// use likeness_search::metric::pairwise;
/// let found = pairwise(&["a", "a", "a", "b"], &[0, 0, 1, 1]);
/// assert_eq!((found.precision, found.recall, found.f), (0.5, 1.0 / 3.0, 0.4));
/// ```
pub fn pairwise<L: Hash + Eq, C: Hash + Eq>(labels: &[L], clusters: &[C]) -> ClusterAgreement {
    let pairs = |count: f64| count * (count - 1.0) / 2.0;
    let both: f64 = overlaps(labels, clusters).iter().map(|overlap| pairs(overlap.both)).sum();
    let alike: f64 = counts(labels.iter()).values().map(|count| pairs(*count as f64)).sum();
    let together: f64 = counts(clusters.iter()).values().map(|count| pairs(*count as f64)).sum();
    let share = |all: f64| if all > 0.0 { both / all } else { 1.0 };
    ClusterAgreement::new(share(together), share(alike))
}
