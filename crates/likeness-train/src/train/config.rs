//! What is trained and how, as `run.toml` has it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use likeness_data::augment::AugmentConfig;
use serde::{Deserialize, Serialize};

use super::schedule::ScheduleConfig;
use crate::SettingDifference;
use crate::adapt::AdaptationConfig;
use crate::backbone::{Architecture, Stage};
use crate::loss::{ArcFaceConfig, ClassificationConfig, CosFaceConfig, TripletConfig};
use crate::miner::Miner;
use crate::network::NetworkConfig;
use crate::sampler::{BalancedConfig, SamplerConfig};

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Side of the faces that enter the network, in pixels.
    pub input_px: u32,
    /// Weights that the backbone begins with; drawn from the seed where there are none.
    pub weights: Option<PathBuf>,
    /// Layers that may be missing in the weights.
    pub allow_missing: Vec<String>,
    /// Share of the training identities that is held out for validation where the dataset has no validation split.
    pub validation_share: f32,
    /// Epochs without a better validation top-1 after which a run stops; none go on to the end.
    pub patience: Option<u32>,
    /// How much of the averaged weights a step keeps; 0 averages nothing.
    pub averaging: f32,
    /// Longest gradient; longer ones are scaled down to it.
    pub clip_norm: Option<f32>,
    /// Batches whose gradients make one step.
    pub accumulate: usize,
    /// Stages that do not learn.
    pub freeze: Vec<Stage>,
    /// Stages whose batch normalisation keeps its running statistics.
    pub freeze_statistics: Vec<Stage>,
    /// Learning rate of a stage, as a multiple of the phase's.
    pub rates: BTreeMap<Stage, f32>,
    /// Threads that prepare batches; 0 is one a core.
    pub workers: usize,
    /// Memory for decoded faces, in MiB.
    pub cache_mib: usize,
    /// The network.
    pub network: NetworkConfig,
    /// How gradients become steps.
    pub optimizer: OptimizerConfig,
    /// What is done to faces before the network sees them.
    pub augmentation: AugmentConfig,
    /// Adaptation to a domain without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<AdaptationConfig>,
    /// One after the other.
    pub phases: Vec<PhaseConfig>,
}

impl Default for TrainConfig {
    /// The triplet recipe of [`TrainConfig::triplet`] for a ResNet50.
    fn default() -> Self {
        Self::triplet(Architecture::default())
    }
}

/// How gradients become steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Stochastic gradient descent with momentum, as PyTorch's.
    Sgd {
        /// Share of the last step that is kept.
        momentum: f32,
        /// Added to the gradient, times the weight.
        weight_decay: f32,
    },
    /// Loshchilov and Hutter (2019), arXiv 1711.05101.
    AdamW {
        /// Share of the gradient's running mean that is kept.
        beta1: f32,
        /// Share of the squared gradient's running mean that is kept.
        beta2: f32,
        /// Taken off the weight a step, times rate and weight.
        weight_decay: f32,
    },
}

impl Default for OptimizerConfig {
    /// AdamW with the paper's betas and a decay of 0.05.
    fn default() -> Self {
        Self::AdamW { beta1: 0.9, beta2: 0.999, weight_decay: 0.05 }
    }
}

/// A stretch of a run with its own losses, batches and rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseConfig {
    /// What it is called in history and progress.
    pub name: String,
    /// Epochs.
    pub epochs: u32,
    /// Highest learning rate.
    pub learning_rate: f32,
    /// How the rate moves.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// Which images make a batch.
    pub sampler: SamplerConfig,
    /// What is made small: the weighted sum.
    pub losses: Vec<WeightedLoss>,
}

/// A loss and its part in the sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightedLoss {
    /// Factor in the sum.
    #[serde(default = "one")]
    pub weight: f32,
    /// The loss.
    #[serde(flatten)]
    pub loss: LossConfig,
}

fn one() -> f32 {
    1.0
}

/// What a network is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "loss", rename_all = "kebab-case")]
pub enum LossConfig {
    /// The identity among those trained on, by a linear classifier.
    Classification(ClassificationConfig),
    /// The same by angle, with a margin on the angle.
    #[serde(rename = "arcface")]
    ArcFace(ArcFaceConfig),
    /// The same by angle, with a margin on the cosine.
    #[serde(rename = "cosface")]
    CosFace(CosFaceConfig),
    /// Positives closer than negatives.
    Triplet {
        /// Which triplets.
        miner: Miner,
        /// What a triplet costs.
        #[serde(flatten)]
        triplet: TripletConfig,
    },
    /// The embedding that a teacher has of the same face, by cosine: Hinton et al. (2015), arXiv 1503.02531, with
    /// embeddings for logits.
    Teacher,
}

impl LossConfig {
    /// Its name in settings and history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Classification(_) => "classification",
            Self::ArcFace(_) => "arcface",
            Self::CosFace(_) => "cosface",
            Self::Triplet { .. } => "triplet",
            Self::Teacher => "teacher",
        }
    }

    /// Whether it tells identities apart by a classifier.
    pub fn classifies(&self) -> bool {
        matches!(self, Self::Classification(_) | Self::ArcFace(_) | Self::CosFace(_))
    }
}

impl TrainConfig {
    fn with_phases(architecture: Architecture, phases: Vec<PhaseConfig>) -> Self {
        Self {
            seed: 0,
            input_px: 112,
            weights: None,
            allow_missing: Vec::new(),
            validation_share: 0.1,
            patience: None,
            averaging: 0.0,
            clip_norm: Some(5.0),
            accumulate: 1,
            freeze: Vec::new(),
            freeze_statistics: Vec::new(),
            rates: BTreeMap::new(),
            workers: 0,
            cache_mib: 1024,
            network: NetworkConfig::new(architecture),
            optimizer: OptimizerConfig::default(),
            augmentation: AugmentConfig::default(),
            adaptation: None,
            phases,
        }
    }

    /// One phase with one loss over shuffled batches.
    pub fn single(architecture: Architecture, loss: LossConfig) -> Self {
        Self::with_phases(architecture, vec![PhaseConfig::shuffled(loss)])
    }

    /// CosFace, then batch-hard triplets with a soft margin at a tenth of the rate.
    ///
    /// From scratch a triplet loss learns little from a few thousand faces; after a classification it ends above it.
    pub fn triplet(architecture: Architecture) -> Self {
        let warm_up = PhaseConfig::shuffled(LossConfig::CosFace(CosFaceConfig::default()));
        Self::with_phases(architecture, vec![warm_up, PhaseConfig::triplet()])
    }

    /// Epochs of all phases.
    pub fn epochs(&self) -> u32 {
        self.phases.iter().map(|phase| phase.epochs).sum()
    }

    /// The phase that an epoch, counted from 0, belongs to, and its place in it.
    pub fn phase_of(&self, epoch: u32) -> Option<(usize, u32)> {
        let mut first = 0;
        for (i, phase) in self.phases.iter().enumerate() {
            if epoch < first + phase.epochs {
                return Some((i, epoch - first));
            }
            first += phase.epochs;
        }
        None
    }

    /// Whether a phase needs a teacher's embeddings.
    pub fn needs_teacher(&self) -> bool {
        self.phases.iter().flat_map(|phase| &phase.losses).any(|l| l.loss == LossConfig::Teacher)
    }

    /// The settings of `given` that have other values than those of this run; threads and memory change no result.
    pub fn differences(&self, given: &Self) -> Vec<SettingDifference> {
        super::difference::between(self, given)
    }
}

impl PhaseConfig {
    /// One loss over shuffled batches of 32.
    pub fn shuffled(loss: LossConfig) -> Self {
        Self {
            name: loss.name().to_owned(),
            epochs: 8,
            learning_rate: 1e-3,
            schedule: ScheduleConfig::default(),
            sampler: SamplerConfig::Shuffled(Default::default()),
            losses: vec![WeightedLoss { weight: 1.0, loss }],
        }
    }

    /// Batch-hard triplets over batches of 8 identities with 4 images each.
    pub fn triplet() -> Self {
        let triplet = TripletConfig { margin: crate::loss::TripletMargin::Soft, ..TripletConfig::default() };
        let batches = BalancedConfig { identities_per_batch: 8, images_per_identity: 4, images_per_epoch: 0 };
        Self {
            name: "triplet".to_owned(),
            epochs: 3,
            learning_rate: 1e-4,
            schedule: ScheduleConfig::default(),
            sampler: SamplerConfig::Balanced(batches),
            losses: vec![WeightedLoss {
                weight: 1.0,
                loss: LossConfig::Triplet { miner: Miner::BatchHard, triplet },
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_toml() {
        for config in [
            TrainConfig::default(),
            TrainConfig::single(Architecture::Vgg16, LossConfig::Classification(Default::default())),
            TrainConfig::single(Architecture::ResNet18, LossConfig::Teacher),
        ] {
            let text = toml::to_string(&config).unwrap();
            assert_eq!(toml::from_str::<TrainConfig>(&text).unwrap(), config, "{text}");
            config.validate().unwrap();
        }
    }

    #[test]
    fn phases_follow_each_other() {
        let config = TrainConfig::default();
        assert_eq!(config.phase_of(0), Some((0, 0)));
        assert_eq!(config.phase_of(8), Some((1, 0)));
        assert_eq!(config.phase_of(10), Some((1, 2)));
        assert_eq!(config.phase_of(11), None);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let refused = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert!(refused(|c| c.input_px = 7).contains("input_px"));
        assert!(refused(|c| c.averaging = 1.0).contains("averaging"));
        assert!(refused(|c| c.phases.clear()).contains("phase"));
        assert!(refused(|c| c.phases[0].learning_rate = f32::NAN).contains("learning_rate"));
        assert!(refused(|c| c.phases[1].losses[0].weight = -1.0).contains("weight"));
    }
}
