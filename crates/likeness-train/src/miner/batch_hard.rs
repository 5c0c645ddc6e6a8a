//! The hardest triplet of every anchor ("batch hard": Hermans, Beyer and Leibe (2017), arXiv 1703.07737, section 2).

use super::{LabelledDistances, Triplets, closest, farthest};

/// The farthest positive and the closest negative of every anchor that has both.
pub(super) fn mine(batch: &LabelledDistances<'_>) -> Triplets {
    let of_anchor = |a: u32| {
        let row = batch.row(a);
        Some((a, farthest(row, batch.positives(a))?, closest(row, batch.negatives(a))?))
    };
    (0..batch.batch()).filter_map(of_anchor).collect()
}
