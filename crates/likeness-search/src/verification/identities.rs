//! Counts of pairs for each identity and coarse bin, from which variances and resamples are computed.

use rayon::prelude::*;

use crate::{IdentityErrors, small_sample_factor};

/// Errors from which a design effect is estimated.
const ENOUGH: u64 = 10;

/// Counts for groups of identities; a group is one identity unless there are very many.
pub(super) struct IdentityCounts {
    /// The largest distance in each coarse bin.
    pub(super) edges: Vec<f32>,
    /// The group of each identity.
    pub(super) group_of: Vec<u32>,
    pub(super) groups: usize,
    /// Mated pairs: \[groups, bins\].
    pub(super) mated: Vec<u64>,
    /// Non-mated pairs in which the group takes part: \[groups, bins\]. Each pair is counted for both of its identities.
    pub(super) non_mated: Vec<u64>,
    /// For each identity i, its non-mated pairs with the identities j > i: \[bins, identities − i − 1\].
    pub(super) between: Option<Vec<Vec<u32>>>,
}

impl IdentityCounts {
    pub(super) fn bins(&self) -> usize {
        self.edges.len()
    }

    /// Fills the non-mated counts per identity if pairs of identities were counted.
    pub(super) fn sum_between(&mut self) {
        let (bins, Some(between)) = (self.bins(), &self.between) else { return };
        self.non_mated = vec![0; self.groups * bins];
        for (identity, counts) in between.iter().enumerate().filter(|(_, counts)| !counts.is_empty()) {
            for (bin, line) in counts.chunks_exact(counts.len() / bins).enumerate() {
                for (other, &count) in (identity + 1..).zip(line) {
                    self.non_mated[identity * bins + bin] += u64::from(count);
                    self.non_mated[other * bins + bin] += u64::from(count);
                }
            }
        }
    }

    /// The design effect of the false match rate with this number of false matches.
    ///
    /// Measured at the bin edge with the most similar number of false matches, but at least ten.
    pub(super) fn false_match_effect(&self, false_matches: u64) -> f64 {
        let totals = self.cumulative(&self.non_mated);
        let Some(edge) = nearest(&totals, 2 * false_matches) else {
            return self.fallback(&self.non_mated) / 2.0;
        };
        let identities = self.errors(&self.non_mated, edge, false);
        let (errors, trials) = (totals[edge] as f64 / 2.0, totals[self.bins() - 1] as f64 / 2.0);
        let rate = errors / trials;
        let independent = rate * (1.0 - rate) / trials;
        let squares = match &self.between {
            Some(between) => self.squares_between(between, edge, rate),
            None => trials * rate * (1.0 - rate),
        };
        crate::variance_between_identities(&identities, squares) / independent
            * small_sample_factor(&identities)
    }

    /// The design effect of the false non-match rate with this number of false non-matches.
    pub(super) fn false_non_match_effect(&self, false_non_matches: u64) -> f64 {
        let totals = self.cumulative(&self.mated);
        let all = totals[self.bins() - 1];
        let Some(edge) = nearest(&totals, all.saturating_sub(false_non_matches)) else {
            return self.fallback(&self.mated);
        };
        let identities = self.errors(&self.mated, edge, true);
        let rate = 1.0 - totals[edge] as f64 / all as f64;
        let independent = rate * (1.0 - rate) / all as f64;
        crate::variance_within_identities(&identities) / independent * small_sample_factor(&identities)
    }

    /// Without enough errors at any edge, every identity counts as one trial.
    fn fallback(&self, counts: &[u64]) -> f64 {
        let sums = counts.chunks_exact(self.bins()).map(|bins| bins.iter().sum::<u64>());
        let (mut active, mut pairs) = (0, 0);
        for sum in sums.filter(|&sum| sum > 0) {
            (active, pairs) = (active + 1, pairs + sum);
        }
        if active <= 1 { f64::INFINITY } else { pairs as f64 / f64::from(active) }
    }

    fn cumulative(&self, counts: &[u64]) -> Vec<u64> {
        let mut totals = vec![0; self.bins()];
        for bins in counts.chunks_exact(self.bins()) {
            totals.iter_mut().zip(bins).for_each(|(total, count)| *total += count);
        }
        let mut sum = 0;
        totals.iter_mut().for_each(|total| {
            sum += *total;
            *total = sum;
        });
        totals
    }

    /// The errors of each group at a bin edge: its pairs up to the edge, or those beyond it.
    fn errors(&self, counts: &[u64], edge: usize, beyond: bool) -> Vec<IdentityErrors> {
        let of = |bins: &[u64]| {
            let (near, all) = (bins[..=edge].iter().sum::<u64>(), bins.iter().sum::<u64>());
            IdentityErrors { errors: (if beyond { all - near } else { near }) as f64, trials: all as f64 }
        };
        counts.chunks_exact(self.bins()).map(of).collect()
    }

    fn squares_between(&self, between: &[Vec<u32>], edge: usize, rate: f64) -> f64 {
        let of_identity = |counts: &Vec<u32>| -> f64 {
            let others = counts.len() / self.bins();
            let of_pair = |other: usize| {
                let column = || counts[other..].iter().step_by(others).map(|&count| f64::from(count));
                (column().take(edge + 1).sum::<f64>() - rate * column().sum::<f64>()).powi(2)
            };
            (0..others).map(of_pair).sum()
        };
        between.par_iter().map(of_identity).sum()
    }
}

/// The index of the cumulative count nearest to `wanted` by ratio of errors, among those with enough errors on both sides.
fn nearest(cumulative: &[u64], wanted: u64) -> Option<usize> {
    let all = *cumulative.last()?;
    let usable = |&(_, &count): &(usize, &u64)| count >= ENOUGH && all - count >= ENOUGH;
    cumulative
        .iter()
        .enumerate()
        .filter(usable)
        .min_by_key(|(_, count)| count.abs_diff(wanted))
        .map(|(at, _)| at)
}
