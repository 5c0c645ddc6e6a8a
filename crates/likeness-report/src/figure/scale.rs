//! Scales of axes: positions of values, and ticks.

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spread {
    /// Equal steps are equal differences.
    Linear,
    /// Equal steps are equal ratios.
    Log,
    /// Equal steps are equal ratios of 1 − value.
    LogMisses,
}

/// An axis from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) spread: Spread,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Scale {
    /// The position of `value`: 0 at the lower end, 1 at the upper end, beyond them outside the axis. Values that a
    /// logarithm does not have lie at the end that they approach.
    pub(super) fn position(&self, value: f64) -> f64 {
        let (low, high) = (self.transform(self.low), self.transform(self.high));
        let position = (self.transform(value) - low) / (high - low);
        if position == f64::NEG_INFINITY {
            0.0
        } else if position == f64::INFINITY {
            1.0
        } else {
            position
        }
    }

    fn transform(&self, value: f64) -> f64 {
        match self.spread {
            Spread::Linear => value,
            Spread::Log => value.max(0.0).ln(),
            Spread::LogMisses => -(1.0 - value).max(0.0).ln(),
        }
    }

    /// Whether `value` lies on the axis.
    pub(super) fn contains(&self, value: f64) -> bool {
        (self.low * (1.0 - 1e-9)..=self.high * (1.0 + 1e-9)).contains(&value)
    }
}

/// `steps` times the powers of ten, ascending, within `low` and `high`.
pub(super) fn decades(low: f64, high: f64, steps: &[f64]) -> Vec<f64> {
    if !(low > 0.0 && high.is_finite() && low <= high) {
        return Vec::new();
    }
    let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
    exponents
        .flat_map(|exponent| steps.iter().map(move |step| step * 10f64.powi(exponent)))
        .filter(|tick| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(tick))
        .collect()
}

/// The largest of `steps` times a power of ten that is at most `value`; `value` is positive.
pub(super) fn floor_to(value: f64, steps: &[f64]) -> f64 {
    decades(value / 100.0, value, steps).last().copied().unwrap_or(value)
}

/// Round values from `low` to `high`, about `count` of them.
pub(super) fn even_ticks(low: f64, high: f64, count: f64) -> Vec<f64> {
    if !(high > low && (high - low).is_finite()) {
        return Vec::new();
    }
    let step = step(high - low, count);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|index| index as f64 * step).collect()
}

/// The step, 1, 2, 4 or 5 times a power of ten, that divides `length` into about `count` parts.
pub(super) fn step(length: f64, count: f64) -> f64 {
    let power = 10f64.powf((length / count).log10().floor());
    let factor = length / count / power;
    let factor = [1.0, 2.0, 4.0, 5.0].into_iter().find(|&round| factor <= round * 1.001).unwrap_or(10.0);
    factor * power
}

/// A fraction as percent without a sign, with as few decimals as it needs: 0.001 is "0.1".
pub(super) fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    format!("{}", (value * 1e8).round() / 1e8)
}

/// `ticks` as plain numbers, all with the decimals that the finest step needs.
pub(super) fn plain(ticks: &[f64]) -> Vec<(f64, String)> {
    let decimals = (0..6)
        .find(|&decimals| {
            let power = 10f64.powi(decimals);
            ticks.iter().all(|tick| ((tick * power).round() - tick * power).abs() < 1e-6)
        })
        .unwrap_or(6);
    ticks.iter().map(|&tick| (tick, format!("{tick:.0$}", decimals as usize))).collect()
}

/// A whole number with commas between thousands.
pub(super) fn thousands(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_run_from_low_to_high() {
        for (spread, low, high, middle) in [
            (Spread::Linear, 0.0, 1.0, 0.5),
            (Spread::Log, 0.01, 1.0, 0.1),
            (Spread::LogMisses, 0.5, 0.995, 0.95),
        ] {
            let scale = Scale { spread, low, high };
            assert!(scale.position(low).abs() < 1e-9 && (scale.position(high) - 1.0).abs() < 1e-9);
            assert!((scale.position(middle) - 0.5).abs() < 1e-9, "{spread:?}");
        }
        assert_eq!(Scale { spread: Spread::Log, low: 0.1, high: 1.0 }.position(0.0), 0.0);
        assert_eq!(Scale { spread: Spread::LogMisses, low: 0.5, high: 0.9 }.position(1.0), 1.0);
    }

    #[test]
    fn ticks_are_round() {
        let percents = |ticks: Vec<f64>| ticks.into_iter().map(percent).collect::<Vec<_>>();
        assert_eq!(percents(decades(0.02, 1.0, &[1.0, 2.0, 5.0])), ["2", "5", "10", "20", "50", "100"]);
        assert_eq!(percents(decades(1e-6, 0.1, &[1.0])), ["0.0001", "0.001", "0.01", "0.1", "1", "10"]);
        assert_eq!(percent(floor_to(0.026, &[1.0, 2.0, 5.0])), "2");
        let labels = |ticks: &[f64]| plain(ticks).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(&even_ticks(0.0, 1.25, 4.0)), ["0.0", "0.4", "0.8", "1.2"]);
        assert_eq!(labels(&even_ticks(1.0, 6.0, 6.0)), ["1", "2", "3", "4", "5", "6"]);
        assert!(even_ticks(f64::NAN, 1.0, 4.0).is_empty() && decades(0.0, 1.0, &[1.0]).is_empty());
    }

    #[test]
    fn thousands_have_commas() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
