//! What can go wrong between labelled faces and a trained network.

use likeness_data::DataError;

/// The result of every fallible function of this crate.
pub type Result<T, E = TrainError> = std::result::Result<T, E>;

/// An error of this crate.
///
/// Messages are lower case, subject first, without a final stop; [`TrainError::hint`] is the way out, where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting makes no sense, alone or with the others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong and what would be right.
        reason: String,
        /// The way out.
        hint: Option<String>,
    },
    /// Reading or preparing pictures failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl TrainError {
    /// The way out, as one sentence, where there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::Data(error) => error.hint(),
            Self::Io(_) => None,
        }
    }

    /// A [`TrainError::BadArgument`] without a hint.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::BadArgument { reason: reason.into(), hint: None }
    }

    /// A [`TrainError::BadArgument`] with the way out.
    pub fn argument_with_hint(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::BadArgument { reason: reason.into(), hint: Some(hint.into()) }
    }
}
