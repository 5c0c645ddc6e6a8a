//! What can go wrong between labelled faces and a trained network, split by whose move it is next.

use std::path::PathBuf;

use likeness_artifact::LockError;
use likeness_data::DataError;

/// The result of every fallible function of this crate.
pub type Result<T, E = TrainError> = std::result::Result<T, E>;

/// An error of this crate.
///
/// Messages are lower case, subject first, without a final stop; [`TrainError::hint`] is the way out, where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting makes no sense, alone or with the others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong and what would be right.
        reason: String,
        /// The way out.
        hint: Option<String>,
    },
    /// A file of weights is damaged, or not of a format that is read.
    #[error("{}: {reason}", path.display())]
    BadWeights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A pickle asks for a Python object other than a tensor; nothing of it was executed.
    #[error("{}: the pickle asks for the Python object `{object}`, which a table of tensors does not need", path.display())]
    UnsafePickle {
        /// The file.
        path: PathBuf,
        /// The object, as `module.name`.
        object: String,
    },
    /// The tensors of a file are not those of the network.
    #[error("{}: the weights do not fit {network}{}", path.display(), listing(missing, misshaped, unexpected))]
    WeightsMismatch {
        /// The file.
        path: PathBuf,
        /// The network's architecture.
        network: String,
        /// Tensors of the network that the file lacks.
        missing: Vec<String>,
        /// Tensors of another shape in the file, with both shapes.
        misshaped: Vec<String>,
        /// Tensors of the file that the network lacks.
        unexpected: Vec<String>,
    },
    /// A file of weights was made with settings other than the network's.
    #[error("{}: the weights were made with {setting} {found}, the network has {expected}", path.display())]
    WeightsSettings {
        /// The file.
        path: PathBuf,
        /// The setting.
        setting: &'static str,
        /// Its value in the file.
        found: String,
        /// Its value in the network.
        expected: String,
    },
    /// The loss, a gradient or an embedding is no number any more.
    #[error("the {what} is not a finite number at step {step}")]
    NotANumber {
        /// What broke.
        what: &'static str,
        /// Steps of the phase before it.
        step: u64,
    },
    /// No checkpoint of a run is whole.
    #[error("{}: {reason}", path.display())]
    BadCheckpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint is of other faces or settings than those that training is to go on with.
    #[error("{}: the run was begun with other {what}", path.display())]
    OtherRun {
        /// The run's folder.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// A run is to go on with other settings than it was begun with.
    #[error("{}: the run was begun with other settings{}", path.display(), listed(differences))]
    OtherSettings {
        /// The run's folder.
        path: PathBuf,
        /// What differs.
        differences: Vec<SettingDifference>,
    },
    /// What is at a run's place is no run.
    #[error("{}: {found}, expected a run or an empty folder", path.display())]
    NotARun {
        /// The run's place.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// A line of a run's history was altered.
    #[error("{}: line {line} was altered: {reason}", path.display())]
    BadHistory {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// No batch of an epoch had enough faces that can be read.
    #[error("epoch {epoch}: no batch had {needed} faces or more that can be read")]
    NothingReadable {
        /// The epoch, counted from 1.
        epoch: u32,
        /// Faces that a batch needs.
        needed: usize,
    },
    /// Another process works in the folder, or it cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Reading or preparing pictures failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model's files are at fault.
    #[error(transparent)]
    Model(#[from] likeness_model::ModelError),
    /// The disk would not give or take.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A setting that a run has with another value than was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingDifference {
    /// The setting, as `phases.triplet.epochs`.
    pub setting: String,
    /// Its value in the run.
    pub run: String,
    /// The value that was given.
    pub given: String,
}

impl TrainError {
    /// An argument that makes no sense, with no particular way out.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::BadArgument { reason: reason.into(), hint: None }
    }

    /// An argument that makes no sense, with the way out.
    pub fn argument_with_hint(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::BadArgument { reason: reason.into(), hint: Some(hint.into()) }
    }

    /// The way out, where there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::UnsafePickle { .. } => Some(
                "save the tensors alone in Python, torch.save(model.state_dict(), \"weights.pth\"), or as safetensors",
            ),
            Self::WeightsMismatch { unexpected, .. } if !unexpected.is_empty() => {
                Some("choose the architecture that the file was made for")
            }
            Self::WeightsMismatch { .. } => {
                Some("choose the architecture that the file was made for, or weights that have these layers")
            }
            Self::WeightsSettings { .. } => Some("take the network's settings from the file"),
            Self::NotANumber { .. } => Some(
                "lower the learning rate or clip the gradient, and begin another run; the model folder keeps the best \
                 network so far",
            ),
            Self::BadCheckpoint { .. } => Some("begin the run again in another folder"),
            Self::OtherRun { .. } => Some("go on with the same dataset and settings, or begin another run"),
            Self::OtherSettings { .. } => {
                Some("leave out flags that differ, or begin another run in another folder")
            }
            Self::NotARun { .. } => Some("name another folder"),
            Self::BadHistory { .. } => {
                Some("restore the file, or move it away to go on without the epochs that it lists")
            }
            Self::Model(error) => error.hint(),
            Self::NothingReadable { .. } => Some("check the pictures of the dataset, or prepare it again"),
            Self::Lock(LockError::Held { .. }) => Some("wait until it has ended, or name another folder"),
            Self::Data(error) => error.hint(),
            _ => None,
        }
    }
}

fn listing(missing: &[String], misshaped: &[String], unexpected: &[String]) -> String {
    [("missing", missing), ("of another shape", misshaped), ("unexpected", unexpected)]
        .iter()
        .filter(|(_, keys)| !keys.is_empty())
        .map(|(what, keys)| format!("; {what}: {}", keys.join(", ")))
        .collect()
}

fn listed(differences: &[SettingDifference]) -> String {
    let one =
        |d: &SettingDifference| format!("; {} is {} in the run, {} was given", d.setting, d.run, d.given);
    differences.iter().map(one).collect()
}
