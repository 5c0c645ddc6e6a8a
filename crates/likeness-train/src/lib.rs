//! Labelled faces in, a trained embedding network out.
//!
//! 1. [`backbone`] and the head name the networks, layer by layer as torchvision does;
//! 2. [`ops`] computes convolutions and normalisation faster than the general backend, with gradients;
//! 3. [`sampler`] says which images make a batch, [`loader`] reads, varies and normalises them;
//! 4. [`miner`] chooses pairs and triplets of a batch, [`loss`] turns them into one number;
//! 5. the training loop feeds seeded, augmented batches, and keeps the best network of a run.

pub mod backbone;
mod error;
pub mod loader;
pub mod loss;
pub mod miner;
pub mod ops;
pub mod sampler;
pub mod seed;

pub use error::{Result, TrainError};
