//! Triplets whose negative is farther than the positive, but within the margin.
//!
//! Schroff, Kalenichenko and Philbin (2015), "FaceNet", arXiv 1503.03832, section 3.2: the hardest negatives can make
//! training collapse early; semi-hard ones cannot. All of them are taken, for every pair of anchor and positive.

use super::{LabelledDistances, Triplets};

/// Every triplet with 0 < d(anchor, negative) − d(anchor, positive) ≤ margin.
pub(super) fn mine(batch: &LabelledDistances<'_>, margin: f32) -> Triplets {
    let of_anchor = |a: u32| {
        let row = batch.row(a);
        let of_positive = move |p: u32| {
            let within = move |n: &u32| {
                let lead = row[*n as usize] - row[p as usize];
                lead > 0.0 && lead <= margin
            };
            batch.negatives(a).filter(within).map(move |n| (a, p, n))
        };
        batch.positives(a).flat_map(of_positive)
    };
    (0..batch.batch()).flat_map(of_anchor).collect()
}
