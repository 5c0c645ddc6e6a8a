//! Every triplet of a batch ("batch all": Hermans, Beyer and Leibe (2017), arXiv 1703.07737, section 2).

use super::{LabelledDistances, Triplets};

/// Every anchor with every positive and every negative.
pub(super) fn mine(batch: &LabelledDistances<'_>) -> Triplets {
    let of_anchor = |a: u32| {
        let pairs = move |p: u32| batch.negatives(a).map(move |n| (a, p, n));
        batch.positives(a).flat_map(pairs)
    };
    (0..batch.batch()).flat_map(of_anchor).collect()
}
