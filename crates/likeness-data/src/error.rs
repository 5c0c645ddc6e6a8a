//! What can go wrong between a photo on disk and a face in a dataset, split by whose move it is next:
//! a bad picture, a bad table, a bad argument, a limit, an artifact of another make, or the disk.

use std::path::{Path, PathBuf};

/// The result of every fallible function of this crate.
pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// The flag for [`Limits::max_width`](crate::limits::Limits::max_width).
pub(crate) const MAX_WIDTH: &str = "--max-width";
/// The flag for [`Limits::max_height`](crate::limits::Limits::max_height).
pub(crate) const MAX_HEIGHT: &str = "--max-height";
/// The flag for [`Limits::max_memory_bytes`](crate::limits::Limits::max_memory_bytes).
pub(crate) const MAX_MEMORY: &str = "--max-memory";

/// An error of this crate.
///
/// Messages are lower case, subject first, without a final stop; [`DataError::hint`] is the way out, where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The bytes are not a picture that can be read.
    #[error("{}: {reason}", path.display())]
    BadImage {
        /// The picture.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading the picture would take more than the [`Limits`](crate::limits::Limits) allow.
    #[error("{}: {reason}", path.display())]
    LimitExceeded {
        /// The picture.
        path: PathBuf,
        /// The limit and the size found.
        reason: String,
        /// The flag that raises the limit.
        flag: &'static str,
    },
    /// A label file, manifest or other table does not read as what it should be.
    #[error("{}{}: {reason}", path.display(), line.map(|l| format!(":{l}")).unwrap_or_default())]
    BadTable {
        /// The table.
        path: PathBuf,
        /// The line, counted from 1, where one is to blame.
        line: Option<u64>,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of a dataset is not as it was written.
    #[error("{}: its content does not match its checksum: it was damaged or edited", path.display())]
    ChecksumMismatch {
        /// The file.
        path: PathBuf,
    },
    /// A table lacks a column that is needed.
    #[error("{}: no column for {what}; expected one of {expected}; found {found}", path.display())]
    MissingColumn {
        /// The table.
        path: PathBuf,
        /// What the column would hold.
        what: String,
        /// Names that are known.
        expected: String,
        /// The table's columns.
        found: String,
    },
    /// A model or cascade file does not read as what it should be.
    #[error("{}: {reason}", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting makes no sense, alone or with the others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong and what would be right.
        reason: String,
        /// The way out.
        hint: Option<String>,
    },
    /// There is nothing to work on.
    #[error("{}: {reason}", path.display())]
    NothingFound {
        /// Where was looked.
        path: PathBuf,
        /// What was looked for.
        reason: String,
        /// The way out.
        hint: String,
    },
    /// A photo has no face to use: a counted result, not a fault.
    #[error("{reason}")]
    NoFace {
        /// Whether none was found or none was good enough.
        reason: String,
    },
    /// The output folder holds something that this run must not overwrite.
    #[error("{}: {reason}", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        reason: String,
        /// The way out.
        hint: String,
    },
    /// The user asked to stop; what was done so far is kept.
    #[error("interrupted after {done} of {total}")]
    Interrupted {
        /// Items finished.
        done: usize,
        /// Items planned.
        total: usize,
    },
    /// The file system refused; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl DataError {
    /// The way out, as one sentence, where there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::NothingFound { hint, .. } | Self::Occupied { hint, .. } => Some(hint),
            Self::BadImage { .. } => {
                Some("copy the file again, or save it anew as JPEG or PNG with an image program")
            }
            Self::LimitExceeded { flag, .. } => match *flag {
                MAX_MEMORY => Some("raise the limit with --max-memory"),
                MAX_HEIGHT => Some("raise the limit with --max-height"),
                _ => Some("raise the limit with --max-width"),
            },
            Self::ChecksumMismatch { .. } => {
                Some("delete the file and run the same `likeness prepare` again, which makes it anew")
            }
            Self::MissingColumn { .. } => Some(
                "rename the column in the table's first line; a table without identities may have an empty column",
            ),
            Self::Interrupted { .. } => Some("run the same command again: it goes on where it stopped"),
            Self::Io(e) if e.kind() == std::io::ErrorKind::StorageFull => {
                Some("free some space and run the same command again: it goes on where it stopped")
            }
            _ => None,
        }
    }

    /// What is wrong, without the photo's path: for lists that name the photo already.
    pub fn reason(&self) -> String {
        match self {
            Self::BadImage { reason, .. } | Self::NothingFound { reason, .. } => reason.clone(),
            Self::LimitExceeded { reason, flag, .. } => format!("{reason} ({flag} raises it)"),
            // The file system's errors read: failed to do this with `PATH`: REASON.
            Self::Io(e) => {
                let said = e.to_string();
                said.split_once("`: ").map_or_else(|| said.clone(), |(_, reason)| reason.to_owned())
            }
            other => other.to_string(),
        }
    }

    /// The error for an input at `path` that the file system refused with `error`.
    pub(crate) fn unreadable(path: &Path, error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::NotFound {
            return Self::NothingFound {
                path: path.to_owned(),
                reason: "no such file or folder".to_owned(),
                hint: "check the path, and quote it if it holds blanks".to_owned(),
            };
        }
        Self::Io(error)
    }

    /// A [`DataError::BadArgument`] without a hint.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::BadArgument { reason: reason.into(), hint: None }
    }
}
