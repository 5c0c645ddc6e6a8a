//! The report as Markdown: answers, tables and caveats in the same words, without charts.

use likeness_artifact::signature::TEXT_MARK;
use std::fmt::Write;

use super::answer::{answers, caveats};
use super::data::Report;
use super::document::{Block, Cell, Figure, Part, Prose, Row, Table};
use super::page::summary;
use super::section::sections;
use super::view::View;

/// Writes the Markdown. The same report always gives the same bytes.
pub fn markdown(report: &Report) -> String {
    let view = View::new(report);
    let title = if report.title.is_empty() { "Evaluation" } else { &report.title };
    let mut text = format!(
        "{TEXT_MARK}\n# {}\n\n{}\n\n",
        Prose::default().name(title).markdown(),
        summary(&view).markdown()
    );
    for model in &report.models {
        let facts: Vec<&str> =
            model.facts.iter().map(String::as_str).filter(|fact| !fact.is_empty()).collect();
        let facts = if facts.is_empty() { String::new() } else { format!(": {}", facts.join(" · ")) };
        let line = Prose::default().strong_name(&model.name).name(facts);
        let _ = writeln!(text, "- {}", line.markdown());
    }
    text.push_str("\n## Answers\n\n");
    for answer in answers(&view) {
        let (headline, remark) = (answer.headline.plain(), answer.remark.plain());
        let headline = Prose::default().strong(format!("{headline} {remark}").trim_end());
        let _ = writeln!(text, "- {} {}. {}", answer.question, headline.markdown(), answer.text.markdown());
    }
    let caveats = caveats(&view);
    if !caveats.is_empty() {
        text.push_str("\n**What this cannot say.**\n\n");
        for caveat in caveats {
            let _ = writeln!(text, "- {}", caveat.markdown());
        }
    }
    for part in sections(&view) {
        section(&mut text, &part);
    }
    text
}

fn section(text: &mut String, part: &Part) {
    let _ = write!(text, "\n## {}\n", part.title);
    for block in &part.blocks {
        match block {
            Block::Lead(prose) | Block::Note(prose) => paragraph(text, &prose.markdown()),
            Block::Callout(prose) => paragraph(text, &format!("> {}", prose.markdown())),
            Block::Heading(title, remark) => {
                paragraph(text, &format!("### {}", Prose::default().name(title).markdown()));
                if !remark.is_empty() {
                    paragraph(text, &format!("{}.", capitalised(&remark.markdown())));
                }
            }
            Block::Table(found) | Block::Pictures(_, Some(found)) => table(text, found),
            Block::Figures(figures) => figures.iter().for_each(|figure| numbers(text, figure)),
            Block::Legend(_) | Block::Pictures(_, None) => {}
        }
    }
}

fn paragraph(text: &mut String, words: &str) {
    let _ = write!(text, "\n{words}\n");
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The numbers of a chart.
fn numbers(text: &mut String, figure: &Figure) {
    let Some(found) = &figure.numbers else { return };
    paragraph(text, &format!("**{}**", figure.title.markdown()));
    table(text, found);
}

/// A table without its drawings.
fn table(text: &mut String, table: &Table) {
    if table.len() == 0 {
        return;
    }
    let shown: Vec<bool> = table.columns.iter().map(|column| !column.drawing).collect();
    let columns = table.columns.iter().filter(|column| !column.drawing);
    let heads = columns.clone().map(|column| joined([column.head.markdown(), column.sub.clone()]));
    let rules = columns.map(|column| if column.numeric { "---:" } else { "---" }.to_owned());
    text.push('\n');
    line(text, heads);
    line(text, rules);
    for row in table.groups.iter().flatten() {
        line(text, cells(row, &shown).into_iter());
    }
}

fn cells(row: &Row, shown: &[bool]) -> Vec<String> {
    let mut cells = Vec::new();
    let mut column = 0;
    for cell in &row.cells {
        let span = cell.span.max(1);
        let columns = shown.iter().skip(column).take(span).filter(|shown| **shown).count();
        if columns > 0 {
            cells.push(words(cell));
            cells.extend(std::iter::repeat_n(String::new(), columns - 1));
        }
        column += span;
    }
    cells
}

/// What a cell says.
fn words(cell: &Cell) -> String {
    let main = match cell.strong && !cell.main.is_empty() {
        true => Prose::default().strong(cell.main.plain()).markdown(),
        false => cell.main.markdown(),
    };
    let sub = match (cell.sub.is_empty(), cell.below && !cell.main.is_empty()) {
        _ if cell.drawn => String::new(),
        (true, _) => String::new(),
        (false, true) => format!("({})", cell.sub.markdown()),
        (false, false) => cell.sub.markdown(),
    };
    let tag = cell.tag.as_ref().map_or("", |tag| tag.word);
    joined([joined([main, sub]), tag.to_owned()])
}

/// Two texts with a space, where both hold something.
fn joined([first, second]: [String; 2]) -> String {
    match first.is_empty() || second.is_empty() {
        true => first + &second,
        false => format!("{first} {second}"),
    }
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}
