//! A model folder: `model.toml`, `model.onnx` and, if the model can be fine-tuned, `weights.safetensors`.

use std::io::Write;
use std::path::{Path, PathBuf};

use likeness_artifact::{FolderLock, LOCK_FILE, LockError, Pending, is_temporary};
use likeness_search::Thresholds;
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

/// The fingerprint of a model: the SHA-256, in hexadecimal, over the bytes of its ONNX graph followed by its preprocessing
/// as JSON.
pub fn fingerprint(graph: &[u8], preprocess: &Preprocess) -> String {
    let settings = serde_json::to_vec(preprocess).expect("preprocessing is plain data");
    let digest = Sha256::new().chain_update(graph).chain_update(settings).finalize();
    likeness_artifact::hex(digest)
}

/// Writes the content of a weights file.
pub type WriteWeights<'a> = dyn Fn(&mut dyn Write) -> std::io::Result<()> + 'a;

/// The contents of a model folder before they are written.
pub struct ModelFiles<'a> {
    /// The ONNX graph, as the bytes of its file.
    pub graph: &'a [u8],
    /// The description; format, program version, preprocessing and fingerprint are set when it is written.
    pub description: ModelDescription,
    /// How a picture becomes the graph's input.
    pub preprocess: &'a Preprocess,
    /// Writes `weights.safetensors`; `None` for a model that cannot be trained further.
    pub weights: Option<&'a WriteWeights<'a>>,
}

/// Writes a model folder that holds `graph`, the bytes of an ONNX file, into a folder that is new or empty.
///
/// Returns the description as written, with preprocessing and fingerprint.
///
/// # Errors        a folder that contains files, or is used by another process → [`ModelError::BadArgument`]; the files cannot
/// be written → [`ModelError::Io`]
pub fn write(
    folder: &Path,
    graph: &[u8],
    description: ModelDescription,
    preprocess: &Preprocess,
) -> Result<ModelDescription> {
    let _lock = claim(folder)?;
    replace(folder, ModelFiles { graph, description, preprocess, weights: None })
}

/// Writes the files of a model folder, and replaces those of a model that is there already. The caller holds the folder's
/// lock, or owns the folder for another reason, as a training run owns its own.
///
/// All files are on the disk before the first gets its name, and `model.toml` gets its name last. A process that is killed
/// between two renames leaves files of two models, which readers reject because the fingerprint differs.
///
/// Returns the description as written, with preprocessing and fingerprint.
///
/// # Errors        the file system → [`ModelError::Io`]
pub fn replace(folder: &Path, files: ModelFiles<'_>) -> Result<ModelDescription> {
    let ModelFiles { graph, description, preprocess, weights } = files;
    let mut description = description.with_preprocess(preprocess.clone());
    description.format = Some(FORMAT);
    description.likeness = Some(env!("CARGO_PKG_VERSION").to_owned());
    description.fingerprint = Some(fingerprint(graph, preprocess));
    let text = description.text()?;
    fs_err::create_dir_all(folder)?;
    let weights = weights.map(|fill| Pending::write(&folder.join(WEIGHTS), fill)).transpose()?;
    let graph = Pending::write(&folder.join(GRAPH), |file| file.write_all(graph))?;
    let text = Pending::write(&folder.join(DESCRIPTION), |file| file.write_all(text.as_bytes()))?;
    weights.into_iter().chain([graph, text]).try_for_each(Pending::persist)?;
    Ok(description)
}

/// Replaces the thresholds of the model in `folder`, which were measured on `from`.
///
/// # Errors        no model folder, a model with another fingerprint → [`ModelError::BadModel`]; another process uses the folder →
/// [`ModelError::BadArgument`]; the file cannot be read or written → [`ModelError::Io`]
pub fn set_thresholds(folder: &Path, fingerprint: &str, thresholds: &Thresholds, from: &str) -> Result<()> {
    let path = folder.join(DESCRIPTION);
    if !path.is_file() {
        return Err(bad(
            &path,
            "missing: thresholds are stored in a model folder",
            "name a model folder or a gallery",
        ));
    }
    let _lock = locked(folder)?;
    let mut description = ModelDescription::read(&path)?;
    if description.fingerprint.as_deref() != Some(fingerprint) {
        return Err(bad(
            &path,
            "describes another model than the one that the thresholds were measured with",
            "measure with --model and the same folder, or name the folder of the measured model",
        ));
    }
    description.thresholds = thresholds.as_slice().to_vec();
    description.thresholds_from = Some(from.to_owned());
    let text = description.text()?;
    Ok(likeness_artifact::write(&path, |file| file.write_all(text.as_bytes()))?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::ChannelOrder;

    #[test]
    fn the_fingerprint_covers_graph_and_preprocessing() {
        let preprocess = Preprocess {
            input_size: Some([112, 96]),
            channels: ChannelOrder::Rgb,
            mean: [123.675, 116.28, 103.53],
            std: [127.5, 1.0, 0.25],
            unit_length: true,
        };
        assert_eq!(
            fingerprint(b"graph", &preprocess),
            "bdab8d0410e34a3b18bcd80741821dcf223adb2f1dd88c883ba4fcc93a581060"
        );
    }

    #[test]
    fn thresholds_are_stored_with_the_model_that_they_belong_to() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("model");
        let preprocess = Preprocess { input_size: Some([112; 2]), ..Preprocess::default() };
        let written = write(&folder, b"graph", ModelDescription::default(), &preprocess).unwrap();
        let threshold = likeness_search::Threshold { fmr: 1e-3, distance: 0.5, pairs: 9 };
        let thresholds = Thresholds::new(vec![threshold]).unwrap();
        let fingerprint = written.fingerprint.clone().unwrap();
        set_thresholds(&folder, &fingerprint, &thresholds, "ten people").unwrap();
        let read = ModelDescription::read(&folder.join(DESCRIPTION)).unwrap();
        assert_eq!(read.thresholds(), thresholds);
        assert_eq!(read.thresholds_from.as_deref(), Some("ten people"));
        assert_eq!(ModelDescription { thresholds: vec![], thresholds_from: None, ..read }, written);
        let other = set_thresholds(&folder, "f00d", &thresholds, "").unwrap_err().to_string();
        assert!(other.contains("another model"), "{other}");
        let nothing = set_thresholds(parent.path(), &fingerprint, &thresholds, "").unwrap_err().to_string();
        assert!(nothing.contains("missing"), "{nothing}");
    }

    #[test]
    fn replaced_files_are_those_of_the_new_model() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("run/model");
        let preprocess = Preprocess { input_size: Some([112; 2]), ..Preprocess::default() };
        for content in ["first", "second"] {
            let weights: &WriteWeights = &|file| file.write_all(content.as_bytes());
            let description =
                ModelDescription { name: Some(content.to_owned()), ..ModelDescription::default() };
            let files = ModelFiles {
                graph: content.as_bytes(),
                description,
                preprocess: &preprocess,
                weights: Some(weights),
            };
            let written = replace(&folder, files).unwrap();
            let read = ModelDescription::read(&folder.join(DESCRIPTION)).unwrap();
            assert_eq!(read, written);
            assert_eq!(read.name.as_deref(), Some(content));
            assert_eq!(read.fingerprint, Some(fingerprint(content.as_bytes(), &preprocess)));
            assert_eq!(fs_err::read_to_string(folder.join(WEIGHTS)).unwrap(), content);
        }
        let mut names: Vec<_> = fs_err::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [GRAPH, DESCRIPTION, WEIGHTS]);
        let error = write(&folder, b"third", ModelDescription::default(), &preprocess).unwrap_err();
        assert!(error.to_string().contains("holds a model already"), "{error}");
    }
}
