//! Between a run and the tensors of its checkpoint: network, losses, optimiser and average.

use std::collections::BTreeMap;

use burn::module::{Module, ParamId};

use super::checkpoint::{self, Tensors};
use super::numbers::{Collector, Setter};
use super::optimizer::{Moments, Optimizer};
use super::run::Training;
use crate::network::{Network, parameters};
use crate::{Result, TrainError};

impl Training<'_> {
    /// Puts the values of a checkpoint into network, losses, optimiser and average.
    pub(super) fn take_tensors(&mut self, tensors: &Tensors, steps: u64) -> Result<()> {
        let missing = |key: &str| TrainError::BadCheckpoint {
            path: self.run.join(checkpoint::FOLDER),
            reason: format!("{key} is missing"),
        };
        let named = named(self.network());
        let find = |prefix: &str, key: &str| {
            tensors.get(&format!("{prefix}.{key}")).map(|(_, values)| values.clone())
        };
        let mut numbers = BTreeMap::new();
        for (key, id) in &named {
            numbers.insert(*id, find("network", key).ok_or_else(|| missing(key))?);
            if let Some(values) = find("average", key) {
                self.learner.average.numbers.insert(*id, values);
            }
        }
        self.learner.average.steps = tensors.get("average_steps").map_or(0, |(_, v)| v[0] as u64);
        let network = self.learner.network.take().expect("a network between steps");
        self.learner.network = Some(network.map(&mut Setter { numbers: &numbers }));
        let mut of_losses = BTreeMap::new();
        for (id, (key, _)) in self.learner.objective.keys(self.phase, 1.0) {
            of_losses.insert(id, find("loss", &key).ok_or_else(|| missing(&key))?);
        }
        let parameters = self.learner.objective.parameters.clone();
        self.learner.objective.parameters = parameters.map(&mut Setter { numbers: &of_losses });
        let mut moments: BTreeMap<String, Moments> = BTreeMap::new();
        for (key, (_, values)) in tensors {
            if let Some(key) = key.strip_prefix("first.") {
                moments.entry(key.to_owned()).or_default().first = values.clone();
            } else if let Some(key) = key.strip_prefix("second.") {
                moments.entry(key.to_owned()).or_default().second = values.clone();
            }
        }
        self.learner.optimizer = Optimizer::resume(self.config.optimizer, moments, steps);
        Ok(())
    }

    /// The values of network, losses, optimiser and average by key.
    pub(super) fn tensors(&self) -> Tensors {
        let mut collector = Collector::default();
        self.network().visit(&mut collector);
        let mut tensors = Tensors::new();
        for (key, id) in named(self.network()) {
            if let Some((shape, values)) = collector.found.remove(&id) {
                if let Some(average) = self.learner.average.numbers.get(&id) {
                    tensors.insert(format!("average.{key}"), (shape.clone(), average.clone()));
                }
                tensors.insert(format!("network.{key}"), (shape, values));
            }
        }
        tensors.insert("average_steps".to_owned(), (vec![1], vec![self.learner.average.steps as f32]));
        self.learner.objective.parameters.visit(&mut collector);
        for (id, (key, _)) in self.learner.objective.keys(self.phase, 1.0) {
            if let Some(tensor) = collector.found.remove(&id) {
                tensors.insert(format!("loss.{key}"), tensor);
            }
        }
        for (key, Moments { first, second }) in self.learner.optimizer.moments() {
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
