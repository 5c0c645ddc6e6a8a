//! Resamples of identities, because the results of one person's images are correlated.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// A reproducible sequence of resamples: each draws as many identities as there are, with replacement.
///
/// Measures that are resampled with equal parameters see the same identities in each resample, so that their differences are
/// paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resamples {
    /// The number of identities, which are numbered from 0.
    pub identities: usize,
    /// The number of resamples.
    pub count: u32,
    /// The random seed.
    pub seed: u64,
}

impl Resamples {
    /// The resamples: how often each identity was drawn.
    ///
    /// # Shapes        items: \[identities\]
    /// # Examples
    /// ```
    /// use likeness_search::Resamples;
    /// let resamples = Resamples { identities: 3, count: 100, seed: 0 };
    /// assert_eq!(resamples.iter().count(), 100);
    /// assert!(resamples.iter().all(|drawn| drawn.len() == 3 && drawn.iter().sum::<u32>() == 3));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Vec<u32>> + use<> {
        let mut random = Pcg64::seed_from_u64(self.seed);
        let identities = self.identities;
        (0..self.count).map(move |_| {
            let mut drawn = vec![0; identities];
            for _ in 0..identities {
                drawn[random.random_range(0..identities)] += 1;
            }
            drawn
        })
    }
}
