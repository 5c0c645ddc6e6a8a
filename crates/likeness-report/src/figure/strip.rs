//! Estimates with intervals on one line, for tables.

use std::fmt::Write as _;

use super::measure::width;
use super::plot::SMALL;
use super::scale::percent;
use super::style;
use super::svg::{inline, number, path, text};

/// A difference from the reference model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strip {
    /// Index of the compared model.
    pub model: usize,
    /// The difference, as a fraction: 0.01 is one point.
    pub difference: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
    /// Whether a positive difference is better; the strip points right where better.
    pub higher_is_better: bool,
    /// The fraction at both ends of the strip, see [`strip_range`].
    pub range: f64,
}

/// The end of strips that hold these differences and ends of intervals: 5, 25 or 100 points, as a fraction.
pub fn strip_range(differences: impl IntoIterator<Item = f64>) -> f64 {
    let largest = differences.into_iter().filter(|d| d.is_finite()).map(f64::abs).fold(0.0, f64::max);
    [0.05, 0.25].into_iter().find(|&end| largest <= end).unwrap_or(1.0)
}

const HEIGHT: f64 = 20.0;
const MIDDLE: f64 = HEIGHT / 2.0;
const MARK_RADIUS: f64 = 3.8;
/// Space beside the ends of a strip, for marks and arrows.
const MARGIN: f64 = 6.0;

/// The difference and its interval on a square-root scale with ticks at 1, 5, 20 and 50 points.
///
/// Values beyond the range end in an arrow. Without a finite difference the strip is empty.
pub fn strip(strip: &Strip, label: &str) -> String {
    const WIDTH: f64 = 152.0;
    let half = WIDTH / 2.0 - MARGIN;
    let at = |difference: f64| {
        let share = (difference.abs() / strip.range).sqrt() * difference.signum();
        WIDTH / 2.0 + half * if strip.higher_is_better { share } else { -share }
    };
    let mut grid = format!("M{MARGIN} {MIDDLE}h{}", 2.0 * half);
    for points in [0.01, 0.05, 0.2, 0.5].into_iter().filter(|points| *points < strip.range) {
        for tick in [-points, points] {
            let _ = write!(grid, "M{} {}v6", number(at(tick)), number(MIDDLE - 3.0));
        }
    }
    let mut content = path("f-grid", &grid);
    content += &path("f-zero", &format!("M{} {}v15", WIDTH / 2.0, MIDDLE - 7.5));
    let ends = (at(strip.interval.0), at(strip.interval.1));
    content += &estimate(strip.model, at(strip.difference), ends, (MARGIN, WIDTH - MARGIN));
    inline(WIDTH, HEIGHT, label, &content)
}

/// An interval with its estimate; arrows where it leaves the strip.
fn estimate(model: usize, at: f64, (first, second): (f64, f64), (left, right): (f64, f64)) -> String {
    if !at.is_finite() {
        return String::new();
    }
    let mut content = format!(r#"<g class="{}">"#, style::class(Some(model)));
    let (low, high) = (first.min(second), first.max(second));
    if low.is_finite() && high.is_finite() {
        let (from, to) = (low.clamp(left, right), high.clamp(left, right));
        content += &path("f-interval", &format!("M{} {MIDDLE}H{}", number(from), number(to)));
        let mut arrows = String::new();
        if low < left - 0.5 {
            let _ = write!(arrows, "M{} {MIDDLE}l6-4v8z", number(left - 5.0));
        }
        if high > right + 0.5 {
            let _ = write!(arrows, "M{} {MIDDLE}l-6-4v8z", number(right + 5.0));
        }
        content += &path("f-bars", &arrows);
    }
    if (left - 0.5..=right + 0.5).contains(&at) {
        content += &path("f-bars", &style::mark(model, at, MIDDLE, MARK_RADIUS));
    }
    content + "</g>"
}

/// A rate of one slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SliceStrip {
    /// Index of the model.
    pub model: usize,
    /// The rate of the slice.
    pub estimate: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
    /// The rate of all queries, a vertical rule.
    pub overall: f64,
    /// The rates at both ends, see [`slice_range`].
    pub range: (f64, f64),
}

/// The ends of the strips of one model's slices with these rates and ends of intervals, in steps of ten points.
pub fn slice_range(rates: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let rates = rates.into_iter().filter(|rate| rate.is_finite());
    let (low, high) = rates.fold((1.0, 0.0), |(low, high): (f64, f64), rate| (low.min(rate), high.max(rate)));
    let low = ((low * 10.0 + 1e-9).floor() / 10.0).clamp(0.0, 0.9);
    let high = ((high * 10.0 - 1e-9).ceil() / 10.0).clamp(0.0, 1.0);
    (low, high.max(low + 0.1))
}

const SLICE_WIDTH: f64 = 92.0;
/// Space beside the ends of a slice strip, for half a tick label.
const SLICE_MARGIN: f64 = 12.0;

fn slice_position(rate: f64, (low, high): (f64, f64)) -> f64 {
    SLICE_MARGIN + (rate - low) / (high - low).max(1e-9) * (SLICE_WIDTH - 2.0 * SLICE_MARGIN)
}

/// The rate and its interval. An arrow marks an interval that leaves the range.
pub fn slice_strip(strip: &SliceStrip, label: &str) -> String {
    let at = |rate: f64| slice_position(rate, strip.range);
    let mut content =
        path("f-grid", &format!("M{SLICE_MARGIN} {MIDDLE}h{}", SLICE_WIDTH - 2.0 * SLICE_MARGIN));
    let overall = at(strip.overall);
    if (0.0..=SLICE_WIDTH).contains(&overall) {
        content += &path("f-zero", &format!("M{} {}v15", number(overall), MIDDLE - 7.5));
    }
    let ends = (at(strip.interval.0), at(strip.interval.1));
    content += &estimate(strip.model, at(strip.estimate), ends, (SLICE_MARGIN, SLICE_WIDTH - SLICE_MARGIN));
    inline(SLICE_WIDTH, HEIGHT, label, &content)
}

/// The tick labels of slice strips with this range, for the head of their column.
pub fn slice_axis(range: (f64, f64)) -> String {
    let middle = (range.0 + range.1) / 2.0;
    let content: String = [range.0, middle, range.1]
        .map(|rate| {
            let words = percent((rate * 1e3).round() / 1e3);
            let half = width(&words, SMALL) / 2.0;
            text("f-mid", (slice_position(rate, range).clamp(half, SLICE_WIDTH - half), 12.0), &words)
        })
        .concat();
    inline(SLICE_WIDTH, 16.0, "", &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIP: Strip = Strip {
        model: 1,
        difference: -0.014,
        interval: (-0.023, -0.006),
        higher_is_better: true,
        range: 0.25,
    };

    /// The horizontal position of the mark.
    fn mark_position(svg: &str) -> f64 {
        let data = svg.rsplit("d=\"M").next().unwrap();
        data.split(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn strips_point_right_where_better() {
        let worse = strip(&STRIP, "1.4 points worse");
        let better = strip(&Strip { higher_is_better: false, ..STRIP }, "");
        assert!(mark_position(&worse) < 76.0 && mark_position(&better) > 70.0);
        assert!(worse.contains(r#"aria-label="1.4 points worse""#) && better.contains("aria-hidden"));
    }

    #[test]
    fn ranges_hold_all_values() {
        assert_eq!(strip_range([0.01, -0.05, f64::NAN]), 0.05);
        assert_eq!((strip_range([-0.2]), strip_range([0.8, 0.1]), strip_range([])), (0.25, 1.0, 0.05));
        assert_eq!(slice_range([0.775, 0.988]), (0.7, 1.0));
        assert_eq!(slice_range([0.297, 0.756, f64::NAN]), (0.2, 0.8));
        assert_eq!(
            (slice_range([]), slice_range([1.0]), slice_range([0.0])),
            ((0.9, 1.0), (0.9, 1.0), (0.0, 0.1))
        );
    }

    #[test]
    fn an_interval_beyond_the_range_has_an_arrow() {
        let slice =
            SliceStrip { model: 2, estimate: 0.44, interval: (0.3, 0.58), overall: 0.63, range: (0.4, 0.8) };
        assert!(slice_strip(&slice, "").contains("l6-4v8z"));
        assert!(!slice_strip(&SliceStrip { range: (0.2, 0.8), ..slice }, "").contains("l6-4v8z"));
    }

    #[test]
    fn values_that_are_not_finite_draw_nothing() {
        let nothing = strip(&Strip { difference: f64::NAN, ..STRIP }, "");
        assert!(!nothing.contains("NaN") && !nothing.contains("f-bars"));
        let estimate = strip(&Strip { interval: (f64::NAN, f64::INFINITY), ..STRIP }, "");
        assert!(!estimate.contains("NaN") && !estimate.contains("inf") && estimate.contains("f-bars"));
    }

    #[test]
    fn the_axis_names_both_ends() {
        let axis = slice_axis((0.7, 1.0));
        assert!(!slice_axis((0.5, 0.5)).contains("NaN"));
        for tick in ["70", "85", "100"] {
            assert!(axis.contains(&format!(">{tick}</text>")), "{axis}");
        }
    }
}
