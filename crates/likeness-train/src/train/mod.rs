//! The training loop: labelled faces in, a run folder with the best network out.
//!
//! 1. [`config`] says what is trained and how; a run is a list of [phases](config::PhaseConfig), such as classification
//!    and then triplets;
//! 2. [`faces`] takes the dataset's faces apart into training and validation;
//! 3. every epoch feeds seeded batches through the network, an [`objective`] turns them into one number, the
//!    [`optimizer`] follows its gradients at the rate of the [`schedule`];
//! 4. [`validation`] searches among faces that were not trained on, [`guard`] looks for collapse and broken numbers;
//! 5. [`history`] keeps a line an epoch, [`checkpoint`] what a run needs to go on, [`trained_on`](likeness_model::trained_on) which photos were seen,
//!    [`folder`] keeps two runs out of one folder, and [`run`] lays the folder out.

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
