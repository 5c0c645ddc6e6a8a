//! An ONNX file, opened once: its graph, its description and its embedder.
//!
//! A folder whose files do not belong together is refused, because its embeddings would not be comparable with others.

use std::path::Path;

use image::RgbImage;
use likeness_engine::{Checked, Engine, EngineConfig};
use likeness_model::ModelDescription;
use likeness_model::folder::description_file;
use likeness_model::preprocess::{Preprocess, PreprocessOverrides};
use sha2::Digest;

use crate::{Cost, EmbedError, Embedder, EmbedderSpec, OnnxEmbedder, Result};
use likeness_model::builtin::Builtin;
use likeness_model::registry::entry::{Entry, by_length_and_checksum};

/// An ONNX file with the description beside it and the embedder of its graph.
pub struct OpenedModel {
    /// The graph.
    pub graph: Checked,
    /// The description beside the graph, if there is one.
    pub description: Option<ModelDescription>,
    /// The embedder of the graph, under the file's name.
    pub embedder: OnnxEmbedder,
    /// The embedder's specification, under the name and with the distance and the alignment of the description.
    pub spec: EmbedderSpec,
}

impl OpenedModel {
    /// Opens the ONNX file at `path` and compares it with the description beside it, if there is one.
    ///
    /// # Errors        as those of [`OnnxEmbedder::load`]; a description that the graph contradicts, files that were changed
    /// after the fingerprint was taken → [`EmbedError::BadModel`]
    pub fn open(path: &Path, overrides: &PreprocessOverrides, engine: &EngineConfig) -> Result<Self> {
        let file = description_file(path)?;
        let graph = Checked::read(path)?;
        let description = match &file {
            Some(file) => Some(ModelDescription::read(file)?),
            None => known(&graph).map(described_by),
        };
        Self::with_description(graph, (file.as_deref(), description), overrides, engine)
    }

    /// Opens a model that is compiled into the program.
    ///
    /// # Errors        overrides out of range, an engine that is not available
    pub fn builtin(model: &Builtin, overrides: &PreprocessOverrides, engine: &EngineConfig) -> Result<Self> {
        let name = Path::new(model.name);
        let description = ModelDescription::parse(name, model.description)?;
        let graph = Checked::from_bytes(name, model.graph.to_vec())?;
        Self::with_description(graph, (Some(name), Some(description)), overrides, engine)
    }

    /// Opens `graph` with its description, which was read from `file` if there is one.
    fn with_description(
        graph: Checked,
        (file, description): (Option<&Path>, Option<ModelDescription>),
        overrides: &PreprocessOverrides,
        engine: &EngineConfig,
    ) -> Result<Self> {
        let settings = description.as_ref().map_or_else(Preprocess::default, ModelDescription::preprocess);
        let embedder = OnnxEmbedder::open(&graph, settings.clone().changed(overrides)?, engine)?;
        let mut spec = embedder.spec().clone();
        if let Some(described) = &description {
            if let Some(file) = file {
                check_description(file, described, &embedder, &settings)?;
            }
            spec.name = described.name.clone().unwrap_or(spec.name);
            spec.distance = described.distance.unwrap_or(spec.distance);
            spec.alignment = described.alignment;
            spec.licence = described.licence();
            // Thresholds hold for the embeddings that they were measured on.
            if settings.clone().changed(overrides)? == settings {
                spec.thresholds = described.thresholds();
            }
        }
        Ok(Self { graph, description, embedder, spec })
    }

    /// Whether embeddings are scaled to unit length.
    pub fn unit_length(&self) -> bool {
        self.embedder.preprocess().unit_length
    }

    /// The embedder, under the name and with the distance of the description.
    pub fn into_embedder(self) -> Box<dyn Embedder> {
        match self.description {
            None => Box::new(self.embedder),
            Some(_) => Box::new(DescribedEmbedder { embedder: self.embedder, spec: self.spec }),
        }
    }
}

/// The registry's entry of a file with these bytes.
fn known(graph: &Checked) -> Option<&'static Entry> {
    by_length_and_checksum(graph.bytes().len() as u64, || likeness_artifact::hex(graph.hash().finalize()))
}

/// What the registry knows about an embedder.
fn described_by(entry: &Entry) -> ModelDescription {
    let description = ModelDescription {
        name: Some(entry.name.clone()),
        distance: entry.distance,
        alignment: entry.alignment,
        licence: Some(entry.licence.clone()),
        terms: Some(entry.terms),
        source: Some(entry.source.clone()),
        ..ModelDescription::default()
    };
    description.with_preprocess(entry.preprocess.clone().unwrap_or_default())
}

/// Checks that the description in `file`, whose settings are `settings`, describes the graph of `embedder`.
///
/// # Errors        another dimension or fingerprint → [`EmbedError::BadModel`]
fn check_description(
    file: &Path,
    described: &ModelDescription,
    embedder: &OnnxEmbedder,
    settings: &Preprocess,
) -> Result<()> {
    let bad = |reason: String, hint: &str| {
        Err(EmbedError::BadModel { path: file.to_owned(), reason, hint: Some(hint.to_owned()) })
    };
    let graph = embedder.file_name();
    let found = embedder.spec().dimension;
    if let Some(dimension) = described.dimension.filter(|expected| *expected != found) {
        return bad(
            format!("dimension {dimension}, but {graph} gives {found}"),
            "take both files from the same model",
        );
    }
    // Overrides change the embeddings and therefore the fingerprint, but not what the folder is.
    let found = embedder.fingerprint_with(settings)?;
    match &described.fingerprint {
        Some(expected) if *expected != found => bad(
            format!(
                "the fingerprint is not that of {graph} and the settings here: {expected}, found {found}"
            ),
            "copy the whole folder again; after a change on purpose, take out the line `fingerprint`",
        ),
        _ => Ok(()),
    }
}

/// A network under the name and with the distance of its description.
struct DescribedEmbedder {
    embedder: OnnxEmbedder,
    spec: EmbedderSpec,
}

impl Embedder for DescribedEmbedder {
    fn spec(&self) -> &EmbedderSpec {
        &self.spec
    }

    fn engine(&self) -> Option<&Engine> {
        self.embedder.engine()
    }

    fn cost(&self) -> Cost {
        self.embedder.cost()
    }

    fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
        self.embedder.embed(faces)
    }
}
