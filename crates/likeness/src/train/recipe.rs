//! Training recipes: a TOML file that names several runs, so that one command trains them all on the same dataset.
//!
//! The keys of a recipe are the flags of `likeness train`. `docs/recipes/table2.toml` is an example.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use likeness_train::backbone::{Architecture, Stage};
use likeness_train::ops::Precision;
use likeness_train::train::{Observer as TrainingObserver, RunFolder, RunState};
use serde::Deserialize;

use super::options::{LossOptions, Method, NetworkOptions, StepOptions, Teacher, TrainOptions, Weights};
use super::{Trained, train};
use crate::context::Context;
use crate::{Result, invalid};

/// The settings of a run, under a name. A key that is missing has the default of the method.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Recipe {
    /// Name in reports; its lower-case letters and digits name the run folder.
    pub name: String,
    /// Training objective.
    pub method: Option<Method>,
    /// Backbone architecture.
    pub backbone: Option<Architecture>,
    /// Starting weights: a file, a model folder or a run, see [`RecipePlace::weights`]. Without it and without a backbone, the
    /// run starts from random weights of the default architecture.
    pub weights: Option<PathBuf>,
    /// Layers that may be missing from the weights.
    #[serde(default)]
    pub allow_missing: Vec<String>,
    /// Dimension of an embedding.
    pub embedding_dim: Option<usize>,
    /// Side of the input faces, in pixels.
    pub size: Option<u32>,
    /// Number of epochs of the training objective.
    pub epochs: Option<u32>,
    /// Number of warm-up epochs of classification before the triplet loss.
    pub warm_up: Option<u32>,
    /// Batch size in images.
    pub batch: Option<usize>,
    /// Peak learning rate.
    pub learning_rate: Option<f32>,
    /// Learning rates of stages, as factors of the learning rate.
    #[serde(default)]
    pub rates: BTreeMap<Stage, f32>,
    /// Teacher for distillation: an ONNX file or a model folder, see [`RecipePlace::weights`].
    pub teacher: Option<PathBuf>,
    /// Weight of the teacher loss.
    pub teacher_weight: Option<f32>,
    /// Share of the training identities held out if the dataset has no validation split.
    pub validation: Option<f32>,
    /// Seed of all random numbers.
    pub seed: Option<u64>,
}

/// The content of a file of recipes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeFile {
    recipe: Vec<Recipe>,
}

/// The dataset, the folders and the device of recipes.
#[derive(Debug, Clone, Default)]
pub struct RecipePlace {
    /// Dataset to train on.
    pub dataset: PathBuf,
    /// Folder that holds a run folder for each recipe.
    pub output: PathBuf,
    /// Folders that are searched, in this order, for the weights and teachers that a recipe names by relative paths.
    pub weights: Vec<PathBuf>,
    /// Device to train on: cpu, cuda, cuda:N or wgpu.
    pub device: String,
    /// Precision of the convolutions of the backbone.
    pub precision: Option<Precision>,
    /// Number of threads that load and augment images.
    pub workers: Option<usize>,
}

/// A recipe that was trained, or whose training was stopped.
#[derive(Debug, Clone)]
pub struct TrainedRecipe {
    /// The run folder.
    pub run: PathBuf,
    /// The model folder of the trained network, within the run folder.
    pub model: PathBuf,
    /// Outcome of the run.
    pub trained: Trained,
}

/// Reads the recipes of a TOML file: tables `[[recipe]]`.
///
/// # Errors        an unreadable file; other keys or values; no recipe; two recipes with the same run folder
pub fn read_recipes(file: &Path) -> Result<Vec<Recipe>> {
    let text = fs_err::read_to_string(file)?;
    let RecipeFile { recipe: recipes } = toml::from_str(&text).map_err(|error| {
        invalid(
            format!("{}: not a file of training recipes: {}", file.display(), error.message()),
            "write one table [[recipe]] for each run, with a name and flags of likeness train as keys",
        )
    })?;
    if recipes.is_empty() {
        return Err(invalid(format!("{}: no recipe", file.display()), "add a table [[recipe]]"));
    }
    let mut folders = BTreeSet::new();
    for recipe in &recipes {
        let folder = recipe.folder_name();
        if folder.is_empty() {
            return Err(invalid(
                format!("{}: the name {:?} has neither letters nor digits", file.display(), recipe.name),
                "name the recipe by its network, such as ResNet50",
            ));
        }
        if !folders.insert(folder) {
            return Err(invalid(
                format!("{}: two recipes are named {:?}", file.display(), recipe.name),
                "give each recipe its own name",
            ));
        }
    }
    Ok(recipes)
}

/// Trains the network of a recipe, or continues an interrupted run. A run that has ended is not trained again.
///
/// `observe` creates the observer of the run from the total number of epochs.
///
/// # Errors        weights that are not found; a run in the folder with other settings; as [`train`]
pub fn train_recipe<O: TrainingObserver>(
    recipe: &Recipe,
    place: &RecipePlace,
    context: Context<'_>,
    observe: impl FnOnce(u32) -> O,
) -> Result<(TrainedRecipe, O)> {
    let mut options = recipe.options(place)?;
    // The lock is released before training takes it.
    options.resume = RunFolder::open(&options.output)?.state()? == RunState::Begun;
    let run = options.output.clone();
    let (trained, observer) = train(&options, context, observe)?;
    Ok((TrainedRecipe { model: run.join(likeness_model::folder::IN_RUN), run, trained }, observer))
}

impl Recipe {
    /// The name of the run folder: the name in lower case, with one hyphen for all between letters and digits.
    pub fn folder_name(&self) -> String {
        let lower = self.name.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-")
    }

    /// The options of `likeness train` for this recipe.
    ///
    /// # Errors        weights or a teacher that are not found
    pub fn options(&self, place: &RecipePlace) -> Result<TrainOptions> {
        let weights = match &self.weights {
            Some(path) => Weights::File(self.found(path, place)?),
            None => Weights::Random,
        };
        let teacher = match &self.teacher {
            Some(path) => Some(Teacher::Model(self.found(path, place)?.display().to_string())),
            None => None,
        };
        Ok(TrainOptions {
            dataset: place.dataset.clone(),
            output: place.output.join(self.folder_name()),
            method: self.method,
            epochs: self.epochs,
            warm_up: self.warm_up,
            seed: self.seed,
            device: place.device.clone(),
            workers: place.workers,
            network: NetworkOptions {
                backbone: self.backbone,
                weights: Some(weights),
                allow_missing: self.allow_missing.clone(),
                embedding_dim: self.embedding_dim,
                size: self.size,
                precision: place.precision,
                rates: self.rates.iter().map(|(stage, rate)| (*stage, *rate)).collect(),
                ..NetworkOptions::default()
            },
            losses: LossOptions { teacher, teacher_weight: self.teacher_weight, ..LossOptions::default() },
            steps: StepOptions {
                batch: self.batch,
                learning_rate: self.learning_rate,
                validation: self.validation,
                ..StepOptions::default()
            },
            ..TrainOptions::default()
        })
    }

    /// The first of the folders of `place` that has `path`.
    fn found(&self, path: &Path, place: &RecipePlace) -> Result<PathBuf> {
        let candidates = || place.weights.iter().map(|folder| folder.join(path));
        if let Some(found) = candidates().find(|candidate| candidate.exists()) {
            return Ok(found);
        }
        let searched: Vec<String> = candidates().map(|candidate| candidate.display().to_string()).collect();
        Err(invalid(
            format!(
                "recipe {:?}: {} is missing; searched: {}",
                self.name,
                path.display(),
                searched.join(", ")
            ),
            "docs/training.md says where the weights come from",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Recipe>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("recipes.toml");
        fs_err::write(&file, text).unwrap();
        read_recipes(&file)
    }

    #[test]
    fn the_recipes_of_table_2_are_options_of_training() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes/table2.toml");
        let recipes = read_recipes(&file).unwrap();
        let folders: Vec<String> = recipes.iter().map(Recipe::folder_name).collect();
        let expected =
            ["resnet50-classifier", "efficientnet-lite0-classifier", "vgg16-classifier", "resnet50-triplets"];
        assert_eq!(folders, expected);
        let place = tempfile::tempdir().unwrap();
        for recipe in &recipes {
            fs_err::write(place.path().join(recipe.weights.as_ref().unwrap()), "").unwrap();
        }
        let at = RecipePlace {
            output: "runs".into(),
            weights: vec!["absent".into(), place.path().to_owned()],
            ..RecipePlace::default()
        };
        let options = recipes[0].options(&at).unwrap();
        assert_eq!(options.output, Path::new("runs/resnet50-classifier"));
        assert_eq!(options.method, Some(Method::Classification));
        assert_eq!(options.network.embedding_dim, Some(128));
        assert_eq!(options.network.allow_missing, ["layer4"]);
        let weights = place.path().join("resnet50-imagenet-conv1-layer3.safetensors");
        assert_eq!(options.network.weights, Some(Weights::File(weights)));
        assert_eq!(recipes[3].options(&at).unwrap().method, Some(Method::Triplet));
    }

    #[test]
    fn a_recipe_without_weights_starts_from_random_ones() {
        let recipes = read("[[recipe]]\nname = \"a\"\nbackbone = \"vgg16\"\nrates = { head = 2.0 }").unwrap();
        let options = recipes[0].options(&RecipePlace::default()).unwrap();
        assert_eq!(options.network.weights, Some(Weights::Random));
        assert_eq!(options.network.backbone, Some(Architecture::Vgg16));
        assert_eq!(options.network.rates, [(Stage::Head, 2.0)]);
    }

    #[test]
    fn a_bad_file_is_refused_by_name() {
        let cases = [
            ("[[recipe]]\nname = \"a\"\nepoch = 3", "unknown field `epoch`"),
            ("[[recipe]]\nname = \"a\"\nmethod = \"softmax\"", "unknown variant `softmax`"),
            ("[[recipe]]\nname = \"a\"\nbackbone = \"alexnet\"", "unknown variant `alexnet`"),
            ("[[recipe]]\nepochs = 3", "missing field `name`"),
            ("recipe = []", "no recipe"),
            ("[[recipe]]\nname = \"A b\"\n[[recipe]]\nname = \"a-B\"", "two recipes are named \"a-B\""),
            ("[[recipe]]\nname = \"-\"", "neither letters nor digits"),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("recipes.toml") && error.contains(expected), "{error}");
        }
        let recipe = &read("[[recipe]]\nname = \"a\"\nweights = \"w.pth\"").unwrap()[0];
        let place = RecipePlace { weights: vec!["here".into()], ..RecipePlace::default() };
        let error = recipe.options(&place).unwrap_err().to_string();
        assert!(error.contains("recipe \"a\": w.pth is missing; searched: here"), "{error}");
    }
}
