//! Curves of rates: CMC, DET, ROC, FNIR against FPIR.
//!
//! DET is drawn on two log scales, not on normal deviates: false match rates span five decades, equal steps are equal
//! ratios, and the ticks are read without training.

use super::clip::Rect;
use super::measure::width;
use super::plot::{Axis, Plot, SMALL, Size, Stroke};
use super::scale::{Scale, Spread, decades, floor_to, percent};

/// A point of a curve. All values are fractions, except the rank of a CMC and the number of images of a gallery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Position on the horizontal axis.
    pub x: f64,
    /// The estimate.
    pub y: f64,
    /// The ends of the 95 % interval of `y`.
    pub band: Option<(f64, f64)>,
}

/// The curve of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Index of the model, which gives colour, dash and mark.
    pub model: usize,
    /// The name beside the curve.
    pub name: String,
    /// The points, in ascending order of x. Points with a value that is not finite break the line.
    pub points: Vec<Point>,
    /// Where the model's mark is drawn.
    pub marks: Vec<(f64, f64)>,
}

/// A dotted vertical rule with a label above the plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Position on the horizontal axis, as a fraction.
    pub x: f64,
    /// The label, such as "0.1 %".
    pub label: String,
}

const WIDTH: f64 = 400.0;
const ONE_TWO_FIVE: [f64; 3] = [1.0, 2.0, 5.0];
const ONE_THREE: [f64; 2] = [1.0, 3.0];

/// Share of queries found by rank k, with misses on a log scale; x of the points is the rank, from 1 to 50.
///
/// ```
/// use likeness_report::figure::{Curve, Point, cmc};
///
/// let points = [(1.0, 0.977), (5.0, 0.985), (10.0, 0.986)].map(|(x, y)| Point { x, y, band: None });
/// let curve = Curve { model: 0, name: "MobileFaceNet".into(), points: points.into(), marks: vec![(1.0, 0.977)] };
/// let svg = cmc(&[curve], "MobileFaceNet finds 97.7 % at rank 1");
/// assert!(svg.starts_with("<svg") && svg.contains("MobileFaceNet</text>"));
/// ```
pub fn cmc(curves: &[Curve], label: &str) -> String {
    let (low, high) = (0.5, cmc_top(curves));
    let low = if lowest(curves).is_some_and(|lowest| lowest < low) { 0.0 } else { low };
    let ranks = [1, 2, 5, 10, 20, 50].map(|rank| (f64::from(rank), rank.to_string()));
    let found = [0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999];
    let found = found.into_iter().filter(|&tick| tick >= low && tick <= high);
    let plot = Plot::new(
        Size { width: WIDTH, height: 290.0, has_rules: false },
        Axis {
            scale: Scale { spread: Spread::Log, low: 1.0, high: 50.0 },
            ticks: ranks.into(),
            label: "rank k, logarithmic".to_owned(),
        },
        Axis {
            scale: Scale { spread: Spread::LogMisses, low, high },
            ticks: found.map(|tick| (tick, percent(tick))).collect(),
            label: "% of queries found by rank k; misses on a log scale".to_owned(),
        },
    );
    draw(plot, curves, &Support::all(), label)
}

/// The upper end of a CMC: a little above 99.5 %, or above the best rate under 100 %.
fn cmc_top(curves: &[Curve]) -> f64 {
    let best = values(curves).filter(|&y| y < 1.0).fold(0.0, f64::max);
    [0.996, 0.9985, 0.9992, 0.9996].into_iter().find(|&top| best <= top).unwrap_or(0.9999)
}

/// FNMR against FMR, both logarithmic. `supported_from` is the lowest FMR with enough pairs; lower ones are hatched.
pub fn det(curves: &[Curve], rules: &[Rule], supported_from: f64, label: &str) -> String {
    let y = miss_axis(curves, supported_from, "same-identity pairs missed, FNMR, %");
    let lowest = y.scale.low;
    let support =
        Support { from: supported_from, rules, words: "thresholds at FMR", equal_errors_from: Some(lowest) };
    draw(Plot::new(rate_size(), match_axis(), y), curves, &support, label)
}

/// TAR against FMR on a log scale. `supported_from` is the lowest FMR with enough pairs; lower ones are hatched.
pub fn roc(curves: &[Curve], rules: &[Rule], supported_from: f64, label: &str) -> String {
    let y = Axis {
        scale: Scale { spread: Spread::Linear, low: 0.0, high: 1.0 },
        ticks: (0..=5).map(|fifth| (f64::from(fifth) / 5.0, (fifth * 20).to_string())).collect(),
        label: "same-identity pairs accepted, TAR, %".to_owned(),
    };
    let support =
        Support { from: supported_from, rules, words: "thresholds at FMR", equal_errors_from: None };
    draw(Plot::new(rate_size(), match_axis(), y), curves, &support, label)
}

/// FNIR against FPIR, both logarithmic. `supported_from` is the lowest FPIR with enough searches; lower ones are hatched.
pub fn fnir(curves: &[Curve], rules: &[Rule], supported_from: f64, label: &str) -> String {
    let (low, high) = (1e-3, 0.3);
    let x = Axis {
        scale: Scale { spread: Spread::Log, low, high },
        ticks: decades(low, high, &ONE_THREE).into_iter().map(|tick| (tick, percent(tick))).collect(),
        label: "searches that name a stranger, FPIR, %".to_owned(),
    };
    let y = miss_axis(curves, supported_from, "known identities not found, FNIR, %");
    let support = Support { from: supported_from, rules, words: "FPIR", equal_errors_from: None };
    draw(Plot::new(rate_size(), x, y), curves, &support, label)
}

fn rate_size() -> Size {
    Size { width: WIDTH, height: 320.0, has_rules: true }
}

/// The axis of FMR, from 0.0001 to 10 %.
fn match_axis() -> Axis {
    let (low, high) = (1e-6, 0.1);
    Axis {
        scale: Scale { spread: Spread::Log, low, high },
        ticks: decades(low, high, &[1.0]).into_iter().map(|tick| (tick, percent(tick))).collect(),
        label: "false match rate, FMR, %".to_owned(),
    }
}

/// A log axis of missed pairs or searches, from 2 % or the lowest supported rate to 100 %.
fn miss_axis(curves: &[Curve], supported_from: f64, label: &str) -> Axis {
    const USUAL: f64 = 0.02;
    const LOWEST: f64 = 1e-4;
    let points = curves.iter().flat_map(|curve| &curve.points).filter(|point| point.x >= supported_from);
    let lowest = points.map(|point| point.y).filter(|&y| y > 0.0).fold(USUAL, f64::min).max(LOWEST);
    let low = floor_to(lowest, &ONE_TWO_FIVE);
    Axis {
        scale: Scale { spread: Spread::Log, low, high: 1.0 },
        ticks: decades(low, 1.0, &ONE_TWO_FIVE).into_iter().map(|tick| (tick, percent(tick))).collect(),
        label: label.to_owned(),
    }
}

fn values(curves: &[Curve]) -> impl Iterator<Item = f64> {
    curves.iter().flat_map(|curve| &curve.points).map(|point| point.y).filter(|y| y.is_finite())
}

fn lowest(curves: &[Curve]) -> Option<f64> {
    values(curves).reduce(f64::min)
}

/// What is drawn behind the curves.
struct Support<'a> {
    /// Lower rates are hatched and hold no curve.
    from: f64,
    rules: &'a [Rule],
    /// Words before the labels of rules.
    words: &'a str,
    /// The lower end of the line of equal errors.
    equal_errors_from: Option<f64>,
}

impl Support<'_> {
    fn all() -> Self {
        Self { from: 0.0, rules: &[], words: "", equal_errors_from: None }
    }
}

fn draw(mut plot: Plot, curves: &[Curve], support: &Support, label: &str) -> String {
    plot.axes();
    let from = if support.from.is_nan() { f64::INFINITY } else { support.from };
    if from > 0.0 {
        plot.hatch(plot.x(from));
    }
    if let Some(low) = support.equal_errors_from {
        equal_errors(&mut plot, low.max(1e-6));
    }
    let rules: Vec<(f64, String)> = support.rules.iter().map(|rule| (rule.x, rule.label.clone())).collect();
    plot.rules(&rules, support.words);
    let below =
        if plot.has_x(from) { format!("below {} %", two_digits(from * 100.0)) } else { String::new() };
    plot.explain_hatching(&below);
    let runs: Vec<Vec<Vec<Point>>> = curves.iter().map(|curve| runs(&curve.points, from)).collect();
    if runs.iter().all(Vec::is_empty) {
        return plot.without_data(label);
    }
    for (curve, runs) in curves.iter().zip(&runs) {
        plot.open(curve.model);
        runs.iter().for_each(|run| bands(&mut plot, run));
        plot.close();
    }
    for (curve, runs) in curves.iter().zip(&runs).filter(|(_, runs)| !runs.is_empty()) {
        plot.open(curve.model);
        let mut drawn = Vec::new();
        for run in runs {
            let line: Vec<(f64, f64)> = run.iter().map(|point| (point.x, point.y)).collect();
            drawn.extend(plot.line(&line, Stroke::Model));
        }
        let supported = curve.marks.iter().filter(|(x, y)| *x >= from && plot.has_x(*x) && y.is_finite());
        let lonely = runs.iter().filter(|run| run.len() == 1).map(|run| (run[0].x, run[0].y));
        let marks: Vec<(f64, f64)> = supported.copied().chain(lonely).collect();
        plot.marks(curve.model, &marks, "f-mark");
        plot.close();
        plot.name((curve.model, true), &curve.name, &drawn);
    }
    plot.finish(label)
}

/// The drawn points of a curve, parted where a value is not finite.
pub(super) fn runs(points: &[Point], from: f64) -> Vec<Vec<Point>> {
    let is_drawn = |point: &Point| point.x.is_finite() && point.x > 0.0 && point.y.is_finite();
    let supported: Vec<Point> =
        points.iter().filter(|point| point.x.is_nan() || point.x >= from).copied().collect();
    supported.split(|point| !is_drawn(point)).filter(|run| !run.is_empty()).map(<[Point]>::to_vec).collect()
}

/// Draws the bands of a run, which may be missing in places.
pub(super) fn bands(plot: &mut Plot, run: &[Point]) {
    let ends: Vec<Option<(f64, (f64, f64))>> = run
        .iter()
        .map(|point| {
            let band = point.band.filter(|(low, high)| low.is_finite() && high.is_finite());
            band.map(|band| (point.x, band))
        })
        .collect();
    for part in ends.split(Option::is_none).filter(|part| part.len() > 1) {
        plot.band(&part.iter().flatten().copied().collect::<Vec<_>>());
    }
}

/// The line on which FNMR equals FMR, as far as it lies in the plot.
fn equal_errors(plot: &mut Plot, low: f64) {
    const HIGH: f64 = 0.1;
    if low >= HIGH {
        return;
    }
    let (x, y) = (plot.x(HIGH), plot.y(HIGH));
    let start = (plot.x(low), plot.y(low));
    plot.path("f-diagonal", &super::plot::line_data(&[start, (x, y)]));
    let words = "EER line";
    plot.text("f-end f-halo", (x, y - 6.0), words);
    plot.reserve(Rect { left: x - width(words, SMALL), top: y - 18.0, right: x, bottom: y - 2.0 });
}

/// A percentage with two significant digits, or more before the point.
fn two_digits(percent: f64) -> String {
    let decimals = if percent > 0.0 { (1.0 - percent.log10().floor()).clamp(0.0, 8.0) } else { 0.0 };
    format!("{percent:.0$}", decimals as usize)
}
