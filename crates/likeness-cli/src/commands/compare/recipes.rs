//! Trains the recipes among the models of a comparison.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use likeness::contestants::Inputs;
use likeness::train::{RecipePlace, read_recipes, train_recipe};

use crate::args::CompareArgs;
use crate::commands::train::Watcher;
use crate::failure::hinted;
use crate::print::say;
use crate::progress::Terminal;

/// Trains every recipe, and replaces each file of recipes by the models that were trained. Returns `None` if the training was stopped.
pub(super) fn train_all(
    inputs: Inputs,
    args: &CompareArgs,
    stop: &AtomicBool,
) -> anyhow::Result<Option<Inputs>> {
    if !inputs.models.iter().any(|model| is_recipes(model)) {
        return Ok(Some(inputs));
    }
    let Some(dataset) = inputs.data.clone().filter(|data| data.join("dataset.toml").is_file()) else {
        return Err(hinted(
            "recipes are trained on a dataset, and the first argument is none",
            "make one of the photos with likeness prepare, and name it first",
        ));
    };
    let mut models = Vec::new();
    for model in inputs.models {
        if !is_recipes(&model) {
            models.push(model);
            continue;
        }
        let file = PathBuf::from(&model);
        let place = RecipePlace {
            dataset: dataset.clone(),
            output: args.runs.clone(),
            weights: weights(&file, &args.weights),
            device: args.device.clone(),
            precision: None,
            workers: None,
        };
        for recipe in read_recipes(&file)? {
            say(format!("recipe {}", recipe.name));
            let run = args.runs.join(recipe.folder_name());
            let observe = |epochs| Watcher::new(&run, epochs, stop);
            let (trained, watcher) = train_recipe(&recipe, &place, Terminal::context(stop), observe)?;
            watcher.end();
            if trained.trained.outcome.stopped {
                say("stopped; the same command continues");
                return Ok(None);
            }
            models.push(trained.model.display().to_string());
        }
    }
    Ok(Some(Inputs { models, data: Some(dataset) }))
}

fn is_recipes(model: &str) -> bool {
    Path::new(model).extension().is_some_and(|extension| extension == "toml")
}

/// The folders that are searched for weights: the named ones, the folder of the recipes, and the current folder.
fn weights(file: &Path, named: &[PathBuf]) -> Vec<PathBuf> {
    let beside = file.parent().map(Path::to_owned);
    named.iter().cloned().chain(beside).chain([PathBuf::from(".")]).collect()
}
