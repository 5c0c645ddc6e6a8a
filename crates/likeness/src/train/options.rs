//! What a training run is asked for. `None` keeps the default, the value of the settings file, or the run's own value.

use std::path::PathBuf;

use likeness_data::augment::AugmentConfig;
use likeness_train::adapt::{AdaptationMethod, AdaptationPlace, DomainStatistics};
use likeness_train::backbone::{Architecture, Stage};
use likeness_train::loss::{EmbeddingDistance, TripletMargin};
use likeness_train::ops::Precision;
use likeness_train::train::schedule::Decay;

/// The training method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A linear classifier of identities.
    Classification,
    /// Triplets, after a warm-up of classification.
    Triplet,
    /// A classifier with a margin on the angle.
    ArcFace,
    /// A classifier with a margin on the cosine.
    CosFace,
    /// A teacher's embeddings alone.
    Teacher,
}

impl Method {
    /// The name in flags and messages.
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

/// Which triplets of a batch count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinerKind {
    /// Every one.
    All,
    /// Farthest positive and closest negative of each anchor.
    BatchHard,
    /// Negatives farther than the positive, within the margin.
    SemiHard,
    /// Closest positive and closest negative of each anchor.
    EasyPositive,
    /// Random ones.
    Random,
}

/// The optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptimizerKind {
    /// Gradient descent with momentum 0.9.
    Sgd,
    /// Adam with decoupled weight decay.
    AdamW,
}

/// A training run.
#[derive(Debug, Clone, Default)]
pub struct TrainOptions {
    /// The dataset.
    pub dataset: PathBuf,
    /// The run's folder.
    pub output: PathBuf,
    /// A file of settings, such as the `run.toml` of another run.
    pub config: Option<PathBuf>,
    /// Continue the run in the folder.
    pub resume: bool,
    /// The method.
    pub method: Option<Method>,
    /// Epochs of the method.
    pub epochs: Option<u32>,
    /// Epochs of classification before triplets.
    pub warm_up: Option<u32>,
    /// Seed of all random numbers.
    pub seed: Option<u64>,
    /// Where to compute: cpu, cuda, cuda:N or wgpu.
    pub device: String,
    /// Threads that prepare images.
    pub workers: Option<usize>,
    /// The network.
    pub network: NetworkOptions,
    /// The losses.
    pub losses: LossOptions,
    /// Batches, optimiser, schedule and augmentation.
    pub steps: StepOptions,
    /// Adaptation to faces without labels.
    pub adaptation: AdaptationOptions,
}

/// The network of a run.
#[derive(Debug, Clone, Default)]
pub struct NetworkOptions {
    /// The backbone.
    pub backbone: Option<Architecture>,
    /// Starting weights: a PyTorch or safetensors file, a model folder, or a run.
    pub weights: Option<PathBuf>,
    /// Layers that the weights may lack.
    pub allow_missing: Vec<String>,
    /// Dimension of an embedding.
    pub embedding_dim: Option<usize>,
    /// Side of the input, in pixels.
    pub size: Option<u32>,
    /// Share of the features that are dropped.
    pub dropout: Option<f32>,
    /// Precision of the backbone's convolutions.
    pub precision: Option<Precision>,
    /// Stages that are not trained.
    pub freeze: Vec<Stage>,
    /// Stages whose normalisation keeps its statistics.
    pub freeze_statistics: Vec<Stage>,
    /// Learning rates of stages, as multiples of the run's.
    pub rates: Vec<(Stage, f32)>,
}

/// The losses of a run.
#[derive(Debug, Clone, Default)]
pub struct LossOptions {
    /// Margin of ArcFace in radians, or of CosFace on the cosine.
    pub margin: Option<f32>,
    /// Scale of ArcFace and CosFace.
    pub scale: Option<f32>,
    /// Label smoothing of the classification.
    pub label_smoothing: Option<f32>,
    /// Margin of triplets.
    pub triplet_margin: Option<TripletMargin>,
    /// Distance of triplets.
    pub triplet_distance: Option<EmbeddingDistance>,
    /// Which triplets of a batch count.
    pub miner: Option<MinerKind>,
    /// Weight of a classification that is kept in the sum with triplets.
    pub keep_classification: Option<f32>,
    /// A model whose embeddings are learned as well.
    pub teacher: Option<String>,
    /// Weight of the teacher in the sum.
    pub teacher_weight: Option<f32>,
}

/// Batches, optimiser, schedule and augmentation of a run.
#[derive(Debug, Clone, Default)]
pub struct StepOptions {
    /// Images in a batch.
    pub batch: Option<usize>,
    /// Identities in a batch of triplets.
    pub identities_per_batch: Option<usize>,
    /// Images of each identity in a batch of triplets.
    pub images_per_identity: Option<usize>,
    /// Images in an epoch of triplets.
    pub images_per_epoch: Option<usize>,
    /// Batches whose gradients make one step.
    pub accumulate: Option<usize>,
    /// The optimiser.
    pub optimizer: Option<OptimizerKind>,
    /// Highest learning rate.
    pub learning_rate: Option<f32>,
    /// Weight decay.
    pub weight_decay: Option<f32>,
    /// How the learning rate decays.
    pub schedule: Option<Decay>,
    /// Largest norm of the gradient; 0 clips none.
    pub clip: Option<f32>,
    /// Decay of a running average of the weights.
    pub average: Option<f32>,
    /// Augmentation.
    pub augmentation: Option<AugmentConfig>,
    /// Share of the training identities held out where the dataset has no validation split.
    pub validation: Option<f32>,
    /// Epochs without a better validation top-1 after which the run ends.
    pub patience: Option<u32>,
}

/// Adaptation to faces without labels.
#[derive(Debug, Clone, Default)]
pub struct AdaptationOptions {
    /// The dataset to adapt to.
    pub adapt_to: Option<PathBuf>,
    /// How.
    pub method: Option<AdaptationMethod>,
    /// Weight of the domain loss in the sum.
    pub weight: Option<f32>,
    /// Which activations are made alike in both domains.
    pub place: Option<AdaptationPlace>,
    /// About how many other photos of a person the target has, for clusters.
    pub neighbours: Option<usize>,
    /// Greatest strength of the gradient reversal, λ.
    pub reversal_strength: Option<f32>,
    /// Whose statistics normalise faces.
    pub statistics: Option<DomainStatistics>,
}
