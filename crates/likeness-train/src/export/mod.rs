//! A trained network enters, a file or folder that other programs run leaves.
//!
//! [`write_onnx`] writes the graph of evaluation: every layer writes its operators beside its `forward`, batch
//! normalisation is folded into the convolutions and the head's linear layer in double precision, and any number of faces
//! can enter at once. The embedding leaves as the head gives it; whoever embeds scales it to unit length, as the
//! [`folder`]'s `model.toml` says.

pub mod folder;
mod graph;
mod proto;

pub use folder::{ModelCard, write_model_folder};
pub(crate) use graph::{Affine, Filter, GraphBuilder, Value, numbers};

use crate::error::{Result, TrainError};
use crate::network::Network;
use std::path::Path;

/// What a graph fixes that a network leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportOptions {
    /// Side of the faces that enter, in pixels.
    pub input_px: u32,
}

impl Default for ExportOptions {
    /// Faces of 112 pixels, as ArcFace's networks take.
    fn default() -> Self {
        Self { input_px: 112 }
    }
}

/// Writes a network as an ONNX file: `input`, `[batch, 3, side, side]` and normalised, becomes `embedding`, `[batch, dim]`.
///
/// The file appears whole or not at all.
///
/// # Errors        a side that the architecture refuses, a weight that is no number → [`TrainError::BadArgument`]; the disk
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
    network.export(&GraphBuilder::input(), &mut graph);
    graph.finish(architecture.name(), side_px, config.embedding_dim)
}
