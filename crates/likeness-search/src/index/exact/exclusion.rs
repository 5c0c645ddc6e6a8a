//! The gallery rows that a query must not find: those of its own photo.

use std::collections::HashMap;
use std::sync::Arc;

use crate::EmbeddingTable;
use crate::photo::Photos;

/// For each query, the excluded gallery rows in ascending order.
pub(crate) struct Exclusions {
    /// Queries of one photo share one list, because a photo may occur many times.
    by_query: Vec<Arc<[u32]>>,
    allow_self: bool,
}

impl Exclusions {
    /// Excludes gallery rows with the query's content hash. An empty hash equals no other hash.
    ///
    /// The content hash is the only evidence that two tables contain the same photo: names, paths and positions are ignored.
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

    /// Excludes, in addition, the gallery rows of the query's photo: the query's own row and the photo's other faces.
    ///
    /// # Shapes        query_origin: \[queries\], gallery_origin: \[gallery\]; the row of `table` that each row was taken from
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

    /// Excludes, in addition, one list of gallery rows (ascending) for each query; queries may share a list.
    pub(crate) fn and_rows(mut self, lists: impl Iterator<Item = Arc<[u32]>>) -> Self {
        for (left_out, more) in self.by_query.iter_mut().zip(lists) {
            if left_out.iter().all(|row| more.binary_search(row).is_ok()) {
                *left_out = more;
                continue;
            }
            let mut both = [left_out.as_ref(), &more].concat();
            both.sort_unstable();
            both.dedup();
            *left_out = both.into();
        }
        self
    }

    /// The gallery rows that `query` must not find, ascending.
    pub(crate) fn of(&self, query: usize) -> &[u32] {
        &self.by_query[query]
    }

    /// Sets the keys of the rows excluded for `query` to infinity; `keys` belong to the gallery rows from `start` on.
    pub(super) fn mask(&self, query: usize, start: usize, keys: &mut [f32]) {
        mask(self.of(query), start, keys);
    }
}

/// Sets the keys of `rows` (ascending) to infinity; `keys` belong to the gallery rows from `start` on.
pub(super) fn mask(rows: &[u32], start: usize, keys: &mut [f32]) {
    let first = rows.partition_point(|&row| (row as usize) < start);
    for &row in &rows[first..] {
        match keys.get_mut(row as usize - start) {
            Some(key) => *key = f32::INFINITY,
            None => break,
        }
    }
}
