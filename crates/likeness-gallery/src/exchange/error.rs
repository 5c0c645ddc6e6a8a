//! Errors of reading and writing files of other programs.

use std::path::{Path, PathBuf};

use super::Size;

/// Result type of this module.
pub type Result<T, E = ExchangeError> = std::result::Result<T, E>;

/// An error of reading or writing a file for another program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// XMP that cannot be read or extended. The file is not changed.
    #[error("{}: {fault}", path.display())]
    BadXmp {
        /// The sidecar, or the photo with an embedded packet.
        path: PathBuf,
        /// What is wrong with it.
        fault: XmpFault,
    },
    /// A CSV file of faces that cannot be read.
    #[error("{}:{line}: {fault}", path.display())]
    BadCsv {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        fault: CsvFault,
    },
    /// Rows that cannot be written as a table.
    #[error("{}: {fault}", path.display())]
    BadTable {
        /// The file to be written.
        path: PathBuf,
        /// What is wrong with the rows.
        fault: TableFault,
    },
    /// An embeddings file cannot be written.
    #[error(transparent)]
    Search(#[from] likeness_search::SearchError),
    /// A file cannot be read or written; the source names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What is wrong with XMP.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum XmpFault {
    /// More bytes than any program writes.
    #[error("{bytes} bytes of XMP, at most {limit} are read")]
    TooLarge {
        /// The size.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// Text in another encoding than UTF-8.
    #[error("XMP that is not UTF-8")]
    NotUtf8,
    /// A document type definition, which can define entities that expand without limit.
    #[error("XMP with a document type definition, which XMP does not allow")]
    DocumentType,
    /// More XML nodes than any program writes.
    #[error("XMP with more than {limit} nodes")]
    TooManyNodes {
        /// The largest number that is read.
        limit: u32,
    },
    /// Elements inside each other to a greater depth than any program writes.
    #[error("XMP with elements nested deeper than {limit}")]
    TooDeep {
        /// The largest depth that is read.
        limit: usize,
    },
    /// More attributes in one element than any program writes.
    #[error("XMP with more than {limit} attributes in one element")]
    TooManyAttributes {
        /// The largest number that is read.
        limit: usize,
    },
    /// More namespace declarations than any program writes.
    #[error("XMP with more than {limit} namespace declarations")]
    TooManyNamespaces {
        /// The largest number that is read.
        limit: usize,
    },
    /// More regions than any photo has.
    #[error("XMP with more than {limit} regions")]
    TooManyRegions {
        /// The largest number that is read.
        limit: usize,
    },
    /// Broken XML.
    #[error("broken XML: {0}")]
    NotXml(#[source] roxmltree::Error),
    /// XML without the element `rdf:RDF`.
    #[error("XML without the element rdf:RDF, so not XMP")]
    NotXmp,
    /// The regions were drawn on an image of another shape: the photo was cropped since.
    #[error(
        "regions for an image of {}x{} pixels, but the photo has {}x{}",
        applied_to.width, applied_to.height, stored.width, stored.height
    )]
    OtherImage {
        /// The size that the regions were drawn on.
        applied_to: Size,
        /// The size of the photo as stored.
        stored: Size,
    },
    /// A name with a character that XML cannot store.
    #[error("the name {name:?} contains U+{:04X}, which XML cannot store", *found as u32)]
    UnwritableName {
        /// The name.
        name: String,
        /// The first such character.
        found: char,
    },
}

/// What is wrong with a CSV file of faces.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvFault {
    /// A required column is missing.
    #[error("no column {column:?}, found the columns {found:?}")]
    MissingColumn {
        /// The column.
        column: &'static str,
        /// The columns of the file.
        found: Vec<String>,
    },
    /// Two columns with the same meaning.
    #[error("two columns for {column:?}")]
    RepeatedColumn {
        /// The column.
        column: &'static str,
    },
    /// A value that cannot be read.
    #[error("column {column:?}: expected {expected}, found {found:?}")]
    BadValue {
        /// The column.
        column: &'static str,
        /// What was expected.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// Text that is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A row with more or fewer values than the header.
    #[error("expected {expected} values as in the header, found {found}")]
    WrongLength {
        /// The number of columns.
        expected: u64,
        /// The number of values.
        found: u64,
    },
    /// The csv library cannot read the file.
    #[error("not a CSV file: {0}")]
    NotCsv(String),
}

/// What is wrong with the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableFault {
    /// A column with another number of values than the first one.
    #[error("column {column:?}: expected {expected} values, found {found}")]
    WrongLength {
        /// The column.
        column: String,
        /// The number of rows.
        expected: usize,
        /// The number of values.
        found: usize,
    },
    /// Batches with different columns.
    #[error("the columns of two batches differ: {expected:?} and {found:?}")]
    OtherColumns {
        /// The columns of the first batch.
        expected: Vec<String>,
        /// The columns of a later batch.
        found: Vec<String>,
    },
    /// Embeddings of different dimensions.
    #[error("expected embeddings of {expected} values, found {found}")]
    OtherDimension {
        /// The dimension of the first embeddings.
        expected: usize,
        /// The other dimension.
        found: usize,
    },
    /// A column that the format cannot store, because it is larger than 2 GiB in 8,192 rows.
    #[error("column {column:?}: more than 2 GiB of text in one row group")]
    TooLarge {
        /// The column.
        column: String,
    },
    /// A text that is so long that NumPy's arrays, in which all texts have equal lengths, would need more than 4 GiB.
    #[error("column {column:?}: the longest of {rows} texts has {longest} characters, too many for an array")]
    TooLong {
        /// The column.
        column: String,
        /// The number of rows.
        rows: usize,
        /// The length of the longest text.
        longest: usize,
    },
}

impl ExchangeError {
    /// A suggestion for solving the problem, in one sentence, if there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadXmp { fault, .. } => Some(fault.hint()),
            Self::BadCsv { fault, .. } => fault.hint(),
            Self::BadTable { fault: TableFault::TooLong { .. }, .. } => Some("export as Parquet"),
            Self::BadTable { .. } => None,
            Self::Search(error) => error.hint(),
            Self::Io(_) => None,
        }
    }
}

impl XmpFault {
    fn hint(&self) -> &'static str {
        match self {
            Self::UnwritableName { .. } => "rename the person with `likeness people rename`",
            Self::OtherImage { .. } => {
                "draw the faces again in the program that wrote the sidecar, or remove its regions"
            }
            _ => "write the sidecar again with the program that made it, or move it away",
        }
    }

    /// Adds the path of the file.
    pub fn of(self, path: &Path) -> ExchangeError {
        ExchangeError::BadXmp { path: path.to_owned(), fault: self }
    }
}

impl CsvFault {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::MissingColumn { .. } | Self::RepeatedColumn { .. } => Some(
                "start the file with the header line `photo,person`, or see `likeness people import --help`",
            ),
            Self::NotUtf8 => Some("save the file as UTF-8"),
            _ => None,
        }
    }
}

impl TableFault {
    /// Adds the path of the file.
    pub(super) fn of(self, path: &Path) -> ExchangeError {
        ExchangeError::BadTable { path: path.to_owned(), fault: self }
    }
}
