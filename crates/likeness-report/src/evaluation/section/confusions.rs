//! Identities that are taken for others.

use crate::evaluation::data::{Confusion, Confusions, Section};
use crate::evaluation::document::{Block, Cell, Column, Markup, Prose, Table, tag};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::counted;
use crate::figure;

/// The most rows of a table.
const MOST: usize = 10;

/// One table per model.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let found: Vec<&Confusions> =
        view.report.confusions.iter().filter(|found| !found.rows.is_empty()).collect();
    if found.is_empty() {
        let reason = match view.report.confusions.is_empty() {
            true => "Confusions were not counted.",
            false => "No query's first hit shows another identity.",
        };
        return vec![Block::Lead(view.absent(Section::Confusions, reason))];
    }
    let several = view.report.confusions.len() > 1;
    let mut blocks = vec![Block::Lead("Which identities are taken for which, most frequent first.".into())];
    for confusions in found {
        if several {
            blocks.push(Block::Heading(view.name(confusions.model).to_owned(), Prose::default()));
        }
        blocks.push(Block::Table(table(view, confusions)));
        blocks.push(Block::Note(shown(view, confusions, several)));
    }
    blocks
}

fn shown(view: &View, confusions: &Confusions, several: bool) -> Prose {
    let all = confusions.pairs.max(confusions.rows.len());
    let rows = confusions.rows.len().min(MOST);
    let pairs = counted(all, "confused pair", "confused pairs");
    let text = match rows < all {
        true => Prose::from(format!("{rows} of {pairs}; more in ")).code("report.json").text("."),
        false => format!("All of {pairs}.").into(),
    };
    match several || view.models() == 1 {
        true => text,
        false => Prose::from("Of ").and(view.named(confusions.model)).text(". ").and(text),
    }
}

fn table(view: &View, confusions: &Confusions) -> Table {
    let shown = &confusions.rows[..confusions.rows.len().min(MOST)];
    let examples = shown.iter().any(|row| row.pictures.is_some());
    let mut columns = vec![
        Column::words("Query → first hit"),
        Column::number("Queries"),
        Column::drawing("Share of queries"),
        Column::number("Other direction"),
        Column::number("Distance"),
    ];
    match examples {
        true => columns.push(Column::drawing("Closest example")),
        false => columns.push(Column::words("Closest example")),
    }
    let mut table = Table::new("Identities taken for others", columns);
    for row in shown {
        table.row(cells(view, row, examples));
    }
    table
}

fn cells(view: &View, row: &Confusion, examples: bool) -> Vec<Cell> {
    let share = row.queries as f64 / row.of.max(1) as f64;
    let of = |queries: usize, all: usize| format!(" of {}", number::count(all.max(queries) as u64));
    let queries = Prose::default().strong(number::count(row.queries as u64)).text(of(row.queries, row.of));
    let other =
        format!("{}{}", number::count(row.other_direction as u64), of(row.other_direction, row.other_of));
    let example = match (&row.pictures, &row.example) {
        (Some([query, hit]), _) => {
            let alt = |side: &str, identity: &str| format!("Closest example, {side}: {identity}");
            let query = view.thumbnail(Some(query), &alt("query", &row.query));
            let hit = view.thumbnail(Some(hit), &alt("hit", &row.hit));
            Cell::drawing(tag(
                "span",
                &[("class", "pair")],
                query.unwrap_or_default().and(hit.unwrap_or_default()),
            ))
        }
        (None, Some([query, hit])) if !examples => {
            Cell::new(Prose::default().name(query).text(" → ").name(hit))
        }
        _ => Cell::new("–"),
    };
    vec![
        Cell::new(Prose::default().name(&row.query).text(" → ").name(&row.hit)),
        Cell::new(queries),
        Cell::drawing(Markup::trusted(figure::bar(None, share.clamp(0.0, 1.0)))),
        Cell::new(other),
        Cell::new(number::short_distance(row.distance, row.distance < 0.1)),
        example,
    ]
}
