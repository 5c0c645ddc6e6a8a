//! Exact ranking of the whole gallery for every query, without storing the full distance matrix.
//!
//! 1. `estimate` computes a block of queries against a range of gallery rows in f32, as one matrix product (a sum
//!    of minima for the Jaccard distance), together with a bound on the rounding error.
//! 2. `shortlist` keeps, for each query, every row that may be among its first k given that bound.
//! 3. `compute` computes the distances of these few rows in f64 and sorts them.
//!
//! The result equals that of the plain double loop over [`Distance::between`], at about the cost of one f32 matrix product.
//! `position` answers the inverse question with the same method: which rank does a given image have?

mod compute;
mod estimate;
mod exclusion;
mod pairs;
mod photos;
mod position;
mod product;
mod ranking;
mod scan;
mod shortlist;

use rayon::prelude::*;

use crate::{Distance, EmbeddingTable, Result, SearchError};
use compute::Exact;
use estimate::Estimate;
pub(crate) use exclusion::Exclusions;
pub(crate) use pairs::{PairSink, Pairs, Precision, Repeats};
pub use photos::{PhotoSearch, rank_photos, rank_photos_between};
pub(crate) use position::relevant_ranks;
pub(crate) use product::dots;
pub use ranking::{GalleryId, Hit, Ranking, Rankings};
use shortlist::Shortlist;

/// Options of a ranking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankConfig {
    /// Length of each ranking; `None` ranks the whole gallery and needs memory for queries × gallery hits.
    pub k: Option<usize>,
    /// Whether a query may find its own file.
    pub allow_self: bool,
}

impl Default for RankConfig {
    /// The first ten hits, without the query itself, as the challenge score needs.
    fn default() -> Self {
        Self { k: Some(10), allow_self: false }
    }
}

/// The nearest images of `gallery` for each of `queries`, nearest first.
///
/// # Shapes        rankings: \[queries\], each with min(k, gallery without the query's own file) hits
/// # Conventions   distances are computed in f64 and returned in f32; equal returned distances rank by gallery order.
///   A query never finds a gallery image with the same content hash unless `allow_self`; an image without a hash is
///   never excluded
/// # Errors        the two tables differ in dimension or fingerprint, negative values under the Jaccard distance
///   → `BadEmbeddings`; no query, no gallery image, a `k` of 0 → `BadArgument`
pub fn rank(
    queries: &EmbeddingTable,
    gallery: &EmbeddingTable,
    distance: Distance,
    config: &RankConfig,
) -> Result<Rankings> {
    let exclusions = Exclusions::by_content(queries, gallery, config.allow_self);
    rank_without(queries, gallery, distance, config.k, &exclusions)
}

/// The nearest other images in the same table for each of its images (leave one out).
///
/// Works as [`rank`]. In addition, a row never finds itself or another face of its photo unless `allow_self`, whether or not
/// it has a content hash.
///
/// # Errors        the errors of [`rank`]
pub fn rank_within(table: &EmbeddingTable, distance: Distance, config: &RankConfig) -> Result<Rankings> {
    let rows: Vec<usize> = (0..table.len()).collect();
    let exclusions =
        Exclusions::by_content(table, table, config.allow_self).and_by_photo(table, &rows, &rows);
    rank_without(table, table, distance, config.k, &exclusions)
}

/// The rankings of [`rank`] without the excluded rows.
pub(crate) fn rank_without(
    queries: &EmbeddingTable,
    gallery: &EmbeddingTable,
    distance: Distance,
    k: Option<usize>,
    exclusions: &Exclusions,
) -> Result<Rankings> {
    check_sides(queries, gallery, distance)?;
    if k == Some(0) {
        let reason = "k: expected rankings of at least one image, found 0".into();
        return Err(SearchError::BadArgument { reason });
    }
    let k = k.unwrap_or(gallery.len()).min(gallery.len());
    let exact = Exact::new(queries, gallery, distance);
    let candidates = candidates(queries, gallery, distance, k, exclusions);
    let rankings = candidates
        .into_par_iter()
        .enumerate()
        .map(|(query, rows)| nearest(&exact, query, rows, exclusions.of(query), k))
        .collect::<Result<Vec<_>>>()?;
    Rankings::new(rankings, gallery.len())
}

/// The checks that every comparison of two tables needs.
pub(crate) fn check_sides(
    queries: &EmbeddingTable,
    gallery: &EmbeddingTable,
    distance: Distance,
) -> Result<()> {
    gallery.check_comparable(queries)?;
    queries.check_for(distance)?;
    gallery.check_for(distance)?;
    let empty = |reason: &str| Err(SearchError::BadArgument { reason: reason.into() });
    if queries.is_empty() {
        return empty("queries: expected at least one image to search for, found none");
    }
    if gallery.is_empty() {
        return empty("gallery: expected at least one image to search in, found none");
    }
    if u32::try_from(gallery.len()).is_err() {
        return empty("gallery: expected fewer than 2^32 images");
    }
    Ok(())
}

/// The gallery rows that may be among the first k of a query: a shortlist if estimates pay off, else all rows not excluded.
enum Candidates {
    Some(Vec<u32>),
    All,
}

fn candidates(
    queries: &EmbeddingTable,
    gallery: &EmbeddingTable,
    distance: Distance,
    k: usize,
    exclusions: &Exclusions,
) -> Vec<Candidates> {
    let worth_estimating = k.saturating_mul(4) <= gallery.len();
    let estimate = worth_estimating.then(|| Estimate::new(queries, gallery, distance)).flatten();
    let Some(estimate) = estimate else {
        return (0..queries.len()).map(|_| Candidates::All).collect();
    };
    let shortlists = scan::scan(
        &estimate,
        |query| Shortlist::new(k, estimate.query_slack(query)),
        |shortlist, query, span, keys| {
            exclusions.mask(query, span.start, keys);
            shortlist.offer(span.start, keys, estimate.gallery_slack(span));
        },
        Shortlist::merge,
    );
    shortlists.into_iter().map(|shortlist| Candidates::Some(shortlist.into_rows())).collect()
}

fn nearest(
    exact: &Exact,
    query: usize,
    candidates: Candidates,
    left_out: &[u32],
    k: usize,
) -> Result<Ranking> {
    let order = |row: u32| (exact.shown(query, row as usize), row);
    let mut hits: Vec<(f32, u32)> = match candidates {
        Candidates::Some(rows) => rows.into_iter().map(order).collect(),
        Candidates::All => {
            (0..exact.gallery_len()).filter(|row| left_out.binary_search(row).is_err()).map(order).collect()
        }
    };
    hits.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    hits.truncate(k);
    Ranking::new(
        (1..)
            .zip(hits)
            .map(|(rank, (distance, row))| Hit { gallery_id: GalleryId::new(row), distance, rank })
            .collect(),
    )
}

#[cfg(test)]
mod tests;
