//! Worst, typical and best queries: rows of pictures, or a table where pictures are withheld.

use crate::evaluation::data::{Explanation, ExplanationSide, QueryHit, QueryRow, QuerySet, Section};
use crate::evaluation::document::{Block, Cell, Column, Markup, Prose, Table, tag, text};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::counted;
use crate::figure;

/// Hits of a row.
const HITS: usize = 10;
/// Hits of a row of the table.
const TABLE_HITS: usize = 3;
/// The most rows of a group, and the most explained pairs.
const MOST_ROWS: usize = 3;
const MOST_PAIRS: usize = 6;

/// All of the section.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let queries = &view.report.queries;
    let mut blocks = Vec::new();
    if let Some(reason) = &queries.withheld {
        blocks.push(Block::Callout(Prose::default().name(reason)));
    }
    for set in &queries.sets {
        blocks.extend(rows(view, set, queries.sets.len() > 1));
    }
    blocks.extend(explanations(view));
    if blocks.is_empty() {
        return vec![Block::Lead(view.absent(Section::Queries, "No query was kept."))];
    }
    if view.pictures() > 0 && !queries.sets.is_empty() {
        blocks.push(legend(view));
    }
    blocks
}

/// Whether a row has its picture.
fn has_pictures(view: &View, rows: &[QueryRow]) -> bool {
    view.report.queries.withheld.is_none() && rows.iter().any(|row| row.picture.is_some())
}

/// The three groups of one model.
fn rows(view: &View, set: &QuerySet, several: bool) -> Vec<Block> {
    let one = view.words.one();
    let median = set
        .median_average_precision
        .map_or_else(String::new, |ap| format!(", AP {}", number::decimal(ap, 2)));
    let perfect = if set.best.iter().all(|row| row.average_precision > 0.995) { "AP 1.00, " } else { "" };
    let groups = [
        ("Worst", format!("lowest average precision, one per {one}"), &set.worst),
        ("Typical", format!("nearest to the median{median}"), &set.typical),
        ("Best", format!("{perfect}widest margin to the first wrong picture"), &set.best),
    ];
    let mut blocks = Vec::new();
    for (name, remark, rows) in groups.into_iter().filter(|(_, _, rows)| !rows.is_empty()) {
        let rows = &rows[..rows.len().min(MOST_ROWS)];
        let title = if several { format!("{name}, {}", view.name(set.model)) } else { name.to_owned() };
        blocks.push(Block::Heading(title, remark.into()));
        blocks.push(match has_pictures(view, rows) {
            true => Block::Pictures(
                rows.iter().map(|row| picture_row(view, row)).collect(),
                Some(table(view, rows)),
            ),
            false => Block::Table(table(view, rows)),
        });
    }
    blocks
}

/// A query with its hits as pictures.
fn picture_row(view: &View, row: &QueryRow) -> Markup {
    let small = row.hits.iter().any(|hit| hit.distance < 0.1);
    let alt = format!("Query: {}, {}", row.identity, row.file);
    let picture = view.thumbnail(row.picture.as_ref(), &alt).unwrap_or_else(no_picture);
    let facts = facts(row).into_iter().map(|fact| tag("span", &[], fact.html()));
    let facts = tag("div", &[("class", "facts")], facts.collect());
    let query = tag("div", &[("class", "query")], picture.and(facts));
    let hits = row.hits.iter().take(HITS).map(|found| hit(view, found, small, ""));
    let later = row.first_true.iter().map(|found| hit(view, found, small, "later"));
    let hits = tag("ol", &[("class", "hits")], hits.chain(later).collect());
    tag("div", &[("class", "row")], query.and(hits))
}

/// The lines beside a query.
fn facts(row: &QueryRow) -> Vec<Prose> {
    let right = row.hits.iter().take(HITS).filter(|hit| hit.right).count();
    let images = counted(row.true_images, "true image", "true images");
    let mut facts = vec![
        Prose::default().strong_name(&row.identity),
        Prose::default().name(&row.file),
        format!("AP {}", number::decimal(row.average_precision, 2)).into(),
        format!("{right} of {} right", row.hits.len().min(HITS)).into(),
        images.into(),
    ];
    let first = row.hits.iter().find(|hit| hit.right).or(row.first_true.as_ref());
    if let Some(first) = first.filter(|first| first.rank > 1) {
        facts.push(format!("first at rank {}", number::count(first.rank as u64)).into());
    }
    facts
}

/// A hit: frame, mark, rank, distance and, where wrong, the identity.
fn hit(view: &View, found: &QueryHit, small: bool, class: &str) -> Markup {
    let word = if found.right { "right" } else { "wrong" };
    let distance = number::short_distance(found.distance, small);
    let rank = number::count(found.rank as u64);
    let alt = format!("Rank {rank}: {}, {word}, distance {distance}", found.identity);
    let picture = view.thumbnail(found.picture.as_ref(), &alt).unwrap_or_else(no_picture);
    let frame =
        tag("span", &[("class", "frame")], picture.and(Markup::trusted(figure::hit_mark(found.right))));
    let numbers = tag("b", &[], text(&rank)).and(text(&format!(" {distance}")));
    let mut lines = tag("span", &[("class", "rank")], numbers);
    if !found.right {
        lines.push(tag("span", &[("class", "name")], tag("bdi", &[], text(&found.identity))));
    }
    tag("li", &[("class", format!("{word} {class}").trim_end())], frame.and(lines))
}

/// The place of a picture that could not be shown.
fn no_picture() -> Markup {
    tag("span", &[("class", "missing")], text("no picture"))
}

/// Names and distances.
fn table(view: &View, rows: &[QueryRow]) -> Table {
    let mut columns = vec![Column::words("Query"), Column::number("AP")];
    columns.extend((1..=TABLE_HITS).map(|rank| Column::words(format!("Rank {rank}"))));
    columns.push(Column::words("First true image"));
    let mut table = Table::new("Queries with their first hits", columns);
    for row in rows {
        let images = counted(row.true_images, "true image", "true images");
        let identity = identity(view, &row.identity);
        let mut cells = vec![
            Cell::name(&row.file).below(identity.text(format!(", {images}"))),
            Cell::new(number::decimal(row.average_precision, 2)),
        ];
        cells.extend(
            (0..TABLE_HITS)
                .map(|place| row.hits.get(place).map_or_else(|| Cell::new("–"), |hit| named(view, hit))),
        );
        let first = row.hits.iter().find(|hit| hit.right).or(row.first_true.as_ref());
        cells.push(first.map_or_else(
            || Cell::new("none"),
            |hit| {
                Cell::new(format!("rank {}", number::count(hit.rank as u64)))
                    .below(number::distance(hit.distance))
            },
        ));
        table.row(cells);
    }
    table
}

/// "person 7245"
fn identity(view: &View, name: &str) -> Prose {
    Prose::from(format!("{} ", view.words.one())).name(name)
}

/// "✗ 192689.jpg" above "person 7245, 0.118"
fn named(view: &View, hit: &QueryHit) -> Cell {
    let distance = number::distance(hit.distance);
    match hit.right {
        true => Cell::new(Prose::from("✓ ").name(&hit.file)).below(distance),
        false => {
            let below = identity(view, &hit.identity).text(format!(", {distance}"));
            Cell::new(Prose::from("× ").name(&hit.file)).below(below)
        }
    }
}

/// Pairs with the regions that made them match.
fn explanations(view: &View) -> Vec<Block> {
    let shown = view.report.queries.explanations.iter().take(MOST_PAIRS);
    let shown: Vec<&Explanation> = shown.collect();
    if shown.is_empty() || view.report.queries.withheld.is_some() {
        return Vec::new();
    }
    let remark = "outlined and in colour: hiding it moves the pictures apart most";
    let pairs = shown.iter().map(|pair| explanation(view, pair)).collect();
    let markup = tag("div", &[("class", "pairs")], pairs);
    let columns = vec![
        Column::words("Pair"),
        Column::number("Distance"),
        Column::number("Nearest true image"),
        Column::number("Margin"),
    ];
    let mut table = Table::new("Explained pairs", columns);
    let or_none = |value: Option<f64>| Cell::new(value.map_or_else(|| "–".into(), number::distance));
    for pair in shown {
        let distance = Cell::new(number::distance(pair.distance));
        table.row(vec![
            Cell::new(pair_name(pair)),
            distance,
            or_none(pair.nearest_true),
            or_none(pair.margin),
        ]);
    }
    vec![Block::Heading("What made these match".into(), remark.into()), Block::Pictures(markup, Some(table))]
}

/// "headphone taken for cup"
fn pair_name(pair: &Explanation) -> Prose {
    let query = Prose::default().name(&pair.query.identity);
    match pair.right {
        true => query.text(", found"),
        false => query.text(" taken for ").name(&pair.hit.identity),
    }
}

fn explanation(view: &View, pair: &Explanation) -> Markup {
    let side = |side: &ExplanationSide, role: &str| {
        let alt = format!("{role} {}, evidence outlined", side.identity);
        view.thumbnail(side.picture.as_ref(), &alt).unwrap_or_else(no_picture)
    };
    let pictures = tag("div", &[("class", "sides")], side(&pair.query, "Query").and(side(&pair.hit, "Hit")));
    let number = |value: f64| number::short_distance(value, pair.distance < 0.1);
    let mut facts = format!("distance {}", number(pair.distance));
    if let Some(nearest) = pair.nearest_true.filter(|_| !pair.right) {
        facts += &format!(", nearest true image {}", number(nearest));
    }
    if let Some(margin) = pair.margin {
        facts += &format!(", margin {}", number(margin));
    }
    let caption = tag("b", &[], pair_name(pair).html()).and(tag("span", &[("class", "sub")], text(&facts)));
    tag("figure", &[], pictures.and(tag("figcaption", &[], caption)))
}

/// What frames and marks mean, and the credits.
fn legend(view: &View) -> Block {
    let sign = |right: bool| {
        let class = if right { "sample right" } else { "sample wrong" };
        tag("span", &[("class", class)], Markup::trusted(figure::hit_mark(right)))
    };
    let one = view.words.one();
    let mut line = sign(true).and(text(" right: solid frame and tick ")).and(sign(false));
    line.push(text(&format!(
        " wrong: dashed frame, cross, and which {one} it shows. Under each picture: rank and distance."
    )));
    for credit in &view.report.queries.credits {
        line.push(text(" ").and(tag("bdi", &[], text(credit))));
    }
    Block::Pictures(tag("p", &[("class", "note")], line), None)
}
