//! Triplet miners, one file each.
//!
//! A miner chooses triplets from the distances and labels of a batch: an anchor, a positive of the same identity, and a
//! negative of another. The choice matters: most triplets of a trained network satisfy the margin and have no gradient, and
//! the hardest are often wrong labels.

mod all;
mod batch_hard;
mod easy_positive;
mod random;
mod semi_hard;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::range::{positive, within};
use crate::{Result, TrainError};

pub use easy_positive::EasyPositiveNegative;

/// How the triplets of a batch are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Miner {
    /// Every triplet.
    All,
    /// Batch hard: for every anchor its farthest positive and its closest negative.
    ///
    /// This is the default, which Hermans, Beyer and Leibe (2017), arXiv 1703.07737, found the best for person re-identification.
    #[default]
    BatchHard,
    /// Semi-hard: every triplet whose negative is farther than its positive, but by no more than the margin.
    SemiHard {
        /// Margin of the loss, in units of the distance.
        margin: f32,
    },
    /// Easy positive: for every anchor its closest positive.
    EasyPositive {
        /// How the negative is chosen.
        negative: EasyPositiveNegative,
    },
    /// Random triplets.
    Random {
        /// Number of triplets for each anchor, drawn independently.
        per_anchor: usize,
    },
}

impl Miner {
    /// Checks the settings.
    ///
    /// # Errors        a margin that is not above 0, no triplets for an anchor → [`TrainError::BadArgument`]
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::SemiHard { margin } => within("semi-hard margin", margin, positive(1000.0)),
            Self::Random { per_anchor } => within("per_anchor", per_anchor, 1..=65_536),
            Self::All | Self::BatchHard | Self::EasyPositive { .. } => Ok(()),
        }
    }

    /// The triplets of `batch`, ordered by anchor; empty where there is no valid one.
    ///
    /// # Conventions   the first image wins a tie; NaN is neither closer nor farther than another distance;
    /// [`Miner::Random`] alone draws from `numbers`
    pub fn mine(&self, batch: &LabelledDistances<'_>, numbers: &mut impl Rng) -> Triplets {
        match *self {
            Self::All => all::mine(batch),
            Self::BatchHard => batch_hard::mine(batch),
            Self::SemiHard { margin } => semi_hard::mine(batch, margin),
            Self::EasyPositive { negative } => easy_positive::mine(batch, negative),
            Self::Random { per_anchor } => random::mine(batch, per_anchor, numbers),
        }
    }
}

/// The distances and labels of a batch.
#[derive(Debug, Clone, Copy)]
pub struct LabelledDistances<'a> {
    distances: &'a [f32],
    labels: &'a [u32],
}

impl<'a> LabelledDistances<'a> {
    /// Row-major distances between images with these labels.
    ///
    /// # Shapes        distances: \[batch · batch\] · labels: \[batch\]
    /// # Errors        lengths that do not fit → [`TrainError::BadArgument`]
    pub fn new(distances: &'a [f32], labels: &'a [u32]) -> Result<Self> {
        let batch = labels.len();
        if distances.len() == batch * batch && u32::try_from(batch).is_ok() {
            return Ok(Self { distances, labels });
        }
        Err(TrainError::argument(format!(
            "{} distances for {batch} labels: expected {batch}×{batch}",
            distances.len()
        )))
    }

    fn batch(&self) -> u32 {
        self.labels.len() as u32
    }

    /// The distances from `anchor` to every image.
    fn row(&self, anchor: u32) -> &'a [f32] {
        let batch = self.labels.len();
        &self.distances[anchor as usize * batch..][..batch]
    }

    /// The other images of the anchor's identity, in order.
    fn positives(&self, anchor: u32) -> impl Iterator<Item = u32> + Clone + '_ {
        let label = self.labels[anchor as usize];
        (0..self.batch()).filter(move |i| *i != anchor && self.labels[*i as usize] == label)
    }

    /// The images of other identities, in order.
    fn negatives(&self, anchor: u32) -> impl Iterator<Item = u32> + Clone + '_ {
        let label = self.labels[anchor as usize];
        (0..self.batch()).filter(move |i| self.labels[*i as usize] != label)
    }
}

/// The closest of `images` by the distances in `row`, the first of several.
fn closest(row: &[f32], images: impl Iterator<Item = u32>) -> Option<u32> {
    images.fold(None, |best, i| match best {
        Some(b) if !closer(row[i as usize], row[b as usize]) => Some(b),
        _ => Some(i),
    })
}

/// The farthest of `images` by the distances in `row`, the first of several.
fn farthest(row: &[f32], images: impl Iterator<Item = u32>) -> Option<u32> {
    images.fold(None, |best, i| match best {
        Some(b) if !closer(row[b as usize], row[i as usize]) => Some(b),
        _ => Some(i),
    })
}

fn closer(a: f32, b: f32) -> bool {
    a < b
}

/// Triplets of a batch, as three lists of equal length of indices into the batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Triplets {
    /// Anchors.
    pub(crate) anchors: Vec<u32>,
    /// Images of the same identity as the anchor.
    pub(crate) positives: Vec<u32>,
    /// Images of another identity than the anchor.
    pub(crate) negatives: Vec<u32>,
}

impl Triplets {
    /// Number of triplets.
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there are no triplets.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Iterates over anchor, positive and negative of each triplet.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        self.anchors.iter().zip(&self.positives).zip(&self.negatives).map(|((a, p), n)| (*a, *p, *n))
    }
}

impl FromIterator<(u32, u32, u32)> for Triplets {
    fn from_iter<T: IntoIterator<Item = (u32, u32, u32)>>(triplets: T) -> Self {
        let mut lists = Self::default();
        for (anchor, positive, negative) in triplets {
            lists.anchors.push(anchor);
            lists.positives.push(positive);
            lists.negatives.push(negative);
        }
        lists
    }
}

#[cfg(test)]
mod tests;
