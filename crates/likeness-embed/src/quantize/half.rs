//! Weights in half precision: the file is half as long, the numbers are computed as before.

use super::{Original, Rounded, refused};
use crate::Result;
use likeness_engine::quantize::halve_weights;
use likeness_model::preprocess::PreprocessOverrides;

/// The network that `model` names with its weights in half precision, each behind a Cast.
///
/// # Errors        no ONNX network that we can read; nothing to shorten
pub fn halve(model: &str, overrides: &PreprocessOverrides) -> Result<Rounded> {
    let original = Original::open(model, overrides)?;
    let mut graph = original.graph.clone();
    let count = halve_weights(&mut graph);
    if count == 0 {
        return Err(refused(&original.path, "it has no weights of 32 bits"));
    }
    original.rounded(&graph, "f16", format!("{count} tensors of weights in half precision"))
}
