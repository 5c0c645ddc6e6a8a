//! Writes a trained network as a file or folder that other programs can run.
//!
//! [`write_onnx`] writes the graph of evaluation for batches of any size, from the network's own list of layers, with batch
//! normalisation folded into convolutions and linear layers. The output is the embedding as the head computes it; the
//! embedder scales it to unit length, as `model.toml` in the [`folder`] states.

mod fold;
pub mod folder;
mod graph;
mod proto;

pub use folder::{ModelCard, write_model_folder};

use crate::error::{Result, TrainError};
use crate::network::Network;
use graph::GraphBuilder;
use std::path::Path;

/// Settings of an exported graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportOptions {
    /// Side length of the input faces, in pixels.
    pub input_px: u32,
}

impl Default for ExportOptions {
    /// Faces of 112 pixels, the input size of ArcFace's networks.
    fn default() -> Self {
        Self { input_px: 112 }
    }
}

/// Writes a network as an ONNX file that maps `input`, normalised images `[batch, 3, side, side]`, to `embedding`,
/// `[batch, dim]`.
///
/// The file appears complete or not at all.
///
/// # Errors        a side length that the architecture rejects, a weight that is not finite → [`TrainError::BadArgument`]; the
/// file system
pub fn write_onnx(network: &Network, path: &Path, options: &ExportOptions) -> Result<()> {
    let bytes = onnx(network, options)?;
    Ok(likeness_artifact::write(path, |file| file.write_all(&bytes))?)
}

/// The bytes of an ONNX file.
fn onnx(network: &Network, options: &ExportOptions) -> Result<Vec<u8>> {
    let config = network.config();
    let architecture = config.backbone.architecture;
    let side_px = options.input_px as usize;
    if !architecture.accepts(side_px) {
        let reason = format!("{architecture} does not take faces of {side_px} pixels");
        return Err(TrainError::argument_with_hint(reason, "name the side that it was trained with"));
    }
    let mut graph = GraphBuilder::default();
    fold::write(network.list(side_px), &mut graph);
    graph.finish(architecture.name(), side_px, config.embedding_dim)
}
