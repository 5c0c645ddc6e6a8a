//! Checks the settings before any work: their ranges, and whether there are enough faces for every phase.

use std::collections::BTreeMap;

use super::config::{LossConfig, OptimizerConfig, PhaseConfig, TrainConfig, WeightedLoss};
use super::faces::TrainingFaces;
use crate::adapt::{AdaptationConfig, AdaptationMethod};
use crate::backbone::{Architecture, Stage};
use crate::range::{positive, within};
use crate::sampler::{BalancedConfig, SamplerConfig};
use crate::{Result, TrainError};

/// Largest side length of a face, in pixels.
const MAX_INPUT_PX: u32 = 1024;
/// Largest number of images in a batch, batches in a step, identities in a batch, and images of each identity.
const MAX_BATCH: usize = 65_536;
const MAX_IMAGES_PER_EPOCH: usize = 100_000_000;
const MAX_PHASES: usize = 100;
const MAX_EPOCHS: u32 = 100_000;
const MAX_WORKERS: usize = 1024;
/// Largest cache, 1 TiB.
const MAX_CACHE_MIB: usize = 1 << 20;
/// Largest learning rate, factor or weight; a larger value is a typing error.
const MAX_FACTOR: f32 = 1000.0;
/// Largest seed, because TOML has signed integers.
const MAX_SEED: u64 = i64::MAX as u64;

impl TrainConfig {
    /// Checks the settings.
    ///
    /// # Errors        a value out of range, named with the range → [`TrainError::BadArgument`]
    pub fn validate(&self) -> Result<()> {
        within("seed", self.seed, 0..=MAX_SEED)?;
        within("network.seed", self.network.seed, 0..=MAX_SEED)?;
        self.network.validate()?;
        let architecture = self.network.backbone.architecture;
        within("input_px", self.input_px, 1..=MAX_INPUT_PX)?;
        if !architecture.accepts(self.input_px as usize) {
            let reason =
                format!("input_px {}: {architecture} does not take faces of that size", self.input_px);
            return Err(TrainError::argument(reason));
        }
        within("validation_share", self.validation_share, 0.0..1.0)?;
        within("averaging", self.averaging, 0.0..1.0)?;
        self.clip_norm.map_or(Ok(()), |norm| within("clip_norm", norm, positive(1e6)))?;
        within("accumulate", self.accumulate, 1..=MAX_BATCH)?;
        self.patience.map_or(Ok(()), |epochs| within("patience", epochs, 1..=MAX_EPOCHS))?;
        for (stage, rate) in &self.rates {
            within(&format!("rates.{}", stage.name()), *rate, 0.0..=MAX_FACTOR)?;
        }
        within("workers", self.workers, 0..=MAX_WORKERS)?;
        within("cache_mib", self.cache_mib, 0..=MAX_CACHE_MIB)?;
        self.optimizer.validate()?;
        self.augmentation.validate()?;
        self.adaptation.as_ref().map_or(Ok(()), AdaptationConfig::validate)?;
        within("number of phases", self.phases.len(), 1..=MAX_PHASES)?;
        for phase in &self.phases {
            phase
                .validate()
                .and_then(|()| self.check_batch(phase))
                .map_err(|error| in_phase(error, phase))?;
        }
        Ok(())
    }

    /// Least number of faces in a batch: two where batch normalisation takes its statistics from the batch.
    pub fn least_batch(&self) -> usize {
        let network = &self.network;
        let in_backbone = network.backbone.architecture != Architecture::Vgg16;
        let in_head = network.projection && (network.neck || network.feature_norm);
        let observes = |stage: &Stage| {
            let normalises = if *stage == Stage::Head { in_head } else { in_backbone };
            normalises && !self.freeze.contains(stage) && !self.freeze_statistics.contains(stage)
        };
        if Stage::ALL.iter().any(observes) { 2 } else { 1 }
    }

    fn check_batch(&self, phase: &PhaseConfig) -> Result<()> {
        match phase.sampler {
            SamplerConfig::Shuffled(config) if config.batch_size < self.least_batch() => {
                Err(TrainError::argument_with_hint(
                    format!(
                        "batch_size {}: batch normalisation needs 2 faces or more, as one has no variance",
                        config.batch_size
                    ),
                    "take batches of 2 or more, and --accumulate for fewer steps",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Checks that there are enough faces for every phase.
    ///
    /// # Errors        too few faces or identities, named with the phase → [`TrainError::BadArgument`]
    pub fn check_faces(&self, faces: &TrainingFaces) -> Result<()> {
        let labels = faces.labels();
        for phase in &self.phases {
            let suffices =
                phase.sampler.build(&labels, self.seed).and_then(|_| self.check_phase(phase, faces));
            suffices.map_err(|error| in_phase(error, phase))?;
        }
        Ok(())
    }

    fn check_phase(&self, phase: &PhaseConfig, faces: &TrainingFaces) -> Result<()> {
        let has = |wanted: fn(&LossConfig) -> bool| phase.losses.iter().any(|l| wanted(&l.loss));
        if has(|loss| matches!(loss, LossConfig::Triplet { .. })) {
            let found = identities_with_two_images(faces);
            if found < 2 {
                return Err(TrainError::argument_with_hint(
                    format!("triplets need 2 identities with 2 images or more each, found {found}"),
                    "add photos of the same people, or take --method cosface",
                ));
            }
        }
        let needs_classifier = self.adaptation.is_some_and(|a| a.method == AdaptationMethod::Cdan);
        if needs_classifier && !has(LossConfig::classifies) {
            return Err(no_classifier());
        }
        Ok(())
    }

    /// Checks that the faces have a teacher's embeddings where a phase has a teacher loss.
    ///
    /// # Errors        no embeddings → [`TrainError::BadArgument`]
    pub fn check_teacher(&self, faces: &TrainingFaces) -> Result<()> {
        if self.needs_teacher() && faces.teacher_dim().is_none() {
            return Err(TrainError::argument("a loss asks for a teacher, and no teacher was given"));
        }
        Ok(())
    }

    /// Reduces the number of identities in a batch to the number of identities there are, at least 2. Returns a message for each
    /// change.
    ///
    /// This is for default settings. A setting that the user chose and that does not fit is an error, see
    /// [`TrainConfig::check_faces`].
    pub fn fit_to(&mut self, faces: &TrainingFaces) -> Vec<String> {
        let identities = faces.identities.len().max(2);
        let mut changes = Vec::new();
        for PhaseConfig { name, sampler, .. } in &mut self.phases {
            let SamplerConfig::Balanced(BalancedConfig { identities_per_batch, .. }) = sampler else {
                continue;
            };
            if *identities_per_batch > identities {
                changes.push(format!(
                    "phase {name}: batches of {identities} identities instead of {identities_per_batch}, as there are no more"
                ));
                *identities_per_batch = identities;
            }
        }
        changes
    }
}

/// The error for CDAN in a phase without a classifier.
pub(super) fn no_classifier() -> TrainError {
    TrainError::argument_with_hint(
        "cdan needs the identities' probabilities, and a phase has no classifier",
        "take --method cosface, keep the classifier with --keep-classification 1, or adapt by dann",
    )
}

fn identities_with_two_images(faces: &TrainingFaces) -> usize {
    let mut images: BTreeMap<u32, usize> = BTreeMap::new();
    faces.train.iter().for_each(|face| *images.entry(face.label).or_default() += 1);
    images.into_values().filter(|count| *count >= 2).count()
}

/// The error with the phase's name in front.
fn in_phase(error: TrainError, phase: &PhaseConfig) -> TrainError {
    match error {
        TrainError::BadArgument { reason, hint } => {
            TrainError::BadArgument { reason: format!("phase {}: {reason}", phase.name), hint }
        }
        other => other,
    }
}

impl OptimizerConfig {
    fn validate(&self) -> Result<()> {
        let (weight_decay, shares) = match *self {
            Self::Sgd { momentum, weight_decay } => (weight_decay, vec![("momentum", momentum)]),
            Self::AdamW { beta1, beta2, weight_decay } => {
                (weight_decay, vec![("beta1", beta1), ("beta2", beta2)])
            }
        };
        within("weight_decay", weight_decay, 0.0..=100.0)?;
        shares.into_iter().try_for_each(|(name, share)| within(name, share, 0.0..1.0))
    }
}

impl PhaseConfig {
    fn validate(&self) -> Result<()> {
        within("epochs", self.epochs, 1..=MAX_EPOCHS)?;
        within("learning_rate", self.learning_rate, positive(MAX_FACTOR))?;
        self.schedule.validate()?;
        match self.sampler {
            SamplerConfig::Shuffled(config) => within("batch_size", config.batch_size, 1..=MAX_BATCH)?,
            SamplerConfig::Balanced(config) => {
                within("identities_per_batch", config.identities_per_batch, 2..=MAX_BATCH)?;
                within("images_per_identity", config.images_per_identity, 2..=MAX_BATCH)?;
                within("images_per_epoch", config.images_per_epoch, 0..=MAX_IMAGES_PER_EPOCH)?;
                let images = config.identities_per_batch * config.images_per_identity;
                within("identities_per_batch × images_per_identity", images, 4..=MAX_BATCH)?;
            }
        }
        within("number of losses", self.losses.len(), 1..=MAX_PHASES)?;
        self.losses.iter().try_for_each(WeightedLoss::validate)
    }
}

impl WeightedLoss {
    fn validate(&self) -> Result<()> {
        within(&format!("weight of {}", self.loss.name()), self.weight, positive(MAX_FACTOR))?;
        match &self.loss {
            LossConfig::Classification(config) => config.validate(),
            LossConfig::ArcFace(config) => config.validate(),
            LossConfig::CosFace(config) => config.validate(),
            LossConfig::Triplet { miner, triplet } => miner.validate().and_then(|()| triplet.validate()),
            LossConfig::Teacher => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
