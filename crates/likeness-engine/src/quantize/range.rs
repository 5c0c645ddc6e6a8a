//! The range of an activation: its values enter a histogram, the range to quantise leaves.

/// Bins of a histogram, half of them for negative values.
const BINS: usize = 4096;

/// Number of values of a uint8.
const STEPS: f64 = 255.0;

/// How the range of an activation is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clipping {
    /// From the smallest to the largest value.
    MinMax,
    /// As `MinMax`, without this share of the values at each end.
    Percentile(f64),
    /// The range with the least mean squared error: a smaller scale is weighed against clipped values.
    SquaredError,
}

impl std::fmt::Display for Clipping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MinMax => f.write_str("ranges from the smallest to the largest"),
            Self::Percentile(share) => write!(f, "ranges without {} % at each end", share * 100.0),
            Self::SquaredError => f.write_str("ranges of the least squared error"),
        }
    }
}

/// A histogram with bins of equal width, a power of two that doubles when a value lies outside.
///
/// The counts depend neither on the order of the values nor on their distribution over threads.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    /// Binary logarithm of a bin's width.
    exponent: i32,
    min: f32,
    max: f32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BINS], exponent: -30, min: f32::INFINITY, max: f32::NEG_INFINITY }
    }
}

impl Histogram {
    /// Counts `values`; false if one is NaN or infinite.
    pub fn add(&mut self, values: &[f32]) -> bool {
        let (min, max) = values.iter().fold((self.min, self.max), |(a, b), v| (a.min(*v), b.max(*v)));
        if !(min.is_finite() && max.is_finite() && values.iter().all(|v| !v.is_nan())) {
            return values.is_empty();
        }
        (self.min, self.max) = (min, max);
        while self.bin(min).is_none() || self.bin(max).is_none() {
            self.widen();
        }
        for v in values {
            if let Some(bin) = self.bin(*v) {
                self.counts[bin] += 1;
            }
        }
        true
    }

    fn width(&self) -> f64 {
        f64::from(self.exponent).exp2()
    }

    fn bin(&self, v: f32) -> Option<usize> {
        let at = (f64::from(v) / self.width()).floor() + (BINS / 2) as f64;
        (at >= 0.0 && at < BINS as f64).then_some(at as usize)
    }

    /// Joins neighbouring bins.
    fn widen(&mut self) {
        let joined: Vec<u64> = self.counts.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
        self.counts.fill(0);
        self.counts[BINS / 4..BINS / 4 * 3].copy_from_slice(&joined);
        self.exponent += 1;
    }

    /// The range to quantise; it contains zero.
    pub fn range(&self, clipping: Clipping) -> (f32, f32) {
        let (min, max) = (self.min.min(0.0), self.max.max(0.0));
        match clipping {
            _ if self.min > self.max => (0.0, 0.0),
            Clipping::MinMax => (min, max),
            Clipping::Percentile(share) => {
                let total: u64 = self.counts.iter().sum();
                let out = (share * total as f64) as u64;
                let (low, high) =
                    (self.after(out, self.counts.iter()), self.after(out, self.counts.iter().rev()));
                let edge = |bins: i64| (bins as f64 * self.width()) as f32;
                let half = BINS as i64 / 2;
                (edge(low - half).clamp(min, 0.0), edge(half - high).clamp(0.0, max))
            }
            Clipping::SquaredError => self.least_error(min, max),
        }
    }

    /// Bins that can go while no more than `out` numbers go with them.
    fn after<'a>(&self, out: u64, counts: impl Iterator<Item = &'a u64>) -> i64 {
        let mut gone = 0;
        counts
            .take_while(|c| {
                gone += **c;
                gone <= out
            })
            .count() as i64
    }

    fn least_error(&self, min: f32, max: f32) -> (f32, f32) {
        const TRIED: u32 = 64;
        let (mut low, mut high) = (min, max);
        for _ in 0..2 {
            let shares = || (1..=TRIED).map(|i| i as f32 / TRIED as f32);
            let error = |a: &(f32, f32), b: &(f32, f32)| {
                self.squared_error(a.0, a.1).total_cmp(&self.squared_error(b.0, b.1))
            };
            (low, high) = shares().map(|s| (low, max * s)).min_by(error).unwrap_or((low, high));
            (low, high) = shares().map(|s| (min * s, high)).min_by(error).unwrap_or((low, high));
        }
        (low, high)
    }

    /// The sum of squared errors of the range from `low` to `high`, up to a constant that is the same for every range.
    fn squared_error(&self, low: f32, high: f32) -> f64 {
        let (low, high, width) = (f64::from(low), f64::from(high), self.width());
        let step = (high - low) / STEPS;
        // Rounding to steps far from 0 compared with them leaves errors that are spread evenly.
        let rounding = step * step / 12.0;
        let occupied = self.counts.iter().enumerate().filter(|(_, c)| **c > 0);
        occupied
            .map(|(bin, count)| {
                let v = (bin as f64 - (BINS / 2) as f64 + 0.5) * width;
                let beyond = if v < low { low - v } else { (v - high).max(0.0) };
                *count as f64 * if beyond > 0.0 { beyond * beyond } else { rounding }
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bell(n: usize) -> Vec<f32> {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        (0..n).map(|_| (0..12).map(|_| next()).sum::<f32>() - 6.0).collect()
    }

    #[test]
    fn counts_do_not_depend_on_the_order() {
        let values = bell(5000);
        let mut forward = Histogram::default();
        values.chunks(97).for_each(|c| assert!(forward.add(c)));
        let reversed: Vec<f32> = values.iter().rev().copied().collect();
        let mut backward = Histogram::default();
        assert!(backward.add(&reversed));
        assert_eq!((forward.counts, forward.exponent), (backward.counts, backward.exponent));
    }

    #[test]
    fn an_outlier_is_clipped_where_that_loses_less() {
        let mut values = bell(20_000);
        let mut histogram = Histogram::default();
        histogram.add(&values);
        let (low, high) = histogram.range(Clipping::SquaredError);
        assert!((-4.6..-3.0).contains(&low) && (3.0..4.6).contains(&high), "{low} {high}");
        values.push(100.0);
        let mut histogram = Histogram::default();
        histogram.add(&values);
        assert_eq!(histogram.range(Clipping::MinMax).1, 100.0);
        let (low, high) = histogram.range(Clipping::SquaredError);
        // The obvious twin: every number on the grid of each range.
        let error = |low: f32, high: f32| -> f64 {
            let step = (high - low) / 255.0;
            let on = |v: f32| ((v.clamp(low, high) - low) / step).round() * step + low;
            values.iter().map(|v| f64::from(v - on(*v)).powi(2)).sum()
        };
        assert!(error(low, high) < error(-5.0, 100.0), "{low} {high}");
        let (_, high) = histogram.range(Clipping::Percentile(0.001));
        assert!((2.0..5.0).contains(&high), "{high}");
    }

    #[test]
    fn ranges_hold_zero_and_what_is_no_number_is_told() {
        let mut positive = Histogram::default();
        assert!(positive.add(&[3.0, 5.0]));
        for clipping in [Clipping::MinMax, Clipping::Percentile(0.0), Clipping::SquaredError] {
            let (low, high) = positive.range(clipping);
            assert!(low == 0.0 && (high - 5.0).abs() < 0.2, "{clipping:?} {low} {high}");
        }
        assert!(!positive.add(&[1.0, f32::NAN]) && !positive.add(&[f32::INFINITY]));
        assert_eq!(Histogram::default().range(Clipping::SquaredError), (0.0, 0.0));
    }
}
