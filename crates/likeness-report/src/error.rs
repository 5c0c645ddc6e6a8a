//! Errors of this crate.

use std::path::PathBuf;

/// The result of every fallible function of this crate.
pub type Result<T, E = ReportError> = std::result::Result<T, E>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The cell size of a contact sheet is out of bounds.
    #[error("cells of {cell_px} pixels")]
    BadCellSize {
        /// The requested edge of a cell.
        cell_px: u32,
    },
    /// A contact sheet is to have no columns.
    #[error("a sheet without columns")]
    NoColumns,
    /// The size limit of a contact sheet exceeds what common viewers open.
    #[error("sheets of {max_side_px} pixels a side")]
    BadSideLimit {
        /// The requested limit of a side.
        max_side_px: u32,
    },
    /// The columns of a contact sheet do not fit into its size limit.
    #[error("a sheet {width_px} pixels wide, over the limit of {max_side_px}")]
    SheetTooWide {
        /// The width of all columns.
        width_px: u64,
        /// The limit of a side.
        max_side_px: u32,
    },
    /// A contact sheet is to be written to a file whose extension is that of another format than PNG.
    #[error("{}: contact sheets are PNG files, and .{extension} is another format", path.display())]
    UnsupportedSheet {
        /// The file.
        path: PathBuf,
        /// Its extension.
        extension: String,
        /// The remedy, which names the same file with the extension `.png`.
        hint: String,
    },
    /// A chart is to be written to a file whose extension is neither `.png` nor `.svg`.
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
    /// A table has too few images for a map.
    #[error("a map takes {needed} images or more, found {found}")]
    TooFewImages {
        /// The smallest number of images of a map.
        needed: usize,
        /// The number of images of the table.
        found: usize,
    },
    /// The embeddings cannot be compared.
    #[error(transparent)]
    Search(#[from] likeness_search::SearchError),
    /// A file cannot be read or written; the source names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl ReportError {
    /// The remedy as one sentence, if one is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadCellSize { .. } => Some("choose between 24 and 2048 pixels a cell"),
            Self::NoColumns => Some("choose at least one column"),
            Self::BadSideLimit { .. } => Some("allow 65535 at most"),
            Self::SheetTooWide { .. } => Some("choose fewer columns or smaller cells"),
            Self::UnsupportedSheet { hint, .. } => Some(hint),
            Self::UnsupportedChart { .. } => Some("name a file that ends in .png or .svg"),
            Self::ChartTooLarge { .. } => Some("draw fewer series, or write an SVG file"),
            Self::Search(error) => error.hint(),
            Self::TooFewImages { .. } | Self::Io(_) => None,
        }
    }
}
