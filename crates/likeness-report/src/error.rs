//! What can go wrong while a picture is drawn.

use std::path::PathBuf;

/// The result of every fallible function of this crate.
pub type Result<T, E = ReportError> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A setting makes no sense, alone or with the others.
    #[error("{reason}")]
    BadArgument {
        /// What is wrong and what would be right.
        reason: String,
        /// The way out.
        hint: Option<String>,
    },
    /// A chart is to be written to a file whose name ends in something else than `.png` or `.svg`.
    #[error("{}: expected the ending .png or .svg of a chart", path.display())]
    UnsupportedChart {
        /// The file.
        path: PathBuf,
    },
    /// A chart that could not be drawn.
    #[error("the chart cannot be drawn: {reason}")]
    Chart {
        /// Why.
        reason: String,
    },
    /// Embeddings that cannot be compared.
    #[error(transparent)]
    Search(#[from] likeness_search::SearchError),
    /// The file system refused; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ReportError {
    /// What the user can do about it, as one sentence, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadArgument { hint, .. } => hint.as_deref(),
            Self::UnsupportedChart { .. } => Some("name a file that ends in .png or .svg"),
            Self::Search(error) => error.hint(),
            Self::Chart { .. } | Self::Io(_) => None,
        }
    }
}
