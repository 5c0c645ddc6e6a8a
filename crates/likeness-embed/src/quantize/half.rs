//! f16 weights: the file is half as long, and activations stay f32.

use super::{Original, Quantized, refused};
use crate::Result;
use likeness_engine::quantize::halve_weights;
use likeness_model::preprocess::PreprocessOverrides;

/// The network that `model` names with f16 weights, each followed by a Cast to f32.
///
/// # Errors        no ONNX network that can be read, no f32 weights → [`EmbedError::BadModel`](crate::EmbedError::BadModel)
pub fn halve(model: &str, overrides: &PreprocessOverrides) -> Result<Quantized> {
    let original = Original::open(model, overrides)?;
    let mut graph = original.graph.clone();
    let count = halve_weights(&mut graph);
    if count == 0 {
        return Err(refused(&original.path, "it has no f32 weights"));
    }
    original.quantized(&graph, "f16", format!("{count} weight tensors in f16"))
}
