//! Curves of the data as curves of charts.

use crate::evaluation::data::{Curve, CurvePoint, Estimate};
use crate::evaluation::view::View;
use crate::figure::{self, Point, Rule};

/// The most points of a curve on the page.
const MOST: usize = 200;

/// A point for a chart; `None` where it is not a number.
fn point(found: &CurvePoint) -> Option<Point> {
    let finite = found.x.is_finite() && found.y.value.is_finite();
    let band = found.y.interval().filter(|(low, high)| low.is_finite() && high.is_finite());
    finite.then_some(Point { x: found.x, y: found.y.value, band })
}

/// At most 200 points, evenly chosen, with the first and the last.
pub(super) fn points(curve: &Curve) -> Vec<Point> {
    let all: Vec<Point> = curve.iter().filter_map(point).collect();
    match all.len() <= MOST {
        true => all,
        false => (0..MOST).map(|step| all[step * (all.len() - 1) / (MOST - 1)]).collect(),
    }
}

/// The curve of a model with its marks at these places; `None` for a model that is in no chart or has no points.
pub(super) fn curve(view: &View, model: usize, curve: &Curve, marks: &[f64]) -> Option<figure::Curve> {
    let points = points(curve);
    let colour = view.colour(model).filter(|_| !points.is_empty())?;
    let marks = marks.iter().filter_map(|&x| at(curve, x).map(|y| (x, y.value))).collect();
    Some(figure::Curve { model: colour, name: view.chart_name(model), points, marks })
}

/// The value at `x`: that of the last point not beyond it, at most a factor of 1.5 below. Nothing is extrapolated.
pub(super) fn at(curve: &Curve, x: f64) -> Option<Estimate> {
    let found = curve.iter().rfind(|found| found.x <= x * (1.0 + 1e-9))?;
    (found.x * 1.5 >= x && found.y.value.is_finite()).then_some(found.y)
}

/// Dotted rules with labels at rates that are supported.
pub(super) fn rules(rates: &[f64], supported_from: f64) -> Vec<Rule> {
    let supported = rates.iter().filter(|&&rate| rate >= supported_from);
    supported.map(|&x| Rule { x, label: crate::evaluation::number::asked(x) }).collect()
}

/// The curve of one minus each value, as TAR from FNMR.
pub(super) fn complement(curve: &Curve) -> Curve {
    let turned = |y: &Estimate| Estimate {
        value: 1.0 - y.value,
        low: y.high.map(|high| 1.0 - high),
        high: y.low.map(|low| 1.0 - low),
    };
    curve.iter().map(|found| CurvePoint { y: turned(&found.y), ..*found }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(length: usize) -> Curve {
        let y = |x: f64| Estimate::new(1.0 / x, 0.9 / x, 1.1 / x);
        (1..=length).map(|x| CurvePoint { x: x as f64, y: y(x as f64), threshold: None }).collect()
    }

    #[test]
    fn long_curves_are_thinned_and_keep_their_ends() {
        let thinned = points(&line(12_345));
        assert_eq!(thinned.len(), MOST);
        assert_eq!((thinned[0].x, thinned[MOST - 1].x), (1.0, 12_345.0));
        assert_eq!(points(&line(7)).len(), 7);
    }

    #[test]
    fn values_are_read_from_the_last_point_and_never_extrapolated() {
        let curve = line(10);
        assert_eq!(at(&curve, 4.0).map(|y| y.value), Some(0.25));
        assert_eq!(at(&curve, 4.9).map(|y| y.value), Some(0.25));
        assert_eq!(at(&curve, 0.5), None);
        assert_eq!(at(&curve, 30.0), None);
    }

    #[test]
    fn points_that_are_no_numbers_are_left_out() {
        let mut curve = line(3);
        curve[1].y.value = f64::NAN;
        curve[2].y.low = Some(f64::INFINITY);
        let points = points(&curve);
        assert_eq!(points.len(), 2);
        assert_eq!(points[1].band, None);
    }

    #[test]
    fn the_complement_swaps_the_ends_of_the_interval() {
        let turned =
            complement(&vec![CurvePoint { x: 0.1, y: Estimate::new(0.25, 0.125, 0.5), threshold: None }]);
        assert_eq!(turned[0].y, Estimate::new(0.75, 0.5, 0.875));
    }
}
