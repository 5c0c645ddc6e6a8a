//! FPIR at a fixed threshold as the gallery grows: measured sizes, then projections on shaded ground.

use super::clip::Rect;
use super::curves::{Point, bands, runs};
use super::measure::width;
use super::plot::{Axis, Plot, SMALL, Size, Stroke};
use super::scale::{Scale, Spread, decades, floor_to, percent, thousands};

/// The rates of one model; x is the number of gallery images, y the FPIR as a fraction.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// Index of the model.
    pub model: usize,
    /// The name beside the curve.
    pub name: String,
    /// Measured rates of galleries of increasing size.
    pub measured: Vec<Point>,
    /// Computed rates of larger galleries.
    pub projected: Vec<Point>,
}

/// FPIR against gallery size, both logarithmic; sizes above `measured_up_to` are shaded as projections.
///
/// The axis ends at 100 times `measured_up_to`. Each measured and each projected rate has a mark; those of projections
/// are hollow, and joined by a dotted line that begins at the last measured rate.
pub fn growth(curves: &[Growth], measured_up_to: f64, label: &str) -> String {
    let mut plot = Plot::new(
        Size { width: 400.0, height: 320.0, has_rules: true },
        size_axis(curves, measured_up_to),
        rate_axis(curves),
    );
    let is_known = measured_up_to.is_finite() && plot.has_x(measured_up_to);
    if is_known {
        let left = plot.x(measured_up_to);
        let area = Rect { left, ..plot.area };
        plot.shade(area);
    }
    plot.axes();
    if is_known {
        boundary(&mut plot, measured_up_to);
    }
    if curves
        .iter()
        .all(|curve| runs(&curve.measured, 0.0).is_empty() && runs(&curve.projected, 0.0).is_empty())
    {
        return plot.without_data(label);
    }
    for curve in curves {
        plot.open(curve.model);
        for points in [&curve.measured, &with_last_measured(curve)] {
            runs(points, 0.0).iter().for_each(|run| bands(&mut plot, run));
        }
        plot.close();
    }
    curves.iter().for_each(|curve| draw(&mut plot, curve));
    plot.finish(label)
}

fn draw(plot: &mut Plot, curve: &Growth) {
    plot.open(curve.model);
    let mut drawn = Vec::new();
    let projected = with_last_measured(curve);
    for (points, stroke) in [(&projected, Stroke::Dotted), (&curve.measured, Stroke::Model)] {
        for run in runs(points, 0.0) {
            drawn.extend(plot.line(&values(&run), stroke));
        }
    }
    let finite = |points: &[Point]| values(&runs(points, 0.0).concat());
    plot.marks(curve.model, &finite(&curve.projected), "f-hollow");
    plot.marks(curve.model, &finite(&curve.measured), "f-mark");
    plot.close();
    if !drawn.is_empty() {
        plot.name((curve.model, true), &curve.name, &drawn);
    }
}

fn values(points: &[Point]) -> Vec<(f64, f64)> {
    points.iter().map(|point| (point.x, point.y)).collect()
}

/// The projected points, after the last measured one from which they go on.
fn with_last_measured(curve: &Growth) -> Vec<Point> {
    let last = curve.measured.last().filter(|_| !curve.projected.is_empty());
    last.into_iter().chain(&curve.projected).copied().collect()
}

/// A dotted rule between measurements and projections.
fn boundary(plot: &mut Plot, size: f64) {
    let (x, baseline) = (plot.x(size), plot.area.top - 8.0);
    plot.rules(&[(size, String::new())], "");
    let (before, after) = ("measured", "projected");
    if x - 6.0 >= width(before, SMALL) {
        plot.text("f-end", (x - 6.0, baseline), before);
    }
    if x + 6.0 + width(after, SMALL) <= plot.area.right {
        plot.text("", (x + 6.0, baseline), after);
    }
}

/// A log axis of images, from half the smallest gallery to somewhat more than 100 times the largest measured one.
fn size_axis(curves: &[Growth], measured_up_to: f64) -> Axis {
    let sizes = curves.iter().flat_map(|curve| &curve.measured).map(|point| point.x);
    let sizes = sizes.filter(|x| x.is_finite() && *x >= 1.0);
    let largest = if measured_up_to.is_finite() { measured_up_to.max(1.0) } else { 1.0 };
    let low = (sizes.fold(largest, f64::min) / 2.0).max(1.0);
    let high = largest * 150.0;
    Axis {
        scale: Scale { spread: Spread::Log, low, high },
        ticks: decades(low, high, &[1.0])
            .into_iter()
            .map(|tick| (tick, thousands(tick.round() as usize)))
            .collect(),
        label: "images in the gallery, N".to_owned(),
    }
}

/// A log axis from the lowest rate, at most 1 %, to 100 %.
fn rate_axis(curves: &[Growth]) -> Axis {
    const LOWEST: f64 = 1e-5;
    let points = curves.iter().flat_map(|curve| curve.measured.iter().chain(&curve.projected));
    let rates = points.map(|point| point.y).filter(|y| *y > 0.0);
    let low = floor_to(rates.fold(0.01, f64::min).max(LOWEST), &[1.0, 3.0]);
    Axis {
        scale: Scale { spread: Spread::Log, low, high: 1.0 },
        ticks: decades(low, 1.0, &[1.0, 3.0]).into_iter().map(|tick| (tick, percent(tick))).collect(),
        label: "searches that name a stranger, FPIR, %".to_owned(),
    }
}
