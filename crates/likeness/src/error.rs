//! Errors of the operations, with remedies.

/// The result of every fallible function of this crate.
pub type Result<T, E = LikenessError> = std::result::Result<T, E>;

/// An error of an operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LikenessError {
    /// A request that cannot be carried out.
    #[error("{reason}")]
    Invalid {
        /// What is wrong, and what was expected.
        reason: String,
        /// The remedy.
        hint: String,
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
    /// The file system refused; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl LikenessError {
    /// What the user can do about it, as one sentence, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Invalid { hint, .. } => Some(hint),
            Self::Data(error) => error.hint(),
            Self::Embed(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Report(error) => error.hint(),
            Self::Search(error) => error.hint(),
            #[cfg(feature = "train")]
            Self::Train(error) => error.hint(),
            Self::Json(_) | Self::Io(_) => None,
        }
    }
}

/// A request that cannot be carried out, with its remedy.
pub fn invalid(reason: impl Into<String>, hint: impl Into<String>) -> LikenessError {
    LikenessError::Invalid { reason: reason.into(), hint: hint.into() }
}
