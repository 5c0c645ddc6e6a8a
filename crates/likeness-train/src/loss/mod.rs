//! Losses over a batch of embeddings, one file each.
//!
//! A loss takes a batch's embeddings (or logits) and labels and gives one number with gradients:
//!
//! - [`classification`]: cross-entropy over logits;
//! - [`triplet`]: a positive closer than a negative, for the triplets that a [`miner`](crate::miner) chose;
//! - [`arcface`], [`cosface`]: classification by the angle to one direction an identity, with a margin
//!   ([`margin_softmax`]).
//!
//! Distances between embeddings are [`EmbeddingDistance`]s, computed once a batch as a [`DistanceMatrix`].

pub mod arcface;
pub mod classification;
pub mod cosface;
mod distance;
pub mod margin_softmax;
pub mod triplet;

pub use arcface::{ArcFace, ArcFaceConfig};
pub use classification::{ClassificationConfig, correct};
pub use cosface::{CosFace, CosFaceConfig};
pub use distance::{DistanceMatrix, EmbeddingDistance, normalize};
pub use margin_softmax::MarginOutput;
pub use triplet::{TripletConfig, TripletMargin, TripletOutput, TripletReduction, TripletStatistics};
