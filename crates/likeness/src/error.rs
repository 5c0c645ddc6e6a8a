//! Errors of the operations, with remedies.

use std::path::PathBuf;

/// Result type of this crate.
pub type Result<T, E = LikenessError> = std::result::Result<T, E>;

/// An error of an operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LikenessError {
    /// A request that cannot be carried out.
    #[error("{reason}")]
    Invalid {
        /// Description of the problem, and of what was expected.
        reason: String,
        /// Suggestion for solving the problem.
        hint: String,
    },
    /// A face is no longer where it was found in its photo.
    #[error("{}: no face was found again at its place", path.display())]
    FaceNotFound {
        /// The photo.
        path: PathBuf,
    },
    /// A photo, a table of photos or a dataset cannot be read.
    #[error(transparent)]
    Data(#[from] likeness_data::DataError),
    /// Photos cannot be embedded.
    #[error(transparent)]
    Embed(#[from] likeness_embed::EmbedError),
    /// A graph cannot be run.
    #[error(transparent)]
    Engine(#[from] likeness_engine::EngineError),
    /// A gallery cannot be read, or a request to it cannot be carried out.
    #[error(transparent)]
    Gallery(#[from] likeness_gallery::GalleryError),
    /// A model's files cannot be used.
    #[error(transparent)]
    Model(#[from] likeness_model::ModelError),
    /// A chart or a contact sheet cannot be drawn.
    #[error(transparent)]
    Report(#[from] likeness_report::ReportError),
    /// Embeddings cannot be compared.
    #[error(transparent)]
    Search(#[from] likeness_search::SearchError),
    /// A network cannot be trained.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Train(#[from] likeness_train::TrainError),
    /// A value cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A file operation failed; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl LikenessError {
    /// A suggestion for solving the problem, in one sentence, if there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Invalid { hint, .. } => Some(hint),
            Self::FaceNotFound { .. } => {
                Some("use the detector that found the face, or embed the photo again")
            }
            Self::Data(error) => error.hint(),
            Self::Embed(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Gallery(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Report(error) => error.hint(),
            Self::Search(error) => error.hint(),
            #[cfg(feature = "train")]
            Self::Train(error) => error.hint(),
            Self::Json(_) | Self::Io(_) => None,
        }
    }
}

/// Creates a [`LikenessError::Invalid`].
pub fn invalid(reason: impl Into<String>, hint: impl Into<String>) -> LikenessError {
    LikenessError::Invalid { reason: reason.into(), hint: hint.into() }
}
