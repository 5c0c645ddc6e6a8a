//! Flags of `likeness train`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args as Group, ValueEnum};
use likeness::train::options::{
    AdaptationOptions, BuiltInModels, LossOptions, Method, MinerKind, NetworkOptions, OptimizerKind,
    StepOptions, Teacher, TrainOptions, Weights,
};
use likeness_data::augment::{AugmentConfig, StyleKind};
use likeness_train::adapt::{AdaptationMethod, AdaptationPlace, DomainStatistics};
use likeness_train::backbone::{Architecture, Stage};
use likeness_train::loss::{EmbeddingDistance, TripletMargin};
use likeness_train::ops::Precision;
use likeness_train::train::schedule::Decay;

use crate::failure::hinted;

/// Trains an embedding network on the labelled faces of a dataset.
#[derive(Debug, Group)]
pub(crate) struct TrainArgs {
    /// Dataset to train on.
    pub(crate) dataset: PathBuf,
    /// Run folder to write: settings, checkpoints, history and the trained network.
    #[arg(short, long, value_name = "RUN")]
    pub(crate) output: PathBuf,
    /// Settings file, such as the run.toml of another run; flags override its values.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Continue an interrupted run.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Training objective [default: triplet].
    #[arg(long, value_enum)]
    pub(crate) method: Option<MethodArg>,
    /// Number of epochs of the training objective [default: 8, or 3 for triplet].
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u32>,
    /// Number of warm-up epochs of classification before --method triplet [default: 8].
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) warm_up: Option<u32>,
    /// Seed of all random numbers [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Device to train on: cpu, cuda, cuda:N or wgpu.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: String,
    /// Number of threads that load and augment images [default: one per core].
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) losses: LossArgs,
    #[command(flatten)]
    pub(crate) steps: StepArgs,
    #[command(flatten)]
    pub(crate) adaptation: AdaptationArgs,
    /// Print a summary of the run as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of the network.
#[derive(Debug, Group)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Backbone architecture: resnet18, resnet34, resnet50, vgg16, vgg16-bn, efficientnet-b0,
    /// efficientnet-lite0, dlib-resnet, mobilefacenet, mobilefacenet-x1, iresnet18, iresnet34, iresnet50 or iresnet100
    /// [default: that of the starting weights, else resnet50].
    #[arg(long, value_name = "NAME")]
    pub(crate) backbone: Option<Architecture>,
    /// Starting weights: a PyTorch or safetensors file, a model folder, a run, or none for random weights [default: without
    /// --backbone the built-in model that fits the dataset, else none].
    #[arg(long, value_name = "FILE|none")]
    pub(crate) weights: Option<PathBuf>,
    /// Layers that may be missing from --weights, such as layer4,fc; they are initialised randomly.
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    pub(crate) allow_missing: Vec<String>,
    /// Dimension of an embedding [default: that of --weights, else 512].
    #[arg(long, value_name = "N")]
    pub(crate) embedding_dim: Option<usize>,
    /// Side of the input faces, in pixels [default: 150 for dlib-resnet, 224 for efficientnet-lite0, else 112].
    #[arg(long, value_name = "PX")]
    pub(crate) size: Option<u32>,
    /// Dropout rate of the features, from 0 to 1.
    #[arg(long, value_name = "SHARE")]
    pub(crate) dropout: Option<f32>,
    /// Precision of the convolutions of the backbone; bf16 is faster on processors with AVX-512 BF16 [default: full].
    #[arg(long, value_enum)]
    pub(crate) precision: Option<PrecisionArg>,
    /// Stages to freeze, such as stem,layer1.
    #[arg(long, value_name = "STAGES", value_delimiter = ',')]
    pub(crate) freeze: Vec<String>,
    /// Stages whose batch normalisation keeps its statistics, such as stem,layer1.
    #[arg(long, value_name = "STAGES", value_delimiter = ',')]
    pub(crate) freeze_statistics: Vec<String>,
    /// Learning rates of stages as factors of --learning-rate, such as layer1=0.1,head=2 [default: 1; with --weights 0.3 up
    /// to layer2 and 0.5 for layer3].
    #[arg(long, value_name = "STAGE=FACTOR", value_delimiter = ',')]
    pub(crate) rates: Vec<String>,
}

/// Flags of the losses.
#[derive(Debug, Group)]
#[command(next_help_heading = "Losses")]
pub(crate) struct LossArgs {
    /// Margin of ArcFace (in radians) or CosFace (on the cosine).
    #[arg(long, value_name = "M")]
    pub(crate) margin: Option<f32>,
    /// Scale of the logits of ArcFace and CosFace.
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<f32>,
    /// Label smoothing of the classification loss, from 0 to 1.
    #[arg(long, value_name = "SHARE")]
    pub(crate) label_smoothing: Option<f32>,
    /// Margin of the triplet loss: a number such as 0.2, or soft [default: soft].
    #[arg(long, value_name = "M")]
    pub(crate) triplet_margin: Option<String>,
    /// Distance of the triplet loss [default: squared-euclidean].
    #[arg(long, value_enum)]
    pub(crate) triplet_distance: Option<TripletDistanceArg>,
    /// Method of choosing the triplets of a batch [default: batch-hard].
    #[arg(long, value_enum)]
    pub(crate) miner: Option<MinerArg>,
    /// Add the classification loss to the triplet loss, with this weight.
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) keep_classification: Option<f32>,
    /// Teacher for distillation: an ONNX file, a model folder, or none. If --embedding-dim differs from its dimension, a
    /// linear projection is trained as well [default: the built-in model that the run starts from, if it does, else none].
    #[arg(long, value_name = "MODEL|none")]
    pub(crate) teacher: Option<String>,
    /// Weight of the teacher loss [default: 4; 30 for the built-in model that the run starts from].
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) teacher_weight: Option<f32>,
}

/// Flags of domain adaptation.
#[derive(Debug, Group)]
#[command(next_help_heading = "Adaptation")]
pub(crate) struct AdaptationArgs {
    /// Adapt to the training split of this dataset (the target domain); only --adapt labels uses its labels.
    #[arg(long, value_name = "DATASET")]
    pub(crate) adapt_to: Option<PathBuf>,
    /// Method of domain adaptation [default: clusters].
    #[arg(long, value_enum, requires = "adapt_to")]
    pub(crate) adapt: Option<AdaptArg>,
    /// Weight of the adaptation loss [default: 1].
    #[arg(long, value_name = "WEIGHT", requires = "adapt_to")]
    pub(crate) adapt_weight: Option<f32>,
    /// Activations to align between the domains [default: embedding].
    #[arg(long, value_enum, requires = "adapt_to")]
    pub(crate) adapt_at: Option<AdaptPlaceArg>,
    /// Approximate number of other photos per person in the target, for --adapt clusters [default: 6].
    #[arg(long, value_name = "N", requires = "adapt_to")]
    pub(crate) adapt_neighbours: Option<usize>,
    /// Maximum strength λ of the gradient reversal, for --adapt dann and cdan [default: 1].
    #[arg(long, value_name = "LAMBDA", requires = "adapt_to")]
    pub(crate) reversal_strength: Option<f32>,
    /// Batch normalisation statistics of the two domains [default: separate].
    #[arg(long, value_enum, requires = "adapt_to")]
    pub(crate) adapt_statistics: Option<AdaptStatisticsArg>,
}

/// Methods of domain adaptation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdaptArg {
    /// Domain-adversarial training: make features indistinguishable between the domains.
    Dann,
    /// Domain-adversarial training, conditioned on the identity.
    Cdan,
    /// Match the covariances of the domains.
    Coral,
    /// Cluster the target faces by their embeddings, and train on the clusters.
    Clusters,
    /// Train on the labels of the target, as clusters does on clusters.
    Labels,
    /// Only recompute the batch normalisation statistics on the target.
    #[value(name = "adabn")]
    AdaBn,
}

/// Activations to align between the domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdaptPlaceArg {
    /// Output of the backbone.
    Features,
    /// Output of the head.
    Embedding,
}

/// Batch normalisation statistics of the two domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdaptStatisticsArg {
    /// Separate statistics per domain: RUN/model is for the source, RUN/target for the target.
    Separate,
    /// Statistics of both domains together: RUN/model is for both.
    Shared,
}

/// Flags of batches, optimiser, schedule and augmentation.
#[derive(Debug, Group)]
#[command(next_help_heading = "Steps")]
pub(crate) struct StepArgs {
    /// Batch size in images [default: 32].
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
    /// Identities per batch of triplets [default: 8].
    #[arg(long, value_name = "P")]
    pub(crate) identities_per_batch: Option<usize>,
    /// Images per identity in a batch of triplets [default: 4].
    #[arg(long, value_name = "K")]
    pub(crate) images_per_identity: Option<usize>,
    /// Images per epoch of triplets [default: all training images].
    #[arg(long, value_name = "N")]
    pub(crate) images_per_epoch: Option<usize>,
    /// Number of batches to accumulate gradients over before each optimiser step [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) accumulate: Option<usize>,
    /// Optimiser [default: adamw].
    #[arg(long, value_enum)]
    pub(crate) optimizer: Option<OptimizerArg>,
    /// Peak learning rate [default: 0.001; triplets after a warm-up use a tenth].
    #[arg(long, value_name = "RATE")]
    pub(crate) learning_rate: Option<f32>,
    /// Weight decay.
    #[arg(long, value_name = "DECAY")]
    pub(crate) weight_decay: Option<f32>,
    /// Learning rate schedule [default: cosine].
    #[arg(long, value_enum)]
    pub(crate) schedule: Option<ScheduleArg>,
    /// Maximum norm of the gradient; 0 turns clipping off [default: 5].
    #[arg(long, value_name = "NORM")]
    pub(crate) clip: Option<f32>,
    /// Decay of an exponential moving average of the weights, such as 0.999; 0 turns it off [default: 0].
    #[arg(long, value_name = "DECAY")]
    pub(crate) average: Option<f32>,
    /// Augmentation of the training faces [default: default].
    #[arg(long, value_enum)]
    pub(crate) augment: Option<AugmentArg>,
    /// Share of the training identities held out if the dataset has no validation split [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    pub(crate) validation: Option<f32>,
    /// Stop early after this many epochs without a better validation top-1.
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) patience: Option<u32>,
}

/// Training objectives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodArg {
    /// Softmax classification of identities.
    Classification,
    /// Triplet loss, after a warm-up of classification.
    Triplet,
    /// Classification with a margin on the angle.
    #[value(name = "arcface")]
    ArcFace,
    /// Classification with a margin on the cosine.
    #[value(name = "cosface")]
    CosFace,
    /// Distillation only: the embeddings of --teacher.
    Teacher,
}

/// Precision of the operands of convolutions. Sums are always 32-bit floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionArg {
    /// 32-bit floats.
    Full,
    /// bfloat16.
    Bf16,
}

/// Distance of the triplet loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TripletDistanceArg {
    /// Squared Euclidean distance.
    SquaredEuclidean,
    /// Euclidean (L2) distance.
    Euclidean,
    /// 1 − cosine similarity.
    Cosine,
}

/// Methods of choosing the triplets of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MinerArg {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptimizerArg {
    /// Gradient descent with momentum 0.9.
    Sgd,
    /// Adam with decoupled weight decay.
    #[value(name = "adamw")]
    AdamW,
}

/// Learning rate schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScheduleArg {
    /// Cosine decay to a hundredth of the peak.
    Cosine,
    /// Factor of 0.1 at half and at three quarters of the epochs.
    Step,
    /// Constant learning rate.
    Constant,
}

/// Augmentations of the training faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AugmentArg {
    /// No augmentation.
    None,
    /// Flips, small rotations and shifts, small changes of colour.
    Default,
    /// As default, but stronger.
    Strong,
    /// Stronger colour changes and compression; every third face is posterised, sketched or outlined.
    Style,
    /// As default; every third face is reduced to a few levels per channel.
    Posterise,
    /// As default; every third face becomes a pencil drawing.
    Sketch,
    /// As default; every third face gets few colours and dark outlines.
    Outline,
    /// As default, with stronger changes of colour.
    Colour,
    /// As default, with stronger compression.
    Compression,
}

impl TrainArgs {
    /// The options that the flags set.
    ///
    /// # Errors        a stage, a rate or a margin that cannot be parsed
    pub(crate) fn options(&self) -> anyhow::Result<TrainOptions> {
        Ok(TrainOptions {
            dataset: self.dataset.clone(),
            output: self.output.clone(),
            config: self.config.clone(),
            resume: self.resume,
            method: self.method.map(Method::from),
            epochs: self.epochs,
            warm_up: self.warm_up,
            seed: self.seed,
            device: self.device.clone(),
            workers: self.workers,
            network: self.network.options()?,
            losses: self.losses.options()?,
            steps: self.steps.options(),
            adaptation: self.adaptation.options(),
            built_in: BuiltInModels::of_program(),
        })
    }
}

impl NetworkArgs {
    fn options(&self) -> anyhow::Result<NetworkOptions> {
        let stages =
            |names: &[String]| names.iter().map(|name| stage(name)).collect::<anyhow::Result<Vec<_>>>();
        Ok(NetworkOptions {
            backbone: self.backbone,
            weights: self.weights.as_ref().map(|path| match path.to_str() {
                Some("none") => Weights::Random,
                _ => Weights::File(path.clone()),
            }),
            allow_missing: self.allow_missing.clone(),
            embedding_dim: self.embedding_dim,
            size: self.size,
            dropout: self.dropout,
            precision: self.precision.map(Precision::from),
            freeze: stages(&self.freeze)?,
            freeze_statistics: stages(&self.freeze_statistics)?,
            rates: self.rates.iter().map(|rate| stage_rate(rate)).collect::<anyhow::Result<_>>()?,
        })
    }
}

impl LossArgs {
    fn options(&self) -> anyhow::Result<LossOptions> {
        Ok(LossOptions {
            margin: self.margin,
            scale: self.scale,
            label_smoothing: self.label_smoothing,
            triplet_margin: self.triplet_margin.as_deref().map(triplet_margin).transpose()?,
            triplet_distance: self.triplet_distance.map(EmbeddingDistance::from),
            miner: self.miner.map(MinerKind::from),
            keep_classification: self.keep_classification,
            teacher: self.teacher.as_ref().map(|name| match name.as_str() {
                "none" => Teacher::None,
                _ => Teacher::Model(name.clone()),
            }),
            teacher_weight: self.teacher_weight,
        })
    }
}

impl StepArgs {
    fn options(&self) -> StepOptions {
        StepOptions {
            batch: self.batch,
            identities_per_batch: self.identities_per_batch,
            images_per_identity: self.images_per_identity,
            images_per_epoch: self.images_per_epoch,
            accumulate: self.accumulate,
            optimizer: self.optimizer.map(OptimizerKind::from),
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            schedule: self.schedule.map(Decay::from),
            clip: self.clip,
            average: self.average,
            augmentation: self.augment.map(AugmentConfig::from),
            validation: self.validation,
            patience: self.patience,
        }
    }
}

impl AdaptationArgs {
    fn options(&self) -> AdaptationOptions {
        AdaptationOptions {
            adapt_to: self.adapt_to.clone(),
            method: self.adapt.map(AdaptationMethod::from),
            weight: self.adapt_weight,
            place: self.adapt_at.map(AdaptationPlace::from),
            neighbours: self.adapt_neighbours,
            reversal_strength: self.reversal_strength,
            statistics: self.adapt_statistics.map(DomainStatistics::from),
        }
    }
}

fn stage(name: &str) -> anyhow::Result<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.name() == name).ok_or_else(|| {
        hinted(
            format!("{name}: no such stage"),
            format!("stages are {}", Stage::ALL.map(Stage::name).join(", ")),
        )
    })
}

/// Parses a stage and the factor of its learning rate, such as `layer1=0.1`.
fn stage_rate(text: &str) -> anyhow::Result<(Stage, f32)> {
    let (name, factor) =
        text.split_once('=').with_context(|| format!("--rates {text}: expected STAGE=FACTOR"))?;
    let factor = factor.parse().with_context(|| format!("--rates {text}: expected a number"))?;
    Ok((stage(name)?, factor))
}

fn triplet_margin(text: &str) -> anyhow::Result<TripletMargin> {
    if text == "soft" {
        return Ok(TripletMargin::Soft);
    }
    let margin =
        text.parse().with_context(|| format!("--triplet-margin {text}: expected a number or soft"))?;
    Ok(TripletMargin::Hinge(margin))
}

/// Converts the values of a flag to those of the library.
macro_rules! convert {
    ($from:ident => $to:ty { $($value:ident => $into:expr),+ $(,)? }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value {
                    $($from::$value => $into),+
                }
            }
        }
    };
}

convert!(MethodArg => Method {
    Classification => Method::Classification,
    Triplet => Method::Triplet,
    ArcFace => Method::ArcFace,
    CosFace => Method::CosFace,
    Teacher => Method::Teacher,
});
convert!(PrecisionArg => Precision { Full => Precision::Full, Bf16 => Precision::Bf16 });
convert!(TripletDistanceArg => EmbeddingDistance {
    SquaredEuclidean => EmbeddingDistance::SquaredEuclidean,
    Euclidean => EmbeddingDistance::Euclidean,
    Cosine => EmbeddingDistance::Cosine,
});
convert!(MinerArg => MinerKind {
    All => MinerKind::All,
    BatchHard => MinerKind::BatchHard,
    SemiHard => MinerKind::SemiHard,
    EasyPositive => MinerKind::EasyPositive,
    Random => MinerKind::Random,
});
convert!(OptimizerArg => OptimizerKind { Sgd => OptimizerKind::Sgd, AdamW => OptimizerKind::AdamW });
convert!(ScheduleArg => Decay { Cosine => Decay::Cosine, Step => Decay::Step, Constant => Decay::Constant });
convert!(AugmentArg => AugmentConfig {
    None => AugmentConfig::none(),
    Default => AugmentConfig::default(),
    Strong => AugmentConfig::strong(),
    Style => AugmentConfig::style(),
    Posterise => AugmentConfig::drawn(Some(StyleKind::Posterise)),
    Sketch => AugmentConfig::drawn(Some(StyleKind::Sketch)),
    Outline => AugmentConfig::drawn(Some(StyleKind::Outline)),
    Colour => AugmentConfig::colour(),
    Compression => AugmentConfig::compression(),
});
convert!(AdaptArg => AdaptationMethod {
    Dann => AdaptationMethod::Dann,
    Cdan => AdaptationMethod::Cdan,
    Coral => AdaptationMethod::Coral,
    Clusters => AdaptationMethod::Clusters,
    Labels => AdaptationMethod::Labels,
    AdaBn => AdaptationMethod::AdaBn,
});
convert!(AdaptPlaceArg => AdaptationPlace {
    Features => AdaptationPlace::Features,
    Embedding => AdaptationPlace::Embedding,
});
convert!(AdaptStatisticsArg => DomainStatistics {
    Separate => DomainStatistics::Separate,
    Shared => DomainStatistics::Shared,
});
