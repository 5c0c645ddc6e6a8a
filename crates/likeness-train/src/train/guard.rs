//! Detects failures of embedding training early, above all the collapse of all embeddings to one point.
//!
//! Collapse is a known failure of triplet losses (Hermans et al. (2017), arXiv 1703.07737, section 3; Wu et al. (2017),
//! arXiv 1706.07567): once all embeddings are equal, the hinge loss stays at its margin and its gradients vanish.

use serde::{Deserialize, Serialize};

/// Number of bins of a histogram of cosine distances from 0 to 2.
pub const BINS: usize = 20;
/// Spread below which embeddings count as collapsed. Evenly distributed unit vectors have a spread of 1.
const LEAST_SPREAD: f32 = 0.01;

/// Histograms of the distances within batches, and the spread of the embeddings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Distances {
    /// Histogram of the cosine distances of pairs of one identity, in bins of 0.1 from 0 to 2.
    pub positive: Vec<u64>,
    /// Histogram of the cosine distances of pairs of two identities, in bins of 0.1 from 0 to 2.
    pub negative: Vec<u64>,
    /// Mean over batches of 1 − |mean embedding|²: 0 where all embeddings are equal, near 1 where they are evenly distributed.
    pub spread: f32,
    #[serde(skip)]
    batches: u32,
}

impl Distances {
    /// Adds a batch of embeddings of unit length.
    ///
    /// # Shapes        embeddings: \[batch · dim\], row-major · labels: \[batch\]
    pub fn add(&mut self, embeddings: &[f32], labels: &[u32]) {
        let dim = embeddings.len() / labels.len().max(1);
        if dim == 0 {
            return;
        }
        self.positive.resize(BINS, 0);
        self.negative.resize(BINS, 0);
        let rows: Vec<&[f32]> = embeddings.chunks_exact(dim).collect();
        for (i, row) in rows.iter().enumerate() {
            for (j, other) in rows.iter().enumerate().skip(i + 1) {
                let similarity: f32 = row.iter().zip(*other).map(|(a, b)| a * b).sum();
                let bin = (((1.0 - similarity) * 0.5 * BINS as f32) as usize).min(BINS - 1);
                let bins = if labels[i] == labels[j] { &mut self.positive } else { &mut self.negative };
                bins[bin] += 1;
            }
        }
        let mean = |k: usize| rows.iter().map(|row| row[k]).sum::<f32>() / rows.len() as f32;
        let spread = 1.0 - (0..dim).map(|k| mean(k).powi(2)).sum::<f32>();
        self.batches += 1;
        self.spread += (spread - self.spread) / self.batches as f32;
    }

    /// Whether the embeddings have collapsed.
    pub fn collapsed(&self) -> bool {
        self.batches > 0 && self.spread < LEAST_SPREAD
    }
}

/// A warning after an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Warning {
    /// All embeddings are nearly equal.
    Collapsed {
        /// The spread, see [`Distances::spread`].
        spread: f32,
    },
    /// Few triplets violate the margin.
    FewActiveTriplets {
        /// Share of triplets that violate the margin.
        share: f32,
    },
    /// No batch had a triplet.
    NoTriplets,
    /// Batches had too few readable faces.
    BatchesLeftOut {
        /// Number of batches.
        batches: usize,
    },
    /// Training waits for images.
    Starved {
        /// Share of the epoch spent waiting.
        share: f32,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Collapsed { spread } => write!(
                f,
                "all embeddings have nearly fallen together (spread {spread:.4}): lower the learning rate, warm up with \
                 a classification, or take the semi-hard miner"
            ),
            Self::FewActiveTriplets { share } => write!(
                f,
                "only {:.1} % of the triplets still teach anything: a larger margin, harder triplets or larger batches \
                 would",
                100.0 * share
            ),
            Self::NoTriplets => {
                write!(f, "no batch had a triplet: each needs two images of an identity and one of another")
            }
            Self::BatchesLeftOut { batches } => write!(
                f,
                "batches left out: {batches}; fewer than 2 of their faces can be read, and one face has no variance"
            ),
            Self::Starved { share } => write!(
                f,
                "the network waited for pictures {:.0} % of the time: more --workers, or weaker augmentation",
                100.0 * share
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_fall_into_their_bins() {
        let mut distances = Distances::default();
        // Distances: 0 between the first two, 1 and 1 to the third.
        distances.add(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0], &[7, 7, 8]);
        assert_eq!((distances.positive[0], distances.negative[10]), (1, 2));
        assert_eq!(distances.positive.iter().chain(&distances.negative).sum::<u64>(), 3);
        // Mean (2/3, 1/3): 1 − 5/9.
        assert!((distances.spread - 4.0 / 9.0).abs() < 1e-6);
        assert!(!distances.collapsed());
    }

    #[test]
    fn one_point_is_a_collapse() {
        let mut distances = Distances::default();
        distances.add(&[0.6, 0.8].repeat(5), &[0, 0, 1, 1, 2]);
        assert!(distances.collapsed());
        assert!(!Distances::default().collapsed(), "nothing seen is no collapse");
    }
}
