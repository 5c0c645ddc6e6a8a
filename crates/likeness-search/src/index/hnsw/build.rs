//! Inserts rows into the graph (algorithms 1 and 4 of the paper).

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::config::HnswConfig;
use super::graph::{Graph, Reached};
use super::search::{HnswIndex, Pool, Visited, descend, walk};
use crate::index::int8::{Int8Index, Point};

/// The largest level; with 16 links a billion rows need eight.
const MOST_LEVEL: usize = 12;
/// Rows that are searched in parallel before they are linked; in a small graph, a share of its nodes.
const BATCH: usize = 256;
const BATCH_SHARE: usize = 32;

/// A new row with its links on each level that the graph has.
struct New {
    level: usize,
    links: Vec<Vec<Reached>>,
}

/// The links of a node that new rows are added to.
struct Changed {
    node: u32,
    level: usize,
    added: Vec<Reached>,
}

impl HnswIndex {
    /// Builds the graph of all rows of `index`.
    pub fn build(index: &Int8Index, config: HnswConfig) -> Self {
        let config = HnswConfig { links: config.links.clamp(2, 64), ..config };
        let mut built = Self { config, graph: Graph::new(2 * config.links), pool: Pool::default() };
        built.update(index);
        built
    }

    /// Inserts the rows that were appended to `index` since the graph was built or updated; returns how many.
    pub fn update(&mut self, index: &Int8Index) -> usize {
        let start = self.graph.len();
        while self.graph.len() < index.numbers() {
            let first = self.graph.len();
            let batch = (first as usize / BATCH_SHARE).clamp(1, BATCH) as u32;
            let batch = first..(first + batch).min(index.numbers());
            let points: Vec<Point> = batch.clone().map(|node| Point::of_row(index, node)).collect();
            let found: Vec<New> = batch
                .into_par_iter()
                .map(|node| self.pool.with(|visited| self.links_of(index, first, node, &points, visited)))
                .collect();
            self.insert(index, first, found);
        }
        (self.graph.len() - start) as usize
    }

    /// The level of a row, from an exponential distribution with the mean 1 / ln M.
    fn level_of(&self, node: u32) -> usize {
        let uniform = (mixed(self.config.seed ^ u64::from(node) << 20) >> 11) as f64 / (1u64 << 53) as f64;
        let level = -(1.0 - uniform).ln() / (self.config.links as f64).ln();
        (level as usize).min(MOST_LEVEL)
    }

    /// The links of a new row, among the rows of the graph and those before it in its batch.
    fn links_of(
        &self,
        index: &Int8Index,
        first: u32,
        node: u32,
        points: &[Point],
        visited: &mut Visited,
    ) -> New {
        let own_level = self.level_of(node);
        let point = &points[(node - first) as usize];
        let mut new = New { level: own_level, links: vec![Vec::new(); own_level + 1] };
        let Some(mut entry) = descend(&self.graph, index, point, own_level) else { return new };
        let before: Vec<Reached> = (first..node)
            .zip(points)
            .map(|(node, other)| Reached { distance: point.distance_between(other), node })
            .collect();
        let highest = self.graph.entry.map_or(0, |entry| self.graph.level(entry));
        for level in (0..=own_level.min(highest)).rev() {
            let effort = self.config.effort;
            let mut found = walk(&self.graph, index, point, (entry, level), effort, visited, |_| true);
            entry = found[0];
            found.extend(before.iter().filter(|other| self.level_of(other.node) >= level));
            found.sort_unstable();
            found.truncate(effort);
            new.links[level] = diverse(index, found, self.config.links);
        }
        new
    }

    /// Adds new rows with their links, and links back to them.
    fn insert(&mut self, index: &Int8Index, first: u32, found: Vec<New>) {
        let mut added: BTreeMap<(u32, usize), Vec<Reached>> = BTreeMap::new();
        for (node, new) in (first..).zip(&found) {
            self.graph.push(new.level);
            for (level, links) in new.links.iter().enumerate() {
                let numbers: Vec<u32> = links.iter().map(|reached| reached.node).collect();
                self.graph.set_links(node, level, &numbers);
                for reached in links {
                    let back = Reached { distance: reached.distance, node };
                    added.entry((reached.node, level)).or_default().push(back);
                }
            }
        }
        let changed: Vec<Changed> =
            added.into_iter().map(|((node, level), added)| Changed { node, level, added }).collect();
        let links: Vec<Vec<u32>> =
            changed.par_iter().map(|changed| self.linked_back(index, changed)).collect();
        for (changed, links) in changed.iter().zip(links) {
            self.graph.set_links(changed.node, changed.level, &links);
        }
        for (node, new) in (first..).zip(&found) {
            if self.graph.entry.is_none_or(|entry| self.graph.level(entry) < new.level) {
                self.graph.entry = Some(node);
            }
        }
    }

    /// The links of a node after new rows are added to them.
    fn linked_back(&self, index: &Int8Index, changed: &Changed) -> Vec<u32> {
        let links = self.graph.links(changed.node, changed.level);
        let room = self.graph.room(changed.level);
        if links.len() + changed.added.len() <= room {
            return links.iter().copied().chain(changed.added.iter().map(|added| added.node)).collect();
        }
        let point = Point::of_row(index, changed.node);
        let reached =
            links.iter().map(|node| Reached { distance: point.distance_to(index, *node), node: *node });
        let mut reached: Vec<Reached> = reached.chain(changed.added.iter().copied()).collect();
        reached.sort_unstable();
        diverse(index, reached, room).into_iter().map(|reached| reached.node).collect()
    }
}

/// Chooses links among candidates in order of distance: first those that are nearer to the row than to any chosen one, then
/// the nearest of the others.
fn diverse(index: &Int8Index, candidates: Vec<Reached>, count: usize) -> Vec<Reached> {
    if candidates.len() <= count {
        return candidates;
    }
    let mut chosen: Vec<(Reached, Point)> = Vec::with_capacity(count);
    let mut others = Vec::new();
    for candidate in candidates {
        if chosen.len() == count {
            break;
        }
        let point = Point::of_row(index, candidate.node);
        if chosen.iter().any(|(_, kept)| point.distance_between(kept) < candidate.distance) {
            others.push(candidate);
        } else {
            chosen.push((candidate, point));
        }
    }
    let missing = count - chosen.len();
    chosen.into_iter().map(|(reached, _)| reached).chain(others.into_iter().take(missing)).collect()
}

/// SplitMix64 (Steele, Lea and Flood 2014).
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
