//! Closed-set ranking: CMC and McNemar's comparison.

use super::curves::curve;
use super::numbers::Numbers;
use crate::evaluation::data::{McNemar, Section};
use crate::evaluation::document::{Block, Cell, Column, Figure, Markup, Prose, Table};
use crate::evaluation::number::{self, SPACE};
use crate::evaluation::view::View;
use crate::evaluation::words::counted;
use crate::figure::{self, Squares};

/// Ranks of the numbers and of the marks.
const RANKS: [usize; 8] = [1, 2, 3, 5, 10, 20, 30, 50];
const MARKED: [f64; 3] = [1.0, 5.0, 10.0];
/// The most McNemar charts.
const MOST_PAIRS: usize = 5;

/// CMC of all models and the squares of each compared pair.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let mut figures: Vec<Figure> = cmc(view).into_iter().collect();
    let pairs = view
        .report
        .mcnemar
        .iter()
        .filter(|counts| view.colour(counts.first).is_some() && view.colour(counts.second).is_some());
    figures.extend(pairs.take(MOST_PAIRS).map(|counts| squares(view, counts)));
    if figures.is_empty() {
        let reason = "No curve: no query was ranked.";
        return vec![Block::Lead(view.absent(Section::Ranking, reason))];
    }
    let one = view.words.one();
    vec![
        Block::Lead(format!("Closed set: the right {one} is always in the gallery.").into()),
        Block::Figures(figures),
    ]
}

fn cmc(view: &View) -> Option<Figure> {
    let ranking = &view.report.ranking;
    let curves: Vec<figure::Curve> =
        ranking.iter().filter_map(|cmc| curve(view, cmc.model, &cmc.points, &MARKED)).collect();
    let best =
        curves.iter().filter_map(|c| Some((c, c.points.first()?.y))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let label = format!(
        "Cumulative match characteristic. At rank 1, {} finds most: {}.",
        best.0.name,
        number::percent_sign(best.1)
    );
    let numbers = Numbers {
        caption: "Queries found by rank",
        x: "Rank",
        y: "found",
        places: RANKS.iter().map(|&rank| (rank as f64, rank.to_string())).collect(),
        curves: ranking.iter().map(|cmc| (cmc.model, &cmc.points)).collect(),
        supported_from: 0.0,
    };
    Some(Figure {
        title: format!("CMC: is the right {} among the first k?", view.words.one()).into(),
        reading: format!("Higher is better. Bands: 95{SPACE}% intervals.").into(),
        drawing: Markup::trusted(figure::cmc(&curves, &label)),
        numbers: numbers.table(view),
    })
}

fn squares(view: &View, counts: &McNemar) -> Figure {
    let (first, second) = (view.chart_name(counts.first), view.chart_name(counts.second));
    let against = format!(
        "{} against {}",
        number::count(counts.only_first as u64),
        number::count(counts.only_second as u64)
    );
    let reading = match counts.only_first + counts.only_second {
        0 => "Both are right and wrong on the same queries.".to_owned(),
        _ => format!("{against} by chance alone: {} (exact McNemar test).", number::p_prose(counts.p)),
    };
    let label = format!(
        "Both find {}; only {first} {}, only {second} {}, neither {}.",
        counted(counts.both, "query", "queries"),
        number::count(counts.only_first as u64),
        number::count(counts.only_second as u64),
        number::count(counts.neither as u64)
    );
    let squares = Squares {
        first: (view.colour(counts.first).unwrap_or(0), first),
        second: (view.colour(counts.second).unwrap_or(1), second),
        both: counts.both,
        only_first: counts.only_first,
        only_second: counts.only_second,
        neither: counts.neither,
        reading,
    };
    Figure {
        title: "The same queries, two models".into(),
        reading: Prose::from("Top-1 of ")
            .and(view.named(counts.first))
            .text(" and ")
            .and(view.named(counts.second))
            .text("."),
        drawing: Markup::trusted(figure::squares(&squares, &label)),
        numbers: Some(table(view, counts)),
    }
}

fn table(view: &View, counts: &McNemar) -> Table {
    let (first, second) = (view.named(counts.first), view.named(counts.second));
    let columns = vec![
        Column::words("First hit"),
        Column::number(second.clone().text(" right")),
        Column::number(second.text(" wrong")),
    ];
    let mut table = Table::new("Queries by which model finds the right identity first", columns);
    let number = |count: usize| Cell::new(number::count(count as u64));
    table.row(vec![Cell::new(first.clone().text(" right")), number(counts.both), number(counts.only_first)]);
    table.row(vec![Cell::new(first.text(" wrong")), number(counts.only_second), number(counts.neither)]);
    table
}
