//! Post-training quantisation: a network of real numbers and photos enter, a network of bytes leaves.
//!
//! 1. [`Calibrator`] observes faces and records the values of every activation (`range`); [`CalibrationFeed`] gives it the
//!    faces of the photo pipeline;
//! 2. `equalize` scales the channels of its feature maps so that they share a grid evenly, which changes no answer;
//! 3. `place` decides where the graph is quantised and writes it down in the form that every engine knows: pairs of
//!    QuantizeLinear and DequantizeLinear around operators on real numbers; weights in signed bytes with a scale for each
//!    output channel, activations in unsigned bytes with one scale and zero point for each tensor;
//! 4. [`Rounded`] is the result, to be written as a model folder; [`halve`] makes one whose weights alone are shorter.
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

/// A network whose numbers were rounded.
#[derive(Debug, Clone)]
pub struct Rounded {
    graph: Vec<u8>,
    description: ModelDescription,
    preprocess: Preprocess,
    /// What was done, in words.
    pub summary: String,
}

impl Rounded {
    /// Bytes of the graph.
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

/// A network that is to be rounded.
#[derive(Clone)]
struct Original {
    path: PathBuf,
    embedder: Arc<OnnxEmbedder>,
    graph: Graph,
    description: ModelDescription,
}

impl Original {
    /// The network that `model` names.
    ///
    /// # Errors        no ONNX network, one that contradicts its description, one with operators beyond our reader
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
            Graph::read(checked.bytes(), checked.beside()).map_err(|e| refused(&path, &e.to_string()))?;
        simplify::fold(&mut graph);
        let mut description = description.unwrap_or_default();
        description.name = Some(spec.name);
        description.dimension = Some(spec.dimension);
        description.distance = Some(spec.distance);
        description.rounded_from = Some(spec.fingerprint);
        Ok(Self { path, embedder: Arc::new(embedder), graph, description })
    }

    /// The network's graph with its numbers rounded.
    fn rounded(&self, graph: &Graph, suffix: &str, summary: String) -> Result<Rounded> {
        let size = self.embedder.spec().input_size;
        let shapes = self.embedder.outputs(&image::RgbImage::new(size.0, size.1))?;
        let shapes: Vec<Vec<usize>> = shapes.into_iter().map(|o| o.shape).collect();
        let bytes = graph.write(&shapes).map_err(|e| refused(&self.path, &e.to_string()))?;
        let mut description = self.description.clone();
        description.name = description.name.map(|name| format!("{name}-{suffix}"));
        Ok(Rounded { graph: bytes, description, preprocess: self.embedder.preprocess(), summary })
    }
}

fn refused(path: &Path, reason: &str) -> EmbedError {
    EmbedError::BadModel {
        path: path.to_owned(),
        reason: format!("cannot be rounded: {reason}"),
        hint: Some(
            "take a plain network of convolutions with its weights in one file, operators of version 13"
                .into(),
        ),
    }
}
