//! Samplers, which choose the images of each batch of an epoch.
//!
//! The batches of an epoch depend on the seed and the epoch alone, so that a resumed run has the same batches. P×K batches (P
//! identities with K images each, so that every batch holds triplets): Hermans, Beyer and Leibe (2017), "In Defense of the
//! Triplet Loss for Person Re-Identification", arXiv 1703.07737, section 2.

mod deck;

use std::collections::BTreeMap;
use std::fmt;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::{Result, TrainError};
use deck::Deck;
use likeness_data::seed::{TrainingPurpose, training_stream};

/// How the images of a batch are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamplerConfig {
    /// Every image once in each epoch, in random order.
    Shuffled(ShuffledConfig),
    /// Batches of P identities with K images each.
    Balanced(BalancedConfig),
}

/// Settings of the sampler that takes every image once in each epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShuffledConfig {
    /// Number of images in a batch.
    pub batch_size: usize,
}

impl Default for ShuffledConfig {
    /// Batches of 32 images.
    fn default() -> Self {
        Self { batch_size: 32 }
    }
}

/// Batches of P identities with K images each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BalancedConfig {
    /// Number of identities in a batch, P.
    pub identities_per_batch: usize,
    /// Number of images of each identity in a batch, K.
    pub images_per_identity: usize,
    /// Number of images in an epoch, rounded up to whole batches; 0 takes the number of training images.
    pub images_per_epoch: usize,
}

impl Default for BalancedConfig {
    /// P = 18, K = 4 (Hermans et al., section 4.1), and as many images in an epoch as there are training images.
    fn default() -> Self {
        Self { identities_per_batch: 18, images_per_identity: 4, images_per_epoch: 0 }
    }
}

/// A property of the images that the user may not expect; training continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplerWarning {
    /// Identities with a single image, whose positives are the same image.
    SingleImage {
        /// Number of identities.
        identities: usize,
    },
    /// Identities with fewer images than a batch takes of each, which are repeated in a batch.
    FewImages {
        /// Number of identities, including those with a single image.
        identities: usize,
        /// Number of images of each identity in a batch.
        images_per_identity: usize,
    },
}

impl fmt::Display for SamplerWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SingleImage { identities } => write!(
                f,
                "identities with a single image: {identities}; they are compared with that image itself, however augmented"
            ),
            Self::FewImages { identities, images_per_identity } => write!(
                f,
                "identities with fewer than {images_per_identity} images: {identities}; batches repeat some of their images"
            ),
        }
    }
}

/// Chooses the batches of every epoch.
#[derive(Debug, Clone)]
pub struct Sampler {
    config: SamplerConfig,
    /// The images of every identity, in order of identity.
    identities: Vec<Vec<usize>>,
    images: usize,
    seed: u64,
}

impl SamplerConfig {
    /// A sampler for images with these labels, in a run with this seed.
    ///
    /// # Errors        no images; a size of 0; K = 1; fewer than two identities, or fewer than P →
    /// [`TrainError::BadArgument`]
    pub fn build(&self, labels: &[u32], seed: u64) -> Result<Sampler> {
        if labels.is_empty() {
            return Err(TrainError::argument_with_hint(
                "no images to train with",
                "check the dataset's training split",
            ));
        }
        let mut identities: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (image, label) in labels.iter().enumerate() {
            identities.entry(*label).or_default().push(image);
        }
        match self {
            Self::Shuffled(config) if config.batch_size == 0 => {
                return Err(TrainError::argument("batch size 0: expected 1 or more"));
            }
            Self::Shuffled(_) => {}
            Self::Balanced(config) => config.check(identities.len())?,
        }
        let identities = identities.into_values().collect();
        Ok(Sampler { config: *self, identities, images: labels.len(), seed })
    }
}

impl BalancedConfig {
    fn check(&self, identities: usize) -> Result<()> {
        let (p, k) = (self.identities_per_batch, self.images_per_identity);
        if p < 2 || k < 2 {
            return Err(TrainError::argument(format!(
                "batches of {p} identities with {k} images each: expected 2 or more of both, or there are no triplets"
            )));
        }
        if p > identities {
            return Err(TrainError::argument_with_hint(
                format!("batches of {p} identities, but there are {identities}"),
                if identities < 2 {
                    "learning to tell people apart takes two identities or more".to_owned()
                } else {
                    format!(
                        "take --identities-per-batch {identities} or fewer, and more --images-per-identity to keep the size"
                    )
                },
            ));
        }
        Ok(())
    }
}

impl Sampler {
    /// Warnings for the user before the run starts.
    pub fn warnings(&self) -> Vec<SamplerWarning> {
        let SamplerConfig::Balanced(config) = self.config else { return Vec::new() };
        let fewer_than = |n| self.identities.iter().filter(|images| images.len() < n).count();
        let (single, few) = (fewer_than(2), fewer_than(config.images_per_identity));
        let mut warnings = Vec::new();
        if single > 0 {
            warnings.push(SamplerWarning::SingleImage { identities: single });
        }
        if few > single {
            let images_per_identity = config.images_per_identity;
            warnings.push(SamplerWarning::FewImages { identities: few, images_per_identity });
        }
        warnings
    }

    /// The batches of `epoch`, as indices into the labels that the sampler was made with.
    ///
    /// # Conventions   Shuffled: every image once; the last batch is smaller, but a last image that would be alone joins
    /// the batch before, as one image has no variance to normalise by. Balanced: every batch has P identities with K
    /// images each, side by side; identities take turns in seeded order, all of them before any comes again; so do the
    /// images of an identity, which repeat within a batch only when there are fewer than K.
    pub fn batches(&self, epoch: u64) -> Vec<Vec<usize>> {
        match &self.config {
            SamplerConfig::Shuffled(config) => self.shuffled(config, epoch),
            SamplerConfig::Balanced(config) => self.balanced(config, epoch),
        }
    }

    fn shuffled(&self, config: &ShuffledConfig, epoch: u64) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.images).collect();
        order.shuffle(&mut training_stream(self.seed, TrainingPurpose::Sampling, &[epoch]));
        let mut batches: Vec<Vec<usize>> = order.chunks(config.batch_size).map(<[usize]>::to_vec).collect();
        if config.batch_size > 1 && batches.len() > 1 && batches.last().is_some_and(|b| b.len() == 1) {
            let alone = batches.pop().unwrap_or_default();
            if let Some(last) = batches.last_mut() {
                last.extend(alone);
            }
        }
        batches
    }

    fn balanced(&self, config: &BalancedConfig, epoch: u64) -> Vec<Vec<usize>> {
        let (p, k) = (config.identities_per_batch, config.images_per_identity);
        let images = if config.images_per_epoch == 0 { self.images } else { config.images_per_epoch };
        let mut numbers = training_stream(self.seed, TrainingPurpose::Sampling, &[epoch]);
        let mut identities = Deck::new((0..self.identities.len()).collect());
        let mut decks: Vec<Deck> = self.identities.iter().map(|images| Deck::new(images.clone())).collect();
        let batch = |_| {
            let mut batch = Vec::with_capacity(p * k);
            for identity in identities.draw(p, &mut numbers) {
                batch.extend(decks[identity].draw(k, &mut numbers));
            }
            batch
        };
        (0..images.div_ceil(p * k)).map(batch).collect()
    }
}

#[cfg(test)]
mod tests;
