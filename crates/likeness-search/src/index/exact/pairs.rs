//! Visits the distances of all pairs of two tables, on all cores, with bounded memory.
//!
//! Unlike `scan`, the state belongs to a thread and not to a query, so that it can be large.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::compute::Exact;
use super::estimate::Estimate;
use super::exclusion::Exclusions;
use crate::{Distance, EmbeddingTable};

/// Number of gallery rows in a tile; 128 queries × TILE distances take 512 KiB per thread.
const TILE: usize = 1024;

/// The precision of visited distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Computed in f64, as reported in rankings.
    Exact,
    /// Estimated in f32, much faster.
    Estimated,
}

/// A thread's receiver of distances.
pub(crate) trait PairSink: Send {
    /// Receives the distances of `query` from the gallery rows from `first` on; infinity marks rows that are no pair.
    fn line(&mut self, query: usize, first: usize, distances: &[f32]);

    /// Called after the last line of a block of queries.
    fn end_block(&mut self) {}
}

/// The pairs of two tables, without the excluded ones.
pub(crate) struct Pairs<'a> {
    distance: Distance,
    exact: Exact<'a>,
    estimate: Option<Estimate<'a>>,
    exclusions: &'a Exclusions,
    /// Whether both tables are the same, so that each pair is visited from its first row only.
    once: bool,
    repeats: Option<Repeats>,
}

/// Rows that two different tables have in common. A pair of them is visited from its first row only.
pub(crate) struct Repeats {
    /// For each query, its number among the common rows from 1, or 0.
    pub(crate) queries: Vec<u32>,
    /// For each gallery row, its number among the common rows from 1, or the largest number.
    pub(crate) gallery: Vec<u32>,
}

impl Repeats {
    fn mask(&self, query: usize, first: usize, distances: &mut [f32]) {
        let number = self.queries[query];
        if number > 0 {
            let repeated = |row: &u32| *row <= number;
            let rows = self.gallery[first..].iter().zip(distances);
            rows.filter(|(row, _)| repeated(row)).for_each(|(_, distance)| *distance = f32::INFINITY);
        }
    }
}

impl<'a> Pairs<'a> {
    pub(crate) fn new(
        (queries, gallery): (&'a EmbeddingTable, &'a EmbeddingTable),
        distance: Distance,
        exclusions: &'a Exclusions,
        precision: Precision,
    ) -> Self {
        let estimate = match precision {
            Precision::Exact => None,
            Precision::Estimated => Estimate::new(queries, gallery, distance),
        };
        let once = std::ptr::eq(queries, gallery);
        Self {
            distance,
            exact: Exact::new(queries, gallery, distance),
            estimate,
            exclusions,
            once,
            repeats: None,
        }
    }

    /// Visits pairs of rows that both tables contain only once.
    pub(crate) fn with_repeats(self, repeats: Repeats) -> Self {
        Self { repeats: Some(repeats), ..self }
    }

    /// The exact distance of one pair, as reported in rankings.
    pub(crate) fn distance(&self, query: usize, row: usize) -> f32 {
        self.exact.shown(query, row)
    }

    /// Whether a pair is excluded.
    pub(crate) fn is_excluded(&self, query: usize, row: usize) -> bool {
        (self.once && query == row) || self.exclusions.of(query).binary_search(&(row as u32)).is_ok()
    }

    /// The distance below which no exact distance lies whose visited distance is at least `visited`.
    pub(crate) fn surely_visited_below(&self, visited: f32) -> f32 {
        let Some(estimate) = &self.estimate else { return visited };
        let largest = |slack: &[f32]| slack.iter().copied().fold(0.0, f32::max);
        let query_slack =
            (0..estimate.queries_len()).map(|query| estimate.query_slack(query)).fold(0.0, f32::max);
        // Adding the offset in f32 rounds once more; 2⁻²² of the sum bounds it.
        let slack = query_slack + largest(estimate.gallery_slack(0..estimate.gallery_len()));
        let rounding = |value: f32| (value.abs() + slack) / (1 << 22) as f32;
        match self.distance {
            Distance::Euclidean => (visited * visited - slack - rounding(visited * visited)).max(0.0).sqrt(),
            Distance::Cosine => visited - slack - rounding(visited.max(1.0)),
            Distance::SquaredEuclidean | Distance::Jaccard => visited - slack - rounding(visited),
        }
    }

    /// Visits all pairs of `blocks` of queries, and returns the receivers of all threads.
    pub(crate) fn visit<S: PairSink>(&self, blocks: &[Range<usize>], start: impl Fn() -> S + Sync) -> Vec<S> {
        let next = AtomicUsize::new(0);
        let work = |_| {
            let (mut sink, mut buffer) = (start(), Vec::new());
            while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.visit_block(block.clone(), &mut buffer, &mut sink);
                sink.end_block();
            }
            sink
        };
        (0..rayon::current_num_threads()).into_par_iter().map(work).collect()
    }

    fn visit_block(&self, block: Range<usize>, buffer: &mut Vec<f32>, sink: &mut impl PairSink) {
        let (first, rows) = (if self.once { block.start } else { 0 }, self.exact.gallery_len() as usize);
        for start in (first..rows).step_by(TILE) {
            let tile = start..(start + TILE).min(rows);
            buffer.resize(block.len() * tile.len(), 0.0);
            self.fill(block.clone(), tile.clone(), buffer);
            for (query, line) in block.clone().zip(buffer.chunks_exact_mut(tile.len())) {
                let skipped =
                    if self.once { (query + 1).clamp(tile.start, tile.end) - tile.start } else { 0 };
                let (line, first) = (&mut line[skipped..], tile.start + skipped);
                self.exclusions.mask(query, first, line);
                if let Some(repeats) = &self.repeats {
                    repeats.mask(query, first, line);
                }
                sink.line(query, first, line);
            }
        }
    }

    fn fill(&self, block: Range<usize>, tile: Range<usize>, buffer: &mut [f32]) {
        let Some(estimate) = &self.estimate else {
            for (query, line) in block.zip(buffer.chunks_exact_mut(tile.len())) {
                let rows =
                    if self.once { tile.start.max(query + 1).min(tile.end)..tile.end } else { tile.clone() };
                let skipped = tile.len() - rows.len();
                rows.zip(&mut line[skipped..]).for_each(|(row, place)| *place = self.exact.shown(query, row));
            }
            return;
        };
        estimate.keys(block.clone(), tile.clone(), buffer);
        for (query, line) in block.zip(buffer.chunks_exact_mut(tile.len())) {
            let offset = estimate.query_offset(query) as f32;
            match self.distance {
                Distance::Euclidean => line.iter_mut().for_each(|key| *key = (*key + offset).max(0.0).sqrt()),
                _ => line.iter_mut().for_each(|key| *key = (*key + offset).max(0.0)),
            }
        }
    }
}
