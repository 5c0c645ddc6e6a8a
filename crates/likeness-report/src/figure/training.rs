//! Curves of a training run by epoch.

use super::clip::Rect;
use super::measure::width;
use super::plot::{Axis, Plot, SMALL, Size, Stroke};
use super::scale::{Scale, Spread, even_ticks, plain, step};
use super::svg::number;

/// Curves of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// Index of the trained model.
    pub model: usize,
    /// Name of the quantity above the plot, such as "% of validation queries" or "loss, mean of the epoch".
    pub quantity: String,
    /// Whether values are fractions that are shown as percent.
    pub percent: bool,
    /// The curves: name, and values by epoch. A single curve has no name beside it.
    pub curves: Vec<(String, Vec<(f64, f64)>)>,
    /// Where the training method changes, in ascending order of epochs.
    pub changes: Vec<Change>,
    /// Whether a change breaks the line, because values before and after it are not comparable, as of a loss.
    pub broken: bool,
    /// The epoch whose model was kept.
    pub kept: Option<f64>,
}

/// A change of the training method.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The last epoch before the change.
    pub after_epoch: f64,
    /// Name of the method before.
    pub before: String,
    /// Name of the method after.
    pub after: String,
}

/// The most epochs that have a mark each.
const MARKED_EPOCHS: usize = 30;

/// The curves by epoch, with rules where the method changes and a circle around the kept epoch of the first curve.
pub fn training(training: &Training, label: &str) -> String {
    let factor = if training.percent { 100.0 } else { 1.0 };
    let curves: Vec<Vec<(f64, f64)>> = training
        .curves
        .iter()
        .map(|(_, values)| {
            let values = values.iter().filter(|(epoch, value)| epoch.is_finite() && value.is_finite());
            values.map(|(epoch, value)| (*epoch, value * factor)).collect()
        })
        .collect();
    let points = curves.concat();
    let mut plot = Plot::new(
        Size { width: 400.0, height: 248.0, has_rules: true },
        epoch_axis(&points),
        value_axis(&points, training),
    );
    if points.is_empty() {
        return plot.without_data(label);
    }
    plot.axes();
    changes(&mut plot, training);
    for (index, (values, (name, _))) in curves.iter().zip(&training.curves).enumerate() {
        let drawn = draw(&mut plot, training, values, index);
        if curves.len() > 1 && !values.is_empty() {
            plot.name((training.model, false), name, &drawn);
        }
    }
    if let Some((epoch, value)) = kept(training, curves.first()) {
        circle(&mut plot, epoch, value);
    }
    plot.finish(label)
}

/// Draws one curve, in parts if changes break it, and returns the drawn lines.
fn draw(plot: &mut Plot, training: &Training, values: &[(f64, f64)], index: usize) -> Vec<Vec<(f64, f64)>> {
    let part_of = |epoch: f64| match training.broken {
        true => training.changes.iter().filter(|change| epoch > change.after_epoch).count(),
        false => 0,
    };
    plot.open(training.model);
    let mut drawn = Vec::new();
    for part in values.chunk_by(|first, second| part_of(first.0) == part_of(second.0)) {
        let lines = plot.line(part, if index == 0 { Stroke::Solid } else { Stroke::Dotted });
        drawn.extend(lines);
    }
    let marked = if values.len() <= MARKED_EPOCHS { values } else { &[] };
    plot.marks(training.model, marked, "f-mark");
    plot.close();
    for part in values.chunk_by(|first, second| part_of(first.0) == part_of(second.0)).skip(1) {
        another_loss(plot, part);
    }
    drawn
}

/// Says above a part of a broken line that its values are those of another loss.
fn another_loss(plot: &mut Plot, part: &[(f64, f64)]) {
    let words = "another loss";
    let half = width(words, SMALL) / 2.0;
    let highest = part.iter().map(|(_, value)| plot.y(*value)).fold(f64::INFINITY, f64::min);
    let middle = (plot.x(part[0].0) + plot.x(part[part.len() - 1].0)) / 2.0;
    let x = middle.clamp(plot.area.left + half, plot.area.right - half);
    let above = highest - 14.0;
    let y = if above > plot.area.top + 10.0 { above } else { highest + 24.0 };
    plot.text("f-mid f-halo", (x, y), words);
}

/// Dotted rules between the last epoch of one method and the first of the next, with the names of both.
fn changes(plot: &mut Plot, training: &Training) {
    let baseline = plot.area.top - 8.0;
    let mut end = f64::NEG_INFINITY;
    for change in &training.changes {
        let at = change.after_epoch + 0.5;
        if !plot.has_x(at) {
            continue;
        }
        plot.rules(&[(at, String::new())], "");
        let x = plot.x(at);
        if x - 6.0 - width(&change.before, SMALL) > end.max(0.0) {
            plot.text("f-end", (x - 6.0, baseline), &change.before);
        }
        end = x + 6.0 + width(&change.after, SMALL);
        if end <= plot.area.right + 6.0 {
            plot.text("", (x + 6.0, baseline), &change.after);
        }
    }
}

fn kept(training: &Training, first: Option<&Vec<(f64, f64)>>) -> Option<(f64, f64)> {
    let epoch = training.kept?;
    first?.iter().find(|(other, _)| (other - epoch).abs() < 1e-9).copied()
}

/// A circle around the kept epoch, with words above or below it.
fn circle(plot: &mut Plot, epoch: f64, value: f64) {
    let (x, y) = (plot.x(epoch), plot.y(value));
    let data = format!("M{} {}a7.5 7.5 0 1 0 15 0a7.5 7.5 0 1 0 -15 0z", number(x - 7.5), number(y));
    plot.path("f-circle", &data);
    let words = format!("kept: epoch {epoch}");
    let half = width(&words, SMALL) / 2.0;
    let middle = x.clamp(plot.area.left + half, plot.area.right - half);
    let baseline = if y - 26.0 > plot.area.top { y - 13.0 } else { y + 22.0 };
    plot.text("f-mid f-halo", (middle, baseline), &words);
    plot.reserve(Rect {
        left: middle - half,
        top: baseline - 12.0,
        right: middle + half,
        bottom: baseline + 3.0,
    });
    plot.reserve(Rect { left: x - 9.0, top: y - 9.0, right: x + 9.0, bottom: y + 9.0 });
}

/// Whole epochs, with a little space at both ends.
fn epoch_axis(points: &[(f64, f64)]) -> Axis {
    let epochs = points.iter().map(|(epoch, _)| *epoch);
    let (first, last) =
        epochs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), e| (low.min(e), high.max(e)));
    let (first, last) = if first <= last { (first, last) } else { (1.0, 1.0) };
    let margin = ((last - first) * 0.06).max(0.3);
    let ticks: Vec<f64> =
        if last > first { even_ticks(first, last, (last - first).min(8.0)) } else { vec![first] };
    Axis {
        scale: Scale { spread: Spread::Linear, low: first - margin, high: last + margin },
        ticks: plain(&ticks.into_iter().filter(|tick| tick.fract() == 0.0).collect::<Vec<_>>()),
        label: "epoch".to_owned(),
    }
}

/// Round ends around the values; from 0 for values that are not percent.
fn value_axis(points: &[(f64, f64)], training: &Training) -> Axis {
    let values = points.iter().map(|(_, value)| *value);
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
    let low = if training.percent { low } else { low.min(0.0) };
    let step = step((high - low).max(1e-6), 5.0);
    let (low, high) = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
    let high = if high > low { high } else { low + step };
    Axis {
        scale: Scale { spread: Spread::Linear, low, high },
        ticks: plain(&even_ticks(low, high, ((high - low) / step).round())),
        label: training.quantity.clone(),
    }
}
