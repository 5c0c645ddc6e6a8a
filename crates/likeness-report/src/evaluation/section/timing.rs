//! Time and memory of each model.

use super::model_cell;
use crate::evaluation::data::Section;
use crate::evaluation::document::{Block, Cell, Column, Markup, Prose, Table};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::figure;

/// The table and what was timed.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let timing = &view.report.timing;
    if timing.rows.is_empty() {
        let reason = "Nothing was timed: the embeddings were given.";
        return vec![Block::Lead(view.absent(Section::Timing, reason))];
    }
    let columns = vec![
        Column::words("Model"),
        Column::number("CPU, ms a photo"),
        Column::drawing(""),
        Column::number("Photos/s"),
        Column::number("Peak memory"),
        Column::number("File, MB"),
        Column::number("Evaluation, s"),
    ];
    let mut table = Table::new("Time and memory of each model", columns);
    let slowest =
        timing.rows.iter().filter_map(|row| row.cpu_ms).filter(|ms| ms.is_finite()).fold(0.0, f64::max);
    let or_none = |text: Option<String>| Cell::new(text.unwrap_or_else(|| "–".into()));
    for row in &timing.rows {
        let ms = row.cpu_ms.filter(|ms| ms.is_finite() && slowest > 0.0);
        let bar = ms.map_or_else(Markup::default, |ms| {
            Markup::trusted(figure::bar(view.colour(row.model), (ms / slowest).clamp(0.0, 1.0)))
        });
        table.row(vec![
            model_cell(view, row.model),
            or_none(row.cpu_ms.map(|ms| number::decimal(ms, 1))).strong(true),
            Cell::drawing(bar),
            or_none(row.photos_per_second.map(|rate| number::decimal(rate, if rate < 10.0 { 1 } else { 0 }))),
            or_none(row.peak_memory_bytes.map(number::mebibytes)),
            or_none(row.file_bytes.map(number::megabytes)),
            or_none(row.evaluation_s.map(|s| number::decimal(s, 2))),
        ]);
    }
    let mut blocks = vec![Block::Table(table)];
    if !timing.note.is_empty() {
        blocks.push(Block::Note(Prose::default().name(&timing.note)));
    }
    blocks
}
