//! Reads and sets the values of a network by parameter, and keeps their running average.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use super::optimizer::floats;
use crate::network::Network;

/// A running average of a network's parameters: Tarvainen and Valpola (2017), arXiv 1703.01780, section 2.
#[derive(Debug, Clone, Default)]
pub(super) struct Average {
    pub(super) numbers: BTreeMap<ParamId, Vec<f32>>,
    pub(super) steps: u64,
}

impl Average {
    /// Updates the average with `network`. `decay` is the weight of the old average, which is less in the first steps.
    pub(super) fn follow(&mut self, network: &Network, decay: f32) {
        if decay > 0.0 {
            self.steps += 1;
            let decay = decay.min((1 + self.steps) as f32 / (10 + self.steps) as f32);
            network.visit(&mut Follower { average: self, decay });
        }
    }

    /// The network with averaged parameters, or unchanged where nothing was averaged.
    pub(super) fn apply(&self, network: Network) -> Network {
        if self.numbers.is_empty() { network } else { network.map(&mut Setter { numbers: &self.numbers }) }
    }
}

struct Follower<'a> {
    average: &'a mut Average,
    decay: f32,
}

impl ModuleVisitor for Follower<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = floats(param.val().inner());
        match self.average.numbers.get_mut(&param.id) {
            Some(kept) => {
                kept.iter_mut().zip(values).for_each(|(kept, v)| *kept += (v - *kept) * (1.0 - self.decay))
            }
            None => drop(self.average.numbers.insert(param.id, values)),
        }
    }
}

/// Sets the values of parameters.
pub(super) struct Setter<'a> {
    pub(super) numbers: &'a BTreeMap<ParamId, Vec<f32>>,
}

impl ModuleMapper for Setter<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(values) = self.numbers.get(&param.id) else { return param };
        let gradient = param.is_require_grad();
        param.map(|tensor| {
            let data = TensorData::new(values.clone(), tensor.shape());
            let tensor = Tensor::from_data(data, &tensor.device());
            if gradient { tensor.require_grad() } else { tensor }
        })
    }
}

/// Collects shapes and values of parameters.
#[derive(Default)]
pub(super) struct Collector {
    pub(super) found: BTreeMap<ParamId, (Vec<usize>, Vec<f32>)>,
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().inner();
        self.found.insert(param.id, (tensor.dims().to_vec(), floats(tensor)));
    }
}
