//! Which gallery images a query must not find: its own file.

use std::collections::HashMap;

use crate::EmbeddingTable;

/// For each query the gallery rows that are left out, ascending.
pub(crate) struct Exclusions {
    by_query: Vec<Vec<u32>>,
    allow_self: bool,
}

impl Exclusions {
    /// Leaves out gallery images of the query's content hash; an empty hash equals nothing.
    pub(crate) fn by_content(queries: &EmbeddingTable, gallery: &EmbeddingTable, allow_self: bool) -> Self {
        let mut rows_of: HashMap<&str, Vec<u32>> = HashMap::new();
        if !allow_self {
            for (row, facts) in (0..).zip(gallery.rows()).filter(|(_, facts)| !facts.sha256.is_empty()) {
                rows_of.entry(&facts.sha256).or_default().push(row);
            }
        }
        let own = |sha256: &str| rows_of.get(sha256).cloned().unwrap_or_default();
        Self { by_query: queries.rows().iter().map(|row| own(&row.sha256)).collect(), allow_self }
    }

    /// Leaves out, further, the gallery row that is the very row the query was taken from.
    ///
    /// # Shapes        query_origin: \[queries\], gallery_origin: \[gallery\], ascending; rows of one common table
    pub(crate) fn and_by_row(mut self, query_origin: &[usize], gallery_origin: &[usize]) -> Self {
        if self.allow_self {
            return self;
        }
        for (left_out, origin) in self.by_query.iter_mut().zip(query_origin) {
            if let Ok(row) = gallery_origin.binary_search(origin)
                && let Err(place) = left_out.binary_search(&(row as u32))
            {
                left_out.insert(place, row as u32);
            }
        }
        self
    }

    /// The gallery rows that `query` must not find, ascending.
    pub(crate) fn of(&self, query: usize) -> &[u32] {
        &self.by_query[query]
    }

    /// Puts the rows left out infinitely far away, in the keys of the gallery rows from `start` on.
    pub(super) fn mask(&self, query: usize, start: usize, keys: &mut [f32]) {
        mask(self.of(query), start, keys);
    }
}

/// Puts `rows` infinitely far away, in the keys of the gallery rows from `start` on.
pub(super) fn mask(rows: &[u32], start: usize, keys: &mut [f32]) {
    for &row in rows {
        if let Some(key) = (row as usize).checked_sub(start).and_then(|place| keys.get_mut(place)) {
            *key = f32::INFINITY;
        }
    }
}
