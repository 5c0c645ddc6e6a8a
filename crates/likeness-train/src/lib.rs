//! Labelled faces in, a trained embedding network out.
//!
//! 1. [`backbone`] and [`network`] name the networks, layer by layer as torchvision does; [`layer`] is what they are made of;
//! 2. [`ops`] computes convolutions and normalisation faster than the general backend, with gradients;
//! 3. [`weights`] reads published weights and writes trained ones;
//! 4. [`miner`] chooses pairs and triplets of a batch, [`loss`] turns them into one number;
//! 5. the training loop feeds seeded, augmented batches, and keeps the best network of a run.

pub mod backbone;
pub mod error;
pub mod layer;
pub mod loss;
pub mod miner;
pub mod network;
pub mod ops;
mod parameter;
pub mod weights;

pub use error::{Result, TrainError};
