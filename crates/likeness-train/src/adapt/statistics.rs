//! Replaces the statistics of batch normalisation with those of another domain (AdaBN).
//!
//! Li, Wang, Shi, Liu and Hou (2016), "Revisiting Batch Normalization For Practical Domain Adaptation", arXiv 1603.04779:
//! the statistics depend on the domain, the weights on the task.

use burn::tensor::Device;

use crate::layer::{Pass, absorb_share};
use crate::loader::Epoch;
use crate::network::Network;

/// The network with the mean statistics of `batches` as running statistics.
///
/// Layers with frozen statistics keep theirs. Every batch has the same weight, and is normalised by its own statistics, as in
/// training.
pub fn fit_statistics(network: &Network, batches: Epoch, device: &Device) -> Network {
    let mut fitted = network.clone();
    let mut seen = 0;
    for batch in batches {
        // The head cannot compute the variance of a single face.
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
