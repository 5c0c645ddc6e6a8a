//! Options of models, photos and face detection that several operations share.

use std::path::PathBuf;

use likeness_data::cut::CutConfig;
use likeness_data::limits::Limits;
use likeness_data::source::Layout;
use likeness_engine::EngineConfig;
use likeness_model::preprocess::PreprocessOverrides;

/// The embedding model and its settings.
#[derive(Debug, Clone, Default)]
pub struct ModelChoice {
    /// `face` or `picture`, which are built in, a descriptor (`color`, `edge`, `texture`, `classic`), the name of an installed model,
    /// an ONNX file, a model folder or a run. `None` and `auto` choose `face` where there are faces, and `picture` otherwise.
    pub model: Option<String>,
    /// The model is a default. Embeddings files of other models are then read, instead of rejected.
    pub is_default: bool,
    /// Overrides of the preprocessing of an ONNX network.
    pub preprocess: PreprocessOverrides,
    /// Inference engine that runs the network.
    pub engine: EngineConfig,
    /// Average the embeddings of each face and its mirror image.
    pub flips: bool,
    /// Batch size; `None` means the batch size of the model.
    pub batch: Option<usize>,
    /// Folder of the embedding cache.
    pub cache: Option<PathBuf>,
    /// Whether to reject models and embeddings whose licence does not allow commercial use.
    pub commercial: bool,
}

impl ModelChoice {
    /// Creates a choice of the model `name` with default settings.
    pub fn named(name: impl Into<String>) -> Self {
        Self { model: Some(name.into()), ..Self::default() }
    }

    /// The model that is named; `None` if the program chooses one.
    pub fn name(&self) -> Option<&str> {
        self.model.as_deref().filter(|name| *name != "auto")
    }
}

/// How photos are found and read.
#[derive(Debug, Clone, Default)]
pub struct PhotoOptions {
    /// Layout of a folder of photos: where the identity of a photo comes from.
    pub layout: Layout,
    /// Options of face detection.
    pub detection: DetectionOptions,
    /// Limits of the size of pictures and of memory.
    pub limits: Limits,
    /// Number of worker threads; 0 means one per core.
    pub threads: usize,
}

/// Options of face detection.
#[derive(Debug, Clone)]
pub struct DetectionOptions {
    /// `auto`, `none`, the name of a detector or of a family of detectors, an ONNX file, or the XML file of a cascade. `auto` is the
    /// built-in detector where faces are needed, and none otherwise.
    pub detector: String,
    /// Folder to search first for detectors and models.
    pub models: Option<PathBuf>,
    /// Which faces to keep, and how to crop them.
    pub cut: CutConfig,
    /// Minimum score of a face, on the scale of the detector; `None` means the default of the detector.
    pub min_score: Option<f32>,
    /// Haar cascade: ratio between successive sizes of the image pyramid.
    pub scale_factor: f64,
    /// Haar cascade: minimum number of overlapping detections of a face.
    pub min_neighbors: u32,
    /// Whether to reject detectors whose licence does not allow commercial use.
    pub commercial: bool,
}

impl Default for DetectionOptions {
    fn default() -> Self {
        Self {
            detector: "auto".to_owned(),
            models: None,
            cut: CutConfig::default(),
            min_score: None,
            scale_factor: 1.1,
            min_neighbors: 3,
            commercial: false,
        }
    }
}
