//! Which gallery rows a query must not find: those of its own photo.

use std::collections::HashMap;
use std::sync::Arc;

use crate::EmbeddingTable;
use crate::photo::Photos;

/// For each query the gallery rows that are left out, ascending.
pub(crate) struct Exclusions {
    /// Queries of one photo share their list: a photo may be there many times.
    by_query: Vec<Arc<[u32]>>,
    allow_self: bool,
}

impl Exclusions {
    /// Leaves out gallery rows of the query's content hash. An empty hash equals no other.
    ///
    /// Nothing else tells that photos of two tables are the same: names, paths and positions do not matter.
    pub(crate) fn by_content(queries: &EmbeddingTable, gallery: &EmbeddingTable, allow_self: bool) -> Self {
        let mut rows_of: HashMap<&str, Vec<u32>> = HashMap::new();
        if !allow_self {
            for (row, facts) in (0..).zip(gallery.rows()).filter(|(_, facts)| !facts.sha256.is_empty()) {
                rows_of.entry(&facts.sha256).or_default().push(row);
            }
        }
        let rows_of: HashMap<&str, Arc<[u32]>> =
            rows_of.into_iter().map(|(sha256, rows)| (sha256, rows.into())).collect();
        let none: Arc<[u32]> = Arc::new([]);
        let own = |sha256: &str| rows_of.get(sha256).unwrap_or(&none).clone();
        Self { by_query: queries.rows().iter().map(|row| own(&row.sha256)).collect(), allow_self }
    }

    /// Leaves out, further, the gallery rows of the photo that the query was taken from: its own row and its other faces.
    ///
    /// # Shapes        query_origin: \[queries\], gallery_origin: \[gallery\]; rows of `table`, the one both were taken from
    pub(crate) fn and_by_photo(
        mut self,
        table: &EmbeddingTable,
        query_origin: &[usize],
        gallery_origin: &[usize],
    ) -> Self {
        if self.allow_self {
            return self;
        }
        let photos = Photos::of(table);
        let mut rows_of = vec![Vec::new(); photos.len()];
        for (row, &origin) in (0u32..).zip(gallery_origin) {
            rows_of[photos.of_row(origin)].push(row);
        }
        for (left_out, &origin) in self.by_query.iter_mut().zip(query_origin) {
            let own = &rows_of[photos.of_row(origin)];
            if own.iter().any(|row| left_out.binary_search(row).is_err()) {
                let mut both = [left_out, own.as_slice()].concat();
                both.sort_unstable();
                both.dedup();
                *left_out = both.into();
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

/// Puts `rows`, ascending, infinitely far away, in the keys of the gallery rows from `start` on.
pub(super) fn mask(rows: &[u32], start: usize, keys: &mut [f32]) {
    let first = rows.partition_point(|&row| (row as usize) < start);
    for &row in &rows[first..] {
        match keys.get_mut(row as usize - start) {
            Some(key) => *key = f32::INFINITY,
            None => break,
        }
    }
}
