//! Resolves options to settings. The base is the defaults, a settings file, or the settings of a run; options override it.

use std::path::{Path, PathBuf};

use likeness_model::folder::{graph_at, weights_beside};
use likeness_train::backbone::{Architecture, Stage};
use likeness_train::loss::TripletMargin;
use likeness_train::miner::{EasyPositiveNegative, Miner};
use likeness_train::network::NetworkConfig;
use likeness_train::sampler::SamplerConfig;
use likeness_train::train::{LossConfig, OptimizerConfig, PhaseConfig, TrainConfig, WeightedLoss};
use likeness_train::weights::{WeightsFile, config_of};

use super::card::RunCard;
use super::options::{
    AdaptationOptions, LossOptions, Method, MinerKind, NetworkOptions, OptimizerKind, StepOptions, Teacher,
    TrainOptions, Weights,
};
use crate::{Result, invalid};

/// Factors of the learning rate of pretrained stages, which are trained more slowly than new layers.
const PRETRAINED_RATES: [(Stage, f32); 4] =
    [(Stage::Stem, 0.3), (Stage::Layer1, 0.3), (Stage::Layer2, 0.3), (Stage::Layer3, 0.5)];
/// Default weight of the teacher loss. Other losses are several times as large.
const TEACHER_WEIGHT: f32 = 4.0;
/// Default weight of the teacher loss where the teacher is the built-in model that the run starts from.
const OWN_TEACHER_WEIGHT: f32 = 30.0;
/// Default number of epochs of a run that starts from a built-in model.
const BUILT_IN_EPOCHS: u32 = 3;
/// Default learning rate of a run that starts from a built-in model.
const BUILT_IN_RATE: f32 = 5e-5;
/// Factor of the learning rate of triplets after a warm-up.
const TRIPLET_RATE: f32 = 0.1;

/// The settings that options override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    /// The defaults of the method.
    Defaults,
    /// A settings file.
    File,
    /// The settings of a run to continue.
    Run,
}

/// Resolves the settings of a new run that starts from the built-in model in `folder`, with that model as the teacher unless
/// the options name another or none. The options override the recipe: triplets with a small learning rate. A classifier would
/// begin with random weights for the identities, which pull the network away from what it knows.
pub(super) fn resolve_built_in(options: &TrainOptions, folder: &Path) -> Result<TrainConfig> {
    let mut options = options.clone();
    options.network.weights = Some(Weights::File(folder.to_owned()));
    let losses = &mut options.losses;
    if losses.teacher.is_none() {
        losses.teacher = Some(Teacher::Model(folder.display().to_string()));
        losses.teacher_weight = losses.teacher_weight.or(Some(OWN_TEACHER_WEIGHT));
    }
    if options.method.is_none() {
        options.method = Some(Method::Triplet);
        options.warm_up = options.warm_up.or(Some(0));
        options.epochs = options.epochs.or(Some(BUILT_IN_EPOCHS));
    }
    options.steps.learning_rate = options.steps.learning_rate.or(Some(BUILT_IN_RATE));
    resolve(&options)
}

/// Resolves the settings of a new run.
pub(super) fn resolve(options: &TrainOptions) -> Result<TrainConfig> {
    let method = options.method.unwrap_or(Method::Triplet);
    let (mut config, mut base) = match &options.config {
        Some(file) => (read(file)?, Base::File),
        None => (by_method(method, options.network.backbone.unwrap_or_default()), Base::Defaults),
    };
    if options.config.is_some() && options.method.is_some() {
        config.phases = by_method(method, Architecture::default()).phases;
        base = Base::Defaults;
    }
    apply(options, base, &mut config)?;
    Ok(config)
}

/// The settings of a run, overridden by the options. An option that repeats the value of the run changes nothing.
///
/// `--config`, `--method` and `--weights` are not applied, see [`super::resume`].
pub(super) fn over_run(options: &TrainOptions, run: &TrainConfig) -> Result<TrainConfig> {
    let mut config = run.clone();
    apply(options, Base::Run, &mut config)?;
    Ok(config)
}

fn apply(options: &TrainOptions, base: Base, config: &mut TrainConfig) -> Result<()> {
    apply_phases(options, config);
    apply_losses(&options.losses, base, config)?;
    apply_network(&options.network, options.config.is_some(), base, config)?;
    apply_steps(&options.steps, config);
    apply_adaptation(&options.adaptation, base, config)?;
    config.seed = options.seed.unwrap_or(config.seed);
    config.network.seed = config.seed;
    config.workers = options.workers.unwrap_or(config.workers);
    Ok(())
}

/// Whether the number of identities per batch of triplets is a default, which may be reduced for a small dataset.
pub(super) fn may_shrink(options: &TrainOptions) -> bool {
    options.steps.identities_per_batch.is_none() && (options.config.is_none() || options.method.is_some())
}

/// Reads settings from a file: the card of a run, or settings only.
pub(super) fn read(file: &Path) -> Result<TrainConfig> {
    let text = fs_err::read_to_string(file)?;
    match toml::from_str::<RunCard>(&text) {
        Ok(card) => Ok(card.settings),
        Err(_) => toml::from_str(&text).map_err(|error| not_settings(file, &error)),
    }
}

fn not_settings(file: &Path, error: &toml::de::Error) -> crate::LikenessError {
    invalid(
        format!("{}: not settings of a run: {}", file.display(), error.message()),
        "name the run.toml of a run, or a file of its settings alone",
    )
}

fn by_method(method: Method, architecture: Architecture) -> TrainConfig {
    let loss = match method {
        Method::Triplet => return TrainConfig::triplet(architecture),
        Method::Classification => LossConfig::Classification(Default::default()),
        Method::ArcFace => LossConfig::ArcFace(Default::default()),
        Method::CosFace => LossConfig::CosFace(Default::default()),
        Method::Teacher => LossConfig::Teacher,
    };
    TrainConfig::single(architecture, loss)
}

pub(super) fn is_triplet(phase: &PhaseConfig) -> bool {
    phase.losses.iter().any(|l| matches!(l.loss, LossConfig::Triplet { .. }))
}

/// Lengths, rates and batches of the phases.
fn apply_phases(options: &TrainOptions, config: &mut TrainConfig) {
    if options.warm_up == Some(0) {
        let triplet_only: Vec<PhaseConfig> =
            config.phases.iter().filter(|p| is_triplet(p)).cloned().collect();
        if !triplet_only.is_empty() && triplet_only.len() < config.phases.len() {
            config.phases = triplet_only;
            // Without a warm-up, a triplet phase starts from random weights and needs the full learning rate.
            config.phases[0].learning_rate /= TRIPLET_RATE;
        }
    }
    let several = config.phases.len() > 1;
    for phase in &mut config.phases {
        let (triplet, steps) = (is_triplet(phase), &options.steps);
        let epochs = if several && !triplet { options.warm_up } else { options.epochs };
        phase.epochs = epochs.unwrap_or(phase.epochs);
        if let Some(rate) = steps.learning_rate {
            phase.learning_rate = if several && triplet { TRIPLET_RATE * rate } else { rate };
        }
        phase.schedule.decay = steps.schedule.unwrap_or(phase.schedule.decay);
        match &mut phase.sampler {
            SamplerConfig::Shuffled(shuffled) => {
                shuffled.batch_size = steps.batch.unwrap_or(shuffled.batch_size)
            }
            SamplerConfig::Balanced(balanced) => {
                let (p, k) = (&mut balanced.identities_per_batch, &mut balanced.images_per_identity);
                *p = steps.identities_per_batch.unwrap_or(*p);
                *k = steps.images_per_identity.unwrap_or(*k);
                balanced.images_per_epoch = steps.images_per_epoch.unwrap_or(balanced.images_per_epoch);
            }
        }
    }
}

fn apply_losses(options: &LossOptions, base: Base, config: &mut TrainConfig) -> Result<()> {
    keep_classification(options, config)?;
    for loss in config.phases.iter_mut().flat_map(|phase| &mut phase.losses) {
        match &mut loss.loss {
            LossConfig::Classification(c) => {
                c.label_smoothing = options.label_smoothing.unwrap_or(c.label_smoothing)
            }
            LossConfig::ArcFace(c) => {
                c.margin_rad = options.margin.unwrap_or(c.margin_rad);
                c.scale = options.scale.unwrap_or(c.scale);
            }
            LossConfig::CosFace(c) => {
                c.margin = options.margin.unwrap_or(c.margin);
                c.scale = options.scale.unwrap_or(c.scale);
            }
            LossConfig::Triplet { miner, triplet } => {
                triplet.margin = options.triplet_margin.unwrap_or(triplet.margin);
                triplet.distance = options.triplet_distance.unwrap_or(triplet.distance);
                if let Some(chosen) = options.miner {
                    let chosen = miner_of(chosen, triplet.margin)?;
                    let same = std::mem::discriminant(&chosen) == std::mem::discriminant(miner);
                    // The option sets the kind only, so other values of a file or a run are kept.
                    // The margin is that of the loss.
                    if !same || matches!(chosen, Miner::SemiHard { .. }) {
                        *miner = chosen;
                    }
                }
            }
            LossConfig::Teacher => {}
        }
    }
    if let Some(Teacher::None) = options.teacher {
        let objective = config.phases.iter().any(|p| p.losses.iter().all(|l| l.loss == LossConfig::Teacher));
        if objective {
            return Err(invalid(
                "--teacher none: the teacher's embeddings are the training objective",
                "name a teacher, or choose another --method",
            ));
        }
        for phase in &mut config.phases {
            phase.losses.retain(|l| l.loss != LossConfig::Teacher);
        }
    } else if options.teacher.is_some() {
        config.phases.iter_mut().for_each(|phase| learn_from_teacher(options.teacher_weight, base, phase));
    } else if options.teacher_weight.is_some() && !config.needs_teacher() {
        return Err(invalid("--teacher-weight: the run has no teacher", "name one with --teacher MODEL"));
    } else if config.needs_teacher() && base != Base::Run {
        return Err(invalid(
            "the training objective needs a teacher, but none is given",
            "name one with --teacher MODEL",
        ));
    }
    Ok(())
}

/// Adds the teacher loss to a phase. Its weight in a file or a run is kept, unless an option sets another.
fn learn_from_teacher(weight: Option<f32>, base: Base, phase: &mut PhaseConfig) {
    match phase.losses.iter_mut().find(|l| l.loss == LossConfig::Teacher) {
        Some(teacher) if base == Base::Defaults => teacher.weight = weight.unwrap_or(TEACHER_WEIGHT),
        Some(teacher) => teacher.weight = weight.unwrap_or(teacher.weight),
        None => {
            let weight = weight.unwrap_or(TEACHER_WEIGHT);
            phase.losses.push(WeightedLoss { weight, loss: LossConfig::Teacher });
        }
    }
}

fn keep_classification(options: &LossOptions, config: &mut TrainConfig) -> Result<()> {
    let Some(weight) = options.keep_classification else { return Ok(()) };
    let warm_up = config.phases.iter().find(|p| !is_triplet(p)).and_then(|p| p.losses.first());
    // Without a warm-up, a new classifier is trained together with the triplets.
    let loss = warm_up.map_or_else(|| LossConfig::CosFace(Default::default()), |l| l.loss.clone());
    let Some(triplets) = config.phases.iter_mut().find(|p| is_triplet(p)) else {
        return Err(invalid(
            "--keep-classification: only applies to the triplet loss",
            "leave it out, or use --method triplet",
        ));
    };
    match triplets.losses.iter_mut().find(|l| l.loss.classifies()) {
        Some(kept) => kept.weight = weight,
        None => triplets.losses.push(WeightedLoss { weight, loss }),
    }
    Ok(())
}

fn miner_of(arg: MinerKind, margin: TripletMargin) -> Result<Miner> {
    Ok(match (arg, margin) {
        (MinerKind::All, _) => Miner::All,
        (MinerKind::BatchHard, _) => Miner::BatchHard,
        (MinerKind::SemiHard, TripletMargin::Hinge(margin)) => Miner::SemiHard { margin },
        (MinerKind::SemiHard, TripletMargin::Soft) => {
            return Err(invalid(
                "semi-hard mining needs a margin, but the margin is soft",
                "set one, such as --triplet-margin 0.2",
            ));
        }
        (MinerKind::EasyPositive, _) => Miner::EasyPositive { negative: EasyPositiveNegative::default() },
        (MinerKind::Random, _) => Miner::Random { per_anchor: 4 },
    })
}

fn apply_network(
    options: &NetworkOptions,
    has_file: bool,
    base: Base,
    config: &mut TrainConfig,
) -> Result<()> {
    let network = &mut config.network;
    if let Some(architecture) = options.backbone {
        network.backbone.architecture = architecture;
    }
    if base != Base::Run && options.weights == Some(Weights::Random) {
        config.weights = None;
    }
    let starting_file = match &options.weights {
        Some(Weights::File(path)) if base != Base::Run => Some(path),
        _ => None,
    };
    if let Some(weights) = starting_file {
        let weights = weights_at(weights)?;
        let file = WeightsFile::open(&weights)?;
        // A settings file already defines the network.
        if !has_file {
            begin_as(&file, options.backbone, network);
        }
        network.backbone.adopt(file.metadata())?;
        config.weights = Some(weights);
        if !has_file {
            config.input_px = network.backbone.architecture.training_side_px();
        }
    }
    network.embedding_dim = options.embedding_dim.unwrap_or(network.embedding_dim);
    network.dropout = options.dropout.unwrap_or(network.dropout);
    network.precision = options.precision.unwrap_or(network.precision);
    if !options.allow_missing.is_empty() {
        config.allow_missing.clone_from(&options.allow_missing);
    }
    config.input_px = options.size.unwrap_or(config.input_px);
    if !options.freeze.is_empty() {
        config.freeze = options.freeze.clone();
    }
    if !options.freeze_statistics.is_empty() {
        config.freeze_statistics = options.freeze_statistics.clone();
    }
    // Pretrained stages get their own rates only if neither a file nor an option sets rates.
    if starting_file.is_some() && options.rates.is_empty() && config.rates.is_empty() {
        config.rates.extend(PRETRAINED_RATES);
    }
    config.rates.extend(options.rates.iter().copied());
    Ok(())
}

/// The weights file of a path: the path itself, or the weights of a model folder or a run.
pub(super) fn weights_at(path: &Path) -> Result<PathBuf> {
    if path.is_dir() {
        return Ok(weights_beside(&graph_at(path)?)?);
    }
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")) {
        return Err(invalid(
            format!("--weights {}: the layers of an ONNX graph have no names", path.display()),
            "make a model folder with likeness models import FILE --backbone NAME -o FOLDER, and name that",
        ));
    }
    Ok(path.to_owned())
}

/// Sets the network to that of the weights file, if it is recognised: the architecture, unless it is given, and the head.
fn begin_as(file: &WeightsFile, named: Option<Architecture>, network: &mut NetworkConfig) {
    let Ok(known) = config_of(file, named) else { return };
    network.backbone.architecture = known.backbone.architecture;
    if known.projection {
        let NetworkConfig { embedding_dim, feature_norm, neck, .. } = known;
        *network = NetworkConfig { embedding_dim, feature_norm, neck, ..network.clone() };
    }
}

fn apply_adaptation(options: &AdaptationOptions, base: Base, config: &mut TrainConfig) -> Result<()> {
    if options.adapt_to.is_none() {
        return match config.adaptation {
            None => Ok(()),
            Some(_) if base == Base::Run => Ok(()),
            Some(_) => Err(invalid(
                "the run adapts to a target domain, but none is given",
                "name one with --adapt-to DATASET",
            )),
        };
    }
    let adaptation = config.adaptation.get_or_insert_default();
    adaptation.method = options.method.unwrap_or(adaptation.method);
    adaptation.place = options.place.unwrap_or(adaptation.place);
    adaptation.neighbours = options.neighbours.unwrap_or(adaptation.neighbours);
    adaptation.weight = options.weight.unwrap_or(adaptation.weight);
    adaptation.reversal_strength = options.reversal_strength.unwrap_or(adaptation.reversal_strength);
    adaptation.statistics = options.statistics.unwrap_or(adaptation.statistics);
    Ok(())
}

fn apply_steps(options: &StepOptions, config: &mut TrainConfig) {
    config.accumulate = options.accumulate.unwrap_or(config.accumulate);
    match options.optimizer {
        // The option sets the kind only, so other values of a file or a run are kept.
        Some(OptimizerKind::Sgd) if !matches!(config.optimizer, OptimizerConfig::Sgd { .. }) => {
            config.optimizer = OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 5e-4 }
        }
        Some(OptimizerKind::AdamW) if !matches!(config.optimizer, OptimizerConfig::AdamW { .. }) => {
            config.optimizer = OptimizerConfig::default()
        }
        Some(_) | None => {}
    }
    if let Some(decay) = options.weight_decay {
        match &mut config.optimizer {
            OptimizerConfig::Sgd { weight_decay, .. } | OptimizerConfig::AdamW { weight_decay, .. } => {
                *weight_decay = decay
            }
        }
    }
    match options.clip {
        Some(0.0) => config.clip_norm = None,
        Some(norm) => config.clip_norm = Some(norm),
        None => {}
    }
    config.averaging = options.average.unwrap_or(config.averaging);
    config.augmentation = options.augmentation.unwrap_or(config.augmentation);
    config.validation_share = options.validation.unwrap_or(config.validation_share);
    config.patience = options.patience.or(config.patience);
}
