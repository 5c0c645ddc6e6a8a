//! The statistics of batch normalisation as a domain has them (AdaBN).
//!
//! Li, Wang, Shi, Liu and Hou (2016), "Revisiting Batch Normalization For Practical Domain Adaptation", arXiv 1603.04779:
//! what a layer normalises by is a matter of the domain, what it then does of the task.

use burn::tensor::Device;

use crate::layer::{Pass, absorb_share};
use crate::loader::Epoch;
use crate::network::Network;

/// `network` with the mean statistics of `batches` in place of its running ones.
///
/// Layers whose statistics are frozen keep theirs. Every batch weighs the same; each goes through the network normalised
/// by its own statistics, as in training.
pub fn fit_statistics(network: &Network, batches: Epoch, device: &Device) -> Network {
    let mut fitted = network.clone();
    let mut seen = 0;
    for batch in batches {
        // A single face has no variance in the head.
        if batch.labels.len() < 2 {
            continue;
        }
        let mut pass = Pass::observing();
        network.forward(batch.images(device), &mut pass);
        seen += 1;
        fitted = absorb_share(fitted, pass, 1.0 / seen as f32);
    }
    fitted
}
