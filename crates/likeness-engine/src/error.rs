//! What can go wrong between a graph and its outputs.

use std::path::PathBuf;

/// The result of every fallible function of this crate.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file is no graph, or one that the engine cannot run.
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
    /// The file system refused; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl EngineError {
    /// The way out, as one sentence, where there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadModel { hint, .. } | Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::Io(_) => None,
        }
    }
}
