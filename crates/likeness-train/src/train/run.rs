//! A run from its configuration to its folder.
//!
//! | file | holds |
//! |---|---|
//! | `run.toml` | resolved settings, dataset, program version |
//! | `history.jsonl` | one line for each epoch, see [`history`] |
//! | `start/` | the built-in model that the run started from, if it did |
//! | `checkpoint/` | the state from which the run can be resumed, see [`checkpoint`] |
//! | `model/` | the best network so far, see [`likeness_model::folder`] |
//! | `phases/` | the network at the end of each phase but the last, such as `1-cosface/` |
//! | `trained-on.txt` | hashes of the photos trained on, also beside each network, see [`likeness_model::trained_on`] |
//! | `.likeness.lock` | locked while a process trains, see [`folder`](super::folder) |

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;

use super::checkpoint;
use super::config::TrainConfig;
use super::epoch::{EpochPlan, Learner};
use super::faces::TrainingFaces;
use super::folder::{HISTORY, RunFolder};
use super::history::{self, EpochRecord};
use super::observer::Observer;
use super::snapshot::Snapshots;
use super::start;
use super::sums::EpochSums;
use super::target::TargetFaces;
use super::validation::{Accuracy, accuracy, embed};
use crate::adapt::reversal::strength_at;
use crate::adapt::{AdaptationConfig, AdaptationMethod};
use crate::loader::Loader;
use crate::network::Network;
use crate::{Result, TrainError};

/// Faces in a batch of validation.
const VALIDATION_BATCH: usize = 32;

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Number of epochs done.
    pub epochs: u32,
    /// Whether the observer stopped the run before its end; it can be resumed.
    pub stopped: bool,
    /// Whether the run ended early because validation did not improve.
    pub stopped_early: bool,
    /// Best validation top-1 and its epoch.
    pub best: Option<(f64, u32)>,
}

/// Trains on `faces` by `config` in the folder `run`, and resumes from its checkpoint where it has one.
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

/// A run whose settings, faces, weights and checkpoint have been checked, ready for its first step.
pub struct Training<'a> {
    run: Run<'a>,
    learner: Learner,
}

/// A run without what it trains.
struct Run<'a> {
    faces: &'a TrainingFaces,
    config: &'a TrainConfig,
    folder: PathBuf,
    device: Device,
    loader: Loader,
    validation_loader: Loader,
    target: Option<TargetFaces>,
    snapshots: Snapshots<'a>,
    phase: usize,
    /// Number of epochs done, over all phases.
    done: u32,
}

impl<'a> Training<'a> {
    /// Checks the settings and the faces for every phase, and loads the weights or the checkpoint. Of the folder it changes only
    /// what a resumed run has to repair.
    ///
    /// # Errors        settings, weights or faces that do not fit together; a checkpoint of other settings or faces
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
        let trained_on = start::trained_on(faces, config, folder.path(), checkpoint.is_some())?;
        let device = device.clone().autodiff();
        let network = match &checkpoint {
            Some(_) => config.network.init(&device)?,
            None => start::first_network(config, &device, observer)?,
        };
        let network = network.freeze(&config.freeze).freeze_statistics(&config.freeze_statistics);
        let objective = start::objective(faces, config, 0, &device)?;
        let mut run = Run {
            faces,
            config,
            folder: folder.path().to_owned(),
            device,
            target: start::target(faces, config)?,
            loader: start::loader(config, &faces.train, config.augmentation)?,
            validation_loader: start::plain_loader(config, &faces.validation)?,
            snapshots: Snapshots::new(config, faces, folder.path(), trained_on),
            phase: 0,
            done: 0,
        };
        let mut learner = start::learner(network, objective, config, 0);
        match checkpoint {
            Some(loaded) => learner = run.resume(learner, loaded, observer)?,
            None => drop(history::keep(&run.folder.join(HISTORY), 0)?),
        }
        Ok(Self { run, learner })
    }

    /// Trains to the end, or until the observer stops the run.
    ///
    /// # Errors        a loss, a gradient or an embedding that is not finite; no face that can be read; the file system
    pub fn go_on(self, observer: &mut dyn Observer) -> Result<Outcome> {
        let Self { mut run, mut learner } = self;
        run.snapshots.write_list()?;
        while let Some((phase, place)) = run.config.phase_of(run.done) {
            if place == 0 && phase != run.phase {
                learner = run.begin_phase(learner, phase)?;
            }
            let sums;
            (learner, sums) = run.epoch(learner, place, observer)?;
            if sums.stopped {
                return Ok(run.outcome(true, false));
            }
            run.done += 1;
            run.finish_epoch(&learner, &sums, observer)?;
            if run.is_out_of_patience() {
                return Ok(run.outcome(false, true));
            }
        }
        Ok(run.outcome(false, false))
    }
}

impl Run<'_> {
    /// Continues from a checkpoint.
    fn resume(
        &mut self,
        mut learner: Learner,
        loaded: checkpoint::Loaded,
        observer: &mut dyn Observer,
    ) -> Result<Learner> {
        if let Some(reason) = &loaded.instead_of {
            observer.say(format!("{reason}; going on from the checkpoint before it"));
        }
        let (faces, settings) = self.snapshots.fingerprints();
        let differing = [
            ("faces or labels", &loaded.state.faces, &faces),
            ("settings", &loaded.state.settings, &settings),
        ];
        if let Some((what, ..)) = differing.iter().find(|(_, a, b)| a != b) {
            return Err(TrainError::OtherRun { path: self.folder.clone(), what });
        }
        self.done = loaded.state.epochs;
        self.snapshots.best = loaded.state.best;
        if let Some((phase, place)) = self.config.phase_of(self.done) {
            // A checkpoint at a boundary is of the phase that has ended; the next phase begins from it.
            self.phase = if place == 0 { phase.saturating_sub(1) } else { phase };
            let objective = start::objective(self.faces, self.config, self.phase, &self.device)?;
            learner = start::learner(learner.network, objective, self.config, self.phase);
            let missing = |key: String| TrainError::BadCheckpoint {
                path: self.folder.join(checkpoint::FOLDER),
                reason: format!("{key} is missing"),
            };
            let place = (self.phase, loaded.state.steps);
            learner = learner.restored(&loaded.tensors, self.config.optimizer, place).map_err(missing)?;
        }
        history::keep(&self.folder.join(HISTORY), self.done)?;
        checkpoint::heal(&self.folder)?;
        observer.say(format!("going on after epoch {} of {}", self.done, self.config.epochs()));
        Ok(learner)
    }

    /// Continues with the same network, and with the losses and a new optimiser of `phase`.
    fn begin_phase(&mut self, learner: Learner, phase: usize) -> Result<Learner> {
        let Learner { network, objective: before, average, .. } = learner;
        let mut objective = start::objective(self.faces, self.config, phase, &self.device)?;
        objective.inherit(&before);
        self.phase = phase;
        Ok(Learner { average, ..start::learner(network, objective, self.config, phase) })
    }

    fn outcome(&self, stopped: bool, stopped_early: bool) -> Outcome {
        Outcome { epochs: self.done, stopped, stopped_early, best: self.snapshots.best }
    }

    /// Whether validation has not improved for as many epochs as the settings allow.
    fn is_out_of_patience(&self) -> bool {
        let since_best = self.snapshots.best.map(|(_, epoch)| self.done - epoch);
        matches!((self.config.patience, since_best), (Some(patience), Some(since)) if since >= patience)
    }

    /// Trains one epoch, the one at `place` of its phase.
    fn epoch(
        &self,
        learner: Learner,
        place: u32,
        observer: &mut dyn Observer,
    ) -> Result<(Learner, EpochSums)> {
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
                let finished = learner.finished_network();
                let network = self.network_for_target(&finished)?.unwrap_or(finished);
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
        let (learner, mut sums) = learner.epoch(&plan, epoch, target, observer)?;
        sums.skipped = self.loader.report().unreadable.len();
        Ok((learner, sums))
    }

    /// Validates, writes the networks, the history and the checkpoint, and reports.
    fn finish_epoch(
        &mut self,
        learner: &Learner,
        sums: &EpochSums,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let network = learner.finished_network();
        let accuracy = self.validate(&network, sums.steps)?;
        let record = self.record(sums, accuracy);
        if self.snapshots.keep_best(&network, accuracy, self.done)?
            && let Some(network) = self.network_for_target(&network)?
        {
            self.snapshots.keep_for_target(&network, self.done)?;
        }
        self.snapshots.keep_phase(&network, self.phase, self.done)?;
        history::append(&self.folder.join(HISTORY), &record)?;
        observer.on_epoch(&record);
        sums.warnings().iter().for_each(|warning| observer.say(warning.to_string()));
        self.snapshots.save(learner, self.phase, self.done, observer);
        Ok(())
    }

    /// The strength of gradient reversal, λ, after `epochs` epochs of the run.
    fn reversal_strength(&self, epochs: u32) -> f32 {
        let progress = epochs as f32 / self.config.epochs() as f32;
        let of = |a: &AdaptationConfig| strength_at(progress, a.reversal_strength, a.steepness);
        self.config.adaptation.as_ref().map_or(0.0, of)
    }

    fn validate(&self, network: &Network, step: u64) -> Result<Option<Accuracy>> {
        let faces = &self.faces.validation;
        if faces.is_empty() {
            return Ok(None);
        }
        let order: Vec<usize> = (0..faces.len()).collect();
        let batches: Vec<Vec<usize>> = order.chunks(VALIDATION_BATCH).map(<[usize]>::to_vec).collect();
        let epoch = self.validation_loader.epoch(0, &batches)?;
        let embedded = embed(&network.valid(), epoch, &self.device.clone().inner());
        accuracy(&embedded.labels, embedded.rows, step)
    }

    /// The network with the target's statistics; `None` where the run does not keep one.
    fn network_for_target(&self, network: &Network) -> Result<Option<Network>> {
        let kept = self.target.as_ref().filter(|target| target.adaptation.keeps_two());
        kept.map(|target| target.fit(network, &self.device)).transpose()
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
}
