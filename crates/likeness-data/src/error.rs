//! The errors of this crate, grouped by cause: a bad picture, a bad table, a bad argument, an exceeded limit, an
//! incompatible artifact, or input and output.

use std::path::{Path, PathBuf};

use crate::heif::{HeifFormat, MissingDecoder};

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
/// Messages are lower case, start with the subject and have no final stop. [`DataError::hint`] is the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file is not a picture that can be decoded.
    #[error("{}: {reason}", path.display())]
    BadImage {
        /// The picture file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The picture's format needs a decoder that this computer does not have.
    #[error("{}: {}", path.display(), missing.fact(*format))]
    MissingDecoder {
        /// The picture file.
        path: PathBuf,
        /// The format of the picture.
        format: HeifFormat,
        /// What is missing.
        missing: MissingDecoder,
    },
    /// The picture exceeds the [`Limits`](crate::limits::Limits).
    #[error("{}: {reason}", path.display())]
    LimitExceeded {
        /// The picture file.
        path: PathBuf,
        /// The limit and the size found.
        reason: String,
        /// The flag that raises the limit.
        flag: &'static str,
    },
    /// A label file, manifest or other table cannot be parsed.
    #[error("{}{}: {reason}", path.display(), line.map(|l| format!(":{l}")).unwrap_or_default())]
    BadTable {
        /// The table file.
        path: PathBuf,
        /// The line with the error, counted from 1; `None` if the error concerns the whole file.
        line: Option<u64>,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of a dataset changed after it was written.
    #[error("{}: its content does not match its checksum: it was damaged or edited", path.display())]
    ChecksumMismatch {
        /// The changed file.
        path: PathBuf,
    },
    /// A table has no column for something that is needed.
    #[error("{}: no column for {what}; expected one of {expected}; found {found}", path.display())]
    MissingColumn {
        /// The table file.
        path: PathBuf,
        /// What the missing column contains.
        what: String,
        /// The column names that are recognised.
        expected: String,
        /// The names of the table's columns.
        found: String,
    },
    /// A model or cascade file cannot be parsed.
    #[error("{}: {reason}", path.display())]
    BadModel {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting is invalid, alone or in combination with others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong, and which values are valid.
        reason: String,
        /// The remedy, if there is one.
        hint: Option<String>,
    },
    /// There is nothing to process.
    #[error("{}: {reason}", path.display())]
    NothingFound {
        /// The file or folder that was searched.
        path: PathBuf,
        /// What was not found.
        reason: String,
        /// The remedy.
        hint: String,
    },
    /// A photo has no usable face. Callers count it; it is not a fault.
    #[error("{reason}")]
    NoFace {
        /// Whether no face was found, or none was large and certain enough.
        reason: String,
    },
    /// The output folder contains something that must not be overwritten.
    #[error("{}: {reason}", path.display())]
    Occupied {
        /// The output folder.
        path: PathBuf,
        /// What the folder contains.
        reason: String,
        /// The remedy.
        hint: String,
    },
    /// The user stopped the run; finished work is kept.
    #[error("interrupted after {done} of {total}")]
    Interrupted {
        /// Number of finished items.
        done: usize,
        /// Number of planned items.
        total: usize,
    },
    /// An input or output operation failed; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl DataError {
    /// The remedy in one sentence; `None` if there is no known one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::NothingFound { hint, .. } | Self::Occupied { hint, .. } => Some(hint),
            Self::MissingDecoder { format, missing, .. } => Some(missing.remedy(*format)),
            Self::BadImage { .. } => {
                Some("copy the file again, or save it again as JPEG or PNG with an image program")
            }
            Self::LimitExceeded { flag, .. } => match *flag {
                MAX_MEMORY => Some("raise the limit with --max-memory"),
                MAX_HEIGHT => Some("raise the limit with --max-height"),
                _ => Some("raise the limit with --max-width"),
            },
            Self::ChecksumMismatch { .. } => {
                Some("delete the file and run the same `likeness prepare` again, which recreates it")
            }
            Self::MissingColumn { .. } => Some(
                "rename the column in the table's first line; a table without identities may have an empty column",
            ),
            Self::Interrupted { .. } => Some("run the same command again: it continues where it stopped"),
            Self::Io(e) if e.kind() == std::io::ErrorKind::StorageFull => {
                Some("free some space and run the same command again: it continues where it stopped")
            }
            _ => None,
        }
    }

    /// What is wrong, without the photo's path, for lists that already contain the path.
    pub fn reason(&self) -> String {
        match self {
            Self::BadImage { reason, .. } | Self::NothingFound { reason, .. } => reason.clone(),
            Self::MissingDecoder { format, missing, .. } => missing.reason(*format),
            Self::LimitExceeded { reason, flag, .. } => format!("{reason} ({flag} raises it)"),
            // Messages of `fs_err` have the form: failed to do this with `PATH`: REASON.
            Self::Io(e) => {
                let message = e.to_string();
                message.split_once("`: ").map_or_else(|| message.clone(), |(_, reason)| reason.to_owned())
            }
            other => other.to_string(),
        }
    }

    /// Converts a file system `error` for the input at `path`.
    pub(crate) fn unreadable(path: &Path, error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::NotFound {
            return Self::NothingFound {
                path: path.to_owned(),
                reason: "no such file or folder".to_owned(),
                hint: "check the path, and quote it if it contains spaces".to_owned(),
            };
        }
        Self::Io(error)
    }

    /// Creates a [`DataError::BadArgument`] without a hint.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::BadArgument { reason: reason.into(), hint: None }
    }
}
