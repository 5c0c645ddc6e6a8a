//! The sections of a report in their order, as documents.

mod checks;
mod confusions;
mod curves;
mod identification;
mod map;
mod numbers;
mod queries;
mod ranking;
mod result;
mod settings;
mod slices;
mod timing;
mod training;
mod verification;

use super::document::{Block, Cell, Part};
use super::view::View;

/// All sections. A section without content is one sentence that says why.
pub(super) fn sections(view: &View) -> Vec<Part> {
    let part = |id, title, short, blocks| Part { id, title, short, blocks };
    vec![
        part("result", "Result", "Result", result::blocks(view)),
        part("ranking", "Ranking", "Ranking", ranking::blocks(view)),
        part("verification", "Verification", "Verification", verification::blocks(view)),
        part("identification", "Identification", "Identification", identification::blocks(view)),
        part("slices", "Where it fails", "Where it fails", slices_and_map(view)),
        part("queries", "Queries", "Queries", queries::blocks(view)),
        part("confusions", "Confusions", "Confusions", confusions::blocks(view)),
        part("data", "Data", "Data", checks::blocks(view)),
        part("training", "Training", "Training", training::blocks(view)),
        part("timing", "Timing", "Timing", timing::blocks(view)),
        part("settings", "Settings and licences", "Settings, licences", settings::blocks(view)),
    ]
}

fn slices_and_map(view: &View) -> Vec<Block> {
    let mut blocks = slices::blocks(view);
    blocks.extend(map::blocks(view));
    blocks
}

/// The row header of a model.
fn model_cell(view: &View, model: usize) -> Cell {
    Cell::name(view.name(model)).sign(view.key(model))
}

/// The positions of the models of `items`, in order, without repetition.
fn models_of(items: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut models = Vec::new();
    for model in items {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models
}
