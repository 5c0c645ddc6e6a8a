//! Issues of the evaluated data, and photos with a doubtful label.

use crate::evaluation::data::{Issue, IssueState, Mislabelled, Section, WithoutIssue};
use crate::evaluation::document::{Block, Cell, Column, Prose, Table};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::{self, counted};

/// The most rows of photos with a doubtful label.
const MOST: usize = 10;
/// The most names of left-out photos in a row.
const NAMES: usize = 3;

/// All of the section.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let data = &view.report.data;
    let mut blocks = Vec::new();
    match data.issues.is_empty() {
        true => blocks.push(Block::Lead(view.absent(Section::Data, "The data was not checked."))),
        false => blocks.push(Block::Table(issues(view, &data.issues))),
    }
    if !data.likely_mislabelled.is_empty() {
        blocks.push(Block::Heading("Likely mislabelled, closest first".into(), Prose::default()));
        blocks.push(Block::Table(mislabelled(&data.likely_mislabelled)));
        blocks.push(Block::Note(explanation(view)));
    }
    if data.left_out.iter().any(|row| row.photos > 0) {
        blocks.push(Block::Heading("Left out".into(), Prose::default()));
        blocks.push(Block::Table(left_out(view)));
    }
    blocks
}

fn issues(view: &View, issues: &[Issue]) -> Table {
    let mut columns = vec![Column::words("Issue"), Column::number("Photos"), Column::number("Share, %")];
    let models = (0..view.models()).map(|model| Column::number(view.named(model)).sub("top-1 without them"));
    columns.extend(models);
    columns.push(Column::words("State"));
    let mut table = Table::new("Issues of the data, and top-1 without the photos concerned", columns);
    let photos = match view.report.data.photos {
        0 => view.report.summary.photos,
        photos => photos,
    };
    for issue in issues {
        let share = number::percent(issue.photos as f64 / photos.max(1) as f64);
        let detail = Prose::default().name(&issue.detail);
        let mut cells = vec![
            Cell::new(Prose::default().code(&issue.name)).below(if issue.detail.is_empty() {
                Prose::default()
            } else {
                detail
            }),
            Cell::new(number::count(issue.photos as u64)),
            Cell::new(share),
        ];
        cells.extend(without(view, issue));
        cells.push(Cell::tag(words::issue_state(issue.state)));
        table.row(cells);
    }
    table
}

/// Top-1 of each model without the photos, or one cell with the reason.
fn without(view: &View, issue: &Issue) -> Vec<Cell> {
    let reason = match (issue.photos, issue.state) {
        (0, _) => Some("none found"),
        (_, IssueState::Excluded) => Some("not in the metrics"),
        _ if issue.without.is_empty() => Some("not measured"),
        _ => None,
    };
    if let Some(reason) = reason {
        return match view.models() {
            0 => Vec::new(),
            models => vec![Cell::default().beside(reason).spanning(models)],
        };
    }
    let value =
        |found: &WithoutIssue| Cell::new(number::percent(found.top1)).beside(number::points(found.change));
    (0..view.models())
        .map(|model| {
            issue.without.iter().find(|found| found.model == model).map_or_else(|| Cell::new("–"), value)
        })
        .collect()
}

fn mislabelled(photos: &[Mislabelled]) -> Table {
    let columns = vec![
        Column::words("Photo"),
        Column::words("Label"),
        Column::words("Looks like"),
        Column::words("Nearest photo"),
        Column::number("Distance"),
        Column::number("Own photo first at rank"),
    ];
    let mut table = Table::new("Photos with a doubtful label", columns);
    for photo in photos.iter().take(MOST) {
        table.row(vec![
            Cell::name(&photo.photo).strong(true),
            Cell::name(&photo.label),
            Cell::name(&photo.looks_like),
            Cell::name(&photo.nearest_photo),
            Cell::new(number::distance(photo.distance)),
            Cell::new(photo.own_first_rank.map_or_else(|| "none".into(), |rank| number::count(rank as u64))),
        ]);
    }
    table
}

fn explanation(view: &View) -> Prose {
    let data = &view.report.data;
    let shown = data.likely_mislabelled.len().min(MOST);
    let all = data.likely_mislabelled_total.max(data.likely_mislabelled.len());
    let text = Prose::from(format!("{shown} of {all}; all in ")).code("issues.csv").text(", which ");
    let text = text.code("likeness prepare --exclude").text(" accepts.");
    let Some(first) = data.likely_mislabelled.first() else { return text };
    let one = view.words.one();
    text.text(" ")
        .name(&first.photo)
        .text(format!(" is most likely {one} "))
        .name(&first.looks_like)
        .text(".")
}

fn left_out(view: &View) -> Table {
    let named = view.report.data.left_out.iter().any(|row| !row.names.is_empty());
    let mut columns = vec![Column::words("Reason"), Column::number("Photos"), Column::words("Model")];
    columns.extend(named.then(|| Column::words("Names")));
    let mut table = Table::new("Photos that are in no measure", columns);
    for row in view.report.data.left_out.iter().filter(|row| row.photos > 0) {
        let mut names = Prose::default();
        for (place, name) in row.names.iter().take(NAMES).enumerate() {
            names = names.text(if place > 0 { ", " } else { "" }).name(name);
        }
        let more = row.photos.saturating_sub(row.names.len().min(NAMES));
        if more > 0 && !row.names.is_empty() {
            names = names.text(format!(" and {}", counted(more, "more", "more")));
        }
        let mut cells = vec![
            Cell::name(&row.reason),
            Cell::new(number::count(row.photos as u64)),
            Cell::new(row.model.map_or_else(|| "all".into(), |model| view.named(model))),
        ];
        cells.extend(named.then(|| Cell::new(names)));
        table.row(cells);
    }
    table
}
