//! Estimates many distances at a time in f32, with a bound on their error.
//!
//! A *key* sorts one query's gallery in the same order as the distance. With u = 2⁻²⁴, a sum in which every term takes part
//! in t roundings has an error of at most γ = t·u / (1 − t·u) relative to Σ|terms|, in any order (Higham, Accuracy and
//! Stability of Numerical Algorithms, 2002, ch. 4):
//!
//! ```text
//! cosine     key = distance − 1    = −a·b / (|a| |b|)       error ≤ γ + 8u
//! euclidean  key = distance² − |a|² = |b|² − 2 a·b           error ≤ (γ + 8u) (|a|² + |b|²)
//! jaccard    key = distance         = 1 − s / (Σa + Σb − s)  error ≤ 2γ + 8u,  s = Σ min(aᵢ, bᵢ)
//! ```
//!
//! The error bound is split into a part that depends on the query and a part that depends on the gallery row.

use std::ops::Range;

use super::compute::row_sums;
use super::product::{self, COMMON_SLICE, LANES, SLICE};
use crate::{Distance, EmbeddingTable};

/// Unit roundoff of f32: half the distance from 1 to the next value.
const UNIT: f64 = 1.0 / (1u32 << 24) as f64;
/// Rounding outside the sums (8 units), different distances that are equal in f32 (8 units), and a safety margin.
const EXTRA_UNITS: f64 = 32.0;
/// An upper bound on the sum of products that underflow in f32.
const UNDERFLOW: f64 = 1e-36;

/// Estimates the distances of two tables block by block.
pub(super) struct Estimate<'a> {
    distance: Distance,
    queries: &'a EmbeddingTable,
    gallery: &'a EmbeddingTable,
    query_side: QuerySide,
    gallery_side: GallerySide,
}

/// The part of a key that depends on the query alone.
struct QuerySide {
    /// Cosine: 1 / |a|; Euclidean: −2; Jaccard: Σa.
    factor: Vec<f32>,
    offset: Vec<f64>,
    slack: Vec<f32>,
}

/// The part of a key that depends on the gallery row alone.
struct GallerySide {
    /// Cosine: −1 / |b|; Euclidean: |b|²; Jaccard: Σb.
    factor: Vec<f32>,
    slack: Vec<f32>,
}

impl<'a> Estimate<'a> {
    /// Prepares the estimates; returns `None` if values are too large or too small for f32 arithmetic.
    pub(super) fn new(
        queries: &'a EmbeddingTable,
        gallery: &'a EmbeddingTable,
        distance: Distance,
    ) -> Option<Self> {
        let query_sums = row_sums(queries, distance);
        let gallery_sums = row_sums(gallery, distance);
        if !query_sums.iter().chain(&gallery_sums).all(|&sum| in_range(sum, distance)) {
            return None;
        }
        let error = relative_error(queries.dimension(), distance);
        let query_side = QuerySide::new(query_sums, distance, error);
        let gallery_side = GallerySide::new(&gallery_sums, distance, error);
        Some(Self { distance, queries, gallery, query_side, gallery_side })
    }

    pub(super) fn queries_len(&self) -> usize {
        self.queries.len()
    }

    pub(super) fn gallery_len(&self) -> usize {
        self.gallery.len()
    }

    /// The value that converts a query's key to the distance (squared if Euclidean) by addition.
    pub(super) fn query_offset(&self, query: usize) -> f64 {
        self.query_side.offset[query]
    }

    /// The part of the error bound that depends on the query.
    pub(super) fn query_slack(&self, query: usize) -> f32 {
        self.query_side.slack[query]
    }

    /// The parts of the error bounds that depend on the gallery rows.
    pub(super) fn gallery_slack(&self, rows: Range<usize>) -> &[f32] {
        &self.gallery_side.slack[rows]
    }

    /// Writes the keys of a block of queries against a range of gallery rows.
    ///
    /// # Shapes        output: \[queries, rows\], row-major
    pub(super) fn keys(&self, queries: Range<usize>, rows: Range<usize>, output: &mut [f32]) {
        let dim = self.queries.dimension();
        let a = &self.queries.embeddings()[queries.start * dim..queries.end * dim];
        let b = &self.gallery.embeddings()[rows.start * dim..rows.end * dim];
        match self.distance {
            Distance::Jaccard => product::commons(a, b, dim, output),
            _ => product::dots(a, b, dim, output),
        }
        let columns = &self.gallery_side.factor[rows.clone()];
        for (line, &factor) in output.chunks_exact_mut(rows.len()).zip(&self.query_side.factor[queries]) {
            let pairs = line.iter_mut().zip(columns);
            match self.distance {
                Distance::Cosine => pairs.for_each(|(key, column)| *key *= factor * column),
                Distance::Jaccard => {
                    pairs.for_each(|(key, column)| *key = jaccard_key(*key, factor + column))
                }
                _ => pairs.for_each(|(key, column)| *key = column + factor * *key),
            }
        }
    }
}

impl QuerySide {
    fn new(sums: Vec<f64>, distance: Distance, error: f64) -> Self {
        let each = |of: &dyn Fn(f64) -> f64| sums.iter().map(|&sum| of(sum) as f32).collect::<Vec<f32>>();
        let flat = each(&|_| error + UNDERFLOW);
        match distance {
            Distance::Cosine => {
                Self { factor: each(&inverse_root), offset: vec![1.0; sums.len()], slack: flat }
            }
            Distance::Euclidean | Distance::SquaredEuclidean => {
                let slack = each(&|sum| error * sum + UNDERFLOW);
                Self { factor: each(&|_| -2.0), offset: sums, slack }
            }
            Distance::Jaccard => {
                Self { factor: each(&|sum| sum), offset: vec![0.0; sums.len()], slack: flat }
            }
        }
    }
}

impl GallerySide {
    fn new(sums: &[f64], distance: Distance, error: f64) -> Self {
        let each = |of: &dyn Fn(f64) -> f64| sums.iter().map(|&sum| of(sum) as f32).collect::<Vec<f32>>();
        let none = each(&|_| 0.0);
        match distance {
            Distance::Cosine => Self { factor: each(&|sum| -inverse_root(sum)), slack: none },
            Distance::Euclidean | Distance::SquaredEuclidean => {
                Self { factor: each(&|sum| sum), slack: each(&|sum| error * sum + UNDERFLOW) }
            }
            Distance::Jaccard => Self { factor: each(&|sum| sum), slack: none },
        }
    }
}

fn jaccard_key(common: f32, masses: f32) -> f32 {
    let union = masses - common;
    if union > 0.0 { 1.0 - common / union } else { 0.0 }
}

fn inverse_root(sum: f64) -> f64 {
    if sum == 0.0 { 0.0 } else { 1.0 / sum.sqrt() }
}

/// Whether squares and products of rows with this squared length, or sum, are well inside the range of f32.
fn in_range(sum: f64, distance: Distance) -> bool {
    let smallest = match distance {
        Distance::Euclidean | Distance::SquaredEuclidean => 0.0, // UNDERFLOW bounds the absolute error
        Distance::Cosine | Distance::Jaccard => 1e-20,
    };
    sum == 0.0 || (smallest..1e30).contains(&sum)
}

/// The error of a key, relative to the quantities in the table at the top of this file.
fn relative_error(dim: usize, distance: Distance) -> f64 {
    let (terms, factor) = match distance {
        Distance::Jaccard => {
            (dim.min(COMMON_SLICE).div_ceil(LANES) + LANES + dim.div_ceil(COMMON_SLICE), 2.0)
        }
        _ => (dim.min(SLICE) + dim.div_ceil(SLICE), 1.0),
    };
    let rounded = terms as f64 * UNIT;
    factor * rounded / (1.0 - rounded) + EXTRA_UNITS * UNIT
}
