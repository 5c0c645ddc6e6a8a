//! The reasons for which a file of embeddings by another program is rejected.

/// What is wrong with a file of embeddings by another program.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignFault {
    /// The file or archive entry does not begin with NumPy's signature.
    #[error("not a NumPy array: its first bytes are not \\x93NUMPY")]
    NotNpy,
    /// The version of the array format is unknown.
    #[error("expected version 1.0, 2.0 or 3.0 of NumPy's array format, found {major}.{minor}")]
    UnknownVersion {
        /// The major version.
        major: u8,
        /// The minor version.
        minor: u8,
    },
    /// The header of a NumPy array cannot be parsed.
    #[error("the header of the NumPy array cannot be parsed: {reason}")]
    BadHeader {
        /// What was expected.
        reason: String,
    },
    /// The array holds pickled Python objects.
    #[error("holds Python objects, which are never loaded")]
    Objects {
        /// Whether the array should hold embeddings; otherwise it should hold names or labels.
        is_matrix: bool,
    },
    /// The array has values of another type.
    #[error("expected {expected}, found the type {found}")]
    BadType {
        /// The types that are read.
        expected: &'static str,
        /// NumPy's description of the type.
        found: String,
    },
    /// The array has another number of dimensions.
    #[error("expected {expected}, found the shape {found:?}")]
    BadShape {
        /// The shapes that are read.
        expected: &'static str,
        /// The shape of the array.
        found: Vec<usize>,
    },
    /// The array's shape needs more bytes than can be addressed.
    #[error("declares the shape {shape:?}, which is too large")]
    TooLarge {
        /// The shape of the array.
        shape: Vec<usize>,
    },
    /// The file ends before the values do, or continues after them.
    #[error("expected {expected} bytes of values, found {found}")]
    BadLength {
        /// The number of bytes that the header declares.
        expected: u64,
        /// The number of bytes that follow the header.
        found: u64,
    },
    /// The file holds no embeddings.
    #[error("holds no embeddings")]
    Empty,
    /// A value is NaN, infinite, or too large for single precision.
    #[error("row {row}, value {column}: expected a finite number, found {found}")]
    NotFinite {
        /// The row, counted from 1.
        row: usize,
        /// The value in the row, counted from 1.
        column: usize,
        /// The value.
        found: String,
    },
    /// A name or label is not text.
    #[error("entry {entry} is not UTF-8 text")]
    BadText {
        /// The entry or line, counted from 1.
        entry: usize,
    },
    /// A name is missing.
    #[error("entry {entry} is empty, expected a name")]
    NoName {
        /// The entry or line, counted from 1.
        entry: usize,
    },
    /// The number of names or labels is not that of the embeddings.
    #[error("expected {expected} entries, one for each embedding, found {found}")]
    BadCount {
        /// The number of embeddings.
        expected: usize,
        /// The number of names or labels.
        found: usize,
    },
    /// An archive, or the file itself, cannot be read or unpacked.
    #[error("cannot be unpacked: {reason}")]
    BadArchive {
        /// The message of the decoder.
        reason: String,
    },
    /// An archive has no array of embeddings.
    #[error(
        "no array of embeddings: expected embeddings, encodings or a single matrix of floats, found {found}"
    )]
    NoMatrix {
        /// The arrays of the archive.
        found: String,
    },
    /// An archive has several matrices, and none has an expected name.
    #[error("several arrays could be the embeddings: {found}")]
    SeveralMatrices {
        /// The arrays of the archive.
        found: String,
    },
    /// A line of a table has another number of cells than the first.
    #[error("line {line}: expected {expected} cells, found {found}")]
    BadLine {
        /// The line, counted from 1.
        line: u64,
        /// The number of cells in the first line.
        expected: usize,
        /// The number of cells in this line.
        found: usize,
    },
    /// A cell of a table is not a number.
    #[error("line {line}: expected a number, found {found:?}")]
    NotNumber {
        /// The line, counted from 1.
        line: u64,
        /// The beginning of the cell.
        found: String,
    },
    /// A Parquet file cannot be decoded.
    #[error("cannot be read as Parquet: {reason}")]
    BadParquet {
        /// The message of the decoder.
        reason: String,
    },
    /// A Parquet file has no columns of embeddings.
    #[error(
        "no embeddings: expected a column embedding with lists of numbers, or at least {expected} columns of numbers such as \
         e0, e1, …; found {found}"
    )]
    OtherColumns {
        /// The smallest number of columns of embeddings.
        expected: usize,
        /// The columns of the file, with their types.
        found: String,
    },
    /// Two embeddings of a table have different lengths.
    #[error("row {row}: expected an embedding of {expected} values as in the rows before, found {found}")]
    BadRowLength {
        /// The row, counted from 1.
        row: usize,
        /// The number of values before.
        expected: usize,
        /// The number of values in this row.
        found: usize,
    },
    /// A text in a column of numbers is not a number.
    #[error("row {row}, value {column}: expected a number, found {found:?}")]
    NotNumberInRow {
        /// The row, counted from 1.
        row: usize,
        /// The value in the row, counted from 1.
        column: usize,
        /// The beginning of the text.
        found: String,
    },
    /// A file holds more values than are read, or than its length can explain.
    #[error("holds more than {limit} values, the most for a file of its length")]
    TooManyValues {
        /// The most values.
        limit: u64,
    },
    /// A file named like a table of embeddings has another content.
    #[error("not a table of embeddings: expected at least {expected} columns of decimal numbers")]
    NoColumns {
        /// The smallest number of columns of embeddings.
        expected: usize,
    },
}

impl ForeignFault {
    /// The remedy in one sentence; `None` if there is no known one.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Objects { is_matrix: true } | Self::BadType { .. } => {
                "save it as a float array: numpy.save(FILE, numpy.asarray(encodings, dtype=\"float32\"))"
            }
            Self::Objects { is_matrix: false } => "save the texts with numpy.asarray(names, dtype=\"str\")",
            Self::BadShape { .. } => "save one row for each face: numpy.stack(encodings)",
            Self::BadParquet { .. } => {
                "copy the file again, or write it again with pandas, polars or pyarrow"
            }
            Self::OtherColumns { .. } => {
                "store the embeddings as a column of lists: table[\"embedding\"] = list(matrix)"
            }
            Self::BadRowLength { .. } => "store embeddings by one model in one file",
            Self::NotNpy | Self::BadHeader { .. } | Self::BadLength { .. } | Self::BadArchive { .. } => {
                "copy the file again, or write it again with NumPy"
            }
            Self::NotFinite { .. } => "remove the row, or compute its embedding again",
            Self::NoMatrix { .. } | Self::SeveralMatrices { .. } => {
                "name the matrix: numpy.savez(FILE, embeddings=matrix, names=names)"
            }
            Self::BadCount { .. } | Self::NoName { .. } => "give one name for each embedding, in order",
            Self::BadText { .. } => "write the names as UTF-8",
            _ => return None,
        })
    }
}
