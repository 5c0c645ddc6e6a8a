//! Confidence intervals by resampling identities, because the results of one person's images are correlated.
//!
//! Percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13) over clusters: each
//! resample draws as many identities as there are, with replacement, and computes the mean over all their queries.

use serde::Serialize;

use super::{CMC_RANKS, EvaluateConfig};
use crate::{Interval, LEVEL, RankingMeasure, RankingMeasures};

/// Confidence intervals of the ranking metrics.
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
    /// Interval of the share of queries with the right identity among the first five hits.
    pub top5: Interval,
    /// Interval of the share of queries with the right identity among the first ten hits.
    pub top10: Interval,
    /// Interval of the mean average precision.
    pub map: Interval,
    /// Interval of the mean average precision at R.
    pub map_at_r: Interval,
    /// Interval of the mean R-precision.
    pub r_precision: Interval,
    /// Interval of the mean reciprocal rank.
    pub mrr: Interval,
    /// Interval of the mean inverse negative penalty.
    pub minp: Interval,
    /// Intervals of the CMC curve, for k from 1 to 50. Each holds at its own k, not at all k together.
    pub cmc: Vec<Interval>,
}

impl Intervals {
    /// Computes the intervals of all ranking metrics from the same resamples.
    ///
    /// # Conventions   with a single identity every resample is the same and the intervals have zero width
    pub(super) fn over_identities(measures: &RankingMeasures, config: &EvaluateConfig) -> Self {
        let resamples = measures.resamples(config.resamples, config.seed);
        let mut all = measures.resampled_all(&resamples).into_iter().map(interval);
        let [top1, top5, top10, map, map_at_r, r_precision, mrr, minp] =
            RankingMeasure::ALL.map(|_| all.next().expect("every measure is resampled"));
        let cmc = measures.resampled_cmc(CMC_RANKS, &resamples).into_iter().map(interval).collect();
        let (resamples, seed) = (config.resamples, config.seed);
        let level = LEVEL;
        Self { level, resamples, seed, top1, top5, top10, map, map_at_r, r_precision, mrr, minp, cmc }
    }

    /// The interval of one metric.
    pub fn of(&self, measure: RankingMeasure) -> Interval {
        match measure {
            RankingMeasure::Top1 => self.top1,
            RankingMeasure::Top5 => self.top5,
            RankingMeasure::Top10 => self.top10,
            RankingMeasure::Map => self.map,
            RankingMeasure::MapAtR => self.map_at_r,
            RankingMeasure::RPrecision => self.r_precision,
            RankingMeasure::Mrr => self.mrr,
            RankingMeasure::Minp => self.minp,
        }
    }
}

fn interval(values: Vec<f64>) -> Interval {
    Interval::percentile(values).unwrap_or(Interval { low: 0.0, high: 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One query for each entry; a query that succeeds has its relevant image at rank 1, another at rank 20.
    fn intervals(identities: &[usize], successes: &[bool], seed: u64) -> Intervals {
        let names: Vec<String> = identities.iter().map(|identity| format!("{identity:04}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ranks: Vec<Vec<u32>> =
            successes.iter().map(|&success| vec![if success { 1 } else { 20 }]).collect();
        let measures = RankingMeasures::new((0..names.len()).collect(), &names, &ranks);
        Intervals::over_identities(&measures, &EvaluateConfig { seed, ..EvaluateConfig::default() })
    }

    #[test]
    fn the_same_seed_gives_the_same_intervals_and_another_does_not() {
        let identities: Vec<usize> = (0..200).map(|i| i / 2).collect();
        let top1: Vec<bool> = (0..200).map(|i| i % 7 < 5).collect();
        assert_eq!(intervals(&identities, &top1, 1), intervals(&identities, &top1, 1));
        assert_ne!(intervals(&identities, &top1, 1).top1, intervals(&identities, &top1, 2).top1);
    }

    #[test]
    fn the_width_is_that_of_a_binomial_where_identities_have_one_query() {
        let identities: Vec<usize> = (0..400).collect();
        let top1: Vec<bool> = (0..400).map(|i| i % 4 != 0).collect();
        let found = intervals(&identities, &top1, 3);
        let half = 1.96 * (0.75f64 * 0.25 / 400.0).sqrt();
        for interval in [found.top1, found.top10, found.cmc[0], found.cmc[18], found.r_precision] {
            assert!((interval.low - (0.75 - half)).abs() < 0.01, "{interval:?}");
            assert!((interval.high - (0.75 + half)).abs() < 0.01, "{interval:?}");
        }
        assert_eq!(found.cmc[19], Interval { low: 1.0, high: 1.0 });
        assert_eq!(found.cmc.len(), CMC_RANKS as usize);
    }

    #[test]
    fn queries_of_one_identity_are_drawn_together() {
        let together: Vec<usize> = (0..400).map(|i| i / 40).collect();
        let top1: Vec<bool> = (0..400).map(|i| i / 40 % 2 == 0).collect();
        let separate: Vec<usize> = (0..400).collect();
        let width = |identities| {
            let interval = intervals(identities, &top1, 4).top1;
            interval.high - interval.low
        };
        assert!(width(&together) > 3.0 * width(&separate));
        assert_eq!(intervals(&[0, 0], &[true, false], 0).top1, Interval { low: 0.5, high: 0.5 });
    }
}
