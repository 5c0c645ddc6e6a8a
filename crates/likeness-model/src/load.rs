//! `--model`: a descriptor's name, an ONNX file or a model folder.

use std::path::Path;

use crate::descriptor::Descriptor;
use crate::engine::OnnxEmbedder;
use crate::preprocess::PreprocessOverrides;
use crate::{Embedder, ModelError, Result};

/// The embedder that `model` names: `color`, `edge`, `texture`, `classic`, an ONNX file, or a folder with `model.onnx`.
///
/// # Errors        neither a descriptor nor a file; a graph that is no embedder; `overrides` for a descriptor
pub fn load_embedder(model: &str, overrides: &PreprocessOverrides) -> Result<Box<dyn Embedder>> {
    if let Ok(descriptor) = model.parse::<Descriptor>() {
        if *overrides != PreprocessOverrides::default() {
            let reason = format!("{descriptor}: a descriptor's input cannot be changed");
            return Err(ModelError::BadArgument { reason, hint: None });
        }
        return Ok(descriptor.embedder());
    }
    let path = Path::new(model);
    if path.is_dir() && path.join("model.onnx").is_file() {
        return Ok(Box::new(OnnxEmbedder::load(&path.join("model.onnx"), overrides)?));
    }
    if !path.is_file() {
        return Err(ModelError::BadModel {
            path: path.to_owned(),
            reason: "neither a descriptor nor a model file".to_owned(),
            hint: Some("name color, edge, texture or classic, an ONNX file, or a model folder".to_owned()),
        });
    }
    Ok(Box::new(OnnxEmbedder::load(path, overrides)?))
}
