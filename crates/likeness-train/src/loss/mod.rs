//! Losses over a batch of embeddings, one file each. A loss owns the parameters it learns.
//!
//! A loss takes the embeddings and labels of a batch and gives one value with gradients:
//!
//! - [`classification`]: cross-entropy over the logits of a linear classifier;
//! - [`triplet`]: a positive closer than a negative, for the triplets that a [`miner`](crate::miner) chose;
//! - [`arcface`], [`cosface`]: classification by the angle to one direction for each identity, with a margin
//!   ([`margin_softmax`]);
//! - [`teacher`]: embeddings close to those of another network.
//!
//! Distances between embeddings are [`EmbeddingDistance`]s, computed once for each batch as a [`DistanceMatrix`].

use burn::tensor::Tensor;

pub mod arcface;
pub mod classification;
pub mod cosface;
mod distance;
pub mod margin_softmax;
pub mod teacher;
pub mod triplet;

pub use arcface::{ArcFace, ArcFaceConfig};
pub use classification::{Classification, ClassificationConfig, correct};
pub use cosface::{CosFace, CosFaceConfig};
pub use distance::{DistanceMatrix, EmbeddingDistance, normalize};
pub use teacher::TeacherLoss;
pub use triplet::{TripletConfig, TripletMargin, TripletOutput, TripletReduction, TripletStatistics};

/// The output of a loss that classifies identities.
#[derive(Debug, Clone)]
pub struct ClassifierOutput {
    /// The mean cross-entropy, `[1]`.
    pub loss: Tensor<1>,
    /// One logit for each identity, `[batch, classes]`, from which accuracies are computed. Margin losses give scaled cosines
    /// without the margin, and without gradient.
    pub logits: Tensor<2>,
}
