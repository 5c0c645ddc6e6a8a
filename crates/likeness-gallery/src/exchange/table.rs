//! Tables of named columns, which npz and Parquet files store.

use std::io;
use std::path::Path;

use super::{ExchangeError, TableFault};

/// A table: columns of equal lengths, and the embedding of each row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The embeddings: n × `dimension` values, row-major.
    pub embeddings: Vec<f32>,
    /// The number of values in an embedding; 0 if the table has no embeddings.
    pub dimension: usize,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values,
}

/// The values of a column. `None` is a missing value.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Integers.
    Integers(Vec<Option<i64>>),
    /// Floating-point numbers.
    Numbers(Vec<Option<f64>>),
    /// Texts.
    Texts(Vec<Option<String>>),
}

impl Values {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Integers(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the values of `other`. Returns whether both are of the same kind.
    pub(super) fn append(&mut self, other: Self) -> bool {
        match (self, other) {
            (Self::Integers(values), Self::Integers(more)) => values.extend(more),
            (Self::Numbers(values), Self::Numbers(more)) => values.extend(more),
            (Self::Texts(values), Self::Texts(more)) => values.extend(more),
            _ => return false,
        }
        true
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Integers(_) => "integers",
            Self::Numbers(_) => "numbers",
            Self::Texts(_) => "texts",
        }
    }
}

impl Table {
    /// The number of rows.
    pub fn len(&self) -> usize {
        let of_embeddings = self.embeddings.len().checked_div(self.dimension).unwrap_or(0);
        self.columns.first().map_or(of_embeddings, |column| column.values.len())
    }

    /// Whether the table has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that all columns have one value for each row.
    pub(super) fn check(&self) -> Result<(), TableFault> {
        let expected = self.len();
        let wrong =
            |column: &str, found| TableFault::WrongLength { column: column.to_owned(), expected, found };
        if let Some(column) = self.columns.iter().find(|column| column.values.len() != expected) {
            return Err(wrong(&column.name, column.values.len()));
        }
        match expected.checked_mul(self.dimension) == Some(self.embeddings.len()) {
            true => Ok(()),
            false => Err(wrong("embedding", self.embeddings.len())),
        }
    }

    /// Checks that `other` is a further batch of the same table.
    pub(super) fn check_same(&self, other: &Self) -> Result<(), TableFault> {
        let shape = |table: &Self| -> Vec<String> {
            let columns = table.columns.iter();
            columns.map(|column| format!("{} ({})", column.name, column.values.kind())).collect()
        };
        let (expected, found) = (shape(self), shape(other));
        if expected != found {
            return Err(TableFault::OtherColumns { expected, found });
        }
        match self.dimension == other.dimension {
            true => Ok(()),
            false => Err(TableFault::OtherDimension { expected: self.dimension, found: other.dimension }),
        }
    }
}

/// Why writing stopped: the output failed, or the source of the rows.
pub(super) enum Stop<E> {
    /// The output cannot be written.
    Output(io::Error),
    /// The rows cannot be read, or not be stored.
    Rows(E),
}

impl<E> From<io::Error> for Stop<E> {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Writes a file as [`likeness_artifact::write`] does, with errors of the source of the rows.
pub(super) fn write_file<E: From<ExchangeError>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> Result<(), Stop<E>>,
) -> Result<(), E> {
    let mut failure = None;
    let written = likeness_artifact::write(path, |file| match fill(file) {
        Ok(()) => Ok(()),
        Err(Stop::Output(error)) => Err(error),
        Err(Stop::Rows(error)) => {
            failure = Some(error);
            Err(io::Error::other("the rows cannot be read"))
        }
    });
    match failure {
        Some(error) => Err(error),
        None => written.map_err(|error| ExchangeError::from(error).into()),
    }
}
