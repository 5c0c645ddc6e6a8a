//! The loader, which reads, augments and normalises the faces of each batch of an epoch.
//!
//! Threads prepare the next batches while the network trains on the current one. Images are cached in memory up to a budget,
//! so that later epochs need not read them again. The batches depend on the seed, the epoch and the sampler alone, not on the
//! threads. A photo that cannot be read is left out of its batch and listed in the [`LoaderReport`]. Augmentation is in
//! [`likeness_data::augment`].

mod epoch;
mod store;

use std::path::PathBuf;
use std::sync::Arc;

use likeness_data::augment::AugmentConfig;
use likeness_model::preprocess::Normalization;
use serde::{Deserialize, Serialize};

use crate::{Result, TrainError};

pub use epoch::{Batch, Epoch};
pub use store::LoaderReport;

/// A face file with its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaceFile {
    /// Path of the image.
    pub path: PathBuf,
    /// Number of the identity.
    pub label: u32,
}

/// Settings of a loader.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderConfig {
    /// Width and height of the network's input, in pixels.
    pub size: u32,
    /// Normalisation of the pixels.
    pub normalization: Normalization,
    /// Augmentation of the faces.
    pub augment: AugmentConfig,
    /// Seed of the run.
    pub seed: u64,
    /// Number of threads that prepare faces.
    pub threads: usize,
    /// Number of batches prepared in advance; 2 to 4 suffice.
    pub batches_ahead: usize,
    /// Size of the image cache in bytes; 0 turns it off.
    pub cache_bytes: u64,
}

impl LoaderConfig {
    /// Checks the settings.
    ///
    /// # Errors        no threads, no batches in advance, a size outside 1 to 8192, a deviation that is not positive →
    /// [`TrainError::BadArgument`]; augmentation out of range → [`TrainError::Data`]
    pub fn validate(&self) -> Result<()> {
        if !(1..=1024).contains(&self.threads) || !(1..=64).contains(&self.batches_ahead) {
            return Err(TrainError::argument(format!(
                "{} threads and {} batches ahead: expected 1 to 1024 and 1 to 64",
                self.threads, self.batches_ahead
            )));
        }
        if !(1..=8192).contains(&self.size) {
            return Err(TrainError::argument(format!("input size {}: expected 1 to 8192 pixels", self.size)));
        }
        let Normalization { mean, std } = self.normalization;
        if !mean.iter().all(|m| m.is_finite()) || !std.iter().all(|s| s.is_finite() && *s > 0.0) {
            return Err(TrainError::argument(format!(
                "mean {mean:?} and deviation {std:?}: expected numbers, and positive deviations"
            )));
        }
        Ok(self.augment.validate()?)
    }
}

/// Prepares the batches of a run's epochs.
#[derive(Debug)]
pub struct Loader {
    faces: Arc<store::FaceStore>,
    config: LoaderConfig,
}

impl Loader {
    /// A loader of these faces. It reads nothing yet.
    ///
    /// # Errors        as [`LoaderConfig::validate`]
    pub fn new(faces: Vec<FaceFile>, config: LoaderConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { faces: Arc::new(store::FaceStore::new(faces, config.cache_bytes)), config })
    }

    /// Begins an epoch with these batches of indices into the faces.
    ///
    /// Dropping the epoch stops its threads after their current face.
    ///
    /// # Conventions   a face that occurs twice in an epoch is augmented differently each time: the random numbers depend on
    /// seed, epoch and position in the epoch
    /// # Errors        an index beyond the faces → [`TrainError::BadArgument`]; no thread starts → [`TrainError::Io`]
    pub fn epoch(&self, epoch: u64, batches: &[Vec<usize>]) -> Result<Epoch> {
        if let Some(image) = batches.iter().flatten().find(|i| **i >= self.faces.len()) {
            return Err(TrainError::argument(format!(
                "a batch names face {image}, but there are {}",
                self.faces.len()
            )));
        }
        Epoch::start(Arc::clone(&self.faces), self.config, epoch, batches)
    }

    /// Unreadable photos so far, and the size of the cache.
    pub fn report(&self) -> LoaderReport {
        self.faces.report()
    }
}

#[cfg(test)]
mod tests;
