//! Computes the exact distances of the rows on the shortlists, reading as few vectors as possible.
//!
//! Seidl and Kriegel (1998), "Optimal Multi-Step k-Nearest Neighbor Search", SIGMOD: candidates are read in the order of the
//! lower bounds of their distances, until the next lower bound is above the k-th distance found.

use rayon::prelude::*;

use super::layout::ROWS;
use super::query::Query;
use super::rows::Rows;
use super::selection::Selection;
use super::shortlist::Shortlist;
use crate::{Result, SearchError};

/// Vectors of a query that are read at once.
const MOST_READ: usize = 512;

/// The vectors that an index holds as codes, such as those of a gallery's database.
pub trait Vectors {
    /// Appends the vectors of `ids` to `into`, in their order.
    ///
    /// # Shapes        into: \[ids, dim\]
    /// # Conventions   the ids are distinct and increasing
    /// # Errors        a vector cannot be read → [`SearchError::Vectors`]
    fn read(&self, ids: &[u64], into: &mut Vec<f32>) -> Result<()>;
}

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The id with which the row was appended.
    pub id: u64,
    /// The distance from the query, computed in f64 and rounded to f32.
    pub distance: f32,
}

/// How much work a search was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchCost {
    /// Pairs of a query and a row that the codes could not exclude.
    pub shortlisted: usize,
    /// Pairs of a query and a row whose distance was computed from the vectors.
    pub compared: usize,
    /// Vectors read from [`Vectors`].
    pub read: usize,
}

impl std::ops::AddAssign for SearchCost {
    fn add_assign(&mut self, other: Self) {
        self.shortlisted += other.shortlisted;
        self.compared += other.compared;
        self.read += other.read;
    }
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The nearest rows for each query, nearest first.
    pub neighbours: Vec<Vec<Neighbour>>,
    /// How much work it was.
    pub cost: SearchCost,
}

/// A query on the way to its exact ranking.
struct State<'a> {
    query: Query<'a>,
    /// Lower bounds and ids of the candidates, in the order in which they are read.
    candidates: Vec<(f64, u64)>,
    read: usize,
    best: Vec<Neighbour>,
}

impl<'a> State<'a> {
    fn new(query: Query<'a>, list: Shortlist, rows: &Rows) -> Self {
        let bound = |slot: u32| {
            let (group, row) = (rows.group(slot as usize / ROWS), slot as usize % ROWS);
            (query.narrow(&group, row), group.id(row))
        };
        let mut candidates: Vec<(f64, u64)> =
            list.into_entries().into_iter().map(|entry| bound(entry.slot)).collect();
        candidates.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Self { query, candidates, read: 0, best: Vec::new() }
    }

    /// The candidates that are read next; none if the ranking is complete.
    fn wanted(&self, k: usize) -> &[(f64, u64)] {
        let rest = &self.candidates[self.read..];
        let count = match self.best.get(k - 1) {
            None => k + k / 2 + 8,
            Some(last) => {
                let limit = self.query.key_of_distance(last.distance);
                rest.partition_point(|(lower, _)| *lower <= limit)
            }
        };
        &rest[..count.min(MOST_READ).min(rest.len())]
    }

    /// Adds the distances of the wanted candidates.
    fn compare(&mut self, k: usize, ids: &[u64], vectors: &[f32]) {
        let dim = self.query.vector.len();
        let distance = |id: u64| {
            let at = ids.binary_search(&id).expect("all wanted ids were read");
            Neighbour { id, distance: self.query.distance_to(&vectors[at * dim..(at + 1) * dim]) }
        };
        let wanted = self.wanted(k);
        let count = wanted.len();
        let new: Vec<Neighbour> = wanted.iter().map(|(_, id)| distance(*id)).collect();
        self.best.extend(new);
        self.best.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id)));
        self.best.truncate(k);
        self.read += count;
    }
}

/// The rankings of `queries` from their shortlists.
pub(super) fn rerank(
    rows: &Rows,
    queries: Vec<Query>,
    lists: Vec<Shortlist>,
    k: usize,
    selection: Option<&Selection>,
    vectors: &dyn Vectors,
) -> Result<Found> {
    let pairs: Vec<(Query, Shortlist)> = queries.into_iter().zip(lists).collect();
    let mut states: Vec<State> =
        pairs.into_par_iter().map(|(query, list)| State::new(query, list, rows)).collect();
    let mut cost = SearchCost::default();
    for state in states.iter_mut().filter(|state| state.query.is_zero_direction()) {
        state.best = smallest_ids(rows, k, selection);
    }
    cost.shortlisted = states.iter().map(|state| state.candidates.len()).sum();
    let mut read = Vec::new();
    loop {
        let wanted = states.iter().flat_map(|state| state.wanted(k)).map(|(_, id)| *id);
        let mut ids: Vec<u64> = wanted.collect();
        cost.compared += ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            break;
        }
        cost.read += ids.len();
        read.clear();
        vectors.read(&ids, &mut read)?;
        let dim = states[0].query.vector.len();
        check_read(&ids, &read, dim)?;
        states.par_iter_mut().for_each(|state| state.compare(k, &ids, &read));
    }
    Ok(Found { neighbours: states.into_iter().map(|state| state.best).collect(), cost })
}

fn check_read(ids: &[u64], read: &[f32], dim: usize) -> Result<()> {
    if read.len() != ids.len() * dim {
        let (expected, found) = (ids.len() * dim, read.len());
        let reason = format!("vectors of {} rows: expected {expected} values, found {found}", ids.len());
        return Err(SearchError::BadEmbeddings { reason });
    }
    match read.iter().position(|value| !value.is_finite()) {
        Some(at) => {
            let (id, value) = (ids[at / dim], read[at]);
            let reason = format!("vector of id {id}: expected finite values, found {value}");
            Err(SearchError::BadEmbeddings { reason })
        }
        None => Ok(()),
    }
}

/// The ranking of a query without a direction: its cosine distance from every row is 1.
fn smallest_ids(rows: &Rows, k: usize, selection: Option<&Selection>) -> Vec<Neighbour> {
    let allowed = rows.groups(0..rows.groups_len()).flat_map(|group| {
        let allowed = selection.map_or(u16::MAX, |selection| selection.mask(rows, group.number));
        let mask = group.alive() & allowed;
        (0..ROWS).filter(move |row| mask >> row & 1 == 1).map(move |row| group.id(row))
    });
    let mut ids: Vec<u64> = allowed.collect();
    ids.sort_unstable();
    ids.truncate(k);
    ids.into_iter().map(|id| Neighbour { id, distance: 1.0 }).collect()
}
