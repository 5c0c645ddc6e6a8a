//! `bench table2`: trains the recipes of `docs/recipes/table2.toml` on CelebA's faces, and evaluates them on unseen identities.
//!
//! The runs and the results are kept as those of [`training`]: an interrupted run is continued, and a recipe
//! with a results file is not trained again. `LIKENESS_RECIPES=NAME,NAME` selects recipes by the names of their run folders.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::report::Section;
use super::training::{self, Faces, Place, RESNET50, kept, results_of};
use super::{Bench, Chosen};
use crate::process::{self, output, repository};
use crate::weights::IMAGENET;

/// The recipes, in the repository.
const RECIPES: &str = "docs/recipes/table2.toml";

/// The names of a recipe.
struct Recipe {
    /// Name in the table.
    name: String,
    /// Name of its run folder.
    folder: String,
}

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let place = Place::of(bench)?;
    let dataset = place.dataset(Faces::Unseen)?;
    let weights = weights(bench, &place.folder)?;
    let trainer = trainer(bench)?;
    let chosen = Chosen::from_environment("LIKENESS_RECIPES");
    let mut rows = Vec::new();
    for recipe in recipes(&trainer)? {
        if chosen.has(&recipe.folder) || results_of(&recipe.folder).exists() {
            rows.extend(kept(&recipe.folder, || {
                Ok(vec![row(&place, &trainer, (&recipe, &dataset), &weights)?])
            })?);
        }
    }
    Ok(Section {
        page: "training",
        title: "Table 2 with ImageNet weights",
        about: "The networks of the original project's second table, trained by [table2.toml](../recipes/table2.toml) at 64 px with \
                an embedding of 128 values, each from ImageNet weights. Trained on the 5,048 photos of 241 identities of CelebA, \
                evaluated leave-one-out on the 1,252 photos of 58 others. Percent."
            .to_owned(),
        columns: vec!["network", "epochs", "top-1", "top-5", "top-10", "mAP"],
        rows,
        remarks: Vec::new(),
    })
}

/// The recipes in [`RECIPES`], by the example `train_recipes`.
fn recipes(trainer: &Path) -> Result<Vec<Recipe>> {
    let printed = output(Command::new(trainer).arg(repository().join(RECIPES)))?;
    let recipe = |line: &str| {
        let (name, folder) = line.split_once('\t').context("train_recipes prints no folder")?;
        Ok(Recipe { name: name.to_owned(), folder: folder.to_owned() })
    };
    printed.lines().map(recipe).collect()
}

/// The example that trains recipes, built beside the program.
fn trainer(bench: &Bench) -> Result<PathBuf> {
    let arguments = ["build", "--release", "--workspace", "--example", "train_recipes"];
    process::run(&mut process::cargo(&arguments))?;
    let release = bench.likeness.parent().context("the program is in a folder")?;
    Ok(release.join("examples/train_recipes"))
}

/// The folders with the starting weights: shared files, and model folders made of packages, once.
fn weights(bench: &Bench, folder: &Path) -> Result<[PathBuf; 2]> {
    let made = folder.join("imagenet");
    for package in &IMAGENET {
        let model = made.join(package.name);
        if !model.is_dir() {
            let file = package.file(&folder.join("packages").join(package.name))?;
            let mut import = Command::new(&bench.likeness);
            import.args(["models", "import"]).arg(file).args(package.import).arg("-o").arg(&model);
            process::run(&mut import)?;
        }
    }
    let shared = process::shared()?.context("LIKENESS_SHARED is missing")?;
    let resnet50 = shared.join(RESNET50);
    Ok([resnet50.parent().context("the file is in a folder")?.to_owned(), made])
}

/// Trains a recipe, and evaluates it.
fn row(
    place: &Place<'_>,
    trainer: &Path,
    (recipe, dataset): (&Recipe, &Path),
    weights: &[PathBuf; 2],
) -> Result<Vec<String>> {
    let mut command = Command::new(trainer);
    command.arg(repository().join(RECIPES)).arg(dataset).arg(&place.folder);
    command.arg(format!("{},{}", weights[0].display(), weights[1].display()));
    let printed = output(command.args(["bf16", &recipe.folder]))?;
    let model = printed.trim().rsplit('\t').next().context("train_recipes names no model")?.to_owned();
    let run = place.folder.join(&recipe.folder);
    training::keep_curves(&run, &recipe.folder)?;
    let history = fs_err::read_to_string(run.join("history.jsonl"))?;
    let epochs = history.lines().count();
    let mut row = vec![recipe.name.clone(), epochs.to_string()];
    row.extend(place.evaluate(dataset, Path::new(&model), Faces::Unseen)?);
    Ok(row)
}
