//! What can go wrong with a model's files.

use std::path::PathBuf;

/// The result of every fallible function of this crate.
pub type Result<T, E = ModelError> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A model file, or the settings beside it, cannot be read as what it should be.
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
    /// A download failed.
    #[error("{url}: {reason}")]
    Download {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
        /// The way out.
        hint: String,
    },
    /// The file system refused; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ModelError {
    /// The way out, as one sentence, where there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadModel { hint, .. } | Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::Download { hint, .. } => Some(hint),
            Self::Io(_) => None,
        }
    }
}
