//! Loads the embedder that a user names: a descriptor, an ONNX file, a model folder or a run.

use std::path::Path;

use crate::descriptor::Descriptor;
use crate::{EmbedError, Embedder, OpenedModel, Result};
use likeness_engine::{EngineChoice, EngineConfig};
use likeness_model::folder::graph_at;
use likeness_model::preprocess::PreprocessOverrides;

/// The embedder that `model` names: `color`, `edge`, `texture`, `classic`, an ONNX file, a folder with `model.onnx`, or
/// a run's folder with one in `model/`.
///
/// # Errors        neither a descriptor nor a file; a graph that is no embedder, or not the one that `model.toml` beside it
/// describes; `overrides` for a descriptor
pub fn load_embedder(model: &str, overrides: &PreprocessOverrides) -> Result<Box<dyn Embedder>> {
    load_embedder_on(model, overrides, &EngineConfig::default())
}

/// As [`load_embedder`], on the engine that `engine` requests.
///
/// # Errors        as [`load_embedder`]'s; an engine for a descriptor, one that is not here or cannot run the graph
pub fn load_embedder_on(
    model: &str,
    overrides: &PreprocessOverrides,
    engine: &EngineConfig,
) -> Result<Box<dyn Embedder>> {
    if let Ok(descriptor) = model.parse::<Descriptor>() {
        if *overrides != PreprocessOverrides::default() {
            let reason = format!("{descriptor}: a descriptor's input cannot be changed");
            return Err(EmbedError::BadArgument { reason, hint: None });
        }
        if engine.choice != EngineChoice::Auto {
            let reason = format!("{descriptor}: a descriptor runs on no engine");
            return Err(EmbedError::BadArgument { reason, hint: Some("leave --engine out".into()) });
        }
        return Ok(descriptor.embedder());
    }
    let path = Path::new(model);
    let graph = graph_at(path)?;
    if !graph.is_file() {
        return Err(EmbedError::BadModel {
            path: path.to_owned(),
            reason: "neither a descriptor nor a model file".to_owned(),
            hint: Some("name color, edge, texture or classic, an ONNX file, or a model folder".to_owned()),
        });
    }
    Ok(OpenedModel::open(&graph, overrides, engine)?.into_embedder())
}
