//! Model folders made, looked at and taken apart: an ONNX file and what is known of it enter, a folder leaves, and back.

use std::path::{Path, PathBuf};

use likeness_data::files::write_atomically;
use sha2::{Digest, Sha256};

use super::{Alignment, DESCRIPTION, FORMAT, GRAPH, ModelDescription, described, graph_at, load};
use crate::engine::{Checked, Engine, EngineConfig, OnnxEmbedder};
use crate::preprocess::{Preprocess, PreprocessOverrides};
use crate::registry::entry::by_checksum;
use crate::registry::sha256_of;
use crate::{Embedder, EmbedderSpec, ModelError, Result};

/// Weights to train on from, in a model folder.
const WEIGHTS: &str = "weights.safetensors";
/// Side of the faces that are laid on ArcFace's template.
const ALIGNED_PX: u32 = 112;

/// What a user says of a network; the rest is inferred.
#[derive(Debug, Clone, Default)]
pub struct Card {
    /// What it is called.
    pub name: Option<String>,
    /// What faces are laid on.
    pub alignment: Option<Alignment>,
    /// Under which terms it may be used.
    pub licence: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
}

/// A model folder that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// What it says.
    pub description: ModelDescription,
    /// What was inferred, and from what.
    pub notes: Vec<String>,
}

/// Writes a model folder of `graph`, the bytes of an ONNX file; what it says of preprocessing and fingerprint is taken from
/// `preprocess` and the bytes.
///
/// Each file is written under another name and renamed, `model.toml` last.
///
/// # Errors        the file system refuses
pub(crate) fn write(
    folder: &Path,
    graph: &[u8],
    description: ModelDescription,
    preprocess: &Preprocess,
) -> Result<ModelDescription> {
    let settings = serde_json::to_vec(preprocess).map_err(std::io::Error::from)?;
    let digest = Sha256::new().chain_update(graph).chain_update(settings).finalize();
    let Preprocess { input_size, channels, mean, std, unit_length } = preprocess.clone();
    let description = ModelDescription {
        format: Some(FORMAT),
        likeness: Some(env!("CARGO_PKG_VERSION").to_owned()),
        fingerprint: Some(digest.iter().map(|byte| format!("{byte:02x}")).collect()),
        input_size,
        channels,
        mean,
        std,
        unit_length,
        ..description
    };
    let text = toml::to_string(&description).map_err(std::io::Error::other)?;
    fs_err::create_dir_all(folder)?;
    write_atomically(&folder.join(GRAPH), |file| file.write_all(graph))?;
    write_atomically(&folder.join(DESCRIPTION), |file| file.write_all(text.as_bytes()))?;
    Ok(description)
}

fn bad(path: &Path, reason: &str, hint: &str) -> ModelError {
    ModelError::BadModel { path: path.to_owned(), reason: reason.to_owned(), hint: Some(hint.to_owned()) }
}

/// Refuses a folder that holds a model, which another would take the place of.
///
/// # Errors        a graph or a description is there → [`ModelError::BadModel`]
pub fn check_vacant(folder: &Path) -> Result<()> {
    if folder.join(GRAPH).exists() || folder.join(DESCRIPTION).exists() {
        return Err(bad(folder, "holds a model already", "name another folder"));
    }
    Ok(())
}

/// Makes a model folder of the ONNX file at `graph`.
///
/// Preprocessing is that of `overrides`, of the settings beside the file, or of the registry's entry with its checksum.
///
/// # Errors        no embedder, weights in files of their own, a folder that holds a model → [`ModelError::BadModel`]
pub fn make(graph: &Path, folder: &Path, overrides: &PreprocessOverrides, card: Card) -> Result<Made> {
    check_vacant(folder)?;
    let checked = Checked::read(graph)?;
    if !checked.stands_alone() {
        return Err(bad(graph, "its weights lie in files of their own", "save the network as one file"));
    }
    let beside = described(graph)?;
    let entry = by_checksum(&sha256_of(graph)?.0);
    let mut notes = Vec::new();
    let embedder = open(graph, overrides, &mut notes)?;
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

/// The ONNX file at `graph` as an embedder, with the preprocessing of `overrides`, of the settings beside the file, or of
/// the registry's entry with its checksum; what was inferred is added to `notes`.
///
/// # Errors        as [`OnnxEmbedder::load`]
pub(super) fn open(
    graph: &Path,
    overrides: &PreprocessOverrides,
    notes: &mut Vec<String>,
) -> Result<OnnxEmbedder> {
    let said = described(graph)?.is_some() || *overrides != PreprocessOverrides::default();
    let entry = if said { None } else { by_checksum(&sha256_of(graph)?.0) };
    match entry.and_then(|entry| entry.preprocess.clone()) {
        Some(preprocess) => {
            notes.push("preprocessing is the one the registry knows for this file".to_owned());
            OnnxEmbedder::load_with(graph, preprocess, &EngineConfig::default())
        }
        None => OnnxEmbedder::load(graph, overrides, &EngineConfig::default()),
    }
}

/// A network and all that is known of it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The graph's file.
    pub graph: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// What stands beside it.
    pub description: ModelDescription,
    /// What it takes and gives.
    pub spec: EmbedderSpec,
    /// How a face becomes the input.
    pub preprocess: Preprocess,
    /// What it runs on.
    pub engine: Engine,
    /// Whether weights to train on from lie beside it.
    pub has_weights: bool,
}

/// Looks at the network that `model` names, and whether its files belong together.
///
/// # Errors        as those of loading it
pub fn inspect(model: &Path) -> Result<Inspection> {
    let graph = graph_at(model)?;
    let (plain, engine) = (PreprocessOverrides::default(), EngineConfig::default());
    let spec = load(&graph, &plain, &engine)?.spec().clone();
    let embedder = OnnxEmbedder::load(&graph, &plain, &engine)?;
    Ok(Inspection {
        bytes: fs_err::metadata(&graph)?.len(),
        description: described(&graph)?.unwrap_or_default(),
        engine: embedder.computed_by().clone(),
        has_weights: graph.with_file_name(WEIGHTS).is_file(),
        spec,
        preprocess: embedder.preprocess(),
        graph,
    })
}

/// The weights to train on from beside the graph at `graph`.
///
/// # Errors        there are none → [`ModelError::BadModel`]
pub fn weights_beside(graph: &Path) -> Result<PathBuf> {
    let weights = graph.with_file_name(WEIGHTS);
    match weights.is_file() {
        true => Ok(weights),
        false => Err(bad(
            &weights,
            "not there: this model has a graph alone",
            "take the folder that training wrote, or import the graph with --backbone",
        )),
    }
}

/// What is taken out of a model folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exported {
    /// The graph.
    Onnx,
    /// The weights under PyTorch's keys.
    Safetensors,
}

/// Writes a part of the network that `model` names to the file `to`; returns its length.
///
/// # Errors        files that do not belong together, no such part → [`ModelError::BadModel`]; the file system
pub fn export(model: &Path, what: Exported, to: &Path) -> Result<u64> {
    let graph = graph_at(model)?;
    load(&graph, &PreprocessOverrides::default(), &EngineConfig::default())?;
    let part = match what {
        Exported::Onnx => graph,
        Exported::Safetensors => weights_beside(&graph)?,
    };
    let bytes = fs_err::read(&part)?;
    write_atomically(to, |file| file.write_all(&bytes))?;
    Ok(bytes.len() as u64)
}
