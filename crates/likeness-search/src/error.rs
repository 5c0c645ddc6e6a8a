//! What can go wrong between embeddings and an answer.

use std::path::PathBuf;

/// The result of every fallible function of this crate.
pub type Result<T, E = SearchError> = std::result::Result<T, E>;

/// An error of this crate; messages are lower case, subject first, without a final stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A file does not read as what it should be.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, expected and found.
        reason: String,
    },
    /// A file that this program wrote and that was changed afterwards.
    #[error("{}: damaged: {reason}", path.display())]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Embeddings that cannot be compared, or hold something that is no number.
    #[error("{reason}")]
    BadEmbeddings {
        /// What is wrong, expected and found, by row name.
        reason: String,
    },
    /// A setting makes no sense, alone or with the others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The file system refused; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl SearchError {
    /// What the user can do about it, as one sentence, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::DamagedFile { .. } => Some("embed the photos again, or restore the file from a copy"),
            _ => None,
        }
    }
}
