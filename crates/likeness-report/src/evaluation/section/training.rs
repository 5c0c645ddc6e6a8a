//! Training curves of the models that were trained here.

use super::numbers::chosen;
use crate::evaluation::data::{Epoch, Section, TrainingRun};
use crate::evaluation::document::{Block, Cell, Column, Figure, Markup, Prose, Table};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::listed;
use crate::figure::{self, Change, Training};

/// Validation and loss of each run.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let runs: Vec<&TrainingRun> = view.report.training.iter().filter(|run| !run.epochs.is_empty()).collect();
    if runs.is_empty() {
        let reason = "The models came trained; there are no curves for them.";
        return vec![Block::Lead(view.absent(Section::Training, reason))];
    }
    let mut blocks: Vec<Block> = runs.iter().map(|run| Block::Figures(figures(view, run))).collect();
    let others: Vec<Prose> = (0..view.models())
        .filter(|model| runs.iter().all(|run| run.model != *model))
        .map(|model| view.named(model))
        .collect();
    let them = if others.len() == 1 { "it" } else { "them" };
    if !others.is_empty() {
        blocks.push(Block::Note(
            listed(others).text(format!(" came trained; there are no curves for {them}.")),
        ));
    }
    blocks
}

fn figures(view: &View, run: &TrainingRun) -> Vec<Figure> {
    let mut figures: Vec<Figure> = [validation(view, run), loss(view, run)].into_iter().flatten().collect();
    if let Some(first) = figures.first_mut() {
        first.numbers = Some(numbers(run));
    }
    figures
}

/// Values of the epochs, without those that are missing.
fn values(run: &TrainingRun, of: impl Fn(&Epoch) -> Option<f64>) -> Vec<(f64, f64)> {
    let value = |epoch: &Epoch| Some((epoch.epoch as f64, of(epoch).filter(|value| value.is_finite())?));
    run.epochs.iter().filter_map(value).collect()
}

fn changes(run: &TrainingRun) -> Vec<Change> {
    let changes = run.epochs.windows(2).filter(|pair| pair[0].objective != pair[1].objective);
    changes
        .map(|pair| Change {
            after_epoch: pair[0].epoch as f64,
            before: pair[0].objective.clone(),
            after: pair[1].objective.clone(),
        })
        .collect()
}

fn validation(view: &View, run: &TrainingRun) -> Option<Figure> {
    let curves = [("top-1", values(run, |epoch| epoch.top1)), ("mAP", values(run, |epoch| epoch.map))];
    let curves: Vec<(String, Vec<(f64, f64)>)> = curves
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| (name.to_owned(), values))
        .collect();
    let last = curves.first()?.1.last()?.1;
    let name = view.short(run.model);
    let label =
        format!("Validation of {name} by epoch; last {}: {}.", curves[0].0, number::percent_sign(last));
    let drawing = Training {
        model: view.colour(run.model).unwrap_or(0),
        quantity: "% of validation queries".into(),
        percent: true,
        curves,
        changes: changes(run),
        broken: false,
        kept: run.kept_epoch.map(|epoch| epoch as f64),
    };
    Some(Figure {
        title: Prose::from("Validation, ").name(view.name(run.model)),
        reading: match run.validation.is_empty() {
            true => "Higher is better.".into(),
            false => Prose::default().name(&run.validation).text("."),
        },
        drawing: Markup::trusted(figure::training(&drawing, &label)),
        numbers: None,
    })
}

fn loss(view: &View, run: &TrainingRun) -> Option<Figure> {
    let losses = values(run, |epoch| epoch.loss);
    let (first, last) = (losses.first()?.1, losses.last()?.1);
    let changes = changes(run);
    let reading = if changes.is_empty() { "Lower is better." } else { "A change of method breaks the line." };
    let (first, last) = (number::decimal(first, 2), number::decimal(last, 2));
    let label = format!("Training loss of {} by epoch, from {first} to {last}.", view.short(run.model));
    let drawing = Training {
        model: view.colour(run.model).unwrap_or(0),
        quantity: "loss, mean of the epoch".into(),
        percent: false,
        curves: vec![("loss".into(), losses)],
        changes,
        broken: true,
        kept: None,
    };
    Some(Figure {
        title: "Training loss".into(),
        reading: reading.into(),
        drawing: Markup::trusted(figure::training(&drawing, &label)),
        numbers: None,
    })
}

fn numbers(run: &TrainingRun) -> Table {
    let columns = vec![
        Column::words("Epoch"),
        Column::words("Objective"),
        Column::number("Loss"),
        Column::number("top-1, %"),
        Column::number("mAP, %"),
    ];
    let mut table = Table::new("Loss and validation by epoch", columns);
    let or_none = |text: Option<String>| Cell::new(text.unwrap_or_else(|| "–".into()));
    for row in chosen(run.epochs.len()) {
        let epoch = &run.epochs[row];
        let kept = if run.kept_epoch == Some(epoch.epoch) { "kept" } else { "" };
        table.row(vec![
            Cell::new(number::count(epoch.epoch as u64)).beside(kept),
            Cell::name(&epoch.objective),
            or_none(epoch.loss.map(|loss| number::decimal(loss, 2))),
            or_none(epoch.top1.map(number::percent)),
            or_none(epoch.map.map(number::percent)),
        ]);
    }
    table
}
