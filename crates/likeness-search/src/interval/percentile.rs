//! Percentile intervals (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).

use serde::{Deserialize, Serialize};

/// The confidence level of all intervals.
pub const LEVEL: f64 = 0.95;

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The central 95 % of resampled values, which may be in any order; values that are not numbers are left out.
    ///
    /// # Conventions   `None` without a value; quantiles are interpolated linearly between neighbours
    /// # Examples
    /// ```
    /// use likeness_search::Interval;
    /// let values: Vec<f64> = (0..=1000).map(f64::from).collect();
    /// let interval = Interval::percentile(values).unwrap();
    /// assert!((interval.low - 25.0).abs() < 1e-9 && (interval.high - 975.0).abs() < 1e-9);
    /// assert_eq!(Interval::percentile(vec![f64::NAN]), None);
    /// ```
    pub fn percentile(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| !value.is_nan());
        if values.is_empty() {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - LEVEL) / 2.0;
        Some(Self { low: quantile(&values, tail), high: quantile(&values, 1.0 - tail) })
    }

    /// Whether `value` lies in the interval.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The quantile of sorted values, interpolated linearly between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[5.0], 0.025), 5.0);
    }
}
