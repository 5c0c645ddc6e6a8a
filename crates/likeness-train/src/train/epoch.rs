//! One epoch: batches through the network and back, and a step for every few of them.
//!
//! A step follows the mean gradient of its batches. There are [`TrainConfig::accumulate`] of them, and fewer in the last step
//! of an epoch, whose gradient is the mean of those that there are.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor};

use super::config::TrainConfig;
use super::faces::TrainingFaces;
use super::guard::Distances;
use super::objective::{BatchLoss, Objective, Targets};
use super::optimizer::{CollectedGradients, Optimizer, check_norm, floats};
use super::run::{Observer, StepReport};
use super::target::TargetEpoch;
use crate::adapt::DomainStatistics;
use crate::layer::Pass;
use crate::loader::{Batch, Epoch};
use crate::network::Network;
use crate::{Result, TrainError};
use likeness_data::seed::{TrainingPurpose, training_stream};
use rand::Rng;

/// What is trained, with what moves it.
pub(super) struct Learner {
    /// Only empty within a step.
    pub(super) network: Option<Network>,
    /// The losses of the current phase.
    pub(super) objective: Objective,
    pub(super) optimizer: Optimizer,
    /// Key and factor on the rate of every parameter that learns.
    pub(super) keys: BTreeMap<ParamId, (String, f32)>,
    /// Averaged numbers of the network, by parameter; empty where nothing is averaged.
    pub(super) average: super::numbers::Average,
}

/// Gradients that no step has followed yet.
#[derive(Default)]
struct Pending {
    /// Their sum.
    gradients: CollectedGradients,
    /// Batches that they are of.
    batches: usize,
}

/// One epoch's place in its run.
pub(super) struct EpochPlan<'a> {
    pub(super) config: &'a TrainConfig,
    pub(super) faces: &'a TrainingFaces,
    pub(super) device: &'a Device,
    /// Counted from 0, over all phases.
    pub(super) epoch: u32,
    pub(super) phase: usize,
    /// Steps of the phase before this epoch, and in all of it.
    pub(super) step: u64,
    pub(super) steps: u64,
    pub(super) batches: u64,
    /// Faces that a batch needs; one with fewer, because others cannot be read, is left out.
    pub(super) least_batch: usize,
    /// λ at the beginning of the epoch and at its end.
    pub(super) reversal_strength: [f32; 2],
}

/// Sums over an epoch.
#[derive(Debug, Default)]
pub(super) struct EpochSums {
    pub(super) loss: f64,
    pub(super) first_loss: Option<f64>,
    pub(super) batches: u64,
    pub(super) images: usize,
    pub(super) correct: Option<usize>,
    /// Active share, positive and negative distance, summed over batches with triplets.
    pub(super) triplets: [f64; 3],
    pub(super) batches_with_triplets: u64,
    pub(super) batches_without_triplets: usize,
    pub(super) gradient_norm: f64,
    pub(super) steps: u64,
    pub(super) learning_rate: f32,
    pub(super) distances: Distances,
    /// Domain loss, share of domains told and λ, summed over batches with target faces.
    pub(super) domains: [f64; 3],
    pub(super) batches_with_target: u64,
    /// What is known of the target's faces before the epoch.
    pub(super) target_notes: BTreeMap<String, f64>,
    pub(super) seconds: f64,
    pub(super) waiting_seconds: f64,
    pub(super) skipped: usize,
    /// Batches with too few readable faces to be learned from.
    pub(super) batches_left_out: usize,
    /// Whether the observer asked for an end.
    pub(super) stopped: bool,
}

impl EpochPlan<'_> {
    /// Whether both domains are normalised together.
    fn shares_statistics(&self) -> bool {
        self.config.adaptation.is_some_and(|a| a.statistics == DomainStatistics::Shared)
    }
}

impl Learner {
    /// Trains on all of an epoch's batches.
    ///
    /// # Errors        a loss or gradient that is no number → [`TrainError::NotANumber`]
    pub(super) fn epoch(
        &mut self,
        plan: &EpochPlan<'_>,
        mut batches: Epoch,
        mut target: Option<TargetEpoch>,
        observer: &mut dyn Observer,
    ) -> Result<EpochSums> {
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
                self.learn(plan, &batch, of_target.as_ref(), &mut sums, &mut pending.gradients)
                    .inspect_err(|_| observer.broken_batch(&batch))?;
                pending.batches += 1;
                if pending.batches == plan.config.accumulate {
                    self.step(plan, &mut sums, std::mem::take(&mut pending))?;
                }
            } else {
                sums.batches_left_out += 1;
            }
            sums.seconds = start.elapsed().as_secs_f64();
            sums.waiting_seconds =
                batches.waited_seconds() + target.as_ref().map_or(0.0, TargetEpoch::waited_seconds);
            if observer.on_step(&report(plan, &sums)).is_break() {
                sums.stopped = true;
                return Ok(sums);
            }
        }
        // Batches may be missing, those without a readable face, so only the end of the loader is the end of the epoch.
        if pending.batches > 0 {
            self.step(plan, &mut sums, pending)?;
        }
        if sums.batches == 0 {
            return Err(TrainError::NothingReadable { epoch: plan.epoch + 1, needed: plan.least_batch });
        }
        Ok(sums)
    }

    /// A batch, with faces of the target domain where there are some, there and back.
    fn learn(
        &mut self,
        plan: &EpochPlan<'_>,
        batch: &Batch,
        of_target: Option<&Batch>,
        sums: &mut EpochSums,
        collected: &mut CollectedGradients,
    ) -> Result<()> {
        let number = sums.batches;
        let sources = batch.labels.len();
        let images = batch.images(plan.device);
        let place = [u64::from(plan.epoch), number];
        let mut numbers = training_stream(plan.config.seed, TrainingPurpose::Mining, &place);
        let mut pass =
            Pass::training(training_stream(plan.config.seed, TrainingPurpose::Dropout, &place).next_u64());
        let network = self.network.take().expect("a network between steps");
        let both = match of_target.map(|target| target.images(plan.device)) {
            None => network.forward(images, &mut pass),
            Some(target) if plan.shares_statistics() => {
                network.forward(Tensor::cat(vec![images, target], 0), &mut pass)
            }
            Some(target) => {
                // What the target's pass observes is not absorbed: running statistics are the source's.
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
        collected.add(&network, &mut gradients);
        collected.add(&self.objective.parameters, &mut gradients);
        self.network = Some(network.absorb(pass));
        Ok(())
    }

    /// One step along the mean of the pending gradients.
    fn step(&mut self, plan: &EpochPlan<'_>, sums: &mut EpochSums, pending: Pending) -> Result<()> {
        let Pending { gradients: mut collected, batches } = pending;
        let step = plan.step + sums.steps;
        let norm = collected.norm() / batches as f32;
        check_norm(norm, step)?;
        let phase = &plan.config.phases[plan.phase];
        let rate = phase.learning_rate * phase.schedule.share(step, plan.steps);
        let clipped = plan.config.clip_norm.map_or(1.0, |most| (most / norm.max(most)).min(1.0));
        let scale = clipped / batches as f32;
        self.optimizer.begin();
        let network = self.network.take().expect("a network between steps");
        self.network = Some(self.optimizer.update(network, &mut collected, scale, &self.keys, rate));
        let parameters = self.objective.parameters.clone();
        self.objective.parameters =
            self.optimizer.update(parameters, &mut collected, scale, &self.keys, rate);
        self.average.follow(self.network.as_ref().expect("just put back"), plan.config.averaging);
        sums.gradient_norm += f64::from(norm);
        sums.learning_rate = rate;
        sums.steps += 1;
        Ok(())
    }
}

impl EpochSums {
    fn add_domains(&mut self, loss: f64, accuracy: Option<f64>, strength: f32) {
        // Only a domain classifier's gradient is turned around.
        let told = accuracy.map(|accuracy| [accuracy, f64::from(strength)]).unwrap_or([f64::NAN; 2]);
        let values = [loss, told[0], told[1]];
        self.domains.iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
        self.batches_with_target += 1;
    }

    /// What the history lists beside the usual: means over batches with target faces, what was known of the target before
    /// the epoch, and how many batches were left out.
    pub(super) fn notes(&self) -> BTreeMap<String, f64> {
        let names = ["domain_loss", "domain_accuracy", "reversal_strength"];
        let means = self.domains.map(|sum| sum / self.batches_with_target as f64);
        let known = names.into_iter().zip(means).filter(|(_, mean)| mean.is_finite());
        let known = known.map(|(name, mean)| (name.to_owned(), mean));
        let left_out = (self.batches_left_out > 0)
            .then(|| ("batches_left_out".to_owned(), self.batches_left_out as f64));
        known.chain(self.target_notes.clone()).chain(left_out).collect()
    }

    fn add(&mut self, loss: f64, answer: &BatchLoss, images: usize) {
        self.loss += loss;
        self.first_loss.get_or_insert(loss);
        self.batches += 1;
        self.images += images;
        if let Some(correct) = answer.correct {
            *self.correct.get_or_insert(0) += correct;
        }
        match answer.triplets {
            Some(statistics) if statistics.triplets == 0 => self.batches_without_triplets += 1,
            Some(s) => {
                let values = [s.active_share, s.mean_positive_distance, s.mean_negative_distance];
                self.triplets.iter_mut().zip(values).for_each(|(sum, v)| *sum += f64::from(v));
                self.batches_with_triplets += 1;
            }
            None => {}
        }
    }

    /// Mean over batches with triplets of the active share, the positive and the negative distance.
    pub(super) fn triplet_means(&self) -> Option<[f64; 3]> {
        (self.batches_with_triplets > 0)
            .then(|| self.triplets.map(|sum| sum / self.batches_with_triplets as f64))
    }

    pub(super) fn mean_loss(&self) -> f64 {
        self.loss / self.batches.max(1) as f64
    }

    pub(super) fn train_top1(&self) -> Option<f64> {
        self.correct.map(|correct| correct as f64 / self.images.max(1) as f64)
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
        waiting_share: sums.waiting_seconds / sums.seconds.max(1e-9),
    }
}
