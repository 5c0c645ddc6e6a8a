//! How a run reports its progress.

use std::ops::ControlFlow;

use super::history::EpochRecord;
use crate::loader::Batch;

/// Receives the progress of a run.
pub trait Observer {
    /// Called after every batch. `Break` stops the run, which can be resumed.
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()>;
    /// Called after every epoch.
    fn on_epoch(&mut self, record: &EpochRecord);
    /// Called with a message for the user.
    fn say(&mut self, message: String);
    /// Called with the batch that a run fails on, such as one whose loss is not finite, before the run ends with an error.
    fn broken_batch(&mut self, batch: &Batch);
}

/// The progress of an epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Number of the epoch, counted from 1 over all phases.
    pub epoch: u32,
    /// Number of epochs in all phases.
    pub epochs: u32,
    /// Name of the phase.
    pub phase: String,
    /// Batches done in this epoch.
    pub batch: u64,
    /// Batches in this epoch.
    pub batches: u64,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Share of faces that the classifier assigns to their identity; `None` without a classifier.
    pub train_top1: Option<f64>,
    /// Share of triplets that violate the margin; `None` without triplets.
    pub active_triplets: Option<f64>,
    /// Faces per second.
    pub images_per_second: f64,
    /// Share of the time spent waiting for images.
    pub waiting_share: f64,
}
