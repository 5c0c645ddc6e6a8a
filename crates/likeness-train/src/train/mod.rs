//! The training loop, which trains on labelled faces and writes a run folder with the best network.
//!
//! 1. [`config`] holds the settings; a run is a list of [phases](config::PhaseConfig), such as classification and then
//!    triplets;
//! 2. [`faces`] splits the dataset's faces into training and validation;
//! 3. every epoch passes random batches through the network, the [`objective`] computes the loss, and the [`optimizer`]
//!    follows its gradients at the learning rate of the [`schedule`];
//! 4. [`validation`] measures the accuracy on faces that were not trained on, [`guard`] detects collapse and values that
//!    are not finite;
//! 5. [`history`] stores one line for each epoch, [`checkpoint`] the state from which a run can be resumed, and
//!    [`trained_on`](likeness_model::trained_on) the photos trained on;
//! 6. [`run`] is the loop over epochs and describes the files of a run, and [`folder`] locks a run's folder.

pub mod checkpoint;
pub mod config;
mod difference;
mod epoch;
pub mod faces;
pub mod folder;
pub mod guard;
pub mod history;
mod numbers;
pub mod objective;
mod observer;
pub mod optimizer;
pub mod run;
pub mod schedule;
mod snapshot;
mod start;
mod state;
mod sums;
mod target;
mod validate;
pub mod validation;

pub use config::{LossConfig, OptimizerConfig, PhaseConfig, TrainConfig, WeightedLoss};
pub use faces::TrainingFaces;
pub use folder::{RunFolder, RunState};
pub use observer::{Observer, StepReport};
pub use run::{Outcome, Training, train};
