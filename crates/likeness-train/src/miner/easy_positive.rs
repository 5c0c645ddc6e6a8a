//! Every anchor with its closest positive, so that an identity can form several clusters.
//!
//! Xuan, Stylianou and Pless (2020), "Improved Embeddings with Easy Positive Triplet Mining", arXiv 1904.04370.

use serde::{Deserialize, Serialize};

use super::{LabelledDistances, Triplets, closest};

/// How the negative of an easy positive is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EasyPositiveNegative {
    /// The closest negative.
    Hard,
    /// The closest negative that is farther than the positive; anchors without one are left out.
    #[default]
    SemiHard,
}

/// The closest positive and the chosen negative of every anchor that has both.
pub(super) fn mine(batch: &LabelledDistances<'_>, negative: EasyPositiveNegative) -> Triplets {
    let of_anchor = |a: u32| {
        let row = batch.row(a);
        let positive = closest(row, batch.positives(a))?;
        let negative = match negative {
            EasyPositiveNegative::Hard => closest(row, batch.negatives(a)),
            EasyPositiveNegative::SemiHard => {
                let farther = |n: &u32| row[*n as usize] > row[positive as usize];
                closest(row, batch.negatives(a).filter(farther))
            }
        }?;
        Some((a, positive, negative))
    };
    (0..batch.batch()).filter_map(of_anchor).collect()
}
