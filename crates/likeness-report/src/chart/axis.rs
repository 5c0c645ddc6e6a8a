//! Ends and ticks of an axis.

/// Larger absolute values are not drawn, because their differences overflow.
const LARGEST: f64 = 1e300;
/// Space at both ends of an axis, relative to the range of the values.
const MARGIN: f64 = 0.05;

/// An axis of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Value and label of each tick, ascending.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis with about `ticks` ticks that covers `range` or, if absent, all `values`.
    ///
    /// The ticks of integer values, such as epochs, are integers.
    pub(super) fn new(values: &[f64], range: Option<(f64, f64)>, margin: bool, ticks: usize) -> Self {
        let ends = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let (mut low, mut high) = match ends {
            (low, high) if high > low => (low, high),
            (value, _) if value.is_finite() => {
                let room = 0.5_f64.max(0.1 * value.abs());
                (value - room, value + room)
            }
            _ => (0.0, 1.0),
        };
        if margin {
            let room = MARGIN * (high - low);
            (low, high) = (low - room, high + room);
        }
        (low, high) = range.filter(|(low, high)| low < high).unwrap_or((low, high));
        let whole = range.is_none() && !values.is_empty() && values.iter().all(|v| v.fract() == 0.0);
        Self { low, high, ticks: ticks_between(low, high, whole, ticks) }
    }

    /// The position of `value` between the ends: 0 at the low end, 1 at the high end.
    pub(super) fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// Whether a point is drawn.
pub(super) fn is_drawable(&(x, y): &(f64, f64)) -> bool {
    x.abs() <= LARGEST && y.abs() <= LARGEST
}

fn ticks_between(low: f64, high: f64, whole: bool, count: usize) -> Vec<(f64, String)> {
    let raw = (high - low) / count as f64;
    let power = 10f64.powf(raw.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
    let mut step = nice.into_iter().find(|step| *step >= raw * (1.0 - 1e-9)).unwrap_or(raw);
    if whole {
        step = step.max(1.0).round();
    }
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    if !(step > 0.0 && first.is_finite() && last - first < 1000.0) {
        return Vec::new();
    }
    let at = |tick: u32| (first + f64::from(tick)) * step;
    (0..=(last - first) as u32).map(|tick| (at(tick), label(at(tick), step))).collect()
}

/// `value` with the number of decimals that tells ticks at this distance apart.
fn label(value: f64, step: f64) -> String {
    let digits = (-step.log10().floor()).max(0.0) as usize;
    if digits > 4 || value.abs() >= 1e6 {
        return if value == 0.0 { "0".to_owned() } else { short_exponent(value) };
    }
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.chars().all(|c| c == '0' || c == '.') => zero.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

fn short_exponent(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    fn epochs(count: u32) -> Axis {
        Axis::new(&(1..=count).map(f64::from).collect::<Vec<_>>(), None, false, 6)
    }

    #[test]
    fn epochs_have_whole_ticks() {
        assert_eq!(labels(&epochs(1)), ["1"]);
        assert_eq!(labels(&epochs(2)), ["1", "2"]);
        assert_eq!(labels(&epochs(5)), ["1", "2", "3", "4", "5"]);
        assert_eq!(labels(&epochs(12)), ["2", "4", "6", "8", "10", "12"]);
        assert_eq!(labels(&epochs(100)), ["20", "40", "60", "80", "100"]);
        for count in 1..300 {
            let ticks = epochs(count).ticks;
            assert!(ticks.iter().all(|(at, _)| at.fract() == 0.0), "{count}: {ticks:?}");
            assert!((1..=8).contains(&ticks.len()), "{count}: {ticks:?}");
        }
    }

    #[test]
    fn other_values_have_ticks_of_1_2_or_5() {
        let axis = Axis::new(&[0.03, 0.11], None, true, 5);
        assert_eq!(labels(&axis), ["0.04", "0.06", "0.08", "0.10"]);
        let axis = Axis::new(&[], Some((0.0, 1.0)), true, 5);
        assert_eq!(labels(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            labels(&Axis::new(&[-1.0, 1.5], None, false, 5)),
            ["−1.0", "−0.5", "0.0", "0.5", "1.0", "1.5"]
        );
        assert_eq!(labels(&Axis::new(&[0.0, 3e-7], None, false, 3)), ["0", "1e-7", "2e-7", "3e-7"]);
    }

    #[test]
    fn axes_of_any_values_are_finite() {
        for values in [&[][..], &[0.0], &[1e300, -1e300], &[1e-300], &[5.0, 5.0], &[1e16, 1e16 + 2.0]] {
            for whole in [true, false] {
                let axis = Axis::new(values, None, whole, 6);
                assert!(axis.low < axis.high && axis.low.is_finite() && axis.high.is_finite(), "{axis:?}");
                assert!(axis.ticks.len() < 20, "{axis:?}");
            }
        }
    }
}
