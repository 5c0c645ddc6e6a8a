//! The parts that a run starts with: network, losses, loaders, and the list of photos trained on.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::ParamId;
use burn::tensor::Device;
use likeness_data::augment::AugmentConfig;
use likeness_model::trained_on::{self, TrainedOn};

use super::config::TrainConfig;
use super::epoch::Learner;
use super::faces::TrainingFaces;
use super::numbers::Average;
use super::objective::Objective;
use super::observer::Observer;
use super::optimizer::Optimizer;
use super::target::TargetFaces;
use crate::Result;
use crate::adapt::AdaptationPlace;
use crate::backbone::Stage;
use crate::loader::{FaceFile, Loader, LoaderConfig};
use crate::network::{Network, parameters};
use crate::weights::{LoadOptions, load_weights};

/// An untrained network with its starting weights.
pub(super) fn first_network(
    config: &TrainConfig,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Network> {
    let mut network = config.network.init(device)?;
    if let Some(weights) = &config.weights {
        let options = LoadOptions { allow_missing: config.allow_missing.clone(), ..LoadOptions::default() };
        let report = load_weights(&mut network, weights, &options)?;
        observer.say(report.to_string());
    }
    Ok(network)
}

/// The list of photos that the run's networks are trained on: the run's own list where it has one, else its faces and the list
/// of the starting weights.
pub(super) fn trained_on(
    faces: &TrainingFaces,
    config: &TrainConfig,
    run: &Path,
    resumed: bool,
) -> Result<TrainedOn> {
    let kept = run.join(trained_on::FILE);
    if resumed && kept.exists() {
        return Ok(TrainedOn::read(&kept)?);
    }
    let mut all = faces.trained_on().clone();
    if let Some(before) = config.weights.as_ref().map(|weights| TrainedOn::beside(weights)).transpose()? {
        all.extend(before.unwrap_or_default());
    }
    Ok(all)
}

/// A loader of faces for training.
pub(super) fn loader(config: &TrainConfig, faces: &[FaceFile], augment: AugmentConfig) -> Result<Loader> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = LoaderConfig {
        size: config.input_px,
        normalization: config.network.backbone.architecture.normalization(),
        augment,
        seed: config.seed,
        threads: if config.workers == 0 { cores } else { config.workers },
        batches_ahead: 3,
        cache_bytes: (config.cache_mib as u64) << 20,
    };
    Loader::new(faces.to_vec(), settings)
}

/// A loader of faces without augmentation.
pub(super) fn plain_loader(config: &TrainConfig, faces: &[FaceFile]) -> Result<Loader> {
    loader(config, faces, AugmentConfig::none())
}

/// The target domain's faces, for a run that adapts to them.
pub(super) fn target(faces: &TrainingFaces, config: &TrainConfig) -> Result<Option<TargetFaces>> {
    let Some(adaptation) = config.adaptation else { return Ok(None) };
    let varied = loader(config, &faces.target, config.augmentation)?;
    let loaders = [varied, plain_loader(config, &faces.target)?];
    Ok(Some(TargetFaces::new(adaptation, loaders, faces, config.seed)?))
}

/// The losses of a phase, their parameters drawn from the run's seed.
pub(super) fn objective(
    faces: &TrainingFaces,
    config: &TrainConfig,
    phase: usize,
    device: &Device,
) -> Result<Objective> {
    let seed = config.seed.wrapping_add(1 + phase as u64);
    let dim = config.network.embedding_dim;
    let objective = Objective::new(&config.phases[phase], faces, dim, seed, device)?;
    match config.adaptation {
        None => Ok(objective),
        Some(adaptation) => {
            let dim = match adaptation.place {
                AdaptationPlace::Features => config.network.backbone.architecture.feature_dim(),
                AdaptationPlace::Embedding => dim,
            };
            objective.adapting(adaptation, dim, seed, device)
        }
    }
}

/// A learner at the beginning of a phase.
pub(super) fn learner(network: Network, objective: Objective, config: &TrainConfig, phase: usize) -> Learner {
    let factor = |stage| config.rates.get(&stage).copied().unwrap_or(1.0);
    let mut keys: BTreeMap<ParamId, (String, f32)> = parameters(&network)
        .into_iter()
        .filter(|info| info.trained)
        .map(|info| (info.id, (info.key, factor(info.stage))))
        .collect();
    keys.extend(objective.keys(phase, factor(Stage::Head)));
    let optimizer = Optimizer::new(config.optimizer);
    Learner { network, objective, optimizer, keys, average: Average::default() }
}
