//! Distances between two tables in f64; values that depend on one row alone are computed once.

use rayon::prelude::*;

use crate::distance::{cosine, jaccard, squared_euclidean};
use crate::{Distance, EmbeddingTable};

/// Computes exact distances: the same bits as [`Distance::between`], faster.
pub(super) struct Exact<'a> {
    distance: Distance,
    queries: &'a EmbeddingTable,
    gallery: &'a EmbeddingTable,
    query_sums: Vec<f64>,
    gallery_sums: Vec<f64>,
}

impl<'a> Exact<'a> {
    pub(super) fn new(queries: &'a EmbeddingTable, gallery: &'a EmbeddingTable, distance: Distance) -> Self {
        let query_sums = row_sums(queries, distance);
        let gallery_sums =
            if std::ptr::eq(queries, gallery) { query_sums.clone() } else { row_sums(gallery, distance) };
        Self { distance, queries, gallery, query_sums, gallery_sums }
    }

    pub(super) fn gallery_len(&self) -> u32 {
        self.gallery.len() as u32
    }

    /// The exact key: the distance, squared if Euclidean, which `Estimate` approximates.
    pub(super) fn key(&self, query: usize, row: usize) -> f64 {
        let (a, b) = (self.queries.embedding(query), self.gallery.embedding(row));
        match self.distance {
            Distance::Cosine => {
                cosine::from_dot(cosine::dot(a, b), self.query_sums[query], self.gallery_sums[row])
            }
            Distance::Euclidean | Distance::SquaredEuclidean => squared_euclidean::between(a, b),
            Distance::Jaccard => {
                jaccard::from_common(jaccard::common(a, b), self.query_sums[query], self.gallery_sums[row])
            }
        }
    }

    /// The distance in f32 as reported to the user; equal reported distances are ties.
    pub(super) fn shown(&self, query: usize, row: usize) -> f32 {
        self.shown_of(self.key(query, row))
    }

    /// Converts a key to the reported distance.
    pub(super) fn shown_of(&self, key: f64) -> f32 {
        match self.distance {
            Distance::Euclidean => key.sqrt() as f32,
            Distance::Cosine | Distance::SquaredEuclidean | Distance::Jaccard => key as f32,
        }
    }
}

/// The squared length of each row, or its sum for the Jaccard distance.
pub(super) fn row_sums(table: &EmbeddingTable, distance: Distance) -> Vec<f64> {
    let sum = match distance {
        Distance::Cosine | Distance::Euclidean | Distance::SquaredEuclidean => cosine::squared_norm,
        Distance::Jaccard => jaccard::mass,
    };
    table.embeddings().par_chunks(table.dimension()).map(sum).collect()
}
