//! The loader: face files and an epoch's batches enter, normalised tensors' numbers leave, in order.
//!
//! Threads read, vary ([`likeness_data::augment`]) and normalise the faces of the batches ahead while the network
//! trains on the one before. Read pictures stay in memory as far as a budget goes, so that later epochs need not read
//! them again. Which numbers leave depends on the seed, the epoch and the batches, never on the threads. A photo that
//! cannot be read is left out of its batch, and listed in the [`LoaderReport`].

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

/// A face file and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaceFile {
    /// The picture.
    pub path: PathBuf,
    /// The identity's number.
    pub label: u32,
}

/// What a loader does with faces.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoaderConfig {
    /// Width and height of the network's input, in pixels.
    pub size: u32,
    /// How pixels become numbers.
    pub normalization: Normalization,
    /// How faces are varied.
    pub augment: AugmentConfig,
    /// Seed of the run.
    pub seed: u64,
    /// Threads that prepare faces.
    pub threads: usize,
    /// Batches prepared ahead of the one asked for; 2 to 4 are plenty.
    pub batches_ahead: usize,
    /// Memory for pictures read before, in bytes; 0 keeps none.
    pub cache_bytes: u64,
}

impl LoaderConfig {
    /// Refuses settings outside their range.
    ///
    /// # Errors        no threads, nothing ahead, a size outside 1 to 8192, a deviation that is not positive →
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
    /// A loader of these faces; nothing is read yet.
    ///
    /// # Errors        as [`LoaderConfig::validate`]
    pub fn new(faces: Vec<FaceFile>, config: LoaderConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { faces: Arc::new(store::FaceStore::new(faces, config.cache_bytes)), config })
    }

    /// Begins an epoch with these batches of places in the faces, in their order.
    ///
    /// Dropping the epoch stops its threads, once each has finished the face it is at.
    ///
    /// # Conventions   the same face twice in an epoch is varied anew each time: the numbers are those of (seed, epoch,
    /// place in the epoch)
    /// # Errors        a place beyond the faces → [`TrainError::BadArgument`]; no thread starts → [`TrainError::Io`]
    pub fn epoch(&self, epoch: u64, batches: &[Vec<usize>]) -> Result<Epoch> {
        if let Some(image) = batches.iter().flatten().find(|i| **i >= self.faces.len()) {
            return Err(TrainError::argument(format!(
                "a batch names face {image}, but there are {}",
                self.faces.len()
            )));
        }
        Epoch::start(Arc::clone(&self.faces), self.config, epoch, batches)
    }

    /// What could not be read so far, and what is kept in memory.
    pub fn report(&self) -> LoaderReport {
        self.faces.report()
    }
}

#[cfg(test)]
mod tests;
