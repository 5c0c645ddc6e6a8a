//! `likeness train`: a dataset enters, a run folder with a trained network leaves.

mod curves;
mod resume;
mod settings;
mod teacher;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use likeness_artifact::{Seal, same_file, seal_of, sealed};
use likeness_data::dataset::Dataset;
use likeness_data::photos::display_name;
use likeness_train::device::device;
use likeness_train::ops::Precision;
use likeness_train::train::folder::CARD;
use likeness_train::train::{
    Outcome as RunOutcome, RunFolder, RunState, TrainConfig, Training, TrainingFaces,
};
use likeness_train::{SettingDifference, TrainError};
use serde::{Deserialize, Serialize};

use super::print_json;
use crate::Outcome;
use crate::args::TrainArgs;
use crate::failure::hinted;
use crate::print::say;
pub(crate) use watch::Watcher;

/// `run.toml`: what a run was made from and with. Its last line is a checksum that `--resume` looks at.
#[derive(Debug, Serialize, Deserialize)]
struct RunCard {
    /// Version of the program.
    likeness: String,
    /// The dataset's folder.
    dataset: String,
    /// SHA-256 over the faces' names and labels, those of the target among them.
    faces_sha256: String,
    /// SHA-256 over the dataset's photos, identities and splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dataset_sha256: Option<String>,
    /// The teacher, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    teacher: Option<String>,
    /// The dataset adapted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adapt_to: Option<String>,
    /// SHA-256 over its photos, identities and splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adapt_to_sha256: Option<String>,
    /// The resolved settings.
    settings: TrainConfig,
}

/// Runs the command.
pub(crate) fn run(args: TrainArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let device = device(&args.device)?;
    check_output(&args)?;
    let folder = RunFolder::open(&args.output)?;
    let before = before(&args, &folder)?;
    let config = match &before {
        Some(before) => go_on_with(&args, before)?,
        None => settings::resolve(&args)?,
    };
    config.validate()?;
    check_precision(config.network.precision, &args.device)?;
    let dataset = Dataset::open(&args.dataset)?;
    let faces = TrainingFaces::new(&dataset, config.validation_share, config.seed)?;
    let target = args.adaptation.adapt_to.clone();
    let target = target.or_else(|| before.as_ref().and_then(|b| b.adapt_to.as_ref()).map(PathBuf::from));
    let faces = match &target {
        Some(target) if config.adaptation.is_some() => with_target(faces, target, &dataset)?,
        _ => faces,
    };
    if let Some(before) = &before {
        refuse(&args.output, resume::of_datasets(&args, before, &faces, &faces.fingerprint()))?;
    }
    let mut config = config;
    if before.is_none() && settings::may_shrink(&args) {
        config.fit_to(&faces).into_iter().for_each(say);
    }
    config.check_faces(&faces)?;
    let teacher = teacher_of(&args, before.as_ref());
    let faces = match &teacher {
        Some(name) if config.needs_teacher() => {
            let recorded = before.as_ref().and_then(|b| b.teacher.as_deref());
            teacher::ask(
                &teacher::Question { name, recorded, dataset: &dataset.folder, stop },
                faces,
                &folder,
            )?
        }
        _ => faces,
    };
    say_faces(&faces);
    let mut watcher = Watcher::new(&args.output, config.epochs(), stop);
    let training = Training::begin(&faces, &config, &folder, &device, &mut watcher).map_err(with_flags)?;
    if before.is_none() {
        let card = describe(&args, &config, &faces, teacher, target.as_deref());
        write(&args.output.join(CARD), &card)?;
    }
    let outcome = training.go_on(&mut watcher)?;
    watcher.end();
    report(&args, &config, &outcome)
}

/// Refuses an output that is an input of the same command.
fn check_output(args: &TrainArgs) -> anyhow::Result<()> {
    let inputs = [("trained on", Some(&args.dataset)), ("adapted to", args.adaptation.adapt_to.as_ref())];
    for (use_of, input) in inputs {
        if input.is_some_and(|input| same_file(input, &args.output)) {
            return Err(hinted(
                format!("{}: is the dataset that is {use_of}", args.output.display()),
                "name another folder with --output",
            ));
        }
    }
    Ok(())
}

/// The card of the run that goes on; none where one begins.
fn before(args: &TrainArgs, folder: &RunFolder) -> anyhow::Result<Option<RunCard>> {
    let (path, output) = (args.output.join(CARD), args.output.display());
    match (args.resume, folder.state()?) {
        (false, RunState::Begun) => Err(hinted(
            format!("{output}: there is a run already"),
            "go on with it by --resume, or name another folder",
        )),
        (false, _) => Ok(None),
        (true, RunState::Begun) if !path.exists() => Err(hinted(
            format!("{output}: the run has no {CARD}"),
            "restore the file, or begin another run in another folder",
        )),
        (true, _) if path.exists() => read(&path).map(Some),
        (true, _) => {
            Err(hinted(format!("{output}: no run to go on with"), "leave --resume out to begin one"))
        }
    }
}

/// The settings of a run that goes on: its own, but for the threads, which change no result.
fn go_on_with(args: &TrainArgs, before: &RunCard) -> anyhow::Result<TrainConfig> {
    refuse(&args.output, resume::of_flags(args, before)?)?;
    let mut config = before.settings.clone();
    config.workers = args.workers.unwrap_or(config.workers);
    Ok(config)
}

fn refuse(run: &Path, differences: Vec<SettingDifference>) -> anyhow::Result<()> {
    match differences.is_empty() {
        true => Ok(()),
        false => Err(TrainError::OtherSettings { path: run.to_owned(), differences }.into()),
    }
}

/// The teacher's name: the flag's, else the run's.
fn teacher_of(args: &TrainArgs, before: Option<&RunCard>) -> Option<String> {
    args.losses.teacher.clone().or_else(|| before.and_then(|b| b.teacher.clone()))
}

fn describe(
    args: &TrainArgs,
    config: &TrainConfig,
    faces: &TrainingFaces,
    teacher: Option<String>,
    target: Option<&Path>,
) -> RunCard {
    let [dataset_sha256, adapt_to_sha256] = faces.contents().map(|content| content.map(str::to_owned));
    RunCard {
        likeness: env!("CARGO_PKG_VERSION").to_owned(),
        dataset: display_name(&args.dataset),
        faces_sha256: faces.fingerprint(),
        dataset_sha256,
        teacher,
        adapt_to: target.map(display_name),
        adapt_to_sha256,
        settings: config.clone(),
    }
}

/// `error`, with the flag that helps where only this command has one.
fn with_flags(error: TrainError) -> anyhow::Error {
    match &error {
        TrainError::WeightsMismatch { missing, misshaped, unexpected, .. } if unexpected.is_empty() => {
            let keys = missing.iter().chain(misshaped);
            let mut layers: Vec<&str> = keys.filter_map(|key| key.split(['.', ' ']).next()).collect();
            layers.dedup();
            hinted(
                error.to_string(),
                format!(
                    "let these layers start afresh with --allow-missing {}, or choose the --backbone that the file was \
                     made for",
                    layers.join(",")
                ),
            )
        }
        _ => error.into(),
    }
}

/// Refuses a precision that would only slow the run down.
fn check_precision(precision: Precision, device: &str) -> anyhow::Result<()> {
    let reason = match (precision, device) {
        (Precision::Full, _) => return Ok(()),
        (Precision::Bf16, "cpu") if precision.is_fast() => return Ok(()),
        (Precision::Bf16, "cpu") => "this processor has no AVX-512 BF16",
        (Precision::Bf16, _) => "only the processor's convolutions have it",
    };
    Err(hinted(format!("--precision bf16: {reason}"), "leave it out"))
}

/// `faces` with those of the dataset to adapt to; what the domains share is said.
fn with_target(faces: TrainingFaces, folder: &Path, source: &Dataset) -> anyhow::Result<TrainingFaces> {
    let (faces, overlap) = faces.with_target(&Dataset::open(folder)?, source)?;
    let (target, trained) = (faces.target.len(), faces.train.len());
    say(format!("adapting to {target} faces of {}", folder.display()));
    if overlap.photos > 0 {
        say(format!("{} of them are photos that are also trained on, with their labels", overlap.photos));
    }
    if overlap.identities > 0 {
        say(format!(
            "{} identities have names of both domains, and count as different people",
            overlap.identities
        ));
    }
    if target < trained / 10 {
        say(format!("few beside {trained} with labels: each is seen {} times as often", trained / target));
    } else if trained < target / 10 {
        say(format!("many beside {trained} with labels: an epoch sees no more than that of them"));
    }
    Ok(faces)
}

fn say_faces(faces: &TrainingFaces) {
    let validation = if faces.validation.is_empty() {
        "none for validation, so the last epoch's network is kept".to_owned()
    } else {
        format!("{} faces for validation", faces.validation.len())
    };
    say(format!("{} faces of {} identities; {validation}", faces.train.len(), faces.identities.len()));
    if faces.unlabelled > 0 {
        say(format!("{} faces without an identity are left out", faces.unlabelled));
    }
}

/// The card of a run that goes on.
fn read(card: &Path) -> anyhow::Result<RunCard> {
    let text = fs_err::read_to_string(card)?;
    if seal_of(&text) == Seal::Broken {
        return Err(hinted(
            format!("{}: was altered since the run began", card.display()),
            format!(
                "undo the change, or begin another run with --config {} in another folder",
                card.display()
            ),
        ));
    }
    toml::from_str(&text).with_context(|| format!("{}: not a run's settings", card.display()))
}

fn write(path: &Path, card: &RunCard) -> anyhow::Result<()> {
    let text = sealed(&toml::to_string(card).context("settings as TOML")?);
    Ok(likeness_artifact::write(path, |file| file.write_all(text.as_bytes()))?)
}

fn report(args: &TrainArgs, config: &TrainConfig, outcome: &RunOutcome) -> anyhow::Result<Outcome> {
    if outcome.stopped {
        say(format!("stopped after epoch {}; go on with --resume", outcome.epochs));
    } else if outcome.stopped_early {
        say(format!(
            "ended after epoch {}: no better since epoch {}",
            outcome.epochs,
            outcome.best.map_or(0, |b| b.1)
        ));
    }
    if let Some((top1, epoch)) = outcome.best {
        say(format!("best validation top-1 {:.1} % after epoch {epoch}", 100.0 * top1));
    }
    if outcome.epochs > 0 {
        say(format!("the network is in {}", args.output.join("model").display()));
    }
    if args.json {
        let document = serde_json::json!({
            "epochs": outcome.epochs,
            "of": config.epochs(),
            "stopped": outcome.stopped,
            "stopped_early": outcome.stopped_early,
            "validation_top1": outcome.best.map(|b| b.0),
            "best_epoch": outcome.best.map(|b| b.1),
            "run": display_name(&args.output),
        });
        print_json(&document)?;
    }
    Ok(if outcome.stopped { Outcome::Interrupted } else { Outcome::Done })
}
