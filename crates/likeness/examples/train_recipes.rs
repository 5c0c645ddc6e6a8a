//! Trains the recipes of a file on one dataset, and prints for each the names of recipe, run folder and model folder, with tabs
//! between.
//!
//! Run: `cargo run --release -p likeness --example train_recipes -- RECIPES DATASET OUTPUT WEIGHTS [full|bf16] [RUN,RUN]`.
//! An interrupted run is continued, and one that has ended is not trained again. WEIGHTS are folders, separated by commas.
//! With RECIPES alone, the names of recipes and run folders are printed.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use likeness::train::{RecipePlace, draw_curves, read_recipes, train_recipe};
use likeness::{Context, Observer, Silent, Stage, Unit};
use likeness_data::photos::Skipped;
use likeness_train::loader::Batch;
use likeness_train::ops::Precision;
use likeness_train::train::history::EpochRecord;
use likeness_train::train::{Observer as TrainingObserver, StepReport};

/// Prints messages and epochs to stderr.
struct Lines;

impl Observer for Lines {
    fn note(&self, line: &str) {
        eprintln!("{line}");
    }

    fn list(&self, heading: &str, photos: &[Skipped]) {
        eprintln!("{heading} {} photos", photos.len());
    }

    fn stage(&self, name: &'static str, unit: Unit) -> Box<dyn Stage + '_> {
        Silent.stage(name, unit)
    }
}

impl TrainingObserver for Lines {
    fn on_step(&mut self, _report: &StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn on_epoch(&mut self, record: &EpochRecord) {
        let EpochRecord { phase, epoch, loss, seconds, .. } = record;
        eprintln!("{phase} {epoch}: loss {loss:.4}, {seconds:.0} s");
    }

    fn say(&mut self, message: String) {
        eprintln!("{message}");
    }

    fn broken_batch(&mut self, batch: &Batch) {
        eprintln!("the loss is not finite on a batch of {} faces", batch.faces.len());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recipes, places @ ..] = &arguments[..] else { return Err("expected RECIPES".into()) };
    let recipes = read_recipes(Path::new(recipes))?;
    if places.is_empty() {
        recipes.iter().for_each(|recipe| println!("{}\t{}", recipe.name, recipe.folder_name()));
        return Ok(());
    }
    let [dataset, output, weights, more @ ..] = places else {
        return Err("expected RECIPES DATASET OUTPUT WEIGHTS [full|bf16] [RUN,RUN]".into());
    };
    let place = RecipePlace {
        dataset: dataset.into(),
        output: output.into(),
        weights: weights.split(',').map(PathBuf::from).collect(),
        device: "cpu".to_owned(),
        precision: (more.first().map(String::as_str) == Some("bf16")).then_some(Precision::Bf16),
        workers: None,
    };
    let chosen = |name: &str| more.get(1).is_none_or(|names| names.split(',').any(|chosen| chosen == name));
    let stop = AtomicBool::new(false);
    for recipe in recipes.iter().filter(|recipe| chosen(&recipe.folder_name())) {
        eprintln!("== {}", recipe.name);
        let (trained, _) = train_recipe(recipe, &place, Context::new(&Lines, &stop), |_| Lines)?;
        draw_curves(&trained.run)?;
        println!("{}\t{}\t{}", recipe.name, recipe.folder_name(), trained.model.display());
    }
    Ok(())
}
