//! The errors of reading, writing and downloading models.

use std::path::PathBuf;

/// The result of every fallible function of this crate.
pub type Result<T, E = ModelError> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A model file, or the settings beside it, cannot be parsed.
    #[error("{}: {reason}", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with the expected and the found value.
        reason: String,
        /// The remedy, if there is one.
        hint: Option<String>,
    },
    /// A setting is invalid, alone or in combination with others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong, and which values are valid.
        reason: String,
        /// The remedy, if there is one.
        hint: Option<String>,
    },
    /// A download failed.
    #[error("{url}: {reason}")]
    Download {
        /// The address of the file.
        url: String,
        /// What went wrong.
        reason: String,
        /// The remedy.
        hint: String,
    },
    /// An input or output operation failed; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ModelError {
    /// The remedy in one sentence; `None` if there is no known one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadModel { hint, .. } | Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::Download { hint, .. } => Some(hint),
            Self::Io(_) => None,
        }
    }
}
