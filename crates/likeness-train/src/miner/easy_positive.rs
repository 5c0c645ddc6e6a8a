//! Every anchor with its closest positive, so that an identity may keep several groups of looks.
//!
//! Xuan, Stylianou and Pless (2020), "Improved Embeddings with Easy Positive Triplet Mining", arXiv 1904.04370.

use serde::{Deserialize, Serialize};

use super::{LabelledDistances, Triplets, closest};

/// The negative that goes with an easy positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EasyPositiveNegative {
    /// The closest.
    Hard,
    /// The closest of those farther than the positive; anchors without one are left out.
    #[default]
    SemiHard,
}

/// Every anchor that has both with its closest positive and the negative asked for.
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
