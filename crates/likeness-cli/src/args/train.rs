//! The flags of `likeness train`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args as Group, ValueEnum};
use likeness::train::options::{
    AdaptationOptions, LossOptions, Method, MinerKind, NetworkOptions, OptimizerKind, StepOptions,
    TrainOptions,
};
use likeness_data::augment::{AugmentConfig, StyleKind};
use likeness_train::adapt::{AdaptationMethod, AdaptationPlace, DomainStatistics};
use likeness_train::backbone::{Architecture, Stage};
use likeness_train::loss::{EmbeddingDistance, TripletMargin};
use likeness_train::ops::Precision;
use likeness_train::train::schedule::Decay;

use crate::failure::hinted;

/// Trains an embedding network on a dataset's labelled faces.
#[derive(Debug, Group)]
pub(crate) struct TrainArgs {
    /// The dataset.
    pub(crate) dataset: PathBuf,
    /// The run's folder.
    #[arg(short, long, value_name = "RUN")]
    pub(crate) output: PathBuf,
    /// Settings to begin with, as a run's run.toml has them; flags change them.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Go on with a run that was interrupted.
    #[arg(long)]
    pub(crate) resume: bool,
    /// What the network is asked for [default: triplet].
    #[arg(long, value_enum)]
    pub(crate) method: Option<MethodArg>,
    /// Epochs of the method [default: 8; of triplets 3].
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u32>,
    /// Epochs of classification before triplets [default: 8].
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) warm_up: Option<u32>,
    /// Seed of everything drawn by chance.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Where to compute: cpu, cuda, cuda:N or wgpu.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: String,
    /// Threads that prepare pictures [default: one a core].
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
    /// Print one JSON document about the run.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The network.
#[derive(Debug, Group)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Backbone: resnet18, resnet34, resnet50, vgg16, vgg16-bn, efficientnet-b0, mobilefacenet,
    /// mobilefacenet-x1, iresnet18, iresnet34, iresnet50 or iresnet100 [default: that of --weights, else resnet50].
    #[arg(long, value_name = "NAME")]
    pub(crate) backbone: Option<Architecture>,
    /// Weights to begin with: a PyTorch or safetensors file, a model folder, or a run.
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Layers that the weights may lack, as layer4,fc.
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    pub(crate) allow_missing: Vec<String>,
    /// Numbers in an embedding [default: those of --weights, else 512].
    #[arg(long, value_name = "N")]
    pub(crate) embedding_dim: Option<usize>,
    /// Side of the faces that enter, in pixels [default: 112].
    #[arg(long, value_name = "PX")]
    pub(crate) size: Option<u32>,
    /// Share of the features that is dropped.
    #[arg(long, value_name = "SHARE")]
    pub(crate) dropout: Option<f32>,
    /// What the backbone's convolutions multiply: bf16 is faster on processors with AVX-512 BF16 [default: full].
    #[arg(long, value_enum)]
    pub(crate) precision: Option<PrecisionArg>,
    /// Stages that do not learn, as stem,layer1.
    #[arg(long, value_name = "STAGES", value_delimiter = ',')]
    pub(crate) freeze: Vec<String>,
    /// Stages whose normalisation keeps its statistics.
    #[arg(long, value_name = "STAGES", value_delimiter = ',')]
    pub(crate) freeze_statistics: Vec<String>,
    /// Learning rate of a stage as a multiple, as layer1=0.1,head=2 [default: 1; with --weights 0.3 up to layer2
    /// and 0.5 of layer3].
    #[arg(long, value_name = "STAGE=FACTOR", value_delimiter = ',')]
    pub(crate) rates: Vec<String>,
}

/// The losses.
#[derive(Debug, Group)]
#[command(next_help_heading = "Losses")]
pub(crate) struct LossArgs {
    /// Margin of ArcFace in radians or CosFace on the cosine.
    #[arg(long, value_name = "M")]
    pub(crate) margin: Option<f32>,
    /// Scale of ArcFace and CosFace.
    #[arg(long, value_name = "S")]
    pub(crate) scale: Option<f32>,
    /// Label smoothing of the classification.
    #[arg(long, value_name = "SHARE")]
    pub(crate) label_smoothing: Option<f32>,
    /// Margin of triplets: a number, or soft [default: soft].
    #[arg(long, value_name = "M")]
    pub(crate) triplet_margin: Option<String>,
    /// Distance of triplets [default: squared-euclidean].
    #[arg(long, value_enum)]
    pub(crate) triplet_distance: Option<TripletDistanceArg>,
    /// Which triplets of a batch count [default: batch-hard].
    #[arg(long, value_enum)]
    pub(crate) miner: Option<MinerArg>,
    /// Keep the classification in the sum with triplets, with this weight.
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) keep_classification: Option<f32>,
    /// Learn the embeddings of this model as well, an ONNX file or a model folder: as they are where --embedding-dim is theirs,
    /// else up to a linear map.
    #[arg(long, value_name = "MODEL")]
    pub(crate) teacher: Option<String>,
    /// Weight of the teacher in the sum [default: 4].
    #[arg(long, value_name = "WEIGHT", requires = "teacher")]
    pub(crate) teacher_weight: Option<f32>,
}

/// Adaptation to faces without labels.
#[derive(Debug, Group)]
#[command(next_help_heading = "Adaptation")]
pub(crate) struct AdaptationArgs {
    /// Adapt to the training split of this dataset, whose labels only --adapt labels looks at.
    #[arg(long, value_name = "DATASET")]
    pub(crate) adapt_to: Option<PathBuf>,
    /// How [default: clusters].
    #[arg(long, value_enum, requires = "adapt_to")]
    pub(crate) adapt: Option<AdaptArg>,
    /// Weight of the domain loss in the sum [default: 1].
    #[arg(long, value_name = "WEIGHT", requires = "adapt_to")]
    pub(crate) adapt_weight: Option<f32>,
    /// What is made alike in both domains [default: embedding].
    #[arg(long, value_enum, requires = "adapt_to")]
    pub(crate) adapt_at: Option<AdaptPlaceArg>,
    /// About how many other photos there are of a person in the target, for --adapt clusters [default: 6].
    #[arg(long, value_name = "N", requires = "adapt_to")]
    pub(crate) adapt_neighbours: Option<usize>,
    /// Greatest strength of the gradient reversal, λ [default: 1].
    #[arg(long, value_name = "LAMBDA", requires = "adapt_to")]
    pub(crate) reversal_strength: Option<f32>,
    /// Whose statistics normalise faces [default: separate].
    #[arg(long, value_enum, requires = "adapt_to")]
    pub(crate) adapt_statistics: Option<AdaptStatisticsArg>,
}

/// How a network adapts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdaptArg {
    /// Unlearn what tells the domains apart.
    Dann,
    /// The same, each identity by itself.
    Cdan,
    /// Draw the covariances together.
    Coral,
    /// Learn from groups of target faces that the network's own embeddings fall into.
    Clusters,
    /// Learn from the target's own labels, as clusters does from groups.
    Labels,
    /// Take the target's statistics, and nothing else.
    #[value(name = "adabn")]
    AdaBn,
}

/// What is made alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdaptPlaceArg {
    /// The backbone's output.
    Features,
    /// The head's output.
    Embedding,
}

/// Whose statistics normalise faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AdaptStatisticsArg {
    /// Each domain's own: RUN/model is for the source, RUN/target for the target.
    Separate,
    /// Those of both together: RUN/model is for both.
    Shared,
}

/// How it learns.
#[derive(Debug, Group)]
#[command(next_help_heading = "Steps")]
pub(crate) struct StepArgs {
    /// Images in a batch [default: 32].
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
    /// Identities in a batch of triplets [default: 8].
    #[arg(long, value_name = "P")]
    pub(crate) identities_per_batch: Option<usize>,
    /// Images of each identity in a batch of triplets [default: 4].
    #[arg(long, value_name = "K")]
    pub(crate) images_per_identity: Option<usize>,
    /// Images of an epoch of triplets [default: as many as there are].
    #[arg(long, value_name = "N")]
    pub(crate) images_per_epoch: Option<usize>,
    /// Batches whose gradients make one step.
    #[arg(long, value_name = "N")]
    pub(crate) accumulate: Option<usize>,
    /// Optimiser [default: adamw].
    #[arg(long, value_enum)]
    pub(crate) optimizer: Option<OptimizerArg>,
    /// Highest learning rate [default: 0.001; of triplets a tenth].
    #[arg(long, value_name = "RATE")]
    pub(crate) learning_rate: Option<f32>,
    /// Decay of the weights.
    #[arg(long, value_name = "DECAY")]
    pub(crate) weight_decay: Option<f32>,
    /// How the rate moves [default: cosine].
    #[arg(long, value_enum)]
    pub(crate) schedule: Option<ScheduleArg>,
    /// Longest gradient; 0 clips none [default: 5].
    #[arg(long, value_name = "NORM")]
    pub(crate) clip: Option<f32>,
    /// Keep a running average of the weights, this much of it at each step, as 0.999.
    #[arg(long, value_name = "DECAY")]
    pub(crate) average: Option<f32>,
    /// What is done to faces before the network sees them [default: default].
    #[arg(long, value_enum)]
    pub(crate) augment: Option<AugmentArg>,
    /// Share of the training identities held out where the dataset has no validation split [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    pub(crate) validation: Option<f32>,
    /// Stop after so many epochs without a better validation top-1.
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) patience: Option<u32>,
}

/// What the network is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodArg {
    /// The identity, by a linear classifier.
    Classification,
    /// Positives closer than negatives, after a warm-up of classification.
    Triplet,
    /// The identity by angle, with a margin on the angle.
    #[value(name = "arcface")]
    ArcFace,
    /// The identity by angle, with a margin on the cosine.
    #[value(name = "cosface")]
    CosFace,
    /// A teacher's embeddings alone.
    Teacher,
}

/// Numbers that convolutions multiply; sums are 32-bit floats always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionArg {
    /// 32-bit floats.
    Full,
    /// bfloat16.
    Bf16,
}

/// Distance of triplets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TripletDistanceArg {
    /// Squared length of the difference.
    SquaredEuclidean,
    /// Length of the difference.
    Euclidean,
    /// 1 − cosine similarity.
    Cosine,
}

/// Which triplets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MinerArg {
    /// Every one.
    All,
    /// Farthest positive and closest negative of each anchor.
    BatchHard,
    /// Negatives farther than the positive, within the margin.
    SemiHard,
    /// Closest positive and closest negative of each anchor.
    EasyPositive,
    /// By chance.
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

/// Schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScheduleArg {
    /// Half a cosine down to a hundredth.
    Cosine,
    /// Times 0.1 at half and at three quarters.
    Step,
    /// The same throughout.
    Constant,
}

/// Strength of augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AugmentArg {
    /// Nothing.
    None,
    /// Flips, small turns and shifts, some colour.
    Default,
    /// More of everything.
    Strong,
    /// More of colour and compression, and every third face posterised, sketched or outlined.
    Style,
    /// The default, and every third face in a few levels of each colour.
    Posterise,
    /// The default, and every third face as a pencil drawing.
    Sketch,
    /// The default, and every third face in few colours under dark outlines.
    Outline,
    /// The default with more of colour.
    Colour,
    /// The default with more of compression.
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
        })
    }
}

impl NetworkArgs {
    fn options(&self) -> anyhow::Result<NetworkOptions> {
        let stages =
            |names: &[String]| names.iter().map(|name| stage(name)).collect::<anyhow::Result<Vec<_>>>();
        Ok(NetworkOptions {
            backbone: self.backbone,
            weights: self.weights.clone(),
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
            teacher: self.teacher.clone(),
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

/// A stage and its learning rate as a multiple, as `layer1=0.1`.
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

/// Converts a flag's values to those of the library.
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
