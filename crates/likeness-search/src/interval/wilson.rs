//! Wilson intervals of error rates whose trials share identities.
//!
//! Fogliato, Patil and Perona, Confidence Intervals for Error Rates in 1:1 Matching Tasks: Critical Statistical Analysis and
//! Recommendations, International Journal of Computer Vision, 2024 (arXiv 2306.01198). The trials are pairs of images. Two pairs
//! that share an identity are dependent; two pairs without a common identity are independent. Let identity i have eᵢ errors in
//! nᵢ mated pairs, let the identities i ≠ j have eᵢⱼ errors in nᵢⱼ non-mated pairs, and let N be the number of all pairs, p the
//! share of errors among them, and gᵢⱼ = eᵢⱼ − p nᵢⱼ. The plug-in variances of p are
//!
//! ```text
//! FNMR   v = Σᵢ (eᵢ − p nᵢ)² / N²
//! FMR    v = (Σᵢⱼ gᵢⱼ² + Σᵢ Σⱼ Σₖ gᵢⱼ gᵢₖ) / N²          i < j in the first sum; j ≠ i, k ≠ i, j ≠ k in the second
//!          = (Σᵢ (Σⱼ gᵢⱼ)² − Σᵢⱼ gᵢⱼ²) / N²              i < j in the second sum
//! ```
//!
//! The second form of the FMR's variance needs, beside the sums per identity, only one sum over pairs of identities. The
//! *design effect* is v divided by the variance of independent trials, p (1 − p) / N, and at least 1. The interval is
//! Wilson's (1927) with N divided by the design effect in place of N.
//!
//! We differ from the paper in three points. Sums of squared deviations from a mean that is estimated from the same I identities
//! are too small, so v is multiplied by I / (I − 1), and by I / (I − 2) for the FMR, whose pairs have two identities. Few identities
//! often cause most errors, so that v itself is uncertain; [`small_sample_factor`] therefore widens the interval as Student's
//! distribution does. In a simulation of 50 to 100 very different people the intervals contain the true FMR in 92 to 94 % of trials and
//! the true FNMR in 94 to 95 %; plain Wilson intervals contain it in 24 to 91 % (`examples/interval_coverage.rs`). Without any error v is 0 and says nothing; callers then take the design effect at a threshold with errors.

use super::Interval;

/// The quantile of the normal distribution for a central 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// The errors and trials of one identity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct IdentityErrors {
    /// The number of errors in trials of this identity.
    pub errors: f64,
    /// The number of trials of this identity.
    pub trials: f64,
}

impl Interval {
    /// The 95 % Wilson interval of a share measured on a number of independent trials.
    ///
    /// ```text
    /// (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n),   z = 1.96
    /// ```
    ///
    /// # Conventions   lies in [0, 1] and contains `rate`; without trials it is [0, 1]
    /// # Examples
    /// ```
    /// use likeness_search::Interval;
    /// let interval = Interval::wilson(0.1, 100.0);
    /// assert!((interval.low - 0.055_229).abs() < 1e-6 && (interval.high - 0.174_366).abs() < 1e-6);
    /// ```
    /// # References    Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927
    pub fn wilson(rate: f64, trials: f64) -> Self {
        if trials <= 0.0 {
            return Self { low: 0.0, high: 1.0 };
        }
        let z2 = Z * Z / trials;
        let half = Z * (rate * (1.0 - rate) / trials + z2 / (4.0 * trials)).sqrt();
        let (centre, scale) = (rate + z2 / 2.0, 1.0 + z2);
        Self {
            low: ((centre - half) / scale).clamp(0.0, rate),
            high: ((centre + half) / scale).clamp(rate, 1.0),
        }
    }
}

/// The variance of a rate whose trials belong to one identity each, such as FNMR.
///
/// # Conventions   0 without trials; infinite for a single identity, whose images say nothing about other people
/// # Examples
/// Two people; all four pairs of the first one fail, and none of the second one.
/// ```
/// use likeness_search::{IdentityErrors, variance_within_identities};
/// let people = [IdentityErrors { errors: 4.0, trials: 4.0 }, IdentityErrors { errors: 0.0, trials: 4.0 }];
/// // (4 − 0.5·4)² + (0 − 0.5·4)² = 8, divided by 8² and multiplied by 2 / (2 − 1)
/// assert_eq!(variance_within_identities(&people), 0.25);
/// ```
pub fn variance_within_identities(identities: &[IdentityErrors]) -> f64 {
    let (rate, trials) = share(identities);
    let active = identities.iter().filter(|identity| identity.trials > 0.0).count() as f64;
    if trials == 0.0 {
        return 0.0;
    }
    if active <= 1.0 {
        return f64::INFINITY;
    }
    squares(identities, rate) / (trials * trials) * active / (active - 1.0)
}

/// The variance of a rate whose trials belong to two different identities each, such as FMR.
///
/// `identities` counts each trial for both of its identities. `squares_between` is Σ gᵢⱼ² over pairs of identities i < j; pass
/// N p (1 − p), the value for independent errors, if it is not known: the variance is then slightly too large.
///
/// # Conventions   0 without trials; infinite for two identities or fewer
pub fn variance_between_identities(identities: &[IdentityErrors], squares_between: f64) -> f64 {
    let (rate, twice_trials) = share(identities);
    let active = identities.iter().filter(|identity| identity.trials > 0.0).count() as f64;
    if twice_trials == 0.0 {
        return 0.0;
    }
    if active <= 2.0 {
        return f64::INFINITY;
    }
    let trials = twice_trials / 2.0;
    ((squares(identities, rate) - squares_between).max(0.0)) / (trials * trials) * active / (active - 2.0)
}

/// The factor by which the design effect grows because the variance is estimated from few identities that may differ much.
///
/// ```text
/// (t / z)²,   t: the 97.5 % quantile of Student's distribution with ν degrees of freedom
/// ν = 2 S₂² / (S₄ − S₂² / I),   Sₖ = Σᵢ |eᵢ − p nᵢ|ᵏ
/// ```
///
/// ν matches the mean and the variance of the estimated variance (Satterthwaite, An approximate distribution of estimates of variance
/// components, Biometrics Bulletin 2, 1946). It is about I for normal deviations, and much smaller if few identities cause most errors.
///
/// # Conventions   at least 3 degrees of freedom
/// # Examples
/// ```
/// use likeness_search::{IdentityErrors, small_sample_factor};
/// let person = |errors: f64| IdentityErrors { errors, trials: 100.0 };
/// let alike: Vec<_> = (0..200).map(|at| person(f64::from(at % 5))).collect();
/// let one_bad: Vec<_> = (0..200).map(|at| person(if at == 0 { 50.0 } else { 1.0 })).collect();
/// assert!(small_sample_factor(&alike) < 1.03 && small_sample_factor(&one_bad) > 2.0);
/// ```
pub fn small_sample_factor(identities: &[IdentityErrors]) -> f64 {
    let (rate, _) = share(identities);
    let active = || identities.iter().filter(|identity| identity.trials > 0.0);
    let power = |k: i32| active().map(|i| (i.errors - rate * i.trials).abs().powi(k)).sum::<f64>();
    let (second, fourth) = (power(2), power(4));
    let excess = fourth - second * second / active().count() as f64;
    let freedom = if excess > 0.0 { (2.0 * second * second / excess).max(3.0) } else { f64::INFINITY };
    (student(freedom) / Z).powi(2)
}

/// The 97.5 % quantile of Student's distribution (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.7.5).
fn student(freedom: f64) -> f64 {
    let z = Z;
    let terms = [
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom) + z
}

fn share(identities: &[IdentityErrors]) -> (f64, f64) {
    let errors: f64 = identities.iter().map(|identity| identity.errors).sum();
    let trials: f64 = identities.iter().map(|identity| identity.trials).sum();
    (errors / trials, trials)
}

fn squares(identities: &[IdentityErrors], rate: f64) -> f64 {
    identities.iter().map(|identity| (identity.errors - rate * identity.trials).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_at_the_ends_has_one_end_there() {
        let none = Interval::wilson(0.0, 100.0);
        assert!(none.low == 0.0 && (none.high - 0.036_994).abs() < 1e-6, "{none:?}");
        let all = Interval::wilson(1.0, 100.0);
        assert!(all.high == 1.0 && (all.low - 0.963_006).abs() < 1e-6, "{all:?}");
        assert_eq!(Interval::wilson(0.3, 0.0), Interval { low: 0.0, high: 1.0 });
    }

    /// The variance as the triple sum over identities, before it is simplified.
    fn triple_sum(errors: &[Vec<f64>], trials: &[Vec<f64>]) -> f64 {
        let count = errors.len();
        let total: f64 = trials.iter().flatten().sum::<f64>() / 2.0;
        let rate = errors.iter().flatten().sum::<f64>() / 2.0 / total;
        let g = |i: usize, j: usize| errors[i][j] - rate * trials[i][j];
        let mut sum = 0.0;
        for i in 0..count {
            for j in (0..count).filter(|&j| j != i) {
                if i < j {
                    sum += g(i, j) * g(i, j);
                }
                sum += (0..count).filter(|&k| k != i && k != j).map(|k| g(i, j) * g(i, k)).sum::<f64>();
            }
        }
        sum / (total * total) * count as f64 / (count as f64 - 2.0)
    }

    #[test]
    fn the_simplified_variance_is_the_triple_sum() {
        let count = 7;
        let symmetric = |of: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
            let cell = |i: usize, j: usize| if i == j { 0.0 } else { of(i.min(j), i.max(j)) };
            (0..count).map(|i| (0..count).map(|j| cell(i, j)).collect()).collect()
        };
        let trials = symmetric(&|i, j| ((i + 1) * (j + 2)) as f64);
        let errors = symmetric(&|i, j| if i < 3 { ((i * 5 + j * 3) % 4) as f64 } else { 0.0 });
        let row =
            |i: usize| IdentityErrors { errors: errors[i].iter().sum(), trials: trials[i].iter().sum() };
        let identities: Vec<IdentityErrors> = (0..count).map(row).collect();
        let (rate, _) = share(&identities);
        let mut between = 0.0;
        for i in 0..count {
            between += (i + 1..count).map(|j| (errors[i][j] - rate * trials[i][j]).powi(2)).sum::<f64>();
        }
        let (found, expected) =
            (variance_between_identities(&identities, between), triple_sum(&errors, &trials));
        assert!((found / expected - 1.0).abs() < 1e-12 && found > 0.0, "{found} {expected}");
    }

    #[test]
    fn quantiles_of_student_agree_with_tables() {
        for (freedom, expected) in
            [(3.0, 3.1824), (5.0, 2.5706), (10.0, 2.2281), (30.0, 2.0423), (f64::INFINITY, Z)]
        {
            assert!(
                (student(freedom) - expected).abs() < 1e-4 + 0.8 / freedom.powi(3),
                "{freedom}: {}",
                student(freedom)
            );
        }
    }

    #[test]
    fn too_few_identities_say_nothing_about_others() {
        let one = [IdentityErrors { errors: 1.0, trials: 4.0 }];
        assert_eq!(variance_within_identities(&one), f64::INFINITY);
        assert_eq!(variance_between_identities(&[one[0]; 2], 0.0), f64::INFINITY);
        assert_eq!(variance_within_identities(&[]), 0.0);
        assert_eq!(variance_between_identities(&[], 0.0), 0.0);
    }
}
