//! Makes a model folder of an ONNX file, and inspects and exports model folders.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use likeness_artifact::{Destination, same_file, sha256_hex};

use crate::{EmbedError, Embedder, EmbedderSpec, OnnxEmbedder, OpenedModel, Result};
use likeness_engine::{Checked, Engine, EngineConfig};
use likeness_model::folder::{WEIGHTS, check_vacant, described, graph_at, weights_beside, write};
use likeness_model::preprocess::{Preprocess, PreprocessOverrides};
use likeness_model::registry::entry::by_checksum;
use likeness_model::{Alignment, ModelDescription};

/// Side of faces aligned to ArcFace's template, in pixels.
const ALIGNED_PX: u32 = 112;

/// The user's statements about a network; the rest is inferred.
#[derive(Debug, Clone, Default)]
pub struct Card {
    /// Its name.
    pub name: Option<String>,
    /// The alignment of its faces.
    pub alignment: Option<Alignment>,
    /// Its licence.
    pub licence: Option<String>,
    /// Its source.
    pub source: Option<String>,
}

/// The result of [`make`].
#[derive(Debug, Clone)]
pub struct Made {
    /// The description that was written.
    pub description: ModelDescription,
    /// Inferences about the model, one line each, for the user.
    pub notes: Vec<String>,
}

/// Makes a model folder of the ONNX file at `graph`.
///
/// Preprocessing is that of `overrides`, of the settings beside the file, or of the registry's entry with its checksum.
///
/// # Errors        no embedder, weights in files of their own, a folder that holds a model → [`EmbedError::BadModel`]
pub fn make(graph: &Path, folder: &Path, overrides: &PreprocessOverrides, card: Card) -> Result<Made> {
    check_vacant(folder)?;
    let checked = Checked::read(graph)?;
    if !checked.stands_alone() {
        return Err(bad(graph, "its weights lie in files of their own", "save the network as one file"));
    }
    let beside = described(graph)?;
    let entry = by_checksum(&sha256_hex(checked.bytes()));
    let mut notes = Vec::new();
    let embedder = open(&checked, (overrides, beside.as_ref()), &mut notes)?;
    let (preprocess, spec) = (embedder.preprocess(), embedder.spec().clone());
    if preprocess == (Preprocess { input_size: preprocess.input_size, ..Preprocess::default() }) {
        notes.push("no normalisation was named: pixels enter as 0 to 255, red first".to_owned());
    }
    let mut description = beside.unwrap_or_default();
    description.alignment = card.alignment.or(description.alignment).or_else(|| {
        let aligned = spec.input_size == (ALIGNED_PX, ALIGNED_PX);
        let (alignment, word) =
            if aligned { (Alignment::Arcface, "arcface") } else { (Alignment::None, "none") };
        notes.push(format!(
            "alignment {word} was inferred from the input's {}×{}",
            spec.input_size.0, spec.input_size.1
        ));
        Some(alignment)
    });
    description.licence =
        card.licence.or(description.licence).or(entry.map(|e| e.licence.clone())).or_else(|| {
            notes.push("no licence is known for this file".to_owned());
            Some("not stated".to_owned())
        });
    description.name = card.name.or(description.name).or(entry.map(|e| e.name.clone())).or(Some(spec.name));
    description.source = card.source.or(description.source).or(entry.map(|e| e.source.clone()));
    description.dimension = Some(spec.dimension);
    description.distance = description.distance.or(Some(spec.distance));
    let description = write(folder, checked.bytes(), description, &preprocess)?;
    Ok(Made { description, notes })
}

fn bad(path: &Path, reason: &str, hint: &str) -> EmbedError {
    EmbedError::BadModel { path: path.to_owned(), reason: reason.to_owned(), hint: Some(hint.to_owned()) }
}

/// The embedder of `graph`. Its preprocessing is that of the description beside the graph, changed by the overrides; with
/// neither, that of the registry's entry for the file's checksum. Inferences are added to `notes`.
///
/// # Errors        as those of [`OnnxEmbedder::load`]
pub(super) fn open(
    graph: &Checked,
    (overrides, description): (&PreprocessOverrides, Option<&ModelDescription>),
    notes: &mut Vec<String>,
) -> Result<OnnxEmbedder> {
    let is_stated = description.is_some() || *overrides != PreprocessOverrides::default();
    let entry = if is_stated { None } else { by_checksum(&sha256_hex(graph.bytes())) };
    let preprocess = match entry.and_then(|entry| entry.preprocess.clone()) {
        Some(preprocess) => {
            notes.push("preprocessing is the one the registry knows for this file".to_owned());
            preprocess
        }
        None => {
            description.map_or_else(Preprocess::default, ModelDescription::preprocess).changed(overrides)?
        }
    };
    OnnxEmbedder::open(graph, preprocess, &EngineConfig::default())
}

/// The result of [`inspect`].
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The ONNX file.
    pub graph: PathBuf,
    /// Length of the ONNX file in bytes.
    pub bytes: u64,
    /// The description beside the graph; empty if there is none.
    pub description: ModelDescription,
    /// Input and output of the embedder.
    pub spec: EmbedderSpec,
    /// How a face becomes the input tensor.
    pub preprocess: Preprocess,
    /// The engine that runs the graph.
    pub engine: Engine,
    /// Whether weights for fine-tuning are in the same folder.
    pub has_weights: bool,
}

/// Opens the network that `model` names and checks that its files belong together.
///
/// # Errors        as those of [`OpenedModel::open`]
pub fn inspect(model: &Path) -> Result<Inspection> {
    let graph = graph_at(model)?;
    let opened = OpenedModel::open(&graph, &PreprocessOverrides::default(), &EngineConfig::default())?;
    Ok(Inspection {
        bytes: opened.graph.bytes().len() as u64,
        description: opened.description.unwrap_or_default(),
        engine: opened.embedder.computed_by().clone(),
        has_weights: graph.with_file_name(WEIGHTS).is_file(),
        spec: opened.spec,
        preprocess: opened.embedder.preprocess(),
        graph,
    })
}

/// A part of a model folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exported {
    /// The graph.
    Onnx,
    /// The weights, under PyTorch's keys.
    Safetensors,
}

/// The options of [`export`].
#[derive(Debug, Clone, Copy)]
pub struct Export<'a> {
    /// A model folder, a run or an ONNX file.
    pub model: &'a Path,
    /// The part to export.
    pub what: Exported,
    /// The destination: a file, a device or pipe, or `-` for stdout.
    pub to: &'a Path,
    /// Whether another file may be replaced.
    pub force: bool,
}

/// Writes a part of a network to a file; returns its length and whether it went to stdout.
///
/// # Errors        files that do not belong together, no such part → [`EmbedError::BadModel`]; the model's own files, or a
/// file with other content without `force` → [`EmbedError::BadArgument`]; the file system
pub fn export(how: &Export<'_>) -> Result<(u64, bool)> {
    let graph = graph_at(how.model)?;
    let destination = Destination::of(how.to)?;
    let opened = OpenedModel::open(&graph, &PreprocessOverrides::default(), &EngineConfig::default())?;
    let bytes = match how.what {
        Exported::Onnx => Arc::clone(opened.graph.bytes()),
        Exported::Safetensors => Arc::new(fs_err::read(weights_beside(&graph)?)?),
    };
    let is_there = match &destination {
        Destination::File(to) => check_replaceable(&graph, to, &bytes, how.force)?,
        Destination::Stdout | Destination::Through(_) => false,
    };
    if !is_there {
        likeness_artifact::write(how.to, |file| file.write_all(&bytes))?;
    }
    Ok((bytes.len() as u64, destination == Destination::Stdout))
}

/// Whether the file `to` has this content already.
///
/// # Errors        it is one of the model's own files, or has other content and no `force` →
/// [`EmbedError::BadArgument`]; the file system
fn check_replaceable(graph: &Path, to: &Path, bytes: &[u8], force: bool) -> Result<bool> {
    let refused = |reason: &str, hint: &str| {
        let reason = format!("{}: {reason}", to.display());
        Err(EmbedError::BadArgument { reason, hint: Some(hint.to_owned()) })
    };
    let own = [graph.to_owned(), graph.with_file_name(WEIGHTS), graph.with_extension("toml")];
    if own.iter().any(|file| same_file(file, to)) {
        return refused("is a file of the model that is exported", "name another file");
    }
    let length = match fs_err::metadata(to) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    if length == bytes.len() as u64 && fs_err::read(to)? == *bytes {
        return Ok(true);
    }
    match force || length == 0 {
        true => Ok(false),
        false => refused("another file is there", "name another file, or replace this one with --force"),
    }
}

#[cfg(test)]
mod tests {
    use likeness_model::folder::{DESCRIPTION, GRAPH, claim};

    use super::*;

    fn good() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx/good.onnx")
    }

    fn made(folder: &Path) -> Result<Made> {
        make(&good(), folder, &PreprocessOverrides::default(), Card::default())
    }

    #[test]
    fn a_model_is_made_in_a_new_or_empty_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        made(&at("new/deep")).unwrap();
        fs_err::create_dir(at("empty")).unwrap();
        fs_err::write(at("empty/.likeness-abc.tmp"), "what a killed process left").unwrap();
        made(&at("empty")).unwrap();
        assert!(made(&at("empty")).unwrap_err().to_string().contains("empty: holds a model already"));
        fs_err::create_dir(at("photos")).unwrap();
        fs_err::write(at("photos/me.jpg"), "a photo").unwrap();
        let error = made(&at("photos")).unwrap_err();
        assert!(error.to_string().contains("photos: is not empty"), "{error}");
        assert!(error.hint().unwrap().contains("new folder"));
        assert_eq!(fs_err::read_dir(at("photos")).unwrap().count(), 1);
        assert!(made(&at("photos/me.jpg")).unwrap_err().to_string().contains("me.jpg: is not a folder"));
        assert_eq!(fs_err::read(at("photos/me.jpg")).unwrap(), b"a photo");
    }

    #[test]
    fn two_processes_do_not_write_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("m");
        let lock = claim(&place).unwrap();
        let error = made(&place).unwrap_err();
        assert!(error.to_string().contains("another process is working in this folder"), "{error}");
        assert!(check_vacant(&place).is_ok(), "nothing was written");
        drop(lock);
        made(&place).unwrap();
        assert!(claim(&place).is_err(), "the first to finish keeps the folder");
    }

    #[test]
    fn an_export_replaces_no_file_of_the_model_and_no_other_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let (model, out) = (folder.path().join("m"), folder.path().join("out.onnx"));
        made(&model).unwrap();
        let export_to = |to: &Path, force| export(&Export { model: &model, what: Exported::Onnx, to, force });
        let bytes = fs_err::read(good()).unwrap();
        assert_eq!(export_to(&out, false).unwrap(), (bytes.len() as u64, false));
        assert_eq!(fs_err::read(&out).unwrap(), bytes);
        export_to(&out, false).unwrap(); // the same bytes
        fs_err::write(&out, "years of work").unwrap();
        let error = export_to(&out, false).unwrap_err();
        assert!(error.to_string().contains("out.onnx: another file is there"), "{error}");
        assert!(error.hint().unwrap().contains("--force"));
        assert_eq!(fs_err::read(&out).unwrap(), b"years of work");
        export_to(&out, true).unwrap();
        assert_eq!(fs_err::read(&out).unwrap(), bytes);
        let link = folder.path().join("link.onnx");
        fs_err::hard_link(model.join(GRAPH), &link).unwrap();
        for own in [model.join(GRAPH), model.join(DESCRIPTION), link] {
            let error = export_to(&own, true).unwrap_err();
            assert!(error.to_string().contains("is a file of the model"), "{error}");
        }
        assert!(export_to(folder.path(), true).is_err(), "a folder");
        OpenedModel::open(&model.join(GRAPH), &Default::default(), &EngineConfig::default()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn an_export_goes_through_devices_and_links() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let (model, link) = (folder.path().join("m"), folder.path().join("link"));
        made(&model).unwrap();
        let export_to = |to: &Path| export(&Export { model: &model, what: Exported::Onnx, to, force: false });
        export_to(Path::new("/dev/null")).unwrap();
        assert!(fs_err::metadata("/dev/null").unwrap().file_type().is_char_device());
        std::os::unix::fs::symlink("target.onnx", &link).unwrap();
        export_to(&link).unwrap();
        assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs_err::read(folder.path().join("target.onnx")).unwrap(), fs_err::read(good()).unwrap());
    }
}
