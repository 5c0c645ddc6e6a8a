//! Slices: top-1 by group of queries, worst first.

use std::cmp::Ordering;

use crate::evaluation::answer::{below, short};
use crate::evaluation::data::{Estimate, Section, Slice};
use crate::evaluation::document::{Block, Cell, Column, Layout, Markup, Prose, Row, Table};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::{SLICE_IDENTITIES, SLICE_QUERIES};
use crate::figure::{self, SliceStrip};

/// The most rows of the table.
const MOST: usize = 30;

/// The table of slices.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let slices = &view.report.slices;
    let notes = slices.notes.iter().map(|note| Block::Note(Prose::default().name(note)));
    if slices.rows.is_empty() {
        let reason = "No slices: the data has no columns to group queries by.";
        return std::iter::once(Block::Lead(view.absent(Section::Slices, reason))).chain(notes).collect();
    }
    let rows = sorted(view, &slices.rows);
    let mut blocks = vec![Block::Table(table(view, &rows)), Block::Note(explanation(view, rows.len()))];
    blocks.extend(notes);
    blocks
}

/// A slice of the data, or all queries.
enum Line<'a> {
    Slice(&'a Slice),
    All,
}

/// Worst first by the reference, then all queries, then short slices, the largest of them first.
fn sorted<'a>(view: &View, slices: &'a [Slice]) -> Vec<Line<'a>> {
    let value = |line: &Line| match line {
        Line::Slice(slice) if short(slice) => f64::INFINITY,
        Line::Slice(slice) => of(slice, view.report.reference).map_or(1.0, |top1| top1.value),
        Line::All => f64::MAX,
    };
    let size = |line: &Line| match line {
        Line::Slice(slice) => slice.queries,
        Line::All => view.queries(),
    };
    let mut lines: Vec<Line> = slices.iter().map(Line::Slice).collect();
    if view.top1(view.report.reference).is_some() {
        lines.push(Line::All);
    }
    lines.sort_by(|a, b| match value(a).total_cmp(&value(b)) {
        Ordering::Equal => size(b).cmp(&size(a)),
        order => order,
    });
    lines
}

/// Top-1 of a model in a slice.
fn of(slice: &Slice, model: usize) -> Option<&Estimate> {
    slice.values.iter().find(|value| value.model == model).map(|value| &value.top1)
}

/// The models with a strip each, in order.
fn charted(view: &View) -> Vec<usize> {
    (0..view.models()).collect()
}

fn table(view: &View, rows: &[Line]) -> Table {
    let mut columns =
        vec![Column::words("Slice"), Column::number("Queries"), Column::number(view.words.many_capital())];
    let shown = &rows[..rows.len().min(MOST)];
    let ranges: Vec<(f64, f64)> = charted(view).into_iter().map(|model| range(view, shown, model)).collect();
    for model in charted(view) {
        if view.colour(model).is_some() {
            let axis = Markup::trusted(figure::slice_axis(ranges[model]));
            columns.push(Column::drawing(view.named(model)).sign(view.key(model)).axis(axis));
        }
        columns.push(Column::number(view.named(model)).sub("top-1, %"));
    }
    let mut table = Table::new("Top-1 by slice, worst first", columns).layout(Layout::Slices);
    for line in shown {
        table.groups.push(vec![row(view, line, &ranges)]);
    }
    table
}

/// The ends of the strips of one model.
fn range(view: &View, rows: &[Line], model: usize) -> (f64, f64) {
    let values = rows.iter().filter_map(|line| match line {
        Line::Slice(slice) if short(slice) => None,
        Line::Slice(slice) => of(slice, model),
        Line::All => view.top1(model),
    });
    figure::slice_range(values.flat_map(|top1| [top1.value, top1.low.unwrap_or(top1.value)]))
}

fn row(view: &View, line: &Line, ranges: &[(f64, f64)]) -> Row {
    let (name, queries, identities) = match line {
        Line::Slice(slice) => (Prose::default().name(&slice.name), slice.queries, slice.identities),
        Line::All => ("All queries".into(), view.queries(), view.report.summary.identities),
    };
    let reference = match line {
        Line::Slice(slice) => of(slice, view.report.reference),
        Line::All => None,
    };
    let worst = below_overall(view, view.report.reference, reference);
    let mut cells = vec![
        Cell::new(name).strong(worst),
        Cell::new(number::count(queries as u64)).label("queries"),
        Cell::new(number::count(identities as u64)).label(view.words.many()),
    ];
    if let Line::Slice(slice) = line
        && short(slice)
    {
        let text = format!(
            "too few samples (a slice needs {SLICE_QUERIES} queries and {SLICE_IDENTITIES} {})",
            view.words.many()
        );
        let columns = charted(view).iter().map(|&model| 1 + usize::from(view.colour(model).is_some())).sum();
        cells.push(Cell::new(text).spanning(columns));
        return Row { cells, faint: true };
    }
    for model in charted(view) {
        let top1 = match line {
            Line::Slice(slice) => of(slice, model),
            Line::All => view.top1(model),
        };
        cells.extend(values(view, model, top1, ranges[model]));
    }
    Row { cells, faint: false }
}

fn below_overall(view: &View, model: usize, top1: Option<&Estimate>) -> bool {
    top1.is_some_and(|top1| below(top1, view.top1(model)))
}

/// The strip and the value of one model.
fn values(view: &View, model: usize, top1: Option<&Estimate>, range: (f64, f64)) -> Vec<Cell> {
    let value = top1.map_or_else(
        || Cell::new("–"),
        |top1| {
            let sign = if below_overall(view, model, Some(top1)) {
                Prose::default().wrong("▼").text(" ")
            } else {
                Prose::default()
            };
            let interval = number::interval(top1).unwrap_or_default();
            Cell::new(sign.strong(number::percent(top1.value))).beside(interval)
        },
    );
    let Some(colour) = view.colour(model) else { return vec![value.label(view.short(model))] };
    let strip = top1.filter(|top1| top1.value.is_finite()).map_or_else(Markup::default, |top1| {
        let strip = SliceStrip {
            model: colour,
            estimate: top1.value,
            interval: top1.interval().unwrap_or((top1.value, top1.value)),
            overall: view.top1(model).map_or(top1.value, |overall| overall.value),
            range,
        };
        let label = format!("{}: {}", view.short(model), number::percent_sign(top1.value));
        Markup::trusted(figure::slice_strip(&strip, &label))
    });
    vec![Cell::drawing(strip), value.label(view.short(model))]
}

fn explanation(view: &View, rows: usize) -> Prose {
    let reference = view.named(view.report.reference);
    let text = Prose::from("Top-1 in percent, worst first by ").and(reference).text(". ");
    let rule = match view.models() {
        1 => "Vertical rule: all queries. ",
        _ => "Vertical rule: all queries of that model; axes differ between models. ",
    };
    let text = text.text(rule).wrong("▼").text(" the whole interval lies below that rule.");
    match rows > MOST {
        true => {
            let more = number::count((rows - MOST) as u64);
            text.text(format!(" {more} more in ")).code("report.json").text(".")
        }
        false => text,
    }
}
