//! Trains an embedding network on the labelled faces of a dataset.

mod built_in;
mod card;
pub mod options;
mod recipe;
mod resume;
mod settings;
mod teacher;

use std::path::{Path, PathBuf};

use likeness_artifact::same_file;
use likeness_data::dataset::Dataset;
use likeness_data::photos::display_name;
use likeness_report::curves::{self, EpochMetrics};
use likeness_train::device::device;
use likeness_train::ops::Precision;
use likeness_train::train::folder::CARD;
use likeness_train::train::history::{self, EpochRecord};
use likeness_train::train::{
    Observer as TrainingObserver, Outcome, RunFolder, RunState, TrainConfig, Training, TrainingFaces,
};
use likeness_train::{SettingDifference, TrainError};

use crate::context::Context;
use crate::{LikenessError, Result, invalid};
use built_in::Start;
use card::RunCard;
use options::Teacher;
pub use options::TrainOptions;
pub use recipe::{Recipe, RecipePlace, TrainedRecipe, read_recipes, train_recipe};

/// The result of [`train`]: a run that has ended or was stopped.
#[derive(Debug, Clone)]
pub struct Trained {
    /// Outcome of the run.
    pub outcome: Outcome,
    /// Total number of epochs in the settings of the run.
    pub epochs: u32,
}

/// Trains a network, or continues a run. `observe` creates the observer of the run from the total number of epochs.
///
/// # Errors        options that contradict each other or the run to continue, an unsuitable dataset, weights that do not fit
/// the network, another process in the run folder
pub fn train<O: TrainingObserver>(
    options: &TrainOptions,
    context: Context<'_>,
    observe: impl FnOnce(u32) -> O,
) -> Result<(Trained, O)> {
    let device = device(&options.device)?;
    check_output(options)?;
    let folder = RunFolder::open(&options.output)?;
    let before = before(options, &folder)?;
    let dataset = Dataset::open(&options.dataset)?;
    let start = before.is_none().then(|| built_in::choose(options, &dataset)).flatten();
    let mut config = match (&before, &start) {
        (Some(before), _) => go_on_with(options, before)?,
        (None, Some(start)) => settings::resolve_built_in(options, &start.write(&folder)?)?,
        (None, None) => settings::resolve(options)?,
    };
    if let Some(start) = &start {
        let Start { model, architecture } = start;
        context.note(format!("starting from the built-in model {} ({architecture})", model.name));
    }
    config.validate()?;
    check_precision(config.network.precision, &options.device)?;
    let faces = TrainingFaces::new(&dataset, config.validation_share, config.seed)?;
    let target = options.adaptation.adapt_to.clone();
    let target = target.or_else(|| before.as_ref().and_then(|b| b.adapt_to.as_ref()).map(PathBuf::from));
    let faces = match &target {
        Some(target) if config.adaptation.is_some() => with_target(faces, target, &dataset, context)?,
        _ => faces,
    };
    if let Some(before) = &before {
        refuse(&options.output, resume::of_datasets(options, before, &faces, &faces.fingerprint()))?;
    }
    if before.is_none() && settings::may_shrink(options) {
        config.fit_to(&faces).into_iter().for_each(|note| context.note(note));
    }
    config.check_faces(&faces)?;
    let teacher = teacher_of(options, before.as_ref(), start.is_some());
    let faces = match &teacher {
        Some(name) if config.needs_teacher() => {
            let recorded = before.as_ref().and_then(|b| b.teacher.as_deref());
            let question = teacher::Question { name, recorded, dataset: &dataset.folder, context };
            teacher::ask(&question, faces, &folder)?
        }
        _ => faces,
    };
    report_faces(&faces, context);
    let mut observer = observe(config.epochs());
    let training = Training::begin(&faces, &config, &folder, &device, &mut observer).map_err(with_flags)?;
    if before.is_none() {
        let described = describe(options, &config, &faces, teacher, target.as_deref());
        card::write(&options.output.join(CARD), &described)?;
    }
    let outcome = training.go_on(&mut observer)?;
    Ok((Trained { outcome, epochs: config.epochs() }, observer))
}

/// Draws the curves of the run in `folder` from its history.
///
/// # Errors        a history that cannot be read; a file that cannot be written
pub fn draw_curves(folder: &Path) -> Result<()> {
    let metrics = |record: EpochRecord| EpochMetrics {
        epoch: record.epoch,
        phase: record.phase,
        loss: record.loss,
        train_top1: record.train_top1,
        validation_top1: record.validation_top1,
    };
    let epochs: Vec<EpochMetrics> =
        history::read(&folder.join("history.jsonl"))?.into_iter().map(metrics).collect();
    Ok(curves::draw(&epochs, folder)?)
}

/// Fails if the output folder is also an input.
fn check_output(options: &TrainOptions) -> Result<()> {
    let inputs =
        [("trained on", Some(&options.dataset)), ("adapted to", options.adaptation.adapt_to.as_ref())];
    for (use_of, input) in inputs {
        if input.is_some_and(|input| same_file(input, &options.output)) {
            return Err(invalid(
                format!("{}: is the dataset that is {use_of}", options.output.display()),
                "name another folder with --output",
            ));
        }
    }
    Ok(())
}

/// The card of the run to continue; `None` for a new run.
fn before(options: &TrainOptions, folder: &RunFolder) -> Result<Option<RunCard>> {
    let (path, output) = (options.output.join(CARD), options.output.display());
    match (options.resume, folder.state()?) {
        (false, RunState::Begun) => Err(invalid(
            format!("{output}: there is a run already"),
            "continue it with --resume, or choose another folder",
        )),
        (false, _) => Ok(None),
        (true, RunState::Begun) if !path.exists() => Err(invalid(
            format!("{output}: the run has no {CARD}"),
            "restore the file, or start a new run in another folder",
        )),
        (true, _) if path.exists() => card::read(&path).map(Some),
        (true, _) => Err(invalid(format!("{output}: no run to resume"), "leave --resume out to start one")),
    }
}

/// The settings of a run to continue: those of the run, except the number of threads, which does not affect results.
fn go_on_with(options: &TrainOptions, before: &RunCard) -> Result<TrainConfig> {
    refuse(&options.output, resume::of_flags(options, before)?)?;
    let mut config = before.settings.clone();
    config.workers = options.workers.unwrap_or(config.workers);
    Ok(config)
}

fn refuse(run: &Path, differences: Vec<SettingDifference>) -> Result<()> {
    match differences.is_empty() {
        true => Ok(()),
        false => Err(TrainError::OtherSettings { path: run.to_owned(), differences }.into()),
    }
}

/// The name of the teacher: that of the options, else that of the run, else the built-in model that the run starts from.
fn teacher_of(options: &TrainOptions, before: Option<&RunCard>, built_in: bool) -> Option<String> {
    match &options.losses.teacher {
        Some(Teacher::Model(name)) => Some(name.clone()),
        Some(Teacher::None) => None,
        None if built_in => Some(teacher::STARTING_NETWORK.to_owned()),
        None => before.and_then(|b| b.teacher.clone()),
    }
}

fn describe(
    options: &TrainOptions,
    config: &TrainConfig,
    faces: &TrainingFaces,
    teacher: Option<String>,
    target: Option<&Path>,
) -> RunCard {
    let [dataset_sha256, adapt_to_sha256] = faces.contents().map(|content| content.map(str::to_owned));
    RunCard {
        likeness: env!("CARGO_PKG_VERSION").to_owned(),
        dataset: display_name(&options.dataset),
        faces_sha256: faces.fingerprint(),
        dataset_sha256,
        teacher,
        adapt_to: target.map(display_name),
        adapt_to_sha256,
        settings: config.clone(),
    }
}

/// Adds a hint that names a flag of `likeness train`, if there is a suitable one.
fn with_flags(error: TrainError) -> LikenessError {
    match &error {
        TrainError::WeightsMismatch { missing, misshaped, unexpected, .. } if unexpected.is_empty() => {
            let keys = missing.iter().chain(misshaped);
            let mut layers: Vec<&str> = keys.filter_map(|key| key.split(['.', ' ']).next()).collect();
            layers.dedup();
            invalid(
                error.to_string(),
                format!(
                    "initialise these layers randomly with --allow-missing {}, or choose the --backbone that the file was \
                     made for",
                    layers.join(",")
                ),
            )
        }
        _ => error.into(),
    }
}

/// Fails if the precision would make the run slower instead of faster.
fn check_precision(precision: Precision, device: &str) -> Result<()> {
    let reason = match (precision, device) {
        (Precision::Full, _) => return Ok(()),
        (Precision::Bf16, "cpu") if precision.is_fast() => return Ok(()),
        (Precision::Bf16, "cpu") => "this processor has no AVX-512 BF16",
        (Precision::Bf16, _) => "it is only supported on the CPU",
    };
    Err(invalid(format!("--precision bf16: {reason}"), "leave it out"))
}

/// Adds the faces of the target dataset to `faces`. Reports the overlap and the relative size of the domains.
fn with_target(
    faces: TrainingFaces,
    folder: &Path,
    source: &Dataset,
    context: Context<'_>,
) -> Result<TrainingFaces> {
    let (faces, overlap) = faces.with_target(&Dataset::open(folder)?, source)?;
    let (target, trained) = (faces.target.len(), faces.train.len());
    context.note(format!("adapting to {target} faces of {}", folder.display()));
    if overlap.photos > 0 {
        context.note(format!("{} of them are also training photos with labels", overlap.photos));
    }
    if overlap.identities > 0 {
        context.note(format!(
            "{} names of identities occur in both domains, and count as different people",
            overlap.identities
        ));
    }
    if target < trained / 10 {
        context.note(format!(
            "the target is small beside {trained} faces with labels: each of its faces is used {} times as often",
            trained / target
        ));
    } else if trained < target / 10 {
        context.note(format!(
            "the target is large beside {trained} faces with labels: an epoch uses at most as many of its faces"
        ));
    }
    Ok(faces)
}

fn report_faces(faces: &TrainingFaces, context: Context<'_>) {
    let validation = if faces.validation.is_empty() {
        "no faces for validation, so the network of the last epoch is kept".to_owned()
    } else {
        format!("{} faces for validation", faces.validation.len())
    };
    context.note(format!(
        "{} faces of {} identities; {validation}",
        faces.train.len(),
        faces.identities.len()
    ));
    if faces.unlabelled > 0 {
        context.note(format!("skipped {} faces without an identity", faces.unlabelled));
    }
}
