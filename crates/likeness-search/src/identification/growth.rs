//! How the false positive identification rate grows with the gallery, measured in random parts of it.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::searches::Sides;
use super::{SearchStatistics, projected_fpir};
use crate::{EmbeddingTable, Result};

/// The parts of the gallery and how many random parts of each size are searched.
const PARTS: [(f64, u32); 5] = [(1.0 / 16.0, 4), (1.0 / 8.0, 4), (1.0 / 4.0, 2), (1.0 / 2.0, 2), (1.0, 1)];

/// False positive identification rates at one gallery size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrowthPoint {
    /// The number of gallery images.
    pub gallery: usize,
    /// The measured rate at each threshold, as the mean of several random galleries.
    pub measured: Vec<f64>,
    /// The rate at each threshold that is predicted from the whole gallery.
    pub projected: Vec<f64>,
}

/// Measures the false positive identification rate at fixed `thresholds` in random galleries of 1/16 to all of the images.
///
/// # Shapes        each point: \[thresholds\]
/// # Errors        as [`SearchStatistics::new`]; `table` must be the one that was searched
pub fn measured_growth(
    table: &EmbeddingTable,
    searches: &SearchStatistics,
    thresholds: &[f32],
    seed: u64,
) -> Result<Vec<GrowthPoint>> {
    let labelled = |row: &usize| table.rows()[*row].identity.is_some();
    let gallery: Vec<usize> = searches.config().protocol.rows(table).1.into_iter().filter(labelled).collect();
    let queries: Vec<usize> = searches.searches().iter().map(|search| search.row).collect();
    let whole: Vec<Option<f32>> = searches.searches().iter().map(|search| search.non_mated).collect();
    let full = rates(&whole, thresholds);
    let mut random = Pcg64::seed_from_u64(seed);
    let mut points: Vec<GrowthPoint> = Vec::new();
    for (share, draws) in PARTS {
        let size = ((gallery.len() as f64 * share).round() as usize).max(1);
        if points.last().is_some_and(|last| last.gallery == size) {
            continue;
        }
        let mut measured = vec![0.0; thresholds.len()];
        for _ in 0..draws {
            let found = if share == 1.0 {
                full.clone()
            } else {
                let mut shuffled = gallery.clone();
                let mut part = shuffled.partial_shuffle(&mut random, size).0.to_vec();
                part.sort_unstable();
                let sides = Sides::new(table, &queries, &part, searches.config().distance)?;
                rates(&sides.nearest_non_mated()?, thresholds)
            };
            measured.iter_mut().zip(found).for_each(|(sum, rate)| *sum += rate / f64::from(draws));
        }
        let projected =
            full.iter().map(|&rate| projected_fpir(rate, size as f64 / gallery.len() as f64)).collect();
        points.push(GrowthPoint { gallery: size, measured, projected });
    }
    Ok(points)
}

/// The share of searches that find an image at each threshold.
fn rates(nearest: &[Option<f32>], thresholds: &[f32]) -> Vec<f64> {
    let at = |threshold: &f32| {
        nearest.iter().flatten().filter(|distance| *distance <= threshold).count() as f64
            / nearest.len() as f64
    };
    thresholds.iter().map(at).collect()
}
