//! What each way of searching costs in a gallery.

use std::collections::HashSet;
use std::time::Instant;

use likeness_gallery::catalogue::ReadCatalogue;
use likeness_gallery::{Gallery, ItemId, SearchPlan};

use crate::{Result, invalid};

/// Queries of each kind.
const QUERIES: usize = 100;
/// Length of the rankings that are compared.
const K: usize = 10;
/// Candidates of approximate searches.
pub const EFFORT: usize = 128;

/// The cost of one way of searching.
#[derive(Debug, Clone, PartialEq)]
pub struct CostRow {
    /// The way: `exact` or `hnsw`.
    pub mode: &'static str,
    /// What was searched for: `enrolled` faces of the gallery, or `unknown` ones.
    pub queries: &'static str,
    /// Share of the ten nearest that were found.
    pub recall: f64,
    /// Median time of a query, in milliseconds.
    pub p50_ms: f64,
    /// Time that 99 of 100 queries do not exceed, in milliseconds.
    pub p99_ms: f64,
}

/// Measures each way of searching in `gallery`, with faces of the gallery and with unknown ones.
///
/// An unknown face is the mean of two faces of the gallery: near no one, but where faces are.
///
/// # Errors        a gallery without items
pub fn explain_cost(gallery: &mut Gallery) -> Result<Vec<CostRow>> {
    let model = gallery.active_model()?;
    let all = gallery.catalogue().item_ids(None)?;
    if all.is_empty() {
        return Err(invalid(
            "the gallery has nothing to search for",
            "add photos with `likeness gallery add`",
        ));
    }
    let sample: Vec<ItemId> =
        (0..QUERIES.min(all.len())).map(|at| all[at * all.len() / QUERIES.min(all.len())]).collect();
    let mut enrolled = Vec::new();
    gallery.catalogue().vectors(model.id, &sample, &mut enrolled)?;
    let dimension = model.tag.dimension;
    let half = sample.len() / 2 * dimension;
    let unknown: Vec<f32> =
        enrolled[..half].iter().zip(&enrolled[half..2 * half]).map(|(a, b)| (a + b) / 2.0).collect();
    gallery.ready_codes(&model)?;
    let with_graph = gallery.graph_path().is_file();
    let exact = SearchPlan { k: K, ..SearchPlan::default() };
    let graph = SearchPlan { graph: Some(EFFORT), ..exact };
    let mut rows = Vec::new();
    for (queries, vectors) in [("enrolled", &enrolled), ("unknown", &unknown)] {
        if vectors.is_empty() {
            continue;
        }
        let (truth, times) = measure(vectors, dimension, |query| Ok(gallery.search(query, &exact)?))?;
        rows.push(row("exact", queries, 1.0, times));
        if with_graph {
            let (found, times) = measure(vectors, dimension, |query| Ok(gallery.search(query, &graph)?))?;
            rows.push(row("hnsw", queries, recall(&truth, &found), times));
        }
    }
    Ok(rows)
}

type Hits = Vec<(ItemId, f32)>;

/// The hits of each query, and the milliseconds that it took.
fn measure(
    vectors: &[f32],
    dimension: usize,
    mut search: impl FnMut(&[f32]) -> Result<Vec<Hits>>,
) -> Result<(Vec<Hits>, Vec<f64>)> {
    let (mut found, mut times) = (Vec::new(), Vec::new());
    for query in vectors.chunks_exact(dimension) {
        let start = Instant::now();
        found.extend(search(query)?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok((found, times))
}

/// Share of the hits of `truth` that `found` has.
fn recall(truth: &[Hits], found: &[Hits]) -> f64 {
    let items = |hits: &Hits| hits.iter().map(|(item, _)| *item).collect::<HashSet<_>>();
    let (mut right, mut all) = (0, 0);
    for (truth, found) in truth.iter().zip(found) {
        right += items(truth).intersection(&items(found)).count();
        all += truth.len();
    }
    right as f64 / all.max(1) as f64
}

fn row(mode: &'static str, queries: &'static str, recall: f64, mut times: Vec<f64>) -> CostRow {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
    CostRow { mode, queries, recall, p50_ms: at(0.5), p99_ms: at(0.99) }
}
