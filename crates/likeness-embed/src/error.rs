//! Errors of this crate, by what the caller can do about them.

use std::path::PathBuf;

use likeness_data::photos::Skipped;
use likeness_engine::EngineError;
use likeness_model::ModelError;

/// The result of every fallible function of this crate.
pub type Result<T, E = EmbedError> = std::result::Result<T, E>;

/// An error of this crate; messages as in [`likeness_data::DataError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// A model file, or the description beside it, is malformed or contradicts the other.
    #[error("{}: {reason}", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, expected and found.
        reason: String,
        /// The remedy.
        hint: Option<String>,
    },
    /// A setting is invalid, alone or in combination with others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong and what would be right.
        reason: String,
        /// The remedy.
        hint: Option<String>,
    },
    /// The network's output is not an embedding.
    #[error("{model}: {reason}")]
    BadOutput {
        /// The model's name.
        model: String,
        /// What the output is, and for which picture if known.
        reason: String,
    },
    /// A batch needs more memory than is allowed, or than there is.
    #[error("{model}: {reason}")]
    OutOfMemory {
        /// The model's name.
        model: String,
        /// The engine's message.
        reason: String,
    },
    /// The engine failed while it computed a batch.
    #[error("{model}: {cause}")]
    RunFailed {
        /// The model's name.
        model: String,
        /// The engine's error.
        cause: EngineError,
    },
    /// Embedding was stopped from outside; nothing of it is kept.
    #[error("interrupted after {done} of {total}")]
    Interrupted {
        /// Number of photos that were finished.
        done: usize,
        /// Number of photos in all.
        total: usize,
    },
    /// No photo could be embedded.
    #[error("none of the {total} photos could be embedded{}", first(skipped))]
    NothingEmbedded {
        /// Number of photos in all.
        total: usize,
        /// Every photo with its reason.
        skipped: Vec<Skipped>,
    },
    /// An engine's error; a model file that is at fault is [`BadModel`](Self::BadModel).
    #[error(transparent)]
    Engine(EngineError),
    /// An error of the model format; a model file that is at fault is [`BadModel`](Self::BadModel).
    #[error(transparent)]
    Model(ModelError),
    /// A photo or dataset is at fault.
    #[error(transparent)]
    Data(#[from] likeness_data::DataError),
    /// A table of embeddings is at fault.
    #[error(transparent)]
    Search(#[from] likeness_search::SearchError),
    /// The file system refused; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl EmbedError {
    /// The remedy in one sentence, if there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadModel { hint, .. } | Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::OutOfMemory { .. } => Some("give the network fewer faces at once: --batch 1"),
            Self::Engine(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Interrupted { .. } => Some("nothing was written; the same command begins again"),
            Self::Data(error) => error.hint(),
            Self::Search(error) => error.hint(),
            _ => None,
        }
    }
}

impl EmbedError {
    /// The error of a run of `model`.
    pub(crate) fn of_run(model: &str, cause: EngineError) -> Self {
        let model = model.to_owned();
        match cause {
            EngineError::OutOfMemory { reason } => Self::OutOfMemory { model, reason },
            cause => Self::RunFailed { model, cause },
        }
    }

    /// Whether the same faces in smaller batches may be embedded.
    pub fn may_fit_a_smaller_batch(&self) -> bool {
        match self {
            Self::OutOfMemory { .. } => true,
            Self::RunFailed { cause, .. } => cause.may_fit_a_smaller_batch(),
            _ => false,
        }
    }
}

impl From<EngineError> for EmbedError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::BadModel { path, reason, hint } => Self::BadModel { path, reason, hint },
            EngineError::BadArgument { reason, hint } => Self::BadArgument { reason, hint },
            EngineError::Io(error) => Self::Io(error),
            error => Self::Engine(error),
        }
    }
}

impl From<ModelError> for EmbedError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::BadModel { path, reason, hint } => Self::BadModel { path, reason, hint },
            ModelError::BadArgument { reason, hint } => Self::BadArgument { reason, hint },
            ModelError::Io(error) => Self::Io(error),
            error => Self::Model(error),
        }
    }
}

/// The first of the skipped photos, for a message.
fn first(skipped: &[Skipped]) -> String {
    skipped.first().map(|s| format!(" (first: {}: {})", s.name, s.reason)).unwrap_or_default()
}
