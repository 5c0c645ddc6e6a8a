//! FNIR at a FPIR recomputed for resamples of the queries' identities.
//!
//! A search of identity i has weight wᵢ, the number of times that the identity was drawn; the gallery stays as it is.

use super::SearchStatistics;
use crate::Resamples;

impl SearchStatistics {
    /// The false negative identification rate (any rank) at the false positive identification rate `fpir` for each resample.
    ///
    /// Identities are numbered in the order of [`identities`](Self::identities).
    ///
    /// # Conventions   NaN for a resample without mated or unmated searches
    /// # Panics        the resamples are of another number of identities
    pub fn resampled_fnir(&self, fpir: f64, resamples: &Resamples) -> Vec<f64> {
        assert_eq!(
            resamples.identities,
            self.identities().len(),
            "the resamples are of this table's identities"
        );
        let mut unmated: Vec<(f32, usize)> = self.unmated().collect();
        unmated.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mated = self.searches().iter().filter_map(|search| Some((search.mated?, search.identity)));
        let mated: Vec<(f32, usize)> = mated.collect();
        resamples.iter().map(|drawn| weighted_fnir(&unmated, &mated, fpir, &drawn)).collect()
    }
}

fn weighted_fnir(unmated: &[(f32, usize)], mated: &[(f32, usize)], fpir: f64, drawn: &[u32]) -> f64 {
    let total = |values: &[(f32, usize)]| values.iter().map(|value| u64::from(drawn[value.1])).sum::<u64>();
    let (all, all_mated) = (total(unmated), total(mated));
    if all == 0 || all_mated == 0 {
        return f64::NAN;
    }
    let (allowed, mut sum) = (all as f64 * fpir * (1.0 + 1e-9), 0);
    let first_rejected = unmated.iter().find(|value| {
        sum += u64::from(drawn[value.1]);
        sum as f64 > allowed
    });
    let missed = |value: &&(f32, usize)| first_rejected.is_some_and(|rejected| value.0 >= rejected.0);
    let missed: u64 = mated.iter().filter(missed).map(|value| u64::from(drawn[value.1])).sum();
    missed as f64 / all_mated as f64
}
