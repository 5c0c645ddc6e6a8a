//! Post-training quantisation: an f32 network and photos enter, an int8 network leaves.
//!
//! 1. [`Calibrator`] observes faces and records the values of every activation (`range`); [`CalibrationFeed`] gives it the
//!    faces of the photo pipeline;
//! 2. `equalize` scales the channels of feature maps to similar ranges, which changes no embedding;
//! 3. `place` decides which values are quantised and writes the graph in the form that every engine reads: pairs of
//!    QuantizeLinear and DequantizeLinear around f32 operators. Weights are int8 with a scale for each output channel,
//!    activations uint8 with one scale and zero point for each tensor;
//! 4. [`Quantized`] is the result, which can be written as a model folder. [`halve`] makes one with f16 weights.
//!
//! Reference: Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference: A whitepaper", 2018,
//! arXiv:1806.08342, section 3.

mod calibrate;
mod feed;
mod half;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use calibrate::Calibrator;
pub use feed::CalibrationFeed;
pub use half::halve;
pub use likeness_engine::quantize::Clipping;

use crate::{EmbedError, Embedder, OnnxEmbedder, OpenedModel, Result};
use likeness_engine::EngineConfig;
use likeness_engine::graph::Graph;
use likeness_engine::graph::simplify;
use likeness_model::preprocess::{Preprocess, PreprocessOverrides};
use likeness_model::{ModelDescription, folder};

/// A quantised network, ready to be written.
#[derive(Debug, Clone)]
pub struct Quantized {
    graph: Vec<u8>,
    description: ModelDescription,
    preprocess: Preprocess,
    /// What was quantised, in one line for the user.
    pub summary: String,
}

impl Quantized {
    /// Length of the ONNX file in bytes.
    pub fn bytes(&self) -> usize {
        self.graph.len()
    }

    /// Writes the model folder; returns its description, fingerprint included.
    ///
    /// # Errors        the file system refuses
    pub fn write(&self, to: &Path) -> Result<ModelDescription> {
        Ok(folder::write(to, &self.graph, self.description.clone(), &self.preprocess)?)
    }
}

/// A network that is to be quantised.
#[derive(Clone)]
struct Original {
    path: PathBuf,
    embedder: Arc<OnnxEmbedder>,
    graph: Graph,
    description: ModelDescription,
}

impl Original {
    /// Opens the network that `model` names.
    ///
    /// # Errors        no ONNX network, one that contradicts its description, a graph that cannot be read →
    /// [`EmbedError::BadModel`]
    fn open(model: &str, overrides: &PreprocessOverrides) -> Result<Self> {
        let path = folder::graph_at(Path::new(model))?;
        if !path.is_file() {
            return Err(EmbedError::BadModel {
                path,
                reason: "no model file".to_owned(),
                hint: Some("name an ONNX file, a model folder or a run".to_owned()),
            });
        }
        let OpenedModel { graph: checked, description, embedder, spec } =
            OpenedModel::open(&path, overrides, &EngineConfig::default())?;
        let mut graph =
            Graph::read(checked.bytes(), checked.external()).map_err(|e| refused(&path, &e.to_string()))?;
        simplify::fold(&mut graph);
        let mut description = description.unwrap_or_default();
        description.name = Some(spec.name);
        description.dimension = Some(spec.dimension);
        description.distance = Some(spec.distance);
        description.rounded_from = Some(spec.fingerprint);
        // Thresholds hold for the embeddings that they were measured on.
        description.thresholds.clear();
        description.thresholds_from = None;
        Ok(Self { path, embedder: Arc::new(embedder), graph, description })
    }

    /// The result for `graph`, a quantised form of this network; `suffix` is added to the name.
    fn quantized(&self, graph: &Graph, suffix: &str, summary: String) -> Result<Quantized> {
        let size = self.embedder.spec().input_size;
        let shapes = self.embedder.outputs(&image::RgbImage::new(size.0, size.1))?;
        let shapes: Vec<Vec<usize>> = shapes.into_iter().map(|o| o.shape).collect();
        let bytes = graph.write(&shapes).map_err(|e| refused(&self.path, &e.to_string()))?;
        let mut description = self.description.clone();
        description.name = description.name.map(|name| format!("{name}-{suffix}"));
        Ok(Quantized { graph: bytes, description, preprocess: self.embedder.preprocess(), summary })
    }
}

fn refused(path: &Path, reason: &str) -> EmbedError {
    EmbedError::BadModel {
        path: path.to_owned(),
        reason: format!("cannot be quantised: {reason}"),
        hint: Some(
            "take a plain network of convolutions with its weights in one file, operators of version 13"
                .into(),
        ),
    }
}
