//! `history.jsonl`: a line for each epoch of a run.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::guard::Distances;
use crate::{Result, TrainError};

/// What one epoch was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Counted from 1, over all phases.
    pub epoch: u32,
    /// The phase's name.
    pub phase: String,
    /// Mean loss of the batches.
    pub loss: f64,
    /// Loss of the first batch; of an epoch taken up again it is the same as of one that was not interrupted.
    pub first_loss: f64,
    /// Share of the faces whose identity the classifier told, as they were trained on; none without a classifier.
    pub train_top1: Option<f64>,
    /// Share of triplets that violated the margin; none without a triplet loss.
    pub active_triplets: Option<f64>,
    /// Batches without a triplet.
    pub batches_without_triplets: usize,
    /// Mean distance from anchor to positive of the triplets.
    pub positive_distance: Option<f64>,
    /// Mean distance from anchor to negative of the triplets.
    pub negative_distance: Option<f64>,
    /// Top-1 accuracy of searches among the validation faces; none without them.
    pub validation_top1: Option<f64>,
    /// Mean average precision of the same searches.
    pub validation_map: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean length of the gradient before clipping.
    pub gradient_norm: f64,
    /// Faces that went through the network.
    pub images: usize,
    /// Faces that could not be read.
    pub skipped: usize,
    /// Seconds of training, without validation.
    pub seconds: f64,
    /// Seconds in which the network waited for pictures.
    pub waiting_seconds: f64,
    /// Distances within batches.
    pub distances: Distances,
    /// What else is worth knowing, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, f64>,
}

/// Adds a line.
///
/// # Errors        the disk → [`TrainError::Io`]
pub fn append(path: &Path, record: &EpochRecord) -> Result<()> {
    let mut file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
    let line = serde_json::to_string(record).expect("a record is plain data");
    writeln!(file, "{line}")?;
    Ok(file.sync_data()?)
}

/// The lines of the first `epochs` epochs, and no others: a killed run may have left half a line, or one of an epoch
/// that is trained again.
///
/// # Errors        the disk → [`TrainError::Io`]
pub fn keep(path: &Path, epochs: u32) -> Result<Vec<EpochRecord>> {
    let records = read(path)?;
    let kept: Vec<EpochRecord> = records.into_iter().filter(|record| record.epoch <= epochs).collect();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    for record in &kept {
        writeln!(file, "{}", serde_json::to_string(record).expect("a record is plain data"))?;
    }
    file.persist(path).map_err(|error| TrainError::Io(error.error))?;
    Ok(kept)
}

/// All lines that are whole.
///
/// # Errors        the disk → [`TrainError::Io`]
pub fn read(path: &Path) -> Result<Vec<EpochRecord>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs_err::read_to_string(path)?;
    Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect())
}
