//! The errors of this crate.

use std::path::PathBuf;

use crate::{CodesFault, ForeignFault};

/// The result of every fallible function of this crate.
pub type Result<T, E = SearchError> = std::result::Result<T, E>;

/// An error of this crate; messages are lower case, subject first, without a final stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A file cannot be parsed in the expected format.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the expected and the found value.
        reason: String,
    },
    /// A file was written by this program and changed afterwards.
    #[error("{}: damaged: {reason}", path.display())]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// The check that failed.
        reason: String,
    },
    /// A file of embeddings by another program is malformed.
    #[error("{}: {part}{fault}", path.display())]
    BadForeignFile {
        /// The file.
        path: PathBuf,
        /// The part of the file, such as the array of an archive; empty for the whole file.
        part: String,
        /// What is wrong.
        fault: ForeignFault,
    },
    /// A file of int8 codes cannot be used, or a change of it is rejected.
    #[error("{}: {fault}", path.display())]
    Codes {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: CodesFault,
    },
    /// The vectors for re-ranking cannot be read from where the gallery is stored.
    #[error("the gallery's vectors cannot be read")]
    Vectors(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Embeddings cannot be compared, or contain a value that is not finite.
    #[error("{reason}")]
    BadEmbeddings {
        /// What is wrong, with row name, expected and found value.
        reason: String,
    },
    /// A setting is invalid, alone or in combination with others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong, and which values are valid.
        reason: String,
    },
    /// Must-links connect two faces that a cannot-link separates.
    #[error("the faces {a} and {b} are linked as one person, and marked as different people")]
    ContradictoryLinks {
        /// The first face of the cannot-link.
        a: u32,
        /// The second face of the cannot-link.
        b: u32,
    },
    /// Two tables state different identities for one row.
    #[error("{name}: labelled {first:?} in one table and {second:?} in another")]
    ContradictoryLabels {
        /// The photo of the row.
        name: String,
        /// The identity in one table.
        first: String,
        /// The identity in another table.
        second: String,
    },
    /// The caller ended a long computation.
    #[error("interrupted")]
    Interrupted,
    /// An input or output operation failed; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl SearchError {
    /// The remedy in one sentence; `None` if there is no known one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::DamagedFile { .. } => Some("embed the photos again, or restore the file from a copy"),
            Self::BadForeignFile { fault, .. } => fault.hint(),
            Self::Codes { fault, .. } => fault.hint(),
            Self::ContradictoryLinks { .. } => {
                Some("undo one of the decisions that link or separate the faces")
            }
            Self::ContradictoryLabels { .. } => {
                Some("correct the labels, or embed both sides from one folder of photos")
            }
            _ => None,
        }
    }
}
