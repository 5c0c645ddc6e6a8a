//! Measures of each model with intervals, and differences from the reference.

use super::{model_cell, models_of};
use crate::evaluation::data::{Difference, Measure, MeasureValue, Rate, Section};
use crate::evaluation::document::{Block, Cell, Column, Layout, Markup, Prose, Row, Table};
use crate::evaluation::number::{self, SPACE};
use crate::evaluation::view::View;
use crate::evaluation::words;
use crate::figure::{self, Strip};

const STRIPS: &str =
    "Strips point right where a model is better; square-root scale, ticks at 1, 5, 20, 50 points.";

/// The result table and the table of differences.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let columns = view.columns();
    if columns.is_empty() {
        return vec![Block::Lead(view.absent(Section::Result, "No model was measured."))];
    }
    let mut blocks = vec![Block::Table(measures(view, &columns)), Block::Note(explanation(view))];
    let rows = shown(view, &columns);
    if !rows.is_empty() {
        blocks.push(Block::Heading("Differences on the same queries".into(), Prose::default()));
        blocks.push(Block::Table(differences(view, &rows)));
        blocks.push(Block::Legend(STRIPS.into()));
        blocks.push(Block::Note(tests(view)));
    }
    blocks
}

fn measures(view: &View, measures: &[&Measure]) -> Table {
    let mut columns = vec![Column::words("Model")];
    columns.extend(measures.iter().map(|measure| {
        let (head, sub) = words::measure_heading(measure);
        Column::number(head).sub(sub)
    }));
    let mut table = Table::new("Measures of each model with 95 % intervals", columns).layout(Layout::Result);
    for model in 0..view.models() {
        let mut head = model_cell(view, model);
        if model == view.report.reference && view.models() > 1 {
            head = head.below("reference");
        }
        let values = measures.iter().map(|measure| value(view.measure(model, measure), measure));
        table.row(std::iter::once(head).chain(values).collect());
    }
    table
}

fn value(value: Option<&MeasureValue>, measure: &Measure) -> Cell {
    let label = words::measure(measure);
    let Some(value) = value else { return Cell::new("–").label(label) };
    match value.value {
        Rate::Supported(estimate) => Cell::new(number::percent(estimate.value))
            .below(number::interval(&estimate).unwrap_or_default())
            .strong(value.best_or_tied)
            .large()
            .label(label),
        Rate::Insufficient { lowest } => {
            let from = lowest
                .map_or_else(String::new, |lowest| format!("rates from {}", number::percent_sign(lowest)));
            Cell::default()
                .below(format!("insufficient data {from}").trim_end().to_owned())
                .spanning(1)
                .label(label)
        }
    }
}

fn explanation(view: &View) -> Prose {
    let resamples = view.report.intervals.resamples;
    let mut text = Prose::default();
    if resamples > 0 {
        let (many, count) = (view.words.many(), number::count(resamples as u64));
        text = text.text(format!(
            "Large: the estimate. Below it: 95{SPACE}% interval, bootstrap over {many}, {count} resamples. "
        ));
        if let Some(rates) = view.report.intervals.error_rate_resamples {
            text = text.text(format!("Error rates: {} resamples. ", number::count(rates as u64)));
        }
    }
    match view.models() > 1 {
        true => text.strong("Bold").text(": best, or not significantly different from the best."),
        false => text,
    }
}

/// Differences whose measure is in the result table, by model.
fn shown<'a>(view: &View<'a>, columns: &[&Measure]) -> Vec<&'a Difference> {
    let all = view.report.differences.iter();
    all.filter(|d| columns.contains(&&d.measure) && d.model != view.report.reference).collect()
}

fn differences(view: &View, rows: &[&Difference]) -> Table {
    let reference = Prose::from("Compared with ").and(view.named(view.report.reference));
    let columns = vec![
        Column::words(reference),
        Column::words("Measure"),
        Column::number("Difference, points"),
        Column::drawing("worse").sub("better"),
        Column::number(format!("95{SPACE}% interval")),
        Column::number("p, Holm"),
        Column::words("Reading"),
    ];
    let mut table =
        Table::new("Differences from the reference on the same queries", columns).layout(Layout::Differences);
    for model in models_of(rows.iter().map(|row| row.model)) {
        let of_model: Vec<&Difference> = rows.iter().copied().filter(|row| row.model == model).collect();
        let values = of_model.iter().flat_map(|row| {
            let (low, high) = row.difference.interval().unwrap_or((0.0, 0.0));
            [row.difference.value, low, high]
        });
        let range = figure::strip_range(values);
        let group = of_model.iter().map(|row| Row { cells: difference(view, row, range), faint: false });
        table.groups.push(group.collect());
    }
    table
}

fn difference(view: &View, row: &Difference, range: f64) -> Vec<Cell> {
    let name = words::measure(&row.measure);
    let reading = words::difference_reading(row);
    let drawing = match (view.colour(row.model), row.difference.value.is_finite()) {
        (Some(colour), true) => {
            let value = row.difference.value;
            let strip = Strip {
                model: colour,
                difference: value,
                interval: row.difference.interval().unwrap_or((value, value)),
                higher_is_better: row.measure.higher_is_better(),
                range,
            };
            let label = format!("{name}: {} points, {}", number::points(value), reading.word);
            Markup::trusted(figure::strip(&strip, &label))
        }
        _ => Markup::default(),
    };
    let head = match view.colour(row.model) {
        Some(_) => model_cell(view, row.model)
            .below_drawn(format!("strip ±{} points", number::decimal(range * 100.0, 0))),
        None => model_cell(view, row.model),
    };
    vec![
        head,
        Cell::new(name),
        Cell::new(number::points(row.difference.value)).strong(true),
        Cell::drawing(drawing),
        Cell::new(number::points_interval(&row.difference).unwrap_or_else(|| "–".into())),
        Cell::new(row.p_holm.map_or_else(|| "–".into(), number::p_value)).label("p"),
        Cell::tag(reading),
    ]
}

fn tests(view: &View) -> Prose {
    let comparisons = match view.report.intervals.comparisons {
        0 => view.report.differences.len(),
        comparisons => comparisons,
    };
    let many = view.words.many();
    format!(
        "p: paired bootstrap over {many}, Holm for {}. Below 0.05 counts as a difference.",
        words::counted(comparisons, "comparison", "comparisons")
    )
    .into()
}
