//! What an epoch adds up: losses, accuracies, distances and times, and the warnings that follow from them.

use std::collections::BTreeMap;

use super::guard::{Distances, Warning};
use super::objective::BatchLoss;

/// Share of active triplets below which a warning is given.
const FEW_ACTIVE: f64 = 0.02;
/// Share of an epoch spent waiting for images above which a warning is given.
const MUCH_WAITING: f64 = 0.05;

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
    /// Domain loss, share of correct domains and λ, summed over batches with target faces.
    pub(super) domains: [f64; 3],
    pub(super) batches_with_target: u64,
    /// Values about the target's faces from before the epoch, for the history.
    pub(super) target_notes: BTreeMap<String, f64>,
    pub(super) seconds: f64,
    pub(super) waiting_seconds: f64,
    pub(super) skipped: usize,
    /// Batches skipped because too few of their faces could be read.
    pub(super) batches_left_out: usize,
    /// Whether the observer stopped the run.
    pub(super) stopped: bool,
}

impl EpochSums {
    pub(super) fn add_domains(&mut self, loss: f64, accuracy: Option<f64>, strength: f32) {
        // Only the gradient of a domain classifier is reversed.
        let measured = accuracy.map(|accuracy| [accuracy, f64::from(strength)]).unwrap_or([f64::NAN; 2]);
        let values = [loss, measured[0], measured[1]];
        self.domains.iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
        self.batches_with_target += 1;
    }

    /// Further values for the history: means over batches with target faces, values about the target from before the epoch, and
    /// the number of batches left out.
    pub(super) fn notes(&self) -> BTreeMap<String, f64> {
        let names = ["domain_loss", "domain_accuracy", "reversal_strength"];
        let means = self.domains.map(|sum| sum / self.batches_with_target as f64);
        let known = names.into_iter().zip(means).filter(|(_, mean)| mean.is_finite());
        let known = known.map(|(name, mean)| (name.to_owned(), mean));
        let left_out = (self.batches_left_out > 0)
            .then(|| ("batches_left_out".to_owned(), self.batches_left_out as f64));
        known.chain(self.target_notes.clone()).chain(left_out).collect()
    }

    pub(super) fn add(&mut self, loss: f64, answer: &BatchLoss, images: usize) {
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

    /// Adds a step with this gradient norm and learning rate.
    pub(super) fn add_step(&mut self, norm: f32, learning_rate: f32) {
        self.gradient_norm += f64::from(norm);
        self.learning_rate = learning_rate;
        self.steps += 1;
    }

    /// Share of the epoch spent waiting for images.
    pub(super) fn waiting_share(&self) -> f64 {
        self.waiting_seconds / self.seconds.max(1e-9)
    }

    /// What the user should know about the epoch.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.distances.collapsed() {
            warnings.push(Warning::Collapsed { spread: self.distances.spread });
        }
        match self.triplet_means() {
            Some([share, ..]) if share < FEW_ACTIVE => {
                warnings.push(Warning::FewActiveTriplets { share: share as f32 });
            }
            None if self.batches_without_triplets > 0 => warnings.push(Warning::NoTriplets),
            _ => {}
        }
        if self.batches_left_out > 0 {
            warnings.push(Warning::BatchesLeftOut { batches: self.batches_left_out });
        }
        if self.waiting_share() > MUCH_WAITING {
            warnings.push(Warning::Starved { share: self.waiting_share() as f32 });
        }
        warnings
    }
}
