//! A run from its configuration to its folder.
//!
//! | file | holds |
//! |---|---|
//! | `run.toml` | the resolved settings, the dataset, the version |
//! | `history.jsonl` | a line an epoch, see [`history`] |
//! | `checkpoint/` | what the run needs to go on, see [`checkpoint`] |
//! | `model/` | the best network so far, see [`likeness_model::folder`] |
//! | `phases/` | the network at the end of each phase but the last, such as `1-cosface/` |
//! | `trained-on.txt` | hashes of the photos trained on, also beside each network, see [`trained_on`] |
//! | `.likeness.lock` | locked while a process trains, see [`folder`](super::folder) |

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::module::{Module, ParamId};
use burn::tensor::Device;
use likeness_artifact::sha256_hex;
use likeness_data::augment::AugmentConfig;

use super::checkpoint::{self, State};
use super::config::TrainConfig;
use super::epoch::{EpochPlan, EpochSums, Learner};
use super::faces::TrainingFaces;
use super::folder::{HISTORY, RunFolder};
use super::guard::Warning;
use super::history::{self, EpochRecord};
use super::numbers::Average;
use super::objective::Objective;
use super::optimizer::Optimizer;
use super::target::TargetFaces;
use super::validation::{Accuracy, accuracy, embed};
use crate::adapt::reversal::strength_at;
use crate::adapt::{AdaptationConfig, AdaptationMethod, AdaptationPlace};
use crate::export::{ModelCard, write_model_folder};
use crate::loader::{Batch, FaceFile, Loader, LoaderConfig};
use crate::network::{Network, parameters};
use crate::weights::{LoadOptions, load_weights};
use crate::{Result, TrainError};
use likeness_model::Alignment;
use likeness_model::trained_on::{self, TrainedOn};

/// Where the networks of phases that have ended are.
const PHASES: &str = "phases";
/// Where the network with the target's statistics is.
const FOR_TARGET: &str = "target";
/// Faces that are embedded at a time for validation.
const VALIDATION_BATCH: usize = 32;
/// Share of active triplets below which a warning is given.
const FEW_ACTIVE: f64 = 0.02;
/// Share of an epoch spent waiting for pictures above which a warning is given.
const MUCH_WAITING: f64 = 0.05;

/// Is informed of a run's progress.
pub trait Observer {
    /// After every batch; a break stops the run, which can be resumed.
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()>;
    /// After every epoch.
    fn on_epoch(&mut self, record: &EpochRecord);
    /// Something that the user should know.
    fn say(&mut self, message: String);
    /// A batch whose loss is not finite, before the run ends with an error.
    fn broken_batch(&mut self, batch: &Batch);
}

/// Where an epoch stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Counted from 1, over all phases.
    pub epoch: u32,
    /// Of all phases.
    pub epochs: u32,
    /// The phase's name.
    pub phase: String,
    /// Batches of the epoch so far.
    pub batch: u64,
    /// Batches of the epoch.
    pub batches: u64,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Share of faces whose identity the classifier told.
    pub train_top1: Option<f64>,
    /// Share of triplets that violated the margin.
    pub active_triplets: Option<f64>,
    /// Faces a second.
    pub images_per_second: f64,
    /// Share of the time spent waiting for pictures.
    pub waiting_share: f64,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Epochs done.
    pub epochs: u32,
    /// Whether it was stopped before its end, and can be resumed.
    pub stopped: bool,
    /// Whether it ended for want of progress.
    pub stopped_early: bool,
    /// Best validation top-1 and its epoch.
    pub best: Option<(f64, u32)>,
}

/// Trains on `faces` by `config` in the folder `run`; goes on from its checkpoint where it has one.
///
/// # Errors        as [`RunFolder::open`], [`Training::begin`] and [`Training::go_on`]
pub fn train(
    faces: &TrainingFaces,
    config: &TrainConfig,
    run: &Path,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let folder = RunFolder::open(run)?;
    Training::begin(faces, config, &folder, device, observer)?.go_on(observer)
}

/// A run that may take its first step: its settings, faces, weights and checkpoint fit together.
pub struct Training<'a> {
    pub(super) faces: &'a TrainingFaces,
    pub(super) config: &'a TrainConfig,
    pub(super) run: PathBuf,
    pub(super) device: Device,
    pub(super) learner: Learner,
    loader: Loader,
    validation_loader: Loader,
    target: Option<TargetFaces>,
    trained_on: TrainedOn,
    pub(super) phase: usize,
    done: u32,
    best: Option<(f64, u32)>,
}

impl<'a> Training<'a> {
    /// Checks the settings and the faces for every phase, loads the weights or the checkpoint, and writes nothing but what a
    /// run that goes on has to put right.
    ///
    /// # Errors        settings, weights, faces that do not fit; a checkpoint of other settings or faces
    pub fn begin(
        faces: &'a TrainingFaces,
        config: &'a TrainConfig,
        folder: &'a RunFolder,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        config.validate()?;
        config.check_faces(faces)?;
        config.check_teacher(faces)?;
        let checkpoint = checkpoint::read(folder.path())?;
        let trained_on = trained_on(faces, config, folder.path(), checkpoint.is_some())?;
        let device = device.clone().autodiff();
        let network = match &checkpoint {
            Some(_) => config.network.init(&device)?,
            None => first_network(config, &device, observer)?,
        };
        let network = network.freeze(&config.freeze).freeze_statistics(&config.freeze_statistics);
        let target = match config.adaptation {
            None => None,
            Some(adaptation) => {
                let varied = loader(config, &faces.target, config.augmentation)?;
                let loaders = [varied, loader_of_validation(config, &faces.target)?];
                Some(TargetFaces::new(adaptation, loaders, faces, config.seed)?)
            }
        };
        let mut training = Self {
            faces,
            config,
            run: folder.path().to_owned(),
            learner: learner(network, objective(faces, config, 0, &device)?, config, 0),
            device,
            loader: loader(config, &faces.train, config.augmentation)?,
            validation_loader: loader_of_validation(config, &faces.validation)?,
            target,
            trained_on,
            phase: 0,
            done: 0,
            best: None,
        };
        match checkpoint {
            Some(loaded) => training.restore(loaded, observer)?,
            None => drop(history::keep(&training.run.join(HISTORY), 0)?),
        }
        Ok(training)
    }

    pub(super) fn network(&self) -> &Network {
        self.learner.network.as_ref().expect("a network between steps")
    }

    /// What another run must agree with to go on from this one's checkpoint.
    fn fingerprints(&self) -> (String, String) {
        let settings = TrainConfig { workers: 0, cache_mib: 0, ..self.config.clone() };
        let text = toml::to_string(&settings).expect("settings are plain data");
        (self.faces.fingerprint(), sha256_hex(text.as_bytes()))
    }

    fn restore(&mut self, loaded: checkpoint::Loaded, observer: &mut dyn Observer) -> Result<()> {
        if let Some(reason) = &loaded.instead_of {
            observer.say(format!("{reason}; going on from the checkpoint before it"));
        }
        let (faces, settings) = self.fingerprints();
        let differing = [
            ("faces or labels", &loaded.state.faces, &faces),
            ("settings", &loaded.state.settings, &settings),
        ];
        if let Some((what, ..)) = differing.iter().find(|(_, a, b)| a != b) {
            return Err(TrainError::OtherRun { path: self.run.clone(), what });
        }
        self.done = loaded.state.epochs;
        self.best = loaded.state.best;
        if let Some((phase, place)) = self.config.phase_of(self.done) {
            // At a boundary the checkpoint is of the phase that has ended; the next one is begun from it.
            self.phase = if place == 0 { phase.saturating_sub(1) } else { phase };
            let network = self.learner.network.take().expect("a network between steps");
            let objective = objective(self.faces, self.config, self.phase, &self.device)?;
            self.learner = learner(network, objective, self.config, self.phase);
            self.take_tensors(&loaded.tensors, loaded.state.steps)?;
        }
        history::keep(&self.run.join(HISTORY), self.done)?;
        checkpoint::heal(&self.run)?;
        observer.say(format!("going on after epoch {} of {}", self.done, self.config.epochs()));
        Ok(())
    }

    /// Trains to the end, or until the observer asks for a stop.
    ///
    /// # Errors        a loss, a gradient or an embedding that is not finite; no face that can be read; the disk
    pub fn go_on(mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        if !self.trained_on.is_empty() {
            self.trained_on.write(&self.run)?;
        }
        let mut unsaved = false;
        while let Some((phase, place)) = self.config.phase_of(self.done) {
            if place == 0 && phase != self.phase {
                self.begin_phase(phase)?;
            }
            let sums = self.epoch(place, observer)?;
            if sums.stopped {
                return Ok(self.outcome(true, false));
            }
            self.done += 1;
            let accuracy = self.validate(sums.steps)?;
            let record = self.record(&sums, accuracy);
            self.keep_best(accuracy)?;
            self.keep_phase()?;
            history::append(&self.run.join(HISTORY), &record)?;
            observer.on_epoch(&record);
            self.warn(&sums, observer);
            unsaved = self.save(observer, unsaved);
            if self.waited_long_enough() {
                return Ok(self.outcome(false, true));
            }
        }
        Ok(self.outcome(false, false))
    }

    /// Goes on with the network as it is, with the losses and an optimiser of `phase`.
    fn begin_phase(&mut self, phase: usize) -> Result<()> {
        let mut objective = objective(self.faces, self.config, phase, &self.device)?;
        objective.inherit(&self.learner.objective);
        let network = self.learner.network.take().expect("a network between steps");
        let next = learner(network, objective, self.config, phase);
        let before = std::mem::replace(&mut self.learner, next);
        self.learner.average = before.average;
        self.phase = phase;
        Ok(())
    }

    fn outcome(&self, stopped: bool, stopped_early: bool) -> Outcome {
        Outcome { epochs: self.done, stopped, stopped_early, best: self.best }
    }

    fn waited_long_enough(&self) -> bool {
        let since_best = self.best.map(|(_, epoch)| self.done - epoch);
        matches!((self.config.patience, since_best), (Some(patience), Some(since)) if since >= patience)
    }

    fn epoch(&mut self, place: u32, observer: &mut dyn Observer) -> Result<EpochSums> {
        let phase = &self.config.phases[self.phase];
        let labels = self.faces.labels();
        let sampler = phase.sampler.build(&labels, self.config.seed)?;
        if place == 0 {
            sampler.warnings().iter().for_each(|warning| observer.say(warning.to_string()));
        }
        let batches = sampler.batches(u64::from(self.done));
        let per_epoch = batches.len().div_ceil(self.config.accumulate) as u64;
        let plan = EpochPlan {
            config: self.config,
            faces: self.faces,
            device: &self.device,
            epoch: self.done,
            phase: self.phase,
            step: per_epoch * u64::from(place),
            steps: per_epoch * u64::from(phase.epochs),
            batches: batches.len() as u64,
            least_batch: self.config.least_batch(),
            reversal_strength: [self.done, self.done + 1].map(|epoch| self.reversal_strength(epoch)),
        };
        let epoch = self.loader.epoch(u64::from(self.done), &batches)?;
        let target = match &self.target {
            None => None,
            Some(target) => target.epoch(self.done, &batches, &phase.sampler, || {
                let network = self.network_for_target()?.unwrap_or_else(|| self.finished_network());
                Ok((network.valid(), self.device.clone().inner()))
            })?,
        };
        if let (None, Some(AdaptationMethod::Clusters)) = (&target, self.config.adaptation.map(|a| a.method))
        {
            observer.say(
                "the target's faces fall into no groups yet: this epoch learns from the source alone"
                    .to_owned(),
            );
        }
        let mut sums = self.learner.epoch(&plan, epoch, target, observer)?;
        sums.skipped = self.loader.report().unreadable.len();
        Ok(sums)
    }

    /// λ after so many epochs of the run.
    fn reversal_strength(&self, epochs: u32) -> f32 {
        let progress = epochs as f32 / self.config.epochs() as f32;
        let of = |a: &AdaptationConfig| strength_at(progress, a.reversal_strength, a.steepness);
        self.config.adaptation.as_ref().map_or(0.0, of)
    }

    fn validate(&mut self, step: u64) -> Result<Option<Accuracy>> {
        let faces = &self.faces.validation;
        if faces.is_empty() {
            return Ok(None);
        }
        let order: Vec<usize> = (0..faces.len()).collect();
        let batches: Vec<Vec<usize>> = order.chunks(VALIDATION_BATCH).map(<[usize]>::to_vec).collect();
        let epoch = self.validation_loader.epoch(0, &batches)?;
        let network = self.finished_network().valid();
        let device = self.device.clone().inner();
        let embedded = embed(&network, epoch, &device);
        accuracy(&embedded.labels, embedded.rows, step)
    }

    /// The finished network with the target's statistics, where one is kept.
    fn network_for_target(&self) -> Result<Option<Network>> {
        let kept = self.target.as_ref().filter(|target| target.adaptation.keeps_two());
        kept.map(|target| target.fit(&self.finished_network(), &self.device)).transpose()
    }

    /// The network as it would be kept: averaged where it is.
    fn finished_network(&self) -> Network {
        self.learner.average.apply(self.network().clone())
    }

    fn record(&self, sums: &EpochSums, accuracy: Option<Accuracy>) -> EpochRecord {
        let triplets = sums.triplet_means();
        EpochRecord {
            epoch: self.done,
            phase: self.config.phases[self.phase].name.clone(),
            loss: sums.mean_loss(),
            first_loss: sums.first_loss.unwrap_or(f64::NAN),
            train_top1: sums.train_top1(),
            active_triplets: triplets.map(|t| t[0]),
            batches_without_triplets: sums.batches_without_triplets,
            positive_distance: triplets.map(|t| t[1]),
            negative_distance: triplets.map(|t| t[2]),
            validation_top1: accuracy.map(|a| a.top1),
            validation_map: accuracy.map(|a| a.map),
            learning_rate: f64::from(sums.learning_rate),
            gradient_norm: sums.gradient_norm / sums.steps.max(1) as f64,
            images: sums.images,
            skipped: sums.skipped,
            seconds: sums.seconds,
            waiting_seconds: sums.waiting_seconds,
            distances: sums.distances.clone(),
            more: sums.notes(),
        }
    }

    /// Writes the network where it is the best so far, or where nothing says which is.
    fn keep_best(&mut self, accuracy: Option<Accuracy>) -> Result<()> {
        let better = match (accuracy, self.best) {
            (Some(now), Some((best, _))) => now.top1 >= best,
            _ => true,
        };
        if let (true, Some(now)) = (better, accuracy) {
            self.best = Some((now.top1, self.done));
        }
        if better {
            self.write_model(&self.finished_network(), &self.run.join("model"), &self.card())?;
            if let Some(network) = self.network_for_target()? {
                let mut card = self.card();
                card.name.push_str("-target");
                self.write_model(&network, &self.run.join(FOR_TARGET), &card)?;
            }
        }
        Ok(())
    }

    /// Writes the network of a phase that has ended, where another follows: what the next one does to it can be measured.
    fn keep_phase(&self) -> Result<()> {
        if !matches!(self.config.phase_of(self.done), Some((_, 0))) {
            return Ok(());
        }
        let name = format!("{}-{}", self.phase + 1, self.config.phases[self.phase].name);
        let folder = self.run.join(PHASES).join(name);
        self.write_model(&self.finished_network(), &folder, &self.card())
    }

    /// Writes a network with what it was trained on, which is there before the network is.
    fn write_model(&self, network: &Network, folder: &Path, card: &ModelCard) -> Result<()> {
        if !self.trained_on.is_empty() {
            fs_err::create_dir_all(folder)?;
            self.trained_on.write(folder)?;
        }
        write_model_folder(network, folder, card)
    }

    /// What the kept network's folder says of it.
    fn card(&self) -> ModelCard {
        let beginning = match self.config.weights.as_ref().and_then(|path| path.file_name()) {
            Some(file) => format!(", beginning with {}", file.to_string_lossy()),
            None => String::new(),
        };
        let name = self.run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ModelCard {
            name: if name.is_empty() { "trained".to_owned() } else { name },
            input_px: self.config.input_px,
            alignment: if self.faces.aligned { Alignment::Arcface } else { Alignment::None },
            licence: "not stated".to_owned(),
            source: format!("trained by likeness {}{beginning}", env!("CARGO_PKG_VERSION")),
            notes: BTreeMap::from([("epoch".to_owned(), self.done.to_string())]),
        }
    }

    fn warn(&self, sums: &EpochSums, observer: &mut dyn Observer) {
        if sums.distances.collapsed() {
            observer.say(Warning::Collapsed { spread: sums.distances.spread }.to_string());
        }
        match sums.triplet_means() {
            Some([share, ..]) if share < FEW_ACTIVE => {
                observer.say(Warning::FewActiveTriplets { share: share as f32 }.to_string());
            }
            None if sums.batches_without_triplets > 0 => observer.say(Warning::NoTriplets.to_string()),
            _ => {}
        }
        if sums.batches_left_out > 0 {
            observer.say(Warning::BatchesLeftOut { batches: sums.batches_left_out }.to_string());
        }
        let share = sums.waiting_seconds / sums.seconds.max(1e-9);
        if share > MUCH_WAITING {
            observer.say(Warning::Starved { share: share as f32 }.to_string());
        }
    }

    /// Writes a checkpoint; a disk that will not take it is said, and the next epoch tries again.
    fn save(&self, observer: &mut dyn Observer, failed_before: bool) -> bool {
        let (faces, settings) = self.fingerprints();
        let state = State::new(self.done, self.learner.optimizer.steps(), self.best, &faces, &settings);
        match checkpoint::write(&self.run, state, &self.tensors()) {
            Ok(()) => {
                if failed_before {
                    observer.say("the checkpoint could be written again".to_owned());
                }
                false
            }
            Err(error) => {
                observer.say(format!("no checkpoint of epoch {}: {error}; training goes on", self.done));
                true
            }
        }
    }
}

/// A network that has not learned yet, with the weights that it begins with.
fn first_network(config: &TrainConfig, device: &Device, observer: &mut dyn Observer) -> Result<Network> {
    let mut network = config.network.init(device)?;
    if let Some(weights) = &config.weights {
        let options = LoadOptions { allow_missing: config.allow_missing.clone(), ..LoadOptions::default() };
        let report = load_weights(&mut network, weights, &options)?;
        observer.say(report.to_string());
    }
    Ok(network)
}

/// What the run's networks are trained on: what the run says already, else its faces and those of the weights.
fn trained_on(faces: &TrainingFaces, config: &TrainConfig, run: &Path, goes_on: bool) -> Result<TrainedOn> {
    let kept = run.join(trained_on::FILE);
    if goes_on && kept.exists() {
        return Ok(TrainedOn::read(&kept)?);
    }
    let mut all = faces.trained_on().clone();
    if let Some(before) = config.weights.as_ref().map(|weights| TrainedOn::beside(weights)).transpose()? {
        all.extend(before.unwrap_or_default());
    }
    Ok(all)
}

fn loader(config: &TrainConfig, faces: &[FaceFile], augment: AugmentConfig) -> Result<Loader> {
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

fn loader_of_validation(config: &TrainConfig, faces: &[FaceFile]) -> Result<Loader> {
    loader(config, faces, AugmentConfig::none())
}

/// The losses of a phase, as drawn from the seed.
fn objective(
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
fn learner(network: Network, objective: Objective, config: &TrainConfig, phase: usize) -> Learner {
    let factor = |stage| config.rates.get(&stage).copied().unwrap_or(1.0);
    let mut keys: BTreeMap<ParamId, (String, f32)> = parameters(&network)
        .into_iter()
        .filter(|info| info.trained)
        .map(|info| (info.id, (info.key, factor(info.stage))))
        .collect();
    keys.extend(objective.keys(phase, factor(crate::backbone::Stage::Head)));
    let optimizer = Optimizer::new(config.optimizer);
    Learner { network: Some(network), objective, optimizer, keys, average: Average::default() }
}
