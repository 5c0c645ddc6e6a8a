//! Converts a learner to the tensors of a checkpoint and back: network, losses, optimiser and running average.

use std::collections::BTreeMap;

use burn::module::{Module, ParamId};

use super::checkpoint::Tensors;
use super::config::OptimizerConfig;
use super::epoch::Learner;
use super::numbers::{Collector, Setter};
use super::optimizer::{Moments, Optimizer};
use crate::network::{Network, parameters};

impl Learner {
    /// The learner with the values of a checkpoint of the phase `phase` after `steps` steps.
    ///
    /// # Errors        the key of a tensor that the checkpoint lacks
    pub(super) fn restored(
        mut self,
        tensors: &Tensors,
        optimizer: OptimizerConfig,
        (phase, steps): (usize, u64),
    ) -> Result<Self, String> {
        let find = |prefix: &str, key: &str| {
            tensors.get(&format!("{prefix}.{key}")).map(|(_, values)| values.clone())
        };
        let mut numbers = BTreeMap::new();
        for (key, id) in named(&self.network) {
            if let Some(values) = find("average", &key) {
                self.average.numbers.insert(id, values);
            }
            numbers.insert(id, find("network", &key).ok_or(key)?);
        }
        self.average.steps = tensors.get("average_steps").map_or(0, |(_, v)| v[0] as u64);
        let mut of_losses = BTreeMap::new();
        for (id, (key, _)) in self.objective.keys(phase, 1.0) {
            of_losses.insert(id, find("loss", &key).ok_or(key)?);
        }
        let mut moments: BTreeMap<String, Moments> = BTreeMap::new();
        for (key, (_, values)) in tensors {
            if let Some(key) = key.strip_prefix("first.") {
                moments.entry(key.to_owned()).or_default().first = values.clone();
            } else if let Some(key) = key.strip_prefix("second.") {
                moments.entry(key.to_owned()).or_default().second = values.clone();
            }
        }
        Ok(Self {
            network: self.network.map(&mut Setter { numbers: &numbers }),
            objective: self.objective.map(&mut Setter { numbers: &of_losses }),
            optimizer: Optimizer::resume(optimizer, moments, steps),
            ..self
        })
    }

    /// The values of network, losses, optimiser and average by key, in the phase `phase`.
    pub(super) fn tensors(&self, phase: usize) -> Tensors {
        let mut collector = Collector::default();
        self.network.visit(&mut collector);
        let mut tensors = Tensors::new();
        for (key, id) in named(&self.network) {
            if let Some((shape, values)) = collector.found.remove(&id) {
                if let Some(average) = self.average.numbers.get(&id) {
                    tensors.insert(format!("average.{key}"), (shape.clone(), average.clone()));
                }
                tensors.insert(format!("network.{key}"), (shape, values));
            }
        }
        tensors.insert("average_steps".to_owned(), (vec![1], vec![self.average.steps as f32]));
        self.objective.visit(&mut collector);
        for (id, (key, _)) in self.objective.keys(phase, 1.0) {
            if let Some(tensor) = collector.found.remove(&id) {
                tensors.insert(format!("loss.{key}"), tensor);
            }
        }
        for (key, Moments { first, second }) in self.optimizer.moments() {
            for (name, values) in [("first", first), ("second", second)] {
                if !values.is_empty() {
                    tensors.insert(format!("{name}.{key}"), (vec![values.len()], values));
                }
            }
        }
        tensors
    }
}

fn named(network: &Network) -> Vec<(String, ParamId)> {
    parameters(network).into_iter().map(|info| (info.key, info.id)).collect()
}
