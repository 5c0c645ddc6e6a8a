//! Walks the graph: greedily on the upper levels, with a list of candidates on the lower ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Mutex;

use rayon::prelude::*;

use super::config::HnswConfig;
use super::graph::{Graph, Reached};
use crate::Result;
use crate::index::int8::{Found, Int8Index, Point, Selection, Vectors, compare};

/// Queries that are searched together.
const QUERY_BLOCK: usize = 128;
/// A selection of fewer rows than this share is searched exactly, which is faster.
const LEAST_SELECTED: f64 = 0.1;

/// A graph over the rows of an [`Int8Index`], for approximate searches.
///
/// # Examples        see [`Int8Index`]; `HnswIndex::build(&index, HnswConfig::default())` makes the graph
#[derive(Debug)]
pub struct HnswIndex {
    pub(super) config: HnswConfig,
    pub(super) graph: Graph,
    pub(super) pool: Pool,
}

/// What a search in the graph looks for.
#[derive(Debug, Clone, Copy)]
pub struct GraphSearch<'a> {
    /// Length of each ranking.
    pub k: usize,
    /// Candidates of each query, at least k (ef in the paper); more take longer and find more.
    pub candidates: usize,
    /// The rows that may be found; `None` for all.
    pub selection: Option<&'a Selection>,
}

/// The nodes that a walk has visited.
#[derive(Debug, Default)]
pub(super) struct Visited {
    marks: Vec<u32>,
    now: u32,
}

impl Visited {
    fn start(&mut self, nodes: usize) {
        if self.now == u32::MAX {
            *self = Self::default();
        }
        self.marks.resize(nodes, 0);
        self.now += 1;
    }

    /// Whether the node was not visited before.
    fn visit(&mut self, node: u32) -> bool {
        std::mem::replace(&mut self.marks[node as usize], self.now) != self.now
    }
}

/// Memory of finished walks, for the next ones: it is as long as the graph.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Visited>>);

impl Pool {
    /// Calls `work` with memory of a walk.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Visited) -> T) -> T {
        let taken = self.0.lock().map_or(None, |mut free| free.pop());
        let mut visited = taken.unwrap_or_default();
        let done = work(&mut visited);
        if let Ok(mut free) = self.0.lock() {
            free.push(visited);
        }
        done
    }
}

/// The nearest node to `point` that a greedy walk on the levels above `level` reaches.
pub(super) fn descend(graph: &Graph, index: &Int8Index, point: &Point, level: usize) -> Option<Reached> {
    let entry = graph.entry?;
    let mut nearest = Reached { distance: point.distance_to(index, entry), node: entry };
    for level in (level + 1..=graph.level(entry)).rev() {
        loop {
            let reached = graph.links(nearest.node, level).iter();
            let reached =
                reached.map(|node| Reached { distance: point.distance_to(index, *node), node: *node });
            match reached.min().filter(|least| *least < nearest) {
                Some(least) => nearest = least,
                None => break,
            }
        }
    }
    Some(nearest)
}

/// The `effort` nearest nodes on a level that `is_allowed` accepts, in order of distance (algorithm 2 of the paper).
pub(super) fn walk(
    graph: &Graph,
    index: &Int8Index,
    point: &Point,
    (entry, level): (Reached, usize),
    effort: usize,
    visited: &mut Visited,
    is_allowed: impl Fn(u32) -> bool,
) -> Vec<Reached> {
    visited.start(graph.len() as usize);
    visited.visit(entry.node);
    let mut waiting = BinaryHeap::from([Reverse(entry)]);
    let mut best = BinaryHeap::new();
    if is_allowed(entry.node) {
        best.push(entry);
    }
    while let Some(Reverse(near)) = waiting.pop() {
        if best.len() >= effort && best.peek().is_some_and(|last| near > *last) {
            break;
        }
        for &node in graph.links(near.node, level) {
            if !visited.visit(node) {
                continue;
            }
            let reached = Reached { distance: point.distance_to(index, node), node };
            if best.len() < effort || best.peek().is_some_and(|last| reached < *last) {
                waiting.push(Reverse(reached));
                if is_allowed(node) {
                    best.push(reached);
                    if best.len() > effort {
                        best.pop();
                    }
                }
            }
        }
    }
    best.into_sorted_vec()
}

impl HnswIndex {
    /// Rows that the graph has, removed ones included.
    pub fn nodes(&self) -> usize {
        self.graph.len() as usize
    }

    /// The nearest rows for each query that the graph leads to, nearest first.
    ///
    /// Distances are exact. Rows that were appended after the last [`HnswIndex::update`] are not found.
    ///
    /// # Shapes        as [`Int8Index::search`]
    /// # Conventions   a selection of few rows is searched exactly; a ranking may be shorter than k
    /// # Errors        as [`Int8Index::search`]
    pub fn search(
        &self,
        index: &Int8Index,
        queries: &[f32],
        search: &GraphSearch,
        vectors: &dyn Vectors,
    ) -> Result<Found> {
        let GraphSearch { k, candidates, selection } = *search;
        index.check_arguments(queries, k)?;
        let is_small =
            |selection: &Selection| (selection.len() as f64) < LEAST_SELECTED * self.nodes() as f64;
        if self.graph.entry.is_none() || selection.is_some_and(is_small) {
            return index.search(queries, k, selection, vectors);
        }
        let key = index.key();
        let candidates_of = |vector: &[f32]| -> Vec<u32> {
            let point = Point::of_vector(key.distance, vector);
            let entry = descend(&self.graph, index, &point, 0).expect("the graph has an entry");
            let is_allowed = |node| index.is_allowed(node, selection);
            let found = self.pool.with(|visited| {
                walk(&self.graph, index, &point, (entry, 0), candidates.max(k), visited, is_allowed)
            });
            found.into_iter().map(|reached| reached.node).collect()
        };
        let mut found = Found::default();
        for block in queries.chunks(QUERY_BLOCK * key.dimension) {
            let numbers: Vec<Vec<u32>> = block.par_chunks(key.dimension).map(candidates_of).collect();
            let part = compare(index, block, numbers, k, vectors)?;
            found.neighbours.extend(part.neighbours);
            found.cost += part.cost;
        }
        Ok(found)
    }
}
