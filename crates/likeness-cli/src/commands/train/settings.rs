//! Flags to settings: defaults, then the file, then the flags; or a run's own settings, then the flags.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use likeness_data::augment::{AugmentConfig, StyleKind};
use likeness_model::folder::{graph_at, weights_beside};
use likeness_train::adapt::{AdaptationMethod, AdaptationPlace, DomainStatistics};
use likeness_train::backbone::{Architecture, Stage};
use likeness_train::loss::{EmbeddingDistance, TripletMargin};
use likeness_train::miner::{EasyPositiveNegative, Miner};
use likeness_train::network::NetworkConfig;
use likeness_train::ops::Precision;
use likeness_train::sampler::SamplerConfig;
use likeness_train::train::schedule::Decay;
use likeness_train::train::{LossConfig, OptimizerConfig, PhaseConfig, TrainConfig, WeightedLoss};
use likeness_train::weights::{WeightsFile, config_of};

use super::RunCard;
use crate::args::train::{
    AdaptArg, AdaptPlaceArg, AdaptStatisticsArg, AdaptationArgs, AugmentArg, LossArgs, MethodArg, MinerArg,
    NetworkArgs, OptimizerArg, PrecisionArg, ScheduleArg, StepArgs, TrainArgs, TripletDistanceArg,
};
use crate::failure::hinted;

/// What has been learned from many pictures moves more slowly than what begins afresh.
const PRETRAINED_RATES: [(Stage, f32); 4] =
    [(Stage::Stem, 0.3), (Stage::Layer1, 0.3), (Stage::Layer2, 0.3), (Stage::Layer3, 0.5)];
/// Weight of a teacher beside other losses, which are several times as large.
const TEACHER_WEIGHT: f32 = 4.0;
/// Share of the rate that triplets after a classification learn at.
const TRIPLET_RATE: f32 = 0.1;

/// What the flags change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    /// The defaults of the method.
    Defaults,
    /// A file of settings.
    File,
    /// The settings of a run that goes on.
    Run,
}

/// The settings of a new run.
pub(super) fn resolve(args: &TrainArgs) -> anyhow::Result<TrainConfig> {
    let method = args.method.unwrap_or(MethodArg::Triplet);
    let (mut config, mut base) = match &args.config {
        Some(file) => (read(file)?, Base::File),
        None => (by_method(method, args.network.backbone.unwrap_or_default()), Base::Defaults),
    };
    if args.config.is_some() && args.method.is_some() {
        config.phases = by_method(method, Architecture::default()).phases;
        base = Base::Defaults;
    }
    apply(args, base, &mut config)?;
    Ok(config)
}

/// The settings of a run with the flags that were given applied to them: a flag that repeats its value changes nothing.
///
/// `--config`, `--method` and `--weights` are not applied, see [`super::resume`].
pub(super) fn over_run(args: &TrainArgs, run: &TrainConfig) -> anyhow::Result<TrainConfig> {
    let mut config = run.clone();
    apply(args, Base::Run, &mut config)?;
    Ok(config)
}

fn apply(args: &TrainArgs, base: Base, config: &mut TrainConfig) -> anyhow::Result<()> {
    apply_phases(args, config);
    apply_losses(&args.losses, base, config)?;
    apply_network(&args.network, args.config.is_some(), base, config)?;
    apply_steps(&args.steps, config);
    apply_adaptation(&args.adaptation, base, config)?;
    config.seed = args.seed.unwrap_or(config.seed);
    config.network.seed = config.seed;
    config.workers = args.workers.unwrap_or(config.workers);
    Ok(())
}

/// Whether the identities in a batch of triplets are those that the program chooses, which may be fewer.
pub(super) fn may_shrink(args: &TrainArgs) -> bool {
    args.steps.identities_per_batch.is_none() && (args.config.is_none() || args.method.is_some())
}

/// The settings in a file: a run's own card, or settings alone.
pub(super) fn read(file: &Path) -> anyhow::Result<TrainConfig> {
    let text = fs_err::read_to_string(file)?;
    match toml::from_str::<RunCard>(&text) {
        Ok(card) => Ok(card.settings),
        Err(_) => toml::from_str(&text).with_context(|| format!("{}: not settings of a run", file.display())),
    }
}

fn by_method(method: MethodArg, architecture: Architecture) -> TrainConfig {
    let loss = match method {
        MethodArg::Triplet => return TrainConfig::triplet(architecture),
        MethodArg::Classification => LossConfig::Classification(Default::default()),
        MethodArg::ArcFace => LossConfig::ArcFace(Default::default()),
        MethodArg::CosFace => LossConfig::CosFace(Default::default()),
        MethodArg::Teacher => LossConfig::Teacher,
    };
    TrainConfig::single(architecture, loss)
}

pub(super) fn is_triplet(phase: &PhaseConfig) -> bool {
    phase.losses.iter().any(|l| matches!(l.loss, LossConfig::Triplet { .. }))
}

/// Lengths, rates and batches of the phases.
fn apply_phases(args: &TrainArgs, config: &mut TrainConfig) {
    if args.warm_up == Some(0) {
        let triplet_only: Vec<PhaseConfig> =
            config.phases.iter().filter(|p| is_triplet(p)).cloned().collect();
        if !triplet_only.is_empty() && triplet_only.len() < config.phases.len() {
            config.phases = triplet_only;
            // Alone, a triplet phase begins from nothing and needs the whole rate.
            config.phases[0].learning_rate /= TRIPLET_RATE;
        }
    }
    let several = config.phases.len() > 1;
    for phase in &mut config.phases {
        let (triplet, steps) = (is_triplet(phase), &args.steps);
        let epochs = if several && !triplet { args.warm_up } else { args.epochs };
        phase.epochs = epochs.unwrap_or(phase.epochs);
        if let Some(rate) = steps.learning_rate {
            phase.learning_rate = if several && triplet { TRIPLET_RATE * rate } else { rate };
        }
        match steps.schedule {
            Some(ScheduleArg::Cosine) => phase.schedule.decay = Decay::Cosine,
            Some(ScheduleArg::Step) => phase.schedule.decay = Decay::Step,
            Some(ScheduleArg::Constant) => phase.schedule.decay = Decay::Constant,
            None => {}
        }
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

fn apply_losses(args: &LossArgs, base: Base, config: &mut TrainConfig) -> anyhow::Result<()> {
    keep_classification(args, config)?;
    for loss in config.phases.iter_mut().flat_map(|phase| &mut phase.losses) {
        match &mut loss.loss {
            LossConfig::Classification(c) => {
                c.label_smoothing = args.label_smoothing.unwrap_or(c.label_smoothing)
            }
            LossConfig::ArcFace(c) => {
                c.margin_rad = args.margin.unwrap_or(c.margin_rad);
                c.scale = args.scale.unwrap_or(c.scale);
            }
            LossConfig::CosFace(c) => {
                c.margin = args.margin.unwrap_or(c.margin);
                c.scale = args.scale.unwrap_or(c.scale);
            }
            LossConfig::Triplet { miner, triplet } => {
                if let Some(text) = &args.triplet_margin {
                    triplet.margin = triplet_margin(text)?;
                }
                match args.triplet_distance {
                    Some(TripletDistanceArg::SquaredEuclidean) => {
                        triplet.distance = EmbeddingDistance::SquaredEuclidean
                    }
                    Some(TripletDistanceArg::Euclidean) => triplet.distance = EmbeddingDistance::Euclidean,
                    Some(TripletDistanceArg::Cosine) => triplet.distance = EmbeddingDistance::Cosine,
                    None => {}
                }
                if let Some(chosen) = args.miner {
                    let chosen = miner_of(chosen, triplet.margin)?;
                    let same = std::mem::discriminant(&chosen) == std::mem::discriminant(miner);
                    // The flag names the kind, so the numbers of a file or a run stay; a margin is the loss's.
                    if !same || matches!(chosen, Miner::SemiHard { .. }) {
                        *miner = chosen;
                    }
                }
            }
            LossConfig::Teacher => {}
        }
    }
    if args.teacher.is_some() {
        config.phases.iter_mut().for_each(|phase| learn_from_teacher(args.teacher_weight, base, phase));
    } else if config.needs_teacher() && base != Base::Run {
        return Err(hinted(
            "the teacher's embeddings are to be learned, and no teacher is named",
            "name one with --teacher MODEL",
        ));
    }
    Ok(())
}

/// Puts the teacher into a phase; the weight that a file or a run gives it stays, unless a flag gives another.
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

fn keep_classification(args: &LossArgs, config: &mut TrainConfig) -> anyhow::Result<()> {
    let Some(weight) = args.keep_classification else { return Ok(()) };
    let warm_up = config.phases.iter().find(|p| !is_triplet(p)).and_then(|p| p.losses.first());
    // Without a warm-up a classifier begins with the triplets.
    let loss = warm_up.map_or_else(|| LossConfig::CosFace(Default::default()), |l| l.loss.clone());
    let Some(triplets) = config.phases.iter_mut().find(|p| is_triplet(p)) else {
        bail!("--keep-classification: there are no triplets to keep it beside");
    };
    match triplets.losses.iter_mut().find(|l| l.loss.classifies()) {
        Some(kept) => kept.weight = weight,
        None => triplets.losses.push(WeightedLoss { weight, loss }),
    }
    Ok(())
}

fn triplet_margin(text: &str) -> anyhow::Result<TripletMargin> {
    if text == "soft" {
        return Ok(TripletMargin::Soft);
    }
    let margin =
        text.parse().with_context(|| format!("--triplet-margin {text}: expected a number or soft"))?;
    Ok(TripletMargin::Hinge(margin))
}

fn miner_of(arg: MinerArg, margin: TripletMargin) -> anyhow::Result<Miner> {
    Ok(match (arg, margin) {
        (MinerArg::All, _) => Miner::All,
        (MinerArg::BatchHard, _) => Miner::BatchHard,
        (MinerArg::SemiHard, TripletMargin::Hinge(margin)) => Miner::SemiHard { margin },
        (MinerArg::SemiHard, TripletMargin::Soft) => {
            return Err(hinted(
                "semi-hard triplets lie within a margin, and a soft one has no end",
                "name one, as --triplet-margin 0.2",
            ));
        }
        (MinerArg::EasyPositive, _) => Miner::EasyPositive { negative: EasyPositiveNegative::default() },
        (MinerArg::Random, _) => Miner::Random { per_anchor: 4 },
    })
}

fn apply_network(
    args: &NetworkArgs,
    has_file: bool,
    base: Base,
    config: &mut TrainConfig,
) -> anyhow::Result<()> {
    let network = &mut config.network;
    if let Some(architecture) = args.backbone {
        network.backbone.architecture = architecture;
    }
    if let Some(weights) = args.weights.as_ref().filter(|_| base != Base::Run) {
        let weights = weights_at(weights)?;
        let file = WeightsFile::open(&weights)?;
        // A file of settings has said which network it is.
        if !has_file {
            begin_as(&file, args.backbone, network);
        }
        network.backbone.adopt(file.metadata())?;
        config.weights = Some(weights);
    }
    network.embedding_dim = args.embedding_dim.unwrap_or(network.embedding_dim);
    network.dropout = args.dropout.unwrap_or(network.dropout);
    match args.precision {
        Some(PrecisionArg::Full) => network.precision = Precision::Full,
        Some(PrecisionArg::Bf16) => network.precision = Precision::Bf16,
        None => {}
    }
    if !args.allow_missing.is_empty() {
        config.allow_missing.clone_from(&args.allow_missing);
    }
    config.input_px = args.size.unwrap_or(config.input_px);
    if !args.freeze.is_empty() {
        config.freeze = args.freeze.iter().map(|name| stage(name)).collect::<anyhow::Result<_>>()?;
    }
    if !args.freeze_statistics.is_empty() {
        config.freeze_statistics =
            args.freeze_statistics.iter().map(|name| stage(name)).collect::<anyhow::Result<_>>()?;
    }
    // Only where neither a file nor a flag says otherwise.
    if base != Base::Run && args.weights.is_some() && args.rates.is_empty() && config.rates.is_empty() {
        config.rates.extend(PRETRAINED_RATES);
    }
    for rate in &args.rates {
        let (name, factor) =
            rate.split_once('=').with_context(|| format!("--rates {rate}: expected STAGE=FACTOR"))?;
        let factor = factor.parse().with_context(|| format!("--rates {rate}: expected a number"))?;
        config.rates.insert(stage(name)?, factor);
    }
    Ok(())
}

/// The file of weights that a path names: itself, or that of a model folder or a run.
pub(super) fn weights_at(path: &Path) -> anyhow::Result<PathBuf> {
    if path.is_dir() {
        return Ok(weights_beside(&graph_at(path)?)?);
    }
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")) {
        return Err(hinted(
            format!("--weights {}: a graph's layers have no names", path.display()),
            "make a model folder with likeness models import FILE --backbone NAME -o FOLDER, and name that",
        ));
    }
    Ok(path.to_owned())
}

/// The network that the file is of, where it is known: its architecture, unless one is named, and its head, if it has one.
fn begin_as(file: &WeightsFile, named: Option<Architecture>, network: &mut NetworkConfig) {
    let Ok(known) = config_of(file, named) else { return };
    network.backbone.architecture = known.backbone.architecture;
    if known.projection {
        let NetworkConfig { embedding_dim, feature_norm, neck, .. } = known;
        *network = NetworkConfig { embedding_dim, feature_norm, neck, ..network.clone() };
    }
}

fn apply_adaptation(args: &AdaptationArgs, base: Base, config: &mut TrainConfig) -> anyhow::Result<()> {
    if args.adapt_to.is_none() {
        return match config.adaptation {
            None => Ok(()),
            Some(_) if base == Base::Run => Ok(()),
            Some(_) => Err(hinted(
                "the run adapts to a target domain, and none is named",
                "name one with --adapt-to DATASET",
            )),
        };
    }
    let adaptation = config.adaptation.get_or_insert_default();
    adaptation.method = match args.adapt {
        Some(AdaptArg::Dann) => AdaptationMethod::Dann,
        Some(AdaptArg::Cdan) => AdaptationMethod::Cdan,
        Some(AdaptArg::Coral) => AdaptationMethod::Coral,
        Some(AdaptArg::Clusters) => AdaptationMethod::Clusters,
        Some(AdaptArg::Labels) => AdaptationMethod::Labels,
        Some(AdaptArg::AdaBn) => AdaptationMethod::AdaBn,
        None => adaptation.method,
    };
    adaptation.place = match args.adapt_at {
        Some(AdaptPlaceArg::Features) => AdaptationPlace::Features,
        Some(AdaptPlaceArg::Embedding) => AdaptationPlace::Embedding,
        None => adaptation.place,
    };
    adaptation.neighbours = args.adapt_neighbours.unwrap_or(adaptation.neighbours);
    adaptation.weight = args.adapt_weight.unwrap_or(adaptation.weight);
    adaptation.reversal_strength = args.reversal_strength.unwrap_or(adaptation.reversal_strength);
    adaptation.statistics = match args.adapt_statistics {
        Some(AdaptStatisticsArg::Separate) => DomainStatistics::Separate,
        Some(AdaptStatisticsArg::Shared) => DomainStatistics::Shared,
        None => adaptation.statistics,
    };
    Ok(())
}

fn stage(name: &str) -> anyhow::Result<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.name() == name).ok_or_else(|| {
        hinted(
            format!("{name}: no such stage"),
            format!("stages are {}", Stage::ALL.map(Stage::name).join(", ")),
        )
    })
}

fn apply_steps(args: &StepArgs, config: &mut TrainConfig) {
    config.accumulate = args.accumulate.unwrap_or(config.accumulate);
    match args.optimizer {
        // The flag names the kind, so the numbers of a file or a run stay.
        Some(OptimizerArg::Sgd) if !matches!(config.optimizer, OptimizerConfig::Sgd { .. }) => {
            config.optimizer = OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 5e-4 }
        }
        Some(OptimizerArg::AdamW) if !matches!(config.optimizer, OptimizerConfig::AdamW { .. }) => {
            config.optimizer = OptimizerConfig::default()
        }
        Some(_) | None => {}
    }
    if let Some(decay) = args.weight_decay {
        match &mut config.optimizer {
            OptimizerConfig::Sgd { weight_decay, .. } | OptimizerConfig::AdamW { weight_decay, .. } => {
                *weight_decay = decay
            }
        }
    }
    match args.clip {
        Some(0.0) => config.clip_norm = None,
        Some(norm) => config.clip_norm = Some(norm),
        None => {}
    }
    config.averaging = args.average.unwrap_or(config.averaging);
    config.augmentation = match args.augment {
        Some(AugmentArg::None) => AugmentConfig::none(),
        Some(AugmentArg::Default) => AugmentConfig::default(),
        Some(AugmentArg::Strong) => AugmentConfig::strong(),
        Some(AugmentArg::Style) => AugmentConfig::style(),
        Some(AugmentArg::Posterise) => AugmentConfig::drawn(Some(StyleKind::Posterise)),
        Some(AugmentArg::Sketch) => AugmentConfig::drawn(Some(StyleKind::Sketch)),
        Some(AugmentArg::Outline) => AugmentConfig::drawn(Some(StyleKind::Outline)),
        Some(AugmentArg::Colour) => AugmentConfig::colour(),
        Some(AugmentArg::Compression) => AugmentConfig::compression(),
        None => config.augmentation,
    };
    config.validation_share = args.validation.unwrap_or(config.validation_share);
    config.patience = args.patience.or(config.patience);
}
