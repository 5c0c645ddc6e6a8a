//! Loads the embedder that a user names: a descriptor, an ONNX file, a model folder or a run.

use std::path::{Path, PathBuf};

use crate::descriptor::Descriptor;
use crate::{EmbedError, Embedder, OpenedModel, Result};
use likeness_engine::{EngineChoice, EngineConfig};
use likeness_model::builtin;
use likeness_model::folder::graph_at;
use likeness_model::preprocess::PreprocessOverrides;
use likeness_model::registry::find_model;

/// The embedder that `model` names: `face` or `picture`, which are built in, `color`, `edge`, `texture`, `classic`, the name of an
/// installed model, an ONNX file, a folder with `model.onnx`, or a run's folder with one in `model/`.
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
    load_embedder_in(None, model, overrides, engine)
}

/// As [`load_embedder_on`]. Installed models are searched in the folder `models` first.
///
/// # Errors        as [`load_embedder_on`]'s
pub fn load_embedder_in(
    models: Option<&Path>,
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
    Ok(open_model_in(models, model, overrides, engine)?.into_embedder())
}

/// Opens the network that `model` names, as [`load_embedder_in`] does.
///
/// # Errors        as [`load_embedder_in`]'s; a descriptor, which is no network → [`EmbedError::BadArgument`]
pub fn open_model_in(
    models: Option<&Path>,
    model: &str,
    overrides: &PreprocessOverrides,
    engine: &EngineConfig,
) -> Result<OpenedModel> {
    if let Ok(descriptor) = model.parse::<Descriptor>() {
        let reason = format!("{descriptor}: a descriptor has no network");
        let hint = Some("name face, picture, an ONNX file, a model folder, or an installed model".into());
        return Err(EmbedError::BadArgument { reason, hint });
    }
    if let Some(builtin) = builtin::embedder(model) {
        return OpenedModel::builtin(builtin, overrides, engine);
    }
    let path = located(model, models);
    let path = path.as_path();
    let graph = graph_at(path)?;
    if !graph.is_file() {
        return Err(EmbedError::BadModel {
            path: path.to_owned(),
            reason: "neither a descriptor nor a model file".to_owned(),
            hint: Some(
                "name face, picture, color, edge, texture or classic, an ONNX file, a model folder, or an installed model \
                 (`likeness models list`)"
                    .to_owned(),
            ),
        });
    }
    OpenedModel::open(&graph, overrides, engine)
}

/// The path that `model` names: a file or folder, or else an installed model of this name.
fn located(model: &str, models: Option<&Path>) -> PathBuf {
    let path = Path::new(model);
    if path.exists() {
        return path.to_owned();
    }
    find_model(model, models).unwrap_or_else(|| path.to_owned())
}
