//! Options of a training run. `None` keeps the default, the value of the settings file, or the value of the run to continue.

use likeness_model::builtin::{Builtin, FACE, PICTURE};
use std::path::PathBuf;

use likeness_data::augment::AugmentConfig;
use likeness_train::adapt::{AdaptationMethod, AdaptationPlace, DomainStatistics};
use likeness_train::backbone::{Architecture, Stage};
use likeness_train::loss::{EmbeddingDistance, TripletMargin};
use likeness_train::ops::Precision;
use likeness_train::train::schedule::Decay;
use serde::Deserialize;

/// Training objectives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Softmax classification of identities.
    Classification,
    /// Triplet loss, after a warm-up of classification.
    Triplet,
    /// Classification with a margin on the angle.
    ArcFace,
    /// Classification with a margin on the cosine.
    CosFace,
    /// Distillation only: the embeddings of a teacher.
    Teacher,
}

impl Method {
    /// Name of the objective in flags and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Triplet => "triplet",
            Self::ArcFace => "arcface",
            Self::CosFace => "cosface",
            Self::Teacher => "teacher",
        }
    }
}

/// Methods of choosing the triplets of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinerKind {
    /// All triplets.
    All,
    /// Farthest positive and closest negative of each anchor.
    BatchHard,
    /// Negatives farther away than the positive, but within the margin.
    SemiHard,
    /// Closest positive and closest negative of each anchor.
    EasyPositive,
    /// Random triplets.
    Random,
}

/// Optimisers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptimizerKind {
    /// Gradient descent with momentum 0.9.
    Sgd,
    /// Adam with decoupled weight decay.
    AdamW,
}

/// Where the weights come from that a run starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// Random values.
    Random,
    /// A PyTorch or safetensors file, a model folder, or a run.
    File(PathBuf),
}

/// The teacher of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Teacher {
    /// No teacher, also where the run starts from a built-in model.
    None,
    /// An ONNX file or a model folder.
    Model(String),
}

/// Options of a training run.
#[derive(Debug, Clone, Default)]
pub struct TrainOptions {
    /// Dataset to train on.
    pub dataset: PathBuf,
    /// Run folder to write.
    pub output: PathBuf,
    /// Settings file, such as the `run.toml` of another run.
    pub config: Option<PathBuf>,
    /// Continue the run in the run folder.
    pub resume: bool,
    /// Training objective.
    pub method: Option<Method>,
    /// Number of epochs of the training objective.
    pub epochs: Option<u32>,
    /// Number of warm-up epochs of classification before the triplet loss.
    pub warm_up: Option<u32>,
    /// Seed of all random numbers.
    pub seed: Option<u64>,
    /// Device to train on: cpu, cuda, cuda:N or wgpu.
    pub device: String,
    /// Number of threads that load and augment images.
    pub workers: Option<usize>,
    /// Options of the network.
    pub network: NetworkOptions,
    /// Options of the losses.
    pub losses: LossOptions,
    /// Options of batches, optimiser, schedule and augmentation.
    pub steps: StepOptions,
    /// Options of domain adaptation.
    pub adaptation: AdaptationOptions,
    /// The built-in models that the run may start from.
    pub built_in: BuiltInModels,
}

/// A model that is compiled into the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltInModel {
    /// Name, such as `face`.
    pub name: &'static str,
    /// The ONNX graph.
    pub graph: &'static [u8],
    /// The description in the format of `model.toml`.
    pub description: &'static str,
}

/// The built-in models that a run may start from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BuiltInModels {
    /// dlib's face network, see [`Architecture::DlibResNet`].
    pub face: Option<BuiltInModel>,
    /// The model for any pictures, see [`Architecture::EfficientNetLite0`].
    pub picture: Option<BuiltInModel>,
}

impl BuiltInModels {
    /// The models that are compiled into the program.
    pub fn of_program() -> Self {
        Self { face: Some((&FACE).into()), picture: Some((&PICTURE).into()) }
    }
}

impl From<&Builtin> for BuiltInModel {
    fn from(model: &Builtin) -> Self {
        Self { name: model.name, graph: model.graph, description: model.description }
    }
}

/// Options of the network.
#[derive(Debug, Clone, Default)]
pub struct NetworkOptions {
    /// Backbone architecture.
    pub backbone: Option<Architecture>,
    /// Starting weights. `None` means the built-in model that fits the dataset, if neither a backbone nor a settings file is
    /// given, else random weights.
    pub weights: Option<Weights>,
    /// Layers that may be missing from the weights.
    pub allow_missing: Vec<String>,
    /// Dimension of an embedding.
    pub embedding_dim: Option<usize>,
    /// Side of the input faces, in pixels.
    pub size: Option<u32>,
    /// Dropout rate of the features.
    pub dropout: Option<f32>,
    /// Precision of the convolutions of the backbone.
    pub precision: Option<Precision>,
    /// Stages to freeze.
    pub freeze: Vec<Stage>,
    /// Stages whose batch normalisation keeps its statistics.
    pub freeze_statistics: Vec<Stage>,
    /// Learning rates of stages, as factors of the learning rate of the run.
    pub rates: Vec<(Stage, f32)>,
}

/// Options of the losses.
#[derive(Debug, Clone, Default)]
pub struct LossOptions {
    /// Margin of ArcFace in radians, or of CosFace on the cosine.
    pub margin: Option<f32>,
    /// Scale of the logits of ArcFace and CosFace.
    pub scale: Option<f32>,
    /// Label smoothing of the classification loss.
    pub label_smoothing: Option<f32>,
    /// Margin of the triplet loss.
    pub triplet_margin: Option<TripletMargin>,
    /// Distance of the triplet loss.
    pub triplet_distance: Option<EmbeddingDistance>,
    /// Method of choosing the triplets of a batch.
    pub miner: Option<MinerKind>,
    /// Weight of a classification loss that is added to the triplet loss.
    pub keep_classification: Option<f32>,
    /// Teacher for distillation. `None` means no teacher, or the starting network where that is a built-in model.
    pub teacher: Option<Teacher>,
    /// Weight of the teacher loss.
    pub teacher_weight: Option<f32>,
}

/// Options of batches, optimiser, schedule and augmentation.
#[derive(Debug, Clone, Default)]
pub struct StepOptions {
    /// Batch size in images.
    pub batch: Option<usize>,
    /// Identities per batch of triplets.
    pub identities_per_batch: Option<usize>,
    /// Images per identity in a batch of triplets.
    pub images_per_identity: Option<usize>,
    /// Images per epoch of triplets.
    pub images_per_epoch: Option<usize>,
    /// Number of batches to accumulate gradients over before each optimiser step.
    pub accumulate: Option<usize>,
    /// Optimiser.
    pub optimizer: Option<OptimizerKind>,
    /// Peak learning rate.
    pub learning_rate: Option<f32>,
    /// Weight decay.
    pub weight_decay: Option<f32>,
    /// Learning rate schedule.
    pub schedule: Option<Decay>,
    /// Maximum norm of the gradient; 0 turns clipping off.
    pub clip: Option<f32>,
    /// Decay of an exponential moving average of the weights.
    pub average: Option<f32>,
    /// Augmentation of the training faces.
    pub augmentation: Option<AugmentConfig>,
    /// Share of the training identities held out if the dataset has no validation split.
    pub validation: Option<f32>,
    /// Number of epochs without a better validation top-1 before the run stops early.
    pub patience: Option<u32>,
}

/// Options of domain adaptation.
#[derive(Debug, Clone, Default)]
pub struct AdaptationOptions {
    /// Dataset to adapt to (the target domain).
    pub adapt_to: Option<PathBuf>,
    /// Method of domain adaptation.
    pub method: Option<AdaptationMethod>,
    /// Weight of the adaptation loss.
    pub weight: Option<f32>,
    /// Activations to align between the domains.
    pub place: Option<AdaptationPlace>,
    /// Approximate number of other photos per person in the target, for clustering.
    pub neighbours: Option<usize>,
    /// Maximum strength λ of the gradient reversal.
    pub reversal_strength: Option<f32>,
    /// Batch normalisation statistics of the two domains.
    pub statistics: Option<DomainStatistics>,
}
