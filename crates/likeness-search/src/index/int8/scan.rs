//! Visits all groups of rows in tiles, on all cores, with a block of queries at a time.

use std::ops::Range;

use rayon::prelude::*;

use super::bounds::{offer_commons, offer_dots};
use super::kernel::{Common, Dots, Machine};
use super::layout::{LINE, Line, ROWS, lines};
use super::query::Query;
use super::rows::{GroupRef, Rows};
use super::selection::Selection;
use super::shortlist::Shortlist;
use crate::Distance;

/// Bytes of codes in a tile, so that it stays in the L2 cache for all queries of a block.
const TILE_BYTES: usize = 1 << 18;

/// Bytes of codes, times queries, that are worth a task of their own: about a third of a millisecond.
const PART_BYTES: usize = 1 << 23;

/// What a scan visits.
pub(super) struct Scan<'a> {
    pub(super) rows: &'a Rows,
    pub(super) selection: Option<&'a Selection>,
    pub(super) distance: Distance,
    pub(super) dimension: usize,
    pub(super) k: usize,
    pub(super) machine: Machine,
}

/// The queries of a block as a kernel reads them.
enum Packed {
    Dots(Dots),
    Common(Common),
}

/// Memory of one thread.
#[derive(Default)]
struct Buffers {
    dots: Vec<[i32; ROWS]>,
    commons: Vec<[f32; ROWS]>,
}

impl Scan<'_> {
    /// The shortlist of each query.
    pub(super) fn run(&self, queries: &[Query]) -> Vec<Shortlist> {
        let packed = match self.distance {
            Distance::Jaccard => Packed::Common(Query::common(queries, self.dimension)),
            _ => {
                Packed::Dots(Dots::pack(self.machine, queries.iter().map(|query| query.integers.as_slice())))
            }
        };
        let walk = |range| self.walk(&packed, queries, range);
        let merge = |a: Vec<Shortlist>, b: Vec<Shortlist>| {
            a.into_iter().zip(b).map(|(a, b)| a.merge(b)).collect::<Vec<_>>()
        };
        let lists = self.parts(queries.len()).into_par_iter().map(walk).collect::<Vec<_>>();
        lists.into_iter().reduce(merge).unwrap_or_else(|| self.empty(queries))
    }

    /// Ranges of groups: enough of them to keep every thread busy, but none with little work.
    fn parts(&self, queries: usize) -> Vec<Range<usize>> {
        let (groups, threads) = (self.rows.groups_len(), rayon::current_num_threads());
        let worthwhile = (groups * lines(self.dimension) * LINE).saturating_mul(queries) / PART_BYTES;
        let most = (4 * threads).min(groups.div_ceil(self.tile()));
        let parts = if threads == 1 { 1 } else { worthwhile.clamp(1, most.max(1)) };
        let part = groups.div_ceil(parts).max(1);
        (0..groups).step_by(part).map(|start| start..(start + part).min(groups)).collect()
    }

    /// The number of groups in a tile.
    fn tile(&self) -> usize {
        (TILE_BYTES / (lines(self.dimension) * LINE)).clamp(4, 256)
    }

    fn empty(&self, queries: &[Query]) -> Vec<Shortlist> {
        let list = |query: &Query| {
            if query.is_zero_direction() { Shortlist::closed(self.k) } else { Shortlist::new(self.k) }
        };
        queries.iter().map(list).collect()
    }

    fn walk(&self, packed: &Packed, queries: &[Query], range: Range<usize>) -> Vec<Shortlist> {
        let mut lists = self.empty(queries);
        let mut buffers = Buffers::default();
        let mut tile: Vec<(GroupRef, u16)> = Vec::with_capacity(self.tile());
        for group in self.rows.groups(range) {
            let allowed =
                self.selection.map_or(u16::MAX, |selection| selection.mask(self.rows, group.number));
            let mask = group.alive() & allowed;
            if mask == 0 {
                continue;
            }
            tile.push((group, mask));
            if tile.len() == self.tile() {
                visit(packed, queries, &tile, &mut buffers, &mut lists);
                tile.clear();
            }
        }
        visit(packed, queries, &tile, &mut buffers, &mut lists);
        lists
    }
}

fn visit(
    packed: &Packed,
    queries: &[Query],
    tile: &[(GroupRef, u16)],
    buffers: &mut Buffers,
    lists: &mut [Shortlist],
) {
    if tile.is_empty() {
        return;
    }
    match packed {
        Packed::Dots(dots) => {
            let groups: Vec<&[Line]> = tile.iter().map(|(group, _)| group.codes).collect();
            dots.run(&groups, &mut buffers.dots);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    let sums = buffers.dots.chunks_exact(tile.len());
                    for ((query, list), sums) in queries.iter().zip(lists).zip(sums) {
                        for ((group, mask), sums) in tile.iter().zip(sums) {
                            offer_dots(query, group, *mask, sums, list);
                        }
                    }
                },
            );
        }
        Packed::Common(common) => {
            let groups: Vec<(&[Line], &[f32; ROWS])> =
                tile.iter().map(|(group, _)| (group.codes, group.factors())).collect();
            common.run(&groups, &mut buffers.commons);
            let sums = buffers.commons.chunks_exact(tile.len());
            for ((query, list), sums) in queries.iter().zip(lists).zip(sums) {
                for ((group, mask), sums) in tile.iter().zip(sums) {
                    offer_commons(query, group, *mask, sums, list);
                }
            }
        }
    }
}
