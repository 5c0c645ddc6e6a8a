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
    /// A chart, with the legend of its series, is larger than a PNG that common viewers open.
    #[error("the chart is too large: {width_px} × {height_px} pixels")]
    ChartTooLarge {
        /// Width of the PNG.
        width_px: u64,
        /// Height of the PNG.
        height_px: u64,
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
            Self::ChartTooLarge { .. } => Some("draw fewer series, or write an SVG file"),
            Self::Io(_) => None,
        }
    }
}
