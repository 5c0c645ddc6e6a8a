//! Random triplets, a baseline for the other miners.

use rand::{Rng, RngExt};

use super::{LabelledDistances, Triplets};

/// `per_anchor` random pairs of a positive and a negative for every anchor that has both.
pub(super) fn mine(batch: &LabelledDistances<'_>, per_anchor: usize, numbers: &mut impl Rng) -> Triplets {
    let mut triplets = Vec::new();
    for a in 0..batch.batch() {
        let (positives, negatives): (Vec<u32>, Vec<u32>) =
            (batch.positives(a).collect(), batch.negatives(a).collect());
        if positives.is_empty() || negatives.is_empty() {
            continue;
        }
        for _ in 0..per_anchor {
            let positive = positives[numbers.random_range(0..positives.len())];
            triplets.push((a, positive, negatives[numbers.random_range(0..negatives.len())]));
        }
    }
    triplets.into_iter().collect()
}
