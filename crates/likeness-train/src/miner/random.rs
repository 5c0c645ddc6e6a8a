//! Triplets by chance: what the others are measured against.

use rand::{Rng, RngExt};

use super::{LabelledDistances, Triplets};

/// For every anchor that has both, `per_anchor` times any positive and any negative.
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
