//! Checks of `--resume`: flags that change a setting of the run are rejected by name; flags that repeat its value are
//! accepted.

use std::path::Path;

use likeness_artifact::same_file;
use likeness_data::photos::display_name;
use likeness_train::SettingDifference;
use likeness_train::train::{LossConfig, TrainConfig, TrainingFaces};

use super::card::RunCard;
use super::options::{Method, Teacher, TrainOptions, Weights};
use super::settings;
use crate::Result;

/// Settings of the options that differ from those of the run.
pub(super) fn of_flags(options: &TrainOptions, run: &RunCard) -> Result<Vec<SettingDifference>> {
    let recorded = &run.settings;
    // If the whole command is repeated with --resume, it resolves to the settings of the run.
    if settings::resolve(options).is_ok_and(|config| recorded.differences(&config).is_empty()) {
        return Ok(Vec::new());
    }
    let mut found = match &options.config {
        Some(file) => recorded.differences(&settings::read(file)?),
        None => Vec::new(),
    };
    found.extend(method(options, recorded));
    found.extend(warm_up(options, recorded));
    found.extend(weights(options, recorded)?);
    if options.losses.teacher == Some(Teacher::None) && recorded.needs_teacher() {
        found.push(difference("teacher", run.teacher.clone().unwrap_or_default(), "none"));
    }
    let of_others = recorded.differences(&settings::over_run(options, recorded)?);
    let known: Vec<String> = found.iter().map(|d| d.setting.clone()).collect();
    found.extend(of_others.into_iter().filter(|d| !known.contains(&d.setting)));
    Ok(found)
}

/// Datasets whose photos, identities or splits differ from those of the run.
pub(super) fn of_datasets(
    options: &TrainOptions,
    run: &RunCard,
    faces: &TrainingFaces,
    fingerprint: &str,
) -> Vec<SettingDifference> {
    let [content, target] = faces.contents();
    let mut found = Vec::new();
    let known = |recorded: &Option<String>, now: Option<&str>| match (recorded, now) {
        (Some(recorded), Some(now)) => Some(recorded == now),
        _ => None,
    };
    // A run of an older version only records the names and labels.
    let same = known(&run.dataset_sha256, content);
    if !same.unwrap_or(run.faces_sha256 == fingerprint) {
        found.push(folder("dataset", &run.dataset, &options.dataset));
    }
    if let (Some(recorded), Some(given)) = (&run.adapt_to, &options.adaptation.adapt_to)
        && known(&run.adapt_to_sha256, target).is_some_and(|same| !same)
    {
        found.push(folder("dataset to adapt to", recorded, given));
    }
    found
}

fn folder(setting: &str, run: &str, given: &Path) -> SettingDifference {
    let mut given = display_name(given);
    if given == run {
        given += " with other photos, labels or splits";
    }
    difference(setting, run, given)
}

fn difference(setting: &str, run: impl Into<String>, given: impl Into<String>) -> SettingDifference {
    SettingDifference { setting: setting.to_owned(), run: run.into(), given: given.into() }
}

fn method(options: &TrainOptions, run: &TrainConfig) -> Option<SettingDifference> {
    let (given, recorded) = (options.method?, method_of(run)?);
    (given != recorded).then(|| difference("method", recorded.name(), given.name()))
}

/// The training objective of settings.
fn method_of(config: &TrainConfig) -> Option<Method> {
    if config.phases.iter().any(settings::is_triplet) {
        return Some(Method::Triplet);
    }
    let losses = &config.phases.first()?.losses;
    let loss = losses.iter().find(|l| l.loss != LossConfig::Teacher).or(losses.first())?;
    Some(match loss.loss {
        LossConfig::Classification(_) => Method::Classification,
        LossConfig::ArcFace(_) => Method::ArcFace,
        LossConfig::CosFace(_) => Method::CosFace,
        LossConfig::Triplet { .. } => Method::Triplet,
        LossConfig::Teacher => Method::Teacher,
    })
}

/// A difference if a warm-up is requested, but the run only has triplet phases.
fn warm_up(options: &TrainOptions, run: &TrainConfig) -> Option<SettingDifference> {
    let given = options.warm_up.filter(|epochs| *epochs > 0)?;
    let alone = run.phases.iter().all(settings::is_triplet);
    alone.then(|| difference("warm-up", "0", given.to_string()))
}

fn weights(options: &TrainOptions, run: &TrainConfig) -> Result<Option<SettingDifference>> {
    let recorded = || run.weights.as_ref().map_or("not set".to_owned(), |path| display_name(path));
    let given = match &options.network.weights {
        None => return Ok(None),
        Some(Weights::Random) => {
            return Ok(run.weights.is_some().then(|| difference("weights", recorded(), "none")));
        }
        Some(Weights::File(given)) => given,
    };
    let path = settings::weights_at(given)?;
    let same = run.weights.as_ref().is_some_and(|recorded| *recorded == path || same_file(recorded, &path));
    Ok((!same).then(|| difference("weights", recorded(), display_name(&path))))
}
