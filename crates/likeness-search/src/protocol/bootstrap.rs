//! Confidence intervals by resampling identities, because the results of one person's images are correlated.
//!
//! Percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13) over clusters: each
//! resample draws as many identities as there are, with replacement, and computes the mean over all their queries.

use serde::Serialize;

use super::EvaluateConfig;
use crate::{Interval, LEVEL, Resamples};

/// Confidence intervals of the main metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intervals {
    /// The confidence level, 0.95.
    pub level: f64,
    /// The number of resamples.
    pub resamples: u32,
    /// The random seed of the resampling.
    pub seed: u64,
    /// Interval of the share of queries whose first hit has the right identity.
    pub top1: Interval,
    /// Interval of the mean average precision.
    pub map: Interval,
}

impl Intervals {
    /// Computes the intervals of top-1 accuracy and mean average precision.
    ///
    /// # Shapes        identities (indices from 0, without gaps), top1, precisions: \[queries\]
    /// # Conventions   with a single identity every resample is the same and the intervals have zero width
    pub(super) fn over_identities(
        identities: &[usize],
        top1: &[f64],
        precisions: &[f64],
        config: &EvaluateConfig,
    ) -> Self {
        let mut sums = vec![[0.0; 3]; identities.iter().max().map_or(0, |last| last + 1)];
        for (&identity, (top1, precision)) in identities.iter().zip(top1.iter().zip(precisions)) {
            let [queries, hits, total] = &mut sums[identity];
            *queries += 1.0;
            *hits += top1;
            *total += precision;
        }
        let (mut top1, mut map) = (Vec::new(), Vec::new());
        let resamples = Resamples { identities: sums.len(), count: config.resamples, seed: config.seed };
        for drawn in resamples.iter() {
            let mut total = [0.0; 3];
            for (identity, times) in sums.iter().zip(drawn) {
                total.iter_mut().zip(identity).for_each(|(sum, more)| *sum += f64::from(times) * more);
            }
            top1.push(total[1] / total[0]);
            map.push(total[2] / total[0]);
        }
        let (resamples, seed) = (config.resamples, config.seed);
        Self { level: LEVEL, resamples, seed, top1: interval(top1), map: interval(map) }
    }
}

fn interval(values: Vec<f64>) -> Interval {
    Interval::percentile(values).unwrap_or(Interval { low: 0.0, high: 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intervals(identities: &[usize], top1: &[f64], seed: u64) -> Intervals {
        let config = EvaluateConfig { seed, ..EvaluateConfig::default() };
        Intervals::over_identities(identities, top1, top1, &config)
    }

    #[test]
    fn the_same_seed_gives_the_same_intervals_and_another_does_not() {
        let identities: Vec<usize> = (0..200).map(|i| i / 2).collect();
        let top1: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i % 7 < 5))).collect();
        assert_eq!(intervals(&identities, &top1, 1), intervals(&identities, &top1, 1));
        assert_ne!(intervals(&identities, &top1, 1).top1, intervals(&identities, &top1, 2).top1);
    }

    #[test]
    fn the_width_is_that_of_a_binomial_where_identities_have_one_query() {
        let identities: Vec<usize> = (0..400).collect();
        let top1: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i % 4 != 0))).collect();
        let found = intervals(&identities, &top1, 3).top1;
        let half = 1.96 * (0.75f64 * 0.25 / 400.0).sqrt();
        assert!((found.low - (0.75 - half)).abs() < 0.01, "{found:?}");
        assert!((found.high - (0.75 + half)).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn queries_of_one_identity_are_drawn_together() {
        let together: Vec<usize> = (0..400).map(|i| i / 40).collect();
        let top1: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i / 40 % 2 == 0))).collect();
        let apart: Vec<usize> = (0..400).collect();
        let width = |identities| {
            let interval = intervals(identities, &top1, 4).top1;
            interval.high - interval.low
        };
        assert!(width(&together) > 3.0 * width(&apart));
        assert_eq!(intervals(&[0, 0], &[1.0, 0.0], 0).top1, Interval { low: 0.5, high: 0.5 });
    }
}
