//! The settings of a training run, as stored in `run.toml`.

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

/// Settings of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Seed of all random numbers of the run.
    pub seed: u64,
    /// Side length of the input faces, in pixels.
    pub input_px: u32,
    /// Weights file that the network starts from; without one, initial weights are drawn from the seed.
    pub weights: Option<PathBuf>,
    /// Layers that the weights file may lack.
    pub allow_missing: Vec<String>,
    /// Share of the training identities that is held out for validation if the dataset has no validation split.
    pub validation_share: f32,
    /// Number of epochs without a better validation top-1 after which a run stops; without it a run trains all epochs.
    pub patience: Option<u32>,
    /// Decay of the running average of the weights; 0 turns averaging off.
    pub averaging: f32,
    /// Maximum gradient norm; longer gradients are scaled down to it.
    pub clip_norm: Option<f32>,
    /// Number of batches whose gradients are averaged for one step.
    pub accumulate: usize,
    /// Stages that are frozen.
    pub freeze: Vec<Stage>,
    /// Stages whose batch normalisation keeps its running statistics.
    pub freeze_statistics: Vec<Stage>,
    /// Factor on the learning rate, by stage.
    pub rates: BTreeMap<Stage, f32>,
    /// Number of threads that prepare batches; 0 takes one for each core.
    pub workers: usize,
    /// Memory for the cache of decoded faces, in MiB.
    pub cache_mib: usize,
    /// Settings of the network.
    pub network: NetworkConfig,
    /// Optimiser and its settings.
    pub optimizer: OptimizerConfig,
    /// Augmentation of the training faces.
    pub augmentation: AugmentConfig,
    /// Adaptation to a target domain; `None` trains on the source domain alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<AdaptationConfig>,
    /// Phases of the run, in order.
    pub phases: Vec<PhaseConfig>,
}

impl Default for TrainConfig {
    /// The triplet recipe of [`TrainConfig::triplet`] for a ResNet50.
    fn default() -> Self {
        Self::triplet(Architecture::default())
    }
}

/// Optimiser and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Stochastic gradient descent with momentum, as in PyTorch.
    Sgd {
        /// Momentum: the share of the last step that is kept.
        momentum: f32,
        /// Weight decay, added to the gradient after multiplication with the weight.
        weight_decay: f32,
    },
    /// AdamW: Loshchilov and Hutter (2019), arXiv 1711.05101.
    AdamW {
        /// Decay of the running mean of the gradient.
        beta1: f32,
        /// Decay of the running mean of the squared gradient.
        beta2: f32,
        /// Weight decay, decoupled from the gradient.
        weight_decay: f32,
    },
}

impl Default for OptimizerConfig {
    /// AdamW with the paper's betas and a decay of 0.05.
    fn default() -> Self {
        Self::AdamW { beta1: 0.9, beta2: 0.999, weight_decay: 0.05 }
    }
}

/// A phase of a run, with its own losses, batches and learning rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseConfig {
    /// Name in history and progress.
    pub name: String,
    /// Number of epochs.
    pub epochs: u32,
    /// Highest learning rate.
    pub learning_rate: f32,
    /// Schedule of the learning rate.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// How the images of a batch are chosen.
    pub sampler: SamplerConfig,
    /// Losses, whose weighted sum is minimised.
    pub losses: Vec<WeightedLoss>,
}

/// A loss with its weight in the sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightedLoss {
    /// Weight of the loss in the sum.
    #[serde(default = "one")]
    pub weight: f32,
    /// The loss.
    #[serde(flatten)]
    pub loss: LossConfig,
}

fn one() -> f32 {
    1.0
}

/// A training loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "loss", rename_all = "kebab-case")]
pub enum LossConfig {
    /// Classification of the training identities by a linear classifier.
    Classification(ClassificationConfig),
    /// Classification by angle, with a margin on the angle.
    #[serde(rename = "arcface")]
    ArcFace(ArcFaceConfig),
    /// Classification by angle, with a margin on the cosine.
    #[serde(rename = "cosface")]
    CosFace(CosFaceConfig),
    /// Triplet loss: positives closer than negatives.
    Triplet {
        /// Chooses the triplets of a batch.
        miner: Miner,
        /// Settings of the loss of a triplet.
        #[serde(flatten)]
        triplet: TripletConfig,
    },
    /// Distillation: cosine distance to a teacher's embedding of the same face, see [`crate::loss::teacher`].
    Teacher,
}

impl LossConfig {
    /// The name in settings and history.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Classification(_) => "classification",
            Self::ArcFace(_) => "arcface",
            Self::CosFace(_) => "cosface",
            Self::Triplet { .. } => "triplet",
            Self::Teacher => "teacher",
        }
    }

    /// Whether the loss classifies identities.
    pub fn classifies(&self) -> bool {
        matches!(self, Self::Classification(_) | Self::ArcFace(_) | Self::CosFace(_))
    }
}

impl TrainConfig {
    fn with_phases(architecture: Architecture, phases: Vec<PhaseConfig>) -> Self {
        Self {
            seed: 0,
            input_px: architecture.training_side_px(),
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

    /// One phase with one loss and shuffled batches.
    pub fn single(architecture: Architecture, loss: LossConfig) -> Self {
        Self::with_phases(architecture, vec![PhaseConfig::shuffled(loss)])
    }

    /// CosFace, then batch-hard triplets with a soft margin at a tenth of the rate.
    ///
    /// On a few thousand faces a triplet loss learns little from random weights; after a classification phase it ends with a
    /// higher accuracy than classification alone.
    pub fn triplet(architecture: Architecture) -> Self {
        let warm_up = PhaseConfig::shuffled(LossConfig::CosFace(CosFaceConfig::default()));
        Self::with_phases(architecture, vec![warm_up, PhaseConfig::triplet()])
    }

    /// Number of epochs in all phases.
    pub fn epochs(&self) -> u32 {
        self.phases.iter().map(|phase| phase.epochs).sum()
    }

    /// The phase of an epoch, counted from 0 over all phases, and the number of the epoch within the phase; `None` after the last
    /// epoch.
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

    /// The settings of `given` whose values differ from those of this run, without threads and memory, which change no result.
    pub fn differences(&self, given: &Self) -> Vec<SettingDifference> {
        super::difference::between(self, given)
    }
}

impl PhaseConfig {
    /// One loss and shuffled batches of 32 images.
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

    /// Batch-hard triplets and batches of 8 identities with 4 images each.
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
