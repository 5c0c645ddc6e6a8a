//! Visits all pairs of queries and gallery rows in blocks, on all cores, with bounded memory.

use std::ops::Range;

use rayon::prelude::*;

use super::estimate::Estimate;

/// Number of queries in a block; enough for the matrix product to reuse the data it loads.
const BLOCK: usize = 128;
/// Number of gallery rows in a tile; BLOCK × TILE keys take 512 KiB per core.
const TILE: usize = 1024;

/// Computes the keys of all pairs tile by tile, and folds them into one state per query.
///
/// `start` creates the state of a query. `visit` receives the keys of one tile (which it may overwrite) and the gallery rows
/// that they belong to. `merge` combines the states of two parts of the gallery.
pub(super) fn scan<S: Send>(
    estimate: &Estimate,
    start: impl Fn(usize) -> S + Sync,
    visit: impl Fn(&mut S, usize, Range<usize>, &mut [f32]) + Sync,
    merge: impl Fn(S, S) -> S + Sync,
) -> Vec<S> {
    let (blocks, parts) = grid(estimate.queries_len(), estimate.gallery_len(), rayon::current_num_threads());
    let walk = |keys: &mut Vec<f32>, block: Range<usize>, part: Range<usize>| {
        let mut states: Vec<S> = block.clone().map(&start).collect();
        for tile in split(part, TILE) {
            keys.resize(block.len() * tile.len(), 0.0);
            estimate.keys(block.clone(), tile.clone(), keys);
            for ((query, state), line) in
                block.clone().zip(&mut states).zip(keys.chunks_exact_mut(tile.len()))
            {
                visit(state, query, tile.clone(), line);
            }
        }
        states
    };
    let tasks: Vec<_> = blocks.iter().flat_map(|block| parts.iter().map(move |part| (block, part))).collect();
    let done: Vec<Vec<S>> = tasks
        .into_par_iter()
        .map_init(Vec::new, |keys, (block, part)| walk(keys, block.clone(), part.clone()))
        .collect();
    let mut done = done.into_iter();
    let mut all = Vec::with_capacity(estimate.queries_len());
    for _ in &blocks {
        let mut states = done.next().expect("every block has a first part");
        for more in done.by_ref().take(parts.len() - 1) {
            states = states.into_iter().zip(more).map(|(a, b)| merge(a, b)).collect();
        }
        all.extend(states);
    }
    all
}

/// Divides the queries into blocks and the gallery into parts, with enough pairs of both to keep every thread busy.
fn grid(queries: usize, gallery: usize, threads: usize) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let block = queries.div_ceil(threads).clamp(1, BLOCK);
    let blocks = split(0..queries, block);
    let parts = (4 * threads).div_ceil(blocks.len()).min(gallery.div_ceil(TILE));
    let part = gallery.div_ceil(parts).next_multiple_of(TILE);
    (blocks, split(0..gallery, if parts == 1 { gallery } else { part }))
}

fn split(range: Range<usize>, length: usize) -> Vec<Range<usize>> {
    range.clone().step_by(length).map(|start| start..(start + length).min(range.end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_covers_every_pair_once() {
        for (queries, gallery, threads) in [(1, 1, 1), (1, 100_000, 8), (1252, 1252, 2), (129, 1025, 64)] {
            let (blocks, parts) = grid(queries, gallery, threads);
            for (ranges, end) in [(blocks, queries), (parts, gallery)] {
                assert_eq!(ranges[0].start, 0);
                assert_eq!(ranges.last().unwrap().end, end);
                assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            }
        }
    }

    #[test]
    fn one_query_still_uses_every_thread() {
        let (blocks, parts) = grid(1, 100_000, 8);
        assert!(blocks.len() * parts.len() >= 8);
    }
}
