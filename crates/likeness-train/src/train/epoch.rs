//! One epoch: a forward and a backward pass for each batch, and a step of the optimiser after every few batches.
//!
//! A step follows the mean gradient of [`TrainConfig::accumulate`] batches; the last step of an epoch may have fewer.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor};

use super::config::TrainConfig;
use super::faces::TrainingFaces;
use super::numbers::Average;
use super::objective::{Objective, Targets};
use super::observer::{Observer, StepReport};
use super::optimizer::{CollectedGradients, Optimizer, check_norm, floats};
use super::sums::EpochSums;
use super::target::TargetEpoch;
use crate::adapt::DomainStatistics;
use crate::layer::Pass;
use crate::loader::{Batch, Epoch};
use crate::network::Network;
use crate::{Result, TrainError};
use likeness_data::seed::{TrainingPurpose, training_stream};
use rand::Rng;

/// The network and the losses of a phase, with the state of their training. Every step takes a learner and gives the next one.
pub(super) struct Learner {
    pub(super) network: Network,
    /// The losses of the current phase.
    pub(super) objective: Objective,
    pub(super) optimizer: Optimizer,
    /// Key and learning-rate factor of every trained parameter.
    pub(super) keys: BTreeMap<ParamId, (String, f32)>,
    /// Running average of the network's parameters; empty where nothing is averaged.
    pub(super) average: Average,
}

/// Gradients since the last step.
#[derive(Default)]
struct Pending {
    /// Sum of the gradients.
    gradients: CollectedGradients,
    /// Number of batches in the sum.
    batches: usize,
}

/// What an epoch needs to know about its run.
pub(super) struct EpochPlan<'a> {
    pub(super) config: &'a TrainConfig,
    pub(super) faces: &'a TrainingFaces,
    pub(super) device: &'a Device,
    /// Number of the epoch, counted from 0 over all phases.
    pub(super) epoch: u32,
    pub(super) phase: usize,
    /// Steps of the phase before this epoch.
    pub(super) step: u64,
    /// Steps of the whole phase.
    pub(super) steps: u64,
    /// Batches of this epoch.
    pub(super) batches: u64,
    /// Least number of faces in a batch; a batch with fewer, because others cannot be read, is left out.
    pub(super) least_batch: usize,
    /// λ at the beginning of the epoch and at its end.
    pub(super) reversal_strength: [f32; 2],
}

impl EpochPlan<'_> {
    /// Whether batch normalisation takes its statistics from both domains together.
    fn shares_statistics(&self) -> bool {
        self.config.adaptation.is_some_and(|a| a.statistics == DomainStatistics::Shared)
    }
}

impl Learner {
    /// The network as it is written and validated: with averaged parameters where the run averages them.
    pub(super) fn finished_network(&self) -> Network {
        self.average.apply(self.network.clone())
    }

    /// Trains on all batches of an epoch.
    ///
    /// # Errors        a loss or gradient that is not finite → [`TrainError::NotANumber`]
    pub(super) fn epoch(
        mut self,
        plan: &EpochPlan<'_>,
        mut batches: Epoch,
        mut target: Option<TargetEpoch>,
        observer: &mut dyn Observer,
    ) -> Result<(Self, EpochSums)> {
        let mut sums = EpochSums {
            target_notes: target.as_ref().map(|t| t.notes.clone()).unwrap_or_default(),
            ..EpochSums::default()
        };
        let mut pending = Pending::default();
        let start = Instant::now();
        while let Some(batch) = batches.next() {
            let of_target = target.as_mut().and_then(Iterator::next);
            if batch.labels.len() >= plan.least_batch {
                let of_target = of_target.filter(|faces| faces.labels.len() >= plan.least_batch);
                self = self
                    .learn(plan, &batch, of_target.as_ref(), &mut sums, &mut pending.gradients)
                    .inspect_err(|_| observer.broken_batch(&batch))?;
                pending.batches += 1;
                if pending.batches == plan.config.accumulate {
                    self = self.step(plan, &mut sums, std::mem::take(&mut pending))?;
                }
            } else {
                sums.batches_left_out += 1;
            }
            sums.seconds = start.elapsed().as_secs_f64();
            sums.waiting_seconds =
                batches.waited_seconds() + target.as_ref().map_or(0.0, TargetEpoch::waited_seconds);
            if observer.on_step(&report(plan, &sums)).is_break() {
                sums.stopped = true;
                return Ok((self, sums));
            }
        }
        // Batches may be missing, those without a readable face, so only the end of the loader is the end of the epoch.
        if pending.batches > 0 {
            self = self.step(plan, &mut sums, pending)?;
        }
        if sums.batches == 0 {
            return Err(TrainError::NothingReadable { epoch: plan.epoch + 1, needed: plan.least_batch });
        }
        Ok((self, sums))
    }

    /// Forward and backward pass of a batch, and of target-domain faces where there are some. Adds the gradients to `collected`.
    fn learn(
        self,
        plan: &EpochPlan<'_>,
        batch: &Batch,
        of_target: Option<&Batch>,
        sums: &mut EpochSums,
        collected: &mut CollectedGradients,
    ) -> Result<Self> {
        let number = sums.batches;
        let sources = batch.labels.len();
        let images = batch.images(plan.device);
        let place = [u64::from(plan.epoch), number];
        let mut numbers = training_stream(plan.config.seed, TrainingPurpose::Mining, &place);
        let mut pass =
            Pass::training(training_stream(plan.config.seed, TrainingPurpose::Dropout, &place).next_u64());
        let network = &self.network;
        let both = match of_target.map(|target| target.images(plan.device)) {
            None => network.forward(images, &mut pass),
            Some(target) if plan.shares_statistics() => {
                network.forward(Tensor::cat(vec![images, target], 0), &mut pass)
            }
            Some(target) => {
                // The statistics that the target's pass observes are dropped: running statistics are those of the source.
                let place = [u64::from(plan.epoch), number, 1];
                let mut apart = Pass::training(
                    training_stream(plan.config.seed, TrainingPurpose::Dropout, &place).next_u64(),
                );
                network.forward(images, &mut pass).followed_by(network.forward(target, &mut apart))
            }
        };
        let output = both.first(sources);
        let targets = Targets { labels: &batch.labels, teacher: plan.faces.teacher_of(&batch.faces) };
        let mut answer = self.objective.forward(&output, &targets, &mut numbers)?;
        let [from, to] = plan.reversal_strength;
        let strength = from + (to - from) * number as f32 / plan.batches as f32;
        let between = match of_target {
            Some(target) => self.objective.between_domains(&both, sources, &target.labels, strength)?,
            None => None,
        };
        if let Some((loss, accuracy)) = between {
            sums.add_domains(f64::from(floats(loss.clone().inner())[0]), accuracy, strength);
            answer.loss = answer.loss + loss;
        }
        let loss = f64::from(floats(answer.loss.clone().inner())[0]);
        if !loss.is_finite() {
            return Err(TrainError::NotANumber { what: "loss", step: plan.step + sums.steps });
        }
        sums.distances.add(&floats(output.embedding.clone().inner()), &batch.labels);
        sums.add(loss, &answer, batch.labels.len());
        drop((output, both));
        let mut gradients = answer.loss.backward();
        collected.add(&self.network, &mut gradients);
        collected.add(&self.objective, &mut gradients);
        Ok(Self { network: self.network.absorb(pass), ..self })
    }

    /// A step of the optimiser along the mean of the pending gradients.
    fn step(mut self, plan: &EpochPlan<'_>, sums: &mut EpochSums, pending: Pending) -> Result<Self> {
        let Pending { gradients: mut collected, batches } = pending;
        let step = plan.step + sums.steps;
        let norm = collected.norm() / batches as f32;
        check_norm(norm, step)?;
        let phase = &plan.config.phases[plan.phase];
        let rate = phase.learning_rate * phase.schedule.share(step, plan.steps);
        let clipped = plan.config.clip_norm.map_or(1.0, |most| (most / norm.max(most)).min(1.0));
        let scale = clipped / batches as f32;
        self.optimizer.begin();
        self.network = self.optimizer.update(self.network, &mut collected, scale, &self.keys, rate);
        self.objective = self.optimizer.update(self.objective, &mut collected, scale, &self.keys, rate);
        self.average.follow(&self.network, plan.config.averaging);
        sums.add_step(norm, rate);
        Ok(self)
    }
}

fn report(plan: &EpochPlan<'_>, sums: &EpochSums) -> StepReport {
    StepReport {
        epoch: plan.epoch + 1,
        epochs: plan.config.epochs(),
        phase: plan.config.phases[plan.phase].name.clone(),
        batch: sums.batches,
        batches: plan.batches,
        loss: sums.mean_loss(),
        train_top1: sums.train_top1(),
        active_triplets: sums.triplet_means().map(|means| means[0]),
        images_per_second: sums.images as f64 / sums.seconds.max(1e-9),
        waiting_share: sums.waiting_share(),
    }
}
