//! Measures recomputed for resamples of identities, for intervals and for paired comparisons of models.
//!
//! A resample draws identities with replacement; identity i occurs wᵢ times. A mated pair of identity i has weight wᵢ, and a
//! non-mated pair of identities i and j has weight wᵢ·wⱼ. This is the vertex bootstrap of arXiv 2306.01198 (Snijders and
//! Borgatti, Non-parametric standard errors and tests for network statistics, Connections 22, 1999), without pairs of two
//! copies of one identity. With more than 724 identities the weights of non-mated pairs are linearised, wᵢ·wⱼ ≈ wᵢ + wⱼ − 1, which
//! gives the same variance up to terms of order 1/identities.
//!
//! Distances are resolved to the coarse bins, about 50 to a decade of the false match rate, and interpolated inside them.

use rayon::prelude::*;

use super::PairStatistics;
use super::equal_error_rate::crossing;
use crate::Resamples;
use crate::index::dots;

/// Cumulative counts of mated and non-mated pairs for each resample.
pub struct ResampledPairs {
    bins: usize,
    edges: Vec<f32>,
    /// The weight of the pairs up to each bin's end: \[resamples, bins\].
    mated: Vec<f64>,
    non_mated: Vec<f64>,
}

impl PairStatistics {
    /// Counts the pairs of all resamples.
    ///
    /// Identities are numbered in the order of [`identities`](Self::identities).
    ///
    /// # Panics        the resamples are of another number of identities
    pub fn resampled(&self, resamples: &Resamples) -> ResampledPairs {
        let identities = self.identities().len();
        assert_eq!(resamples.identities, identities, "the resamples are of this table's identities");
        let weights: Vec<Vec<u32>> = resamples.iter().collect();
        let counts = &self.counts;
        let (groups, bins) = (counts.groups, counts.bins());
        let mut sizes = vec![0.0f32; groups];
        counts.group_of.iter().for_each(|&group| sizes[group as usize] += 1.0);
        // \[resamples, groups\]
        let mut of_group = vec![0.0f32; weights.len() * groups];
        for (line, drawn) in of_group.chunks_exact_mut(groups).zip(&weights) {
            counts
                .group_of
                .iter()
                .zip(drawn)
                .for_each(|(&group, &times)| line[group as usize] += times as f32);
            line.iter_mut().zip(&sizes).for_each(|(weight, size)| *weight /= size);
        }
        let mut mated = weighted(&of_group, &counts.mated, groups, bins);
        let mut non_mated = match &counts.between {
            Some(between) => weighted_pairs(&of_group, between, groups, bins),
            None => linearised(&of_group, &counts.non_mated, groups, bins),
        };
        mated.chunks_exact_mut(bins).chain(non_mated.chunks_exact_mut(bins)).for_each(accumulate);
        ResampledPairs { bins, edges: counts.edges.clone(), mated, non_mated }
    }

    /// The true accept rate at false accept rate `far` for each resample.
    ///
    /// # Panics        the resamples are of another number of identities
    /// # Examples
    /// ```
    /// use likeness_search::verification::{PairConfig, PairStatistics};
    /// use likeness_search::{Distance, EmbeddingTable, Interval, ModelTag, Row};
    ///
    /// let rows = (0..60).map(|at| Row { identity: Some((at / 3).to_string()), ..Row::new(at.to_string()) });
    /// let values = (0..60).map(|at| (at / 3) as f32 + (at % 3) as f32 * (at / 3) as f32 * 0.05);
    /// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
    /// let table = EmbeddingTable::new(model, rows.collect(), values.collect())?;
    /// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
    /// let pairs = PairStatistics::new(&table, &config)?;
    /// let values = pairs.resampled_tar(0.05, &pairs.resamples(1000, 0));
    /// let interval = Interval::percentile(values).unwrap();
    /// assert!(interval.low < interval.high);
    /// # Ok::<(), likeness_search::SearchError>(())
    /// ```
    pub fn resampled_tar(&self, far: f64, resamples: &Resamples) -> Vec<f64> {
        self.resampled(resamples).true_accept_rate(far)
    }

    /// The equal error rate for each resample.
    ///
    /// # Panics        the resamples are of another number of identities
    pub fn resampled_equal_error_rate(&self, resamples: &Resamples) -> Vec<f64> {
        self.resampled(resamples).equal_error_rate()
    }
}

impl ResampledPairs {
    /// The true accept rate at false accept rate `far` for each resample; NaN for a resample without mated or non-mated pairs.
    pub fn true_accept_rate(&self, far: f64) -> Vec<f64> {
        self.each(|mated, non_mated| {
            let (all_mated, allowed) = (mated[self.bins - 1], far * non_mated[self.bins - 1]);
            let bin = non_mated.partition_point(|&weight| weight <= allowed);
            let Some(&end) = non_mated.get(bin) else { return 1.0 };
            let start = previous(non_mated, bin);
            let inside = (allowed - start) / (end - start);
            (previous(mated, bin) + inside * (mated[bin] - previous(mated, bin))) / all_mated
        })
    }

    /// The equal error rate for each resample; NaN for a resample without mated or non-mated pairs.
    pub fn equal_error_rate(&self) -> Vec<f64> {
        self.each(|mated, non_mated| {
            let (all_mated, all) = (mated[self.bins - 1], non_mated[self.bins - 1]);
            let mut before = (0.0, 1.0);
            for (mated, non_mated) in mated.iter().zip(non_mated) {
                let rates = (non_mated / all, 1.0 - mated / all_mated);
                if rates.0 >= rates.1 {
                    return crossing(before, rates);
                }
                before = rates;
            }
            f64::NAN
        })
    }

    /// The false match rate and the false non-match rate at a threshold for each resample.
    pub fn error_rates(&self, threshold: f32) -> Vec<(f64, f64)> {
        let bin = self.edges.partition_point(|&edge| edge < threshold).min(self.bins - 1);
        let start = if bin == 0 { 0.0 } else { self.edges[bin - 1] };
        let inside = f64::from((threshold - start) / (self.edges[bin] - start)).clamp(0.0, 1.0);
        let share = |weights: &[f64]| {
            let before = previous(weights, bin);
            (before + inside * (weights[bin] - before)) / weights[self.bins - 1]
        };
        let resamples = self.mated.chunks_exact(self.bins).zip(self.non_mated.chunks_exact(self.bins));
        resamples.map(|(mated, non_mated)| (share(non_mated), 1.0 - share(mated))).collect()
    }

    fn each(&self, measure: impl Fn(&[f64], &[f64]) -> f64) -> Vec<f64> {
        let resamples = self.mated.chunks_exact(self.bins).zip(self.non_mated.chunks_exact(self.bins));
        let empty = |weights: &[f64]| weights[self.bins - 1] <= 0.0;
        resamples
            .map(
                |(mated, non_mated)| {
                    if empty(mated) || empty(non_mated) { f64::NAN } else { measure(mated, non_mated) }
                },
            )
            .collect()
    }
}

fn previous(weights: &[f64], bin: usize) -> f64 {
    if bin == 0 { 0.0 } else { weights[bin - 1] }
}

/// Replaces counts by their running sums; linearised weights may be negative, so that sums are kept from falling.
fn accumulate(counts: &mut [f64]) {
    let (mut sum, mut largest) = (0.0, 0.0f64);
    for count in counts {
        sum += *count;
        largest = largest.max(sum);
        *count = largest;
    }
}

/// Σ over groups of weight × count: \[resamples, bins\].
fn weighted(weights: &[f32], counts: &[u64], groups: usize, bins: usize) -> Vec<f64> {
    let each = |line: &[f32]| {
        let mut sums = vec![0.0; bins];
        for (&weight, counts) in
            line.iter().zip(counts.chunks_exact(bins)).filter(|(weight, _)| **weight > 0.0)
        {
            sums.iter_mut().zip(counts).for_each(|(sum, &count)| *sum += f64::from(weight) * count as f64);
        }
        sums
    };
    weights.par_chunks_exact(groups).flat_map_iter(each).collect()
}

/// Σ over pairs of groups of (wᵢ + wⱼ − 1) × count; `counts` contains each pair for both of its groups.
fn linearised(weights: &[f32], counts: &[u64], groups: usize, bins: usize) -> Vec<f64> {
    let once: Vec<f64> = (0..bins)
        .map(|bin| counts.iter().skip(bin).step_by(bins).map(|&count| count as f64).sum::<f64>() / 2.0)
        .collect();
    let mut sums = weighted(weights, counts, groups, bins);
    sums.iter_mut().zip(once.iter().cycle()).for_each(|(sum, once)| *sum -= once);
    sums
}

/// Σ over pairs of identities i < j of wᵢ wⱼ × count: \[resamples, bins\].
fn weighted_pairs(weights: &[f32], between: &[Vec<u32>], identities: usize, bins: usize) -> Vec<f64> {
    let resamples = weights.len() / identities;
    let add = |mut sums: Vec<f64>, (identity, counts): (usize, &Vec<u32>)| {
        let others = identities - identity - 1;
        if others > 0 {
            let later: Vec<f32> =
                weights.chunks_exact(identities).flat_map(|line| &line[identity + 1..]).copied().collect();
            let counts: Vec<f32> = counts.iter().map(|&count| count as f32).collect();
            let mut products = vec![0.0; resamples * bins];
            dots(&later, &counts, others, &mut products);
            let own = weights.iter().skip(identity).step_by(identities);
            for ((sums, products), &own) in
                sums.chunks_exact_mut(bins).zip(products.chunks_exact(bins)).zip(own)
            {
                sums.iter_mut()
                    .zip(products)
                    .for_each(|(sum, &more)| *sum += f64::from(own) * f64::from(more));
            }
        }
        sums
    };
    let zero = || vec![0.0; resamples * bins];
    let join = |mut a: Vec<f64>, b: Vec<f64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    // One piece of work for each thread, because the sums are large.
    let threads = rayon::current_num_threads();
    let part = |thread: usize| between.iter().enumerate().skip(thread).step_by(threads).fold(zero(), add);
    (0..threads).into_par_iter().map(part).reduce(zero, join)
}
