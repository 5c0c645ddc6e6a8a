//! Numbers the identities of a table in sorted order of their names, so that measures can be resampled together.

use std::collections::HashMap;

use crate::EmbeddingTable;

/// The identities of some rows of a table.
pub(crate) struct Identities {
    names: Vec<String>,
    of_row: Vec<Option<u32>>,
    unlabelled: usize,
}

impl Identities {
    /// The identities of the rows in any of `sides` (each ascending).
    pub(crate) fn of(table: &EmbeddingTable, sides: &[&[usize]]) -> Self {
        let used = |row: usize| sides.iter().any(|rows| rows.binary_search(&row).is_ok());
        let rows: Vec<usize> = (0..table.len()).filter(|&row| used(row)).collect();
        let name = |row: usize| table.rows()[row].identity.as_deref();
        let mut names: Vec<&str> = rows.iter().filter_map(|&row| name(row)).collect();
        let unlabelled = rows.len() - names.len();
        names.sort_unstable();
        names.dedup();
        let numbers: HashMap<&str, u32> = names.iter().copied().zip(0..).collect();
        let mut of_row = vec![None; table.len()];
        rows.iter().for_each(|&row| of_row[row] = name(row).map(|name| numbers[name]));
        Self { names: names.into_iter().map(Into::into).collect(), of_row, unlabelled }
    }

    /// The number of a row's identity.
    pub(crate) fn of_row(&self, row: usize) -> Option<u32> {
        self.of_row[row]
    }

    /// The number of rows without an identity.
    pub(crate) fn unlabelled(&self) -> usize {
        self.unlabelled
    }

    /// The number of rows with an identity.
    pub(crate) fn labelled(&self) -> usize {
        self.of_row.iter().flatten().count()
    }

    /// The names, sorted.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.names
    }
}
