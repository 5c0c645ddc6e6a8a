//! A model folder: `model.toml`, `model.onnx` and, if the model can be fine-tuned, `weights.safetensors`.

use std::path::{Path, PathBuf};

use likeness_artifact::{FolderLock, LOCK_FILE, LockError, Pending, is_temporary};
use sha2::{Digest, Sha256};

use crate::description::{FORMAT, ModelDescription};
use crate::preprocess::{Preprocess, PreprocessOverrides};
use crate::{ModelError, Result};

/// File name of the graph in a model folder.
pub const GRAPH: &str = "model.onnx";
/// File name of the description in a model folder.
pub const DESCRIPTION: &str = "model.toml";
/// File name of the weights for fine-tuning in a model folder; they have PyTorch's keys.
pub const WEIGHTS: &str = "weights.safetensors";
/// Name of the model folder in a run's folder.
pub const IN_RUN: &str = "model";

/// The description file of the graph at `graph`, if there is one: `NAME.toml` beside `NAME.onnx`, so that `model.toml`
/// only describes `model.onnx`.
///
/// # Errors        a `model.toml` beside a graph of another name, without a `model.onnx`: the graph was probably renamed, and
/// would be used without its preprocessing → [`ModelError::BadModel`]
pub fn description_file(graph: &Path) -> Result<Option<PathBuf>> {
    let bad = |path: &Path, reason: String, hint: String| {
        Err(ModelError::BadModel { path: path.to_owned(), reason, hint: Some(hint) })
    };
    let own = graph.with_extension("toml");
    if own.is_file() {
        return Ok(Some(own));
    }
    if own.symlink_metadata().is_ok() {
        let hint = "it describes the graph beside it: restore or remove it";
        return bad(&own, "is not a regular file".to_owned(), hint.to_owned());
    }
    let of_folder = graph.with_file_name(DESCRIPTION);
    if of_folder.is_file() && !graph.with_file_name(GRAPH).exists() {
        let name = own.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return bad(
            graph,
            format!("{DESCRIPTION} beside it describes {GRAPH}, which is not there"),
            format!("if {DESCRIPTION} describes this graph, rename it to {name}; if not, move it away"),
        );
    }
    Ok(None)
}

/// Reads the description file of `graph`, if there is one.
///
/// # Errors        the errors of [`description_file`] and [`ModelDescription::read`]
pub fn described(graph: &Path) -> Result<Option<ModelDescription>> {
    description_file(graph)?.map(|path| ModelDescription::read(&path)).transpose()
}

/// The graph that `path` refers to: a graph file, the graph of a model folder, or the graph of a run.
///
/// # Errors        a folder without a graph → [`ModelError::BadModel`]
pub fn graph_at(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let places = [path.join(GRAPH), path.join(IN_RUN).join(GRAPH)];
    places.into_iter().find(|graph| graph.is_file()).ok_or_else(|| ModelError::BadModel {
        path: path.to_owned(),
        reason: format!("no model in this folder, expected {GRAPH} or {IN_RUN}/{GRAPH}"),
        hint: Some("give a model folder, a run after its first epoch, or an ONNX file".to_owned()),
    })
}

/// The preprocessing of the graph at `graph`: the settings of its description file, otherwise the defaults, changed by
/// `overrides`.
///
/// # Errors        a description file that cannot be read; values out of range
pub fn preprocess_of(graph: &Path, overrides: &PreprocessOverrides) -> Result<Preprocess> {
    let settings = described(graph)?.map_or_else(Preprocess::default, |described| described.preprocess());
    settings.changed(overrides)
}

/// The weights for fine-tuning beside the graph at `graph`.
///
/// # Errors        there are no weights → [`ModelError::BadModel`]
pub fn weights_beside(graph: &Path) -> Result<PathBuf> {
    let weights = graph.with_file_name(WEIGHTS);
    match weights.is_file() {
        true => Ok(weights),
        false => Err(bad(
            &weights,
            "missing: this model has only a graph",
            "use the folder that training wrote, or import the graph with --backbone",
        )),
    }
}

/// Writes a model folder with `graph`, the contents of an ONNX file, to a folder that is new or empty. The preprocessing and
/// fingerprint of the description are set from `preprocess` and `graph`.
///
/// Both files are synced before they are renamed, `model.toml` last.
///
/// # Errors        a folder that contains files, or is used by another process → [`ModelError::BadArgument`]; the files cannot
/// be written → [`ModelError::Io`]
pub fn write(
    folder: &Path,
    graph: &[u8],
    description: ModelDescription,
    preprocess: &Preprocess,
) -> Result<ModelDescription> {
    let settings = serde_json::to_vec(preprocess).map_err(std::io::Error::from)?;
    let digest = Sha256::new().chain_update(graph).chain_update(settings).finalize();
    let mut description = description.with_preprocess(preprocess.clone());
    description.format = Some(FORMAT);
    description.likeness = Some(env!("CARGO_PKG_VERSION").to_owned());
    description.fingerprint = Some(likeness_artifact::hex(digest));
    let text = description.text()?;
    let _lock = claim(folder)?;
    let graph = Pending::write(&folder.join(GRAPH), |file| file.write_all(graph))?;
    let text = Pending::write(&folder.join(DESCRIPTION), |file| file.write_all(text.as_bytes()))?;
    graph.persist()?;
    text.persist()?;
    Ok(description)
}

fn bad(path: &Path, reason: &str, hint: &str) -> ModelError {
    ModelError::BadModel { path: path.to_owned(), reason: reason.to_owned(), hint: Some(hint.to_owned()) }
}

/// Checks that a folder is empty or does not exist, so that a new model never replaces or mixes with other files.
///
/// # Errors        `folder` is a file, or contains files → [`ModelError::BadArgument`]; it cannot be read → [`ModelError::Io`]
pub fn check_vacant(folder: &Path) -> Result<()> {
    let refused = |reason: &str| {
        let reason = format!("{}: {reason}", folder.display());
        Err(ModelError::BadArgument { reason, hint: Some("choose a new folder, or an empty one".into()) })
    };
    match fs_err::metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(found) if !found.is_dir() => return refused("is not a folder"),
        Ok(_) => {}
    }
    if folder.join(GRAPH).exists() || folder.join(DESCRIPTION).exists() {
        return refused("holds a model already");
    }
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        // Files left by a killed process do not count.
        if name != LOCK_FILE && !is_temporary(&name) {
            return refused("is not empty");
        }
    }
    Ok(())
}

/// Creates `folder` if it does not exist, and locks it until the returned lock is dropped.
///
/// # Errors        the errors of [`check_vacant`]; another process is writing a model there → [`ModelError::BadArgument`]
pub fn claim(folder: &Path) -> Result<FolderLock> {
    check_vacant(folder)?;
    fs_err::create_dir_all(folder)?;
    let lock = locked(folder)?;
    // The process that held the lock before may have written a model.
    check_vacant(folder)?;
    Ok(lock)
}

/// Locks `folder`.
///
/// # Errors        another process holds the lock → [`ModelError::BadArgument`]; it cannot be locked → [`ModelError::Io`]
pub fn locked(folder: &Path) -> Result<FolderLock> {
    FolderLock::acquire(folder).map_err(|error| match error {
        LockError::Held { .. } => ModelError::BadArgument {
            reason: error.to_string(),
            hint: Some("wait until it has finished, or choose another folder".into()),
        },
        LockError::Io(error) => error.into(),
    })
}
