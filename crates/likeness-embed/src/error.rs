//! What can go wrong between a face and its embedding.

use std::path::PathBuf;

use likeness_data::photos::Skipped;

/// The result of every fallible function of this crate.
pub type Result<T, E = EmbedError> = std::result::Result<T, E>;

/// An error of this crate; messages as in [`likeness_data::DataError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// A model file, or the settings beside it, does not read as what it should be.
    #[error("{}: {reason}", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, expected and found.
        reason: String,
        /// The way out.
        hint: Option<String>,
    },
    /// A setting makes no sense, alone or with the others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong and what would be right.
        reason: String,
        /// The way out.
        hint: Option<String>,
    },
    /// The network answered with something that is no embedding.
    #[error("{model}: {reason}")]
    BadOutput {
        /// The model's name.
        model: String,
        /// What came out, and for which picture where known.
        reason: String,
    },
    /// Memory is too small for what the network was given at once.
    #[error("{model}: {reason}")]
    OutOfMemory {
        /// The model's name.
        model: String,
        /// What the engine says.
        reason: String,
    },
    /// Embedding was stopped from outside; nothing of it is kept.
    #[error("interrupted after {done} of {total}")]
    Interrupted {
        /// Photos finished.
        done: usize,
        /// Photos there are.
        total: usize,
    },
    /// No photo could be embedded.
    #[error("none of the {total} photos could be embedded{}", first(skipped))]
    NothingEmbedded {
        /// Photos there are.
        total: usize,
        /// Every photo with its reason.
        skipped: Vec<Skipped>,
    },
    /// A graph is at fault.
    #[error(transparent)]
    Engine(#[from] likeness_engine::EngineError),
    /// A model's files are at fault.
    #[error(transparent)]
    Model(#[from] likeness_model::ModelError),
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
    /// The way out, as one sentence, where there is one.
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

/// The first of the skipped photos, for a message.
fn first(skipped: &[Skipped]) -> String {
    skipped.first().map(|s| format!(" (first: {}: {})", s.name, s.reason)).unwrap_or_default()
}
