//! Triplet loss.
//!
//! Schroff, Kalenichenko and Philbin (2015), "FaceNet: A Unified Embedding for Face Recognition and Clustering", arXiv
//! 1503.03832 (the hinge); Hermans, Beyer and Leibe (2017), "In Defense of the Triplet Loss for Person
//! Re-Identification", arXiv 1703.07737 (the soft margin, the mean over active triplets).

use burn::tensor::activation::{relu, softplus};
use burn::tensor::{Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::{DistanceMatrix, EmbeddingDistance};
use crate::Result;
use crate::miner::Triplets;
use crate::range::within;

/// The margin between the positive and the negative distance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TripletMargin {
    /// max(0, d(anchor, positive) − d(anchor, negative) + margin).
    Hinge(f32),
    /// ln(1 + exp(d(anchor, positive) − d(anchor, negative))): a soft margin without a parameter, whose gradient never becomes 0.
    Soft,
}

/// How the losses of the triplets are reduced to one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TripletReduction {
    /// The mean over triplets with a loss above 0.
    #[default]
    MeanActive,
    /// The mean over all triplets.
    MeanAll,
}

/// Settings of the triplet loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TripletConfig {
    /// The margin between the positive and the negative distance.
    pub margin: TripletMargin,
    /// Distance between embeddings.
    pub distance: EmbeddingDistance,
    /// How the losses of the triplets are reduced to one value.
    pub reduction: TripletReduction,
}

impl Default for TripletConfig {
    /// A hinge of 0.2 on squared Euclidean distances (Schroff et al., section 3.3), averaged over active triplets.
    ///
    /// The mean over all triplets shrinks as more of them satisfy the margin, and training stalls (Hermans et al., 2017). The
    /// mean over active triplets, and so the right learning rate, stays about the same. It is also the default of
    /// pytorch-metric-learning, whose default margin is 0.05 of the Euclidean distance.
    fn default() -> Self {
        Self {
            margin: TripletMargin::Hinge(0.2),
            distance: EmbeddingDistance::default(),
            reduction: TripletReduction::default(),
        }
    }
}

/// Statistics of the triplets of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct TripletStatistics {
    /// Number of triplets.
    pub triplets: usize,
    /// Share of triplets that violate the margin, in [0, 1]; for the soft margin, share of triplets whose negative is closer. 0
    /// without triplets.
    pub active_share: f32,
    /// Mean distance from anchor to positive; 0 without triplets.
    pub mean_positive_distance: f32,
    /// Mean distance from anchor to negative; 0 without triplets.
    pub mean_negative_distance: f32,
}

/// The output of [`TripletConfig::forward`].
#[derive(Debug, Clone)]
pub struct TripletOutput {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// Statistics of the triplets.
    pub statistics: TripletStatistics,
}

impl TripletConfig {
    /// Checks the settings.
    ///
    /// # Errors        a margin that is negative or not finite → [`TrainError::BadArgument`](crate::TrainError::BadArgument)
    pub fn validate(&self) -> Result<()> {
        match self.margin {
            TripletMargin::Hinge(margin) => within("triplet margin", margin, 0.0..=1000.0),
            TripletMargin::Soft => Ok(()),
        }
    }

    /// The loss of `triplets` of a batch. `distances` are computed with this [`distance`](Self::distance).
    ///
    /// # Shapes        distances: \[batch, batch\] · loss: \[1\]
    /// # Conventions   without triplets the loss and its gradients are 0
    /// # Panics        a triplet names an embedding that the batch lacks
    /// # References    Schroff et al. (2015), equation 2; Hermans et al. (2017), section 2
    pub fn forward(&self, distances: &DistanceMatrix, triplets: &Triplets) -> TripletOutput {
        let statistics = self.statistics(distances, triplets);
        if triplets.is_empty() {
            let loss = distances.tensor().clone().sum().mul_scalar(0.0);
            return TripletOutput { loss, statistics };
        }
        let to_positive = gather(distances, &triplets.anchors, &triplets.positives); // [triplets]
        let to_negative = gather(distances, &triplets.anchors, &triplets.negatives); // [triplets]
        let losses = self.losses(to_positive - to_negative);
        let loss = match self.reduction {
            TripletReduction::MeanAll => losses.mean(),
            TripletReduction::MeanActive => {
                let active = losses.clone().detach().greater_elem(0.0).float().sum();
                losses.sum() / active.clamp_min(1.0)
            }
        };
        TripletOutput { loss, statistics }
    }

    /// `difference` = d(anchor, positive) − d(anchor, negative), `[triplets]`.
    fn losses(&self, difference: Tensor<1>) -> Tensor<1> {
        match self.margin {
            TripletMargin::Hinge(margin) => relu(difference.add_scalar(margin)),
            TripletMargin::Soft => softplus(difference, 1.0),
        }
    }

    fn statistics(&self, distances: &DistanceMatrix, triplets: &Triplets) -> TripletStatistics {
        let margin = match self.margin {
            TripletMargin::Hinge(margin) => margin,
            TripletMargin::Soft => 0.0,
        };
        let (mut active, mut positive, mut negative) = (0usize, 0f64, 0f64);
        for (a, p, n) in triplets.iter() {
            let (to_positive, to_negative) = (distances.between(a, p), distances.between(a, n));
            active += usize::from(to_positive - to_negative + margin > 0.0);
            positive += f64::from(to_positive);
            negative += f64::from(to_negative);
        }
        let count = triplets.len().max(1) as f64;
        TripletStatistics {
            triplets: triplets.len(),
            active_share: (active as f64 / count) as f32,
            mean_positive_distance: (positive / count) as f32,
            mean_negative_distance: (negative / count) as f32,
        }
    }
}

/// The distances from `rows` to `columns`, pair by pair.
fn gather(distances: &DistanceMatrix, rows: &[u32], columns: &[u32]) -> Tensor<1> {
    let batch = distances.batch() as i64;
    let places: Vec<i64> =
        rows.iter().zip(columns).map(|(r, c)| i64::from(*r) * batch + i64::from(*c)).collect();
    let count = places.len();
    let tensor = distances.tensor().clone();
    let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), &tensor.device());
    tensor.reshape([distances.batch() * distances.batch()]).select(0, places)
}

#[cfg(test)]
#[path = "triplet_tests.rs"]
mod tests;
