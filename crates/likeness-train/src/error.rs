//! The errors of this crate, by who can fix them.

use std::path::PathBuf;

use likeness_artifact::LockError;
use likeness_data::DataError;

/// The result of every fallible function of this crate.
pub type Result<T, E = TrainError> = std::result::Result<T, E>;

/// An error of this crate.
///
/// Messages are lower case, name the subject first, and have no final stop. [`TrainError::hint`] gives the remedy, where there
/// is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting is invalid, alone or together with others.
    #[error("{reason}")]
    BadArgument {
        /// The invalid setting, and what is expected.
        reason: String,
        /// The remedy, where there is one.
        hint: Option<String>,
    },
    /// A weights file is damaged, or has an unknown format.
    #[error("{}: {reason}", path.display())]
    BadWeights {
        /// The file.
        path: PathBuf,
        /// Description of the defect.
        reason: String,
    },
    /// A pickle names a Python object other than a tensor; nothing was executed.
    #[error("{}: the pickle asks for the Python object `{object}`, which a table of tensors does not need", path.display())]
    UnsafePickle {
        /// The file.
        path: PathBuf,
        /// Name of the object, as `module.name`.
        object: String,
    },
    /// The tensors of a file do not fit the network.
    #[error("{}: the weights do not fit {network}{}", path.display(), listing(missing, misshaped, unexpected))]
    WeightsMismatch {
        /// The file.
        path: PathBuf,
        /// Architecture of the network.
        network: String,
        /// Tensors of the network that the file lacks.
        missing: Vec<String>,
        /// Tensors whose shape in the file differs, with both shapes.
        misshaped: Vec<String>,
        /// Tensors of the file that the network lacks.
        unexpected: Vec<String>,
    },
    /// A weights file was made with other settings than the network has.
    #[error("{}: the weights were made with {setting} {found}, the network has {expected}", path.display())]
    WeightsSettings {
        /// The file.
        path: PathBuf,
        /// The setting.
        setting: &'static str,
        /// Value of the setting in the file.
        found: String,
        /// Value of the setting in the network.
        expected: String,
    },
    /// The loss, a gradient or an embedding is not finite.
    #[error("the {what} is not a finite number at step {step}")]
    NotANumber {
        /// Name of the value.
        what: &'static str,
        /// Number of steps of the phase before it.
        step: u64,
    },
    /// All checkpoints of a run are damaged.
    #[error("{}: {reason}", path.display())]
    BadCheckpoint {
        /// The checkpoint.
        path: PathBuf,
        /// Description of the defect.
        reason: String,
    },
    /// A checkpoint was written with other faces or settings than those given.
    #[error("{}: the run was begun with other {what}", path.display())]
    OtherRun {
        /// The run's folder.
        path: PathBuf,
        /// The difference.
        what: &'static str,
    },
    /// A run was resumed with other settings than it was started with.
    #[error("{}: the run was begun with other settings{}", path.display(), listed(differences))]
    OtherSettings {
        /// The run's folder.
        path: PathBuf,
        /// The difference.
        differences: Vec<SettingDifference>,
    },
    /// The path of a run is something else.
    #[error("{}: {found}, expected a run or an empty folder", path.display())]
    NotARun {
        /// Path of the run.
        path: PathBuf,
        /// What was found there.
        found: &'static str,
    },
    /// A line of a run's history was changed.
    #[error("{}: line {line} was altered: {reason}", path.display())]
    BadHistory {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// Description of the defect.
        reason: String,
    },
    /// No batch of an epoch had enough readable faces.
    #[error("epoch {epoch}: no batch had {needed} faces or more that can be read")]
    NothingReadable {
        /// Number of the epoch, counted from 1.
        epoch: u32,
        /// Number of faces that a batch needs.
        needed: usize,
    },
    /// Another process uses the folder, or the folder cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Images could not be read or prepared.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Files of a model are invalid.
    #[error(transparent)]
    Model(#[from] likeness_model::ModelError),
    /// The file system returned an error.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A setting whose value in a run differs from the given one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingDifference {
    /// Path of the setting, such as `phases.triplet.epochs`.
    pub setting: String,
    /// Value of the setting in the run.
    pub run: String,
    /// The given value.
    pub given: String,
}

impl TrainError {
    /// An invalid argument, without a hint.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::BadArgument { reason: reason.into(), hint: None }
    }

    /// An invalid argument, with a hint.
    pub fn argument_with_hint(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::BadArgument { reason: reason.into(), hint: Some(hint.into()) }
    }

    /// The remedy as one sentence, where there is one.
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
