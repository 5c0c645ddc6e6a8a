//! Labelled faces in, a trained embedding network out.
//!
//! 1. [`backbone`] and [`network`] name the networks, layer by layer as torchvision does; [`layer`] is what they are made of;
//! 2. [`ops`] computes convolutions and normalisation faster than the general backend, with gradients;
//! 3. [`weights`] reads published weights and writes trained ones;
//! 4. [`sampler`] says which images make a batch, [`loader`] reads, varies and normalises them;
//! 5. [`miner`] chooses pairs and triplets of a batch, [`loss`] turns them into one number;
//! 6. [`adapt`] draws a domain without labels to the one that is learned from;
//! 7. [`train`](mod@train) runs all of it epoch by epoch, and keeps the best network of a run;
//! 8. [`export`] writes a network as a folder that embedders read.
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
