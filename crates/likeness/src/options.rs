//! Which model embeds, and how photos are found and read.

use std::path::PathBuf;

use likeness_data::cut::CutConfig;
use likeness_data::limits::Limits;
use likeness_data::source::Layout;
use likeness_engine::EngineConfig;
use likeness_model::preprocess::PreprocessOverrides;

/// Which model makes embeddings, and how.
#[derive(Debug, Clone, Default)]
pub struct ModelChoice {
    /// A descriptor (`color`, `edge`, `texture`, `classic`), an ONNX file, a model folder or a run. Without one only
    /// embeddings files can be read.
    pub model: Option<String>,
    /// Changes to the preprocessing of an ONNX network.
    pub preprocess: PreprocessOverrides,
    /// The engine that runs a network.
    pub engine: EngineConfig,
    /// Embed each face's mirror image as well and take the mean.
    pub flips: bool,
    /// Faces that a network takes at once; `None` takes the model's own number.
    pub batch: Option<usize>,
    /// A folder that keeps embeddings between calls.
    pub cache: Option<PathBuf>,
}

impl ModelChoice {
    /// The model `name` with all settings at their defaults.
    pub fn named(name: impl Into<String>) -> Self {
        Self { model: Some(name.into()), ..Self::default() }
    }
}

/// How photos are found and read.
#[derive(Debug, Clone, Default)]
pub struct PhotoOptions {
    /// How a folder of photos says whose picture a photo is.
    pub layout: Layout,
    /// What finds faces.
    pub detection: DetectionOptions,
    /// Sizes and memory.
    pub limits: Limits,
    /// Worker threads; 0 takes one for each core.
    pub threads: usize,
}

/// What finds faces, and which are kept.
#[derive(Debug, Clone)]
pub struct DetectionOptions {
    /// `none`, `auto`, the name of a detector or of a family of detectors, an ONNX file, or a cascade's XML file.
    pub detector: String,
    /// A folder that is searched first for detectors and models.
    pub models: Option<PathBuf>,
    /// Which faces are kept, and how they are cut.
    pub cut: CutConfig,
    /// Least score of a face on the detector's own scale; `None` takes the detector's.
    pub min_score: Option<f32>,
    /// Haar cascade: ratio of neighbouring picture sizes.
    pub scale_factor: f64,
    /// Haar cascade: windows that must agree on a face.
    pub min_neighbors: u32,
}

impl Default for DetectionOptions {
    fn default() -> Self {
        Self {
            detector: "none".to_owned(),
            models: None,
            cut: CutConfig::default(),
            min_score: None,
            scale_factor: 1.1,
            min_neighbors: 3,
        }
    }
}
