//! `likeness train`: a dataset enters, a run folder with a trained network leaves.

mod curves;
mod settings;
mod teacher;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use likeness_data::dataset::Dataset;
use likeness_data::photos::display_name;
use likeness_train::device::device;
use likeness_train::ops::Precision;
use likeness_train::train::{Outcome as RunOutcome, TrainConfig, TrainingFaces, train};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::args::TrainArgs;
use crate::failure::hinted;
use crate::progress::say;
pub(crate) use watch::Watcher;

const CARD: &str = "run.toml";

/// `run.toml`: what a run was made from and with.
#[derive(Debug, Serialize, Deserialize)]
struct RunCard {
    /// Version of the program.
    likeness: String,
    /// The dataset's folder.
    dataset: String,
    /// SHA-256 over faces and labels.
    faces_sha256: String,
    /// The teacher, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    teacher: Option<String>,
    /// The dataset adapted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adapt_to: Option<String>,
    /// The resolved settings.
    settings: TrainConfig,
}

/// Runs the command.
pub(crate) fn run(args: TrainArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let device = device(&args.device)?;
    let card = args.output.join(CARD);
    let begun = card.exists();
    if begun && !args.resume {
        return Err(hinted(
            format!("{}: there is a run already", args.output.display()),
            "go on with it by --resume, or name another folder",
        ));
    }
    let before = if begun { Some(read(&card)?) } else { None };
    if args.resume && before.is_none() {
        return Err(hinted(
            format!("{}: no run to go on with", args.output.display()),
            "leave --resume out to begin one",
        ));
    }
    let config = match &before {
        Some(before) => settings::resumed(&args, before.settings.clone())?,
        None => settings::resolve(&args)?,
    };
    config.validate()?;
    check_precision(config.network.precision, &args.device)?;
    let dataset = Dataset::open(&args.dataset)?;
    let faces = TrainingFaces::new(&dataset, config.validation_share, config.seed)?;
    fs_err::create_dir_all(&args.output)?;
    let teacher = args.losses.teacher.clone().or_else(|| before.as_ref().and_then(|b| b.teacher.clone()));
    let target = args.adaptation.adapt_to.clone();
    let target = target.or_else(|| before.as_ref().and_then(|b| b.adapt_to.as_ref()).map(PathBuf::from));
    let faces = match &target {
        Some(target) if config.adaptation.is_some() => with_target(faces, target, &dataset)?,
        _ => faces,
    };
    let faces = match &teacher {
        Some(name) if config.needs_teacher() => {
            teacher::ask(name, faces, &dataset.folder, &args.output, stop)?
        }
        _ => faces,
    };
    say_faces(&faces);
    let described = RunCard {
        likeness: env!("CARGO_PKG_VERSION").to_owned(),
        dataset: display_name(&args.dataset),
        faces_sha256: faces.fingerprint(),
        teacher,
        adapt_to: target.as_deref().map(display_name),
        settings: config.clone(),
    };
    if !begun {
        write(&card, &described)?;
    }
    let mut watcher = Watcher::new(&args.output, config.epochs(), stop);
    let outcome = train(&faces, &config, &args.output, &device, &mut watcher)?;
    watcher.end();
    report(&args, &config, &outcome)
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

fn read(card: &Path) -> anyhow::Result<RunCard> {
    let text = fs_err::read_to_string(card)?;
    toml::from_str(&text).with_context(|| format!("{}: not a run's settings", card.display()))
}

fn write(path: &Path, card: &RunCard) -> anyhow::Result<()> {
    let text = toml::to_string(card).context("settings as TOML")?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

#[allow(clippy::print_stdout)]
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
    say(format!("the network is in {}", args.output.join("model").display()));
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
        println!("{}", serde_json::to_string_pretty(&document)?);
    }
    Ok(Outcome::Done)
}
