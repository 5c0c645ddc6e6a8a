//! Simulates error rates of people with random effects, for which the true rates are known.
//!
//! A non-mated pair of the images k and l of the identities i and j is an error if a_i + a_j + u_k + u_l + e_kl > t, with independent
//! normal effects of identities (variance A), of images (variance U) and of pairs (variance 1). A mated pair of identity i is an error
//! if b_i + u_k + u_l + e_kl > t, with b of variance 2A. The true rate is that of one normal variable of variance 2A + 2U + 1.

use likeness_search::{
    ErrorRate, IdentityErrors, Interval, Resamples, small_sample_factor, variance_between_identities,
    variance_within_identities,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// A simulated trial of a matcher.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Simulation {
    pub(crate) identities: usize,
    pub(crate) images: usize,
    /// The true error rate.
    pub(crate) rate: f64,
    /// The threshold in standard deviations that has this rate.
    pub(crate) quantile: f64,
    pub(crate) mated: bool,
}

/// The share of simulations whose interval contains the true rate, and the mean width.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Coverage {
    pub(crate) covered: f64,
    pub(crate) width: f64,
}

/// Variances of the effects of identities and of images.
const IDENTITY: f64 = 0.15;
const IMAGE: f64 = 0.1;
const BOOTSTRAP: u32 = 200;

impl Simulation {
    /// The coverage of the dependence-adjusted Wilson interval, the plain Wilson interval and the bootstrap.
    pub(crate) fn coverage(&self, repetitions: u64) -> [Coverage; 3] {
        let mut sums = [Coverage::default(); 3];
        for seed in 0..repetitions {
            for (sum, interval) in sums.iter_mut().zip(self.intervals(seed)) {
                sum.covered += f64::from(u8::from(interval.contains(self.rate))) / repetitions as f64;
                sum.width += (interval.high - interval.low) / repetitions as f64;
            }
        }
        sums
    }

    fn intervals(&self, seed: u64) -> [Interval; 3] {
        let (errors, trials) = self.errors(&mut Normal::new(seed));
        let resamples = Resamples { identities: self.identities, count: BOOTSTRAP, seed };
        let bootstrap = resamples.iter().map(|drawn| self.resampled(&errors, trials, &drawn)).collect();
        let sum: f64 = errors.iter().map(|cell| cell.2).sum();
        let all = errors.len() as f64 * trials;
        let variance = self.variance(&errors, trials);
        let independent = sum / all * (1.0 - sum / all) / all;
        let effect = if sum == 0.0 { 1.0 } else { variance / independent };
        let interval = |effect| ErrorRate::new(sum as u64, all as u64, effect).unwrap().interval;
        [interval(effect), interval(1.0), Interval::percentile(bootstrap).unwrap()]
    }

    /// Errors of each pair of identities i < j, or of each identity i = j, and the number of trials of each.
    fn errors(&self, normal: &mut Normal) -> (Vec<(usize, usize, f64)>, f64) {
        let scale = if self.mated { 2.0 * IDENTITY } else { IDENTITY }.sqrt();
        let people: Vec<f64> = (0..self.identities).map(|_| scale * normal.next()).collect();
        let image = |normal: &mut Normal| IMAGE.sqrt() * normal.next();
        let images: Vec<f64> = (0..self.identities * self.images).map(|_| image(normal)).collect();
        let threshold = self.quantile * (2.0 * IDENTITY + 2.0 * IMAGE + 1.0).sqrt();
        let of = |identity: usize| &images[identity * self.images..][..self.images];
        let mut cells = Vec::new();
        for i in 0..self.identities {
            for j in if self.mated { i..i + 1 } else { i + 1..self.identities } {
                let shift = if self.mated { people[i] } else { people[i] + people[j] } - threshold;
                let mut errors = 0.0;
                for (k, a) in of(i).iter().enumerate() {
                    for b in if self.mated { &of(j)[k + 1..] } else { of(j) } {
                        errors += f64::from(u8::from(shift + a + b + normal.next() > 0.0));
                    }
                }
                cells.push((i, j, errors));
            }
        }
        let images = self.images as f64;
        (cells, if self.mated { images * (images - 1.0) / 2.0 } else { images * images })
    }

    fn variance(&self, cells: &[(usize, usize, f64)], trials: f64) -> f64 {
        let rate = cells.iter().map(|cell| cell.2).sum::<f64>() / (cells.len() as f64 * trials);
        let mut identities = vec![IdentityErrors::default(); self.identities];
        for &(i, j, errors) in cells {
            for identity in if self.mated { vec![i] } else { vec![i, j] } {
                identities[identity].errors += errors;
                identities[identity].trials += trials;
            }
        }
        let factor = small_sample_factor(&identities);
        if self.mated {
            return variance_within_identities(&identities) * factor;
        }
        let squares = cells.iter().map(|cell| (cell.2 - rate * trials).powi(2)).sum();
        variance_between_identities(&identities, squares) * factor
    }

    fn resampled(&self, cells: &[(usize, usize, f64)], trials: f64, drawn: &[u32]) -> f64 {
        let weight = |i: usize, j: usize| f64::from(if self.mated { drawn[i] } else { drawn[i] * drawn[j] });
        let (mut errors, mut all) = (0.0, 0.0);
        for &(i, j, count) in cells {
            errors += weight(i, j) * count;
            all += weight(i, j) * trials;
        }
        errors / all
    }
}

/// Normal random numbers by the method of Box and Muller.
struct Normal {
    random: Pcg64,
    second: Option<f64>,
}

impl Normal {
    fn new(seed: u64) -> Self {
        Self { random: Pcg64::seed_from_u64(seed), second: None }
    }

    fn next(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        let (a, b): (f64, f64) = (1.0 - self.random.random::<f64>(), self.random.random());
        let (radius, angle) = ((-2.0 * a.ln()).sqrt(), std::f64::consts::TAU * b);
        self.second = Some(radius * angle.sin());
        radius * angle.cos()
    }
}
