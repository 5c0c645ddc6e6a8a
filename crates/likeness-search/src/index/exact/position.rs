//! Counts the ranks of a query's relevant images without sorting the gallery.
//!
//! The rank of a relevant image is 1 + the number of images before it. There are few relevant images, and their distances
//! are computed exactly. Every other image is placed between them by its estimated key; it is computed exactly only if
//! the error bound of the estimate leaves its place open.

use std::ops::Range;

use rayon::prelude::*;

use super::compute::Exact;
use super::estimate::Estimate;
use super::exclusion::{self, Exclusions};
use super::scan;
use crate::{Distance, EmbeddingTable};

/// The ranks (ascending, from 1) of each query's `relevant` images in its ranking of the whole gallery.
///
/// The ranks are those of [`rank`](super::rank) with the same exclusions and k = `None`.
///
/// # Shapes        relevant: \[queries\] lists of gallery rows, ascending, without excluded rows
pub(crate) fn relevant_ranks(
    queries: &EmbeddingTable,
    gallery: &EmbeddingTable,
    distance: Distance,
    exclusions: &Exclusions,
    relevant: &[Vec<u32>],
) -> Vec<Vec<u32>> {
    let exact = Exact::new(queries, gallery, distance);
    let counts = match Estimate::new(queries, gallery, distance) {
        Some(estimate) => count_by_estimate(&estimate, &exact, exclusions, relevant),
        None => count_exactly(&exact, exclusions, relevant),
    };
    counts.into_iter().map(|before| ranks(&before)).collect()
}

/// Converts counts to ranks; `before[p]` counts the images before relevant image p but after relevant image p − 1.
fn ranks(before: &[u32]) -> Vec<u32> {
    let running = before.iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    (1..).zip(running).map(|(place, others)| place + others).collect()
}

/// One query's relevant images, nearest first.
struct Marks {
    /// Reported distance and gallery row, by which images are sorted.
    places: Vec<(f32, u32)>,
    /// Bounds of the keys of images with the same reported distance, each ascending.
    lowest: Vec<f32>,
    highest: Vec<f32>,
}

impl Marks {
    fn new(exact: &Exact, query: usize, relevant: &[u32], query_offset: f64) -> Self {
        let mut marks: Vec<(f32, u32, f64)> = relevant
            .iter()
            .map(|&row| {
                let key = exact.key(query, row as usize);
                (exact.shown_of(key), row, key)
            })
            .collect();
        marks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // 2⁻²⁰ exceeds the rounding of two distances, or their squares, and of this distance to f32.
        let margin = |key: f64| (key.abs() + query_offset.abs()) / f64::from(1 << 20) + 1e-37;
        let mut lowest: Vec<f32> = marks.iter().map(|m| (m.2 - query_offset - margin(m.2)) as f32).collect();
        let mut highest: Vec<f32> = marks.iter().map(|m| (m.2 - query_offset + margin(m.2)) as f32).collect();
        // Images with equal reported distances are sorted by row, so their keys may decrease by less than the margin.
        lowest.sort_unstable_by(f32::total_cmp);
        highest.sort_unstable_by(f32::total_cmp);
        Self { places: marks.into_iter().map(|m| (m.0, m.1)).collect(), lowest, highest }
    }

    fn place_of(&self, shown: f32, row: u32) -> usize {
        self.places.partition_point(|mark| mark.0.total_cmp(&shown).then(mark.1.cmp(&row)).is_lt())
    }
}

fn count_by_estimate(
    estimate: &Estimate,
    exact: &Exact,
    exclusions: &Exclusions,
    relevant: &[Vec<u32>],
) -> Vec<Vec<u32>> {
    let marks: Vec<Marks> = relevant
        .par_iter()
        .enumerate()
        .map(|(query, rows)| Marks::new(exact, query, rows, estimate.query_offset(query)))
        .collect();
    let visit = |before: &mut Vec<u32>, query: usize, span: Range<usize>, keys: &mut [f32]| {
        if before.is_empty() {
            return;
        }
        exclusions.mask(query, span.start, keys);
        exclusion::mask(&relevant[query], span.start, keys);
        let (marks, query_slack) = (&marks[query], estimate.query_slack(query));
        let last = marks.highest[marks.highest.len() - 1];
        for ((row, &key), slack) in span.clone().zip(keys.iter()).zip(estimate.gallery_slack(span)) {
            let slack = query_slack + slack;
            let (low, high) = (key - slack, key + slack);
            if low > last {
                continue;
            }
            let mut place = marks.highest.partition_point(|&mark| mark < low);
            if marks.lowest.get(place).is_some_and(|&mark| mark <= high) {
                place = marks.place_of(exact.shown(query, row), row as u32);
            }
            if let Some(count) = before.get_mut(place) {
                *count += 1;
            }
        }
    };
    let join = |a: Vec<u32>, b: Vec<u32>| a.into_iter().zip(b).map(|(a, b)| a + b).collect();
    scan::scan(estimate, |query| vec![0; relevant[query].len()], visit, join)
}

fn count_exactly(exact: &Exact, exclusions: &Exclusions, relevant: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let count = |(query, rows): (usize, &Vec<u32>)| {
        let marks = Marks::new(exact, query, rows, 0.0);
        let mut before = vec![0; rows.len()];
        let sorted_out =
            |row: &u32| exclusions.of(query).binary_search(row).is_ok() || rows.binary_search(row).is_ok();
        for row in (0..exact.gallery_len()).filter(|row| !sorted_out(row)) {
            if let Some(count) = before.get_mut(marks.place_of(exact.shown(query, row as usize), row)) {
                *count += 1;
            }
        }
        before
    };
    relevant.par_iter().enumerate().map(count).collect()
}
