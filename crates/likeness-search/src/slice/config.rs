//! Options of slices.

use crate::RankingMeasure;

/// Options of [`slices`](super::slices).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceConfig {
    /// The measure that sorts the slices and decides whether one is clearly below the whole.
    pub sort_by: RankingMeasure,
    /// The smallest number of queries with which a slice has metrics.
    pub min_queries: usize,
    /// The smallest number of identities with which a slice has metrics; the bootstrap draws them.
    pub min_identities: usize,
    /// Number of resamples for the intervals.
    pub resamples: u32,
    /// Random seed of the bootstrap.
    pub seed: u64,
    /// The largest number of slices of one column that are listed; the others are counted.
    pub max_listed: usize,
}

impl Default for SliceConfig {
    /// Top-1, at least 30 queries of 10 identities, 1000 resamples, at most 100 slices of a column.
    fn default() -> Self {
        Self {
            sort_by: RankingMeasure::Top1,
            min_queries: 30,
            min_identities: 10,
            resamples: 1000,
            seed: 0,
            max_listed: 100,
        }
    }
}
