//! `--resume`: flags that change a setting of the run are refused by name; flags that repeat its value are not.

use std::path::Path;

use likeness_artifact::same_file;
use likeness_data::photos::display_name;
use likeness_train::SettingDifference;
use likeness_train::train::{LossConfig, TrainConfig, TrainingFaces};

use super::{RunCard, settings};
use crate::args::train::{MethodArg, TrainArgs};

/// What the flags ask for that the run is not.
pub(super) fn of_flags(args: &TrainArgs, run: &RunCard) -> anyhow::Result<Vec<SettingDifference>> {
    let recorded = &run.settings;
    // The whole command again, with --resume at its end, gives the run's settings without a look at each.
    if settings::resolve(args).is_ok_and(|config| recorded.differences(&config).is_empty()) {
        return Ok(Vec::new());
    }
    let mut found = match &args.config {
        Some(file) => recorded.differences(&settings::read(file)?),
        None => Vec::new(),
    };
    found.extend(method(args, recorded));
    found.extend(warm_up(args, recorded));
    found.extend(weights(args, recorded)?);
    let of_others = recorded.differences(&settings::over_run(args, recorded)?);
    let known: Vec<String> = found.iter().map(|d| d.setting.clone()).collect();
    found.extend(of_others.into_iter().filter(|d| !known.contains(&d.setting)));
    Ok(found)
}

/// Datasets with other photos, identities or splits than the run's.
pub(super) fn of_datasets(
    args: &TrainArgs,
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
    // A run of an older version has the names and labels alone.
    let same = known(&run.dataset_sha256, content);
    if !same.unwrap_or(run.faces_sha256 == fingerprint) {
        found.push(folder("dataset", &run.dataset, &args.dataset));
    }
    if let (Some(recorded), Some(given)) = (&run.adapt_to, &args.adaptation.adapt_to)
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

fn method(args: &TrainArgs, run: &TrainConfig) -> Option<SettingDifference> {
    let (given, recorded) = (args.method?, method_of(run)?);
    (given != recorded).then(|| difference("method", name_of(recorded), name_of(given)))
}

/// The method that settings come from.
fn method_of(config: &TrainConfig) -> Option<MethodArg> {
    if config.phases.iter().any(settings::is_triplet) {
        return Some(MethodArg::Triplet);
    }
    let losses = &config.phases.first()?.losses;
    let loss = losses.iter().find(|l| l.loss != LossConfig::Teacher).or(losses.first())?;
    Some(match loss.loss {
        LossConfig::Classification(_) => MethodArg::Classification,
        LossConfig::ArcFace(_) => MethodArg::ArcFace,
        LossConfig::CosFace(_) => MethodArg::CosFace,
        LossConfig::Triplet { .. } => MethodArg::Triplet,
        LossConfig::Teacher => MethodArg::Teacher,
    })
}

fn name_of(method: MethodArg) -> String {
    use clap::ValueEnum;
    method.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// A warm-up that a run of triplets alone does not have.
fn warm_up(args: &TrainArgs, run: &TrainConfig) -> Option<SettingDifference> {
    let given = args.warm_up.filter(|epochs| *epochs > 0)?;
    let alone = run.phases.iter().all(settings::is_triplet);
    alone.then(|| difference("warm-up", "0", given.to_string()))
}

fn weights(args: &TrainArgs, run: &TrainConfig) -> anyhow::Result<Option<SettingDifference>> {
    let Some(given) = &args.network.weights else { return Ok(None) };
    let path = settings::weights_at(given)?;
    let same = run.weights.as_ref().is_some_and(|recorded| *recorded == path || same_file(recorded, &path));
    let recorded = run.weights.as_ref().map_or("not set".to_owned(), |path| display_name(path));
    Ok((!same).then(|| difference("weights", recorded, display_name(&path))))
}
