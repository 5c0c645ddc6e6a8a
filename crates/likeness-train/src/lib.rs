//! Trains an embedding network on labelled faces.
//!
//! 1. [`backbone`] and [`network`] hold the networks, with torchvision's layer names; [`layer`] holds their layers;
//! 2. [`ops`] computes convolutions and normalisation faster than the general backend, with gradients;
//! 3. [`weights`] reads published weights and writes trained ones;
//! 4. [`sampler`] chooses the images of each batch, [`loader`] reads, augments and normalises them;
//! 5. [`miner`] chooses the triplets of a batch, [`loss`] computes losses;
//! 6. [`adapt`] adapts a network to a target domain without labels;
//! 7. [`train`](mod@train) is the training loop, which keeps the best network of a run;
//! 8. [`export`] writes a network as a model folder.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod adapt;
pub mod backbone;
pub mod device;
pub mod embed;
mod error;
pub mod export;
pub mod layer;
pub mod loader;
pub mod loss;
pub mod miner;
pub mod network;
pub mod ops;
mod parameter;
mod range;
pub mod sampler;
pub mod train;
pub mod weights;

pub use error::{Result, SettingDifference, TrainError};
