//! The reasons for which a file of int8 codes is rejected, or a change of it.

/// What is wrong with a file of int8 codes, or with a change of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodesFault {
    /// The file does not begin with the signature of a file of codes.
    #[error("not a file of codes: its first bytes are not the signature")]
    NotCodes,
    /// The file was written by a newer program.
    #[error("expected format version {supported} or older, found {found}")]
    NewerVersion {
        /// The newest version that this program reads.
        supported: u32,
        /// The version of the file.
        found: u32,
    },
    /// The file belongs to another gallery, model or distance.
    #[error("the codes belong to another gallery: expected the {field} {expected}, found {found}")]
    OtherKey {
        /// The part of the key that differs.
        field: &'static str,
        /// The value of the gallery.
        expected: String,
        /// The value in the file.
        found: String,
    },
    /// A checksum does not match, or the file ends too early.
    #[error("damaged at byte {at}: {reason}")]
    Damaged {
        /// Offset of the damaged part.
        at: u64,
        /// The check that failed.
        reason: &'static str,
    },
    /// Another process, or another index of this process, writes the file.
    #[error("another process writes this file")]
    Locked,
    /// The index was opened for reading only.
    #[error("opened for reading only")]
    ReadOnly,
    /// An appended id is in the index already, or appears twice.
    #[error("the id {id} is in the index already")]
    KnownId {
        /// The id.
        id: u64,
    },
    /// The index would have more rows than it can count.
    #[error("expected at most {limit} rows, removed ones included")]
    TooManyRows {
        /// The largest number of rows.
        limit: u64,
    },
}

impl CodesFault {
    /// Whether building the file again from the gallery is the remedy.
    pub fn is_rebuildable(&self) -> bool {
        match self {
            Self::NotCodes | Self::NewerVersion { .. } | Self::OtherKey { .. } | Self::Damaged { .. } => true,
            Self::TooManyRows { .. } => true,
            Self::Locked | Self::ReadOnly | Self::KnownId { .. } => false,
        }
    }

    /// The remedy in one sentence; `None` if there is no known one.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked => Some("wait until the other process has finished"),
            fault if fault.is_rebuildable() => {
                Some("delete the file: it holds copies only and is built again from the gallery")
            }
            _ => None,
        }
    }
}
