//! Settings of the evaluation and licences of its parts.

use super::model_cell;
use crate::evaluation::data::{Licence, Section, Terms};
use crate::evaluation::document::{Block, Cell, Column, Layout, Prose, Table};
use crate::evaluation::view::View;
use crate::evaluation::words::listed;

/// Digits of a fingerprint in the table.
const FINGERPRINT: usize = 8;

/// The strictest terms, the licences, the settings.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let licences = &view.report.licences;
    let mut blocks = Vec::new();
    if !licences.rows.is_empty() {
        blocks.push(Block::Callout(terms(view)));
        blocks.push(Block::Table(table(view)));
    }
    if !view.report.settings.rows.is_empty() {
        blocks.push(Block::Heading("Settings".into(), Prose::default()));
        blocks.push(Block::Table(settings(view)));
    }
    if blocks.is_empty() {
        let reason = "Neither settings nor licences were recorded.";
        return vec![Block::Lead(view.absent(Section::Settings, reason))];
    }
    blocks
}

/// Name of a part: that of the caller, else of the model.
fn part<'a>(view: &View<'a>, row: &'a Licence) -> &'a str {
    match row.model {
        Some(model) if row.part.is_empty() => view.short(model),
        _ => &row.part,
    }
}

/// The strictest terms of all parts, and what they allow.
pub(in crate::evaluation) fn terms(view: &View) -> Prose {
    let rows = &view.report.licences.rows;
    let strictest = rows.iter().map(|row| row.terms).max().unwrap_or_default();
    let group = |terms: Terms| if terms == Terms::NoCopies { Terms::NonCommercial } else { terms };
    let named = rows.iter().filter(|row| group(row.terms) == group(strictest));
    let names: Vec<Prose> = named.map(|row| Prose::default().name(part(view, row))).collect();
    let (headline, word) = match strictest {
        Terms::Free => ("This page may be used for anything.", "free"),
        Terms::Attribution => ("This page needs credits.", "credit"),
        Terms::ShareAlike => ("Works made of this page have the same terms.", "share alike"),
        Terms::Unknown => ("Ask before you share this page.", "not stated"),
        Terms::NonCommercial | Terms::NoCopies => ("This page is for research use.", "non-commercial"),
    };
    let text =
        Prose::default().strong(headline).text(" The strictest terms are those of ").and(listed(names));
    let mut text = text.text(format!(" ({word})."));
    let withheld: Vec<Prose> = rows
        .iter()
        .filter(|row| row.terms == Terms::NoCopies)
        .map(|row| Prose::default().name(part(view, row)))
        .collect();
    if !withheld.is_empty() {
        text = text.text(" It must hold no picture of ").and(listed(withheld)).text(".");
    }
    view.report.licences.notes.iter().fold(text, |text, note| text.sentence(Prose::default().name(note)))
}

fn table(view: &View) -> Table {
    let columns = vec![
        Column::words("Part"),
        Column::words("Licence"),
        Column::words("Where it comes from"),
        Column::words("Learned from"),
        Column::words("Fingerprint"),
    ];
    let mut table = Table::new("Licences of models and data", columns);
    let or_none = |text: &str| if text.is_empty() { Cell::new("–") } else { Cell::name(text) };
    for row in &view.report.licences.rows {
        let head = match row.model {
            Some(model) if row.part.is_empty() => model_cell(view, model),
            Some(model) => Cell::name(&row.part).sign(view.key(model)),
            None => Cell::name(&row.part),
        };
        table.row(vec![
            head,
            or_none(&row.licence),
            or_none(&row.origin),
            or_none(&row.learned_from),
            match row.fingerprint.is_empty() {
                true => Cell::new("–"),
                false => Cell::new(Prose::default().code(shortened(&row.fingerprint))),
            },
        ]);
    }
    table
}

fn shortened(fingerprint: &str) -> String {
    match fingerprint.char_indices().nth(FINGERPRINT) {
        Some((end, _)) => format!("{}…", &fingerprint[..end]),
        None => fingerprint.to_owned(),
    }
}

fn settings(view: &View) -> Table {
    let mut table =
        Table::new("Settings", vec![Column::words("Setting"), Column::words("Value")]).layout(Layout::Pairs);
    for row in &view.report.settings.rows {
        let value = match row.code {
            true => Cell::new(Prose::default().code(&row.value)),
            false => Cell::name(&row.value),
        };
        table.row(vec![Cell::name(&row.name), value]);
    }
    table
}
