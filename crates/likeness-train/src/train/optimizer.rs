//! Gradients become steps: the gradients of several batches are summed, clipped, and move every parameter at the rate
//! of its stage.
//!
//! A step is one pass over each parameter, in place, on the CPU; from another device parameters come for it and go back.
//! Parameters of one extent (biases, scales of normalisations) have no weight decay, as is usual: He et al. (2019),
//! arXiv 1812.01187, section 3.1.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Gradients, Tensor, TensorData};

use super::config::OptimizerConfig;
use crate::ops::update::{AdamwStep, SgdStep, WeightDecay, adamw_step, sgd_step};
use crate::{Result, TrainError};

/// Keeps AdamW's division finite.
const EPSILON: f32 = 1e-8;

/// What a parameter needs from one step to the next.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moments {
    /// The momentum, or the gradient's running mean.
    pub first: Vec<f32>,
    /// The squared gradient's running mean; empty without one.
    pub second: Vec<f32>,
}

/// Gradients by parameter, on this machine.
#[derive(Debug, Default)]
pub struct CollectedGradients {
    by_parameter: BTreeMap<ParamId, Vec<f32>>,
}

impl CollectedGradients {
    /// Adds the gradients of `module`'s parameters, times `factor`.
    pub fn add<M: Module>(&mut self, module: &M, gradients: &mut Gradients, factor: f32) {
        module.visit(&mut Collector { gradients, factor, collected: self });
    }

    /// Length of all gradients taken as one vector.
    pub fn norm(&self) -> f32 {
        let squares = |values: &Vec<f32>| -> f64 {
            values.chunks(4096).map(|c| f64::from(c.iter().map(|v| v * v).sum::<f32>())).sum()
        };
        self.by_parameter.values().map(squares).sum::<f64>().sqrt() as f32
    }
}

struct Collector<'a> {
    gradients: &'a mut Gradients,
    factor: f32,
    collected: &'a mut CollectedGradients,
}

impl ModuleVisitor for Collector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = param.val().grad_remove(self.gradients) else { return };
        let mut values = floats(gradient);
        if self.factor != 1.0 {
            values.iter_mut().for_each(|v| *v *= self.factor);
        }
        match self.collected.by_parameter.get_mut(&param.id) {
            Some(sum) => sum.iter_mut().zip(values).for_each(|(sum, v)| *sum += v),
            None => drop(self.collected.by_parameter.insert(param.id, values)),
        }
    }
}

/// The numbers of a tensor.
pub(super) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("converted to f32")
}

/// Moves parameters along their gradients.
#[derive(Debug, Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    /// By the key of the parameter.
    moments: BTreeMap<String, Moments>,
    steps: u64,
}

impl Optimizer {
    /// An optimiser without a past.
    pub fn new(config: OptimizerConfig) -> Self {
        Self { config, moments: BTreeMap::new(), steps: 0 }
    }

    /// An optimiser that goes on where another was after `steps`.
    pub fn resume(config: OptimizerConfig, moments: BTreeMap<String, Moments>, steps: u64) -> Self {
        Self { config, moments, steps }
    }

    /// What it keeps of each parameter, by key.
    pub fn moments(&self) -> &BTreeMap<String, Moments> {
        &self.moments
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Begins a step: [`Optimizer::update`] of every module then belongs to it.
    pub fn begin(&mut self) {
        self.steps += 1;
    }

    /// Moves those parameters of `module` that have gradients.
    ///
    /// `keys` names every parameter and the factor on the rate; what it leaves out stays as it is.
    pub fn update<M: Module>(
        &mut self,
        module: M,
        gradients: &mut CollectedGradients,
        scale: f32,
        keys: &BTreeMap<ParamId, (String, f32)>,
        rate: f32,
    ) -> M {
        module.map(&mut Updater { optimizer: self, gradients, scale, keys, rate })
    }

    fn move_values(&mut self, key: &str, values: &mut [f32], gradient: &[f32], rate: f32, decays: bool) {
        let moments = self.moments.entry(key.to_owned()).or_default();
        moments.first.resize(values.len(), 0.0);
        match self.config {
            OptimizerConfig::Sgd { momentum, weight_decay } => {
                let weight_decay = if decays { weight_decay } else { 0.0 };
                let weight_decay = WeightDecay::Coupled(weight_decay);
                let step = SgdStep { learning_rate: rate, momentum, weight_decay };
                sgd_step(values, gradient, &mut moments.first, &step);
            }
            OptimizerConfig::AdamW { beta1, beta2, weight_decay } => {
                moments.second.resize(values.len(), 0.0);
                let step = AdamwStep {
                    learning_rate: rate,
                    betas: [beta1, beta2],
                    epsilon: EPSILON,
                    weight_decay: if decays { weight_decay } else { 0.0 },
                    step: u32::try_from(self.steps).unwrap_or(u32::MAX),
                };
                adamw_step(values, gradient, [&mut moments.first, &mut moments.second], &step);
            }
        }
    }
}

struct Updater<'a> {
    optimizer: &'a mut Optimizer,
    gradients: &'a mut CollectedGradients,
    scale: f32,
    keys: &'a BTreeMap<ParamId, (String, f32)>,
    rate: f32,
}

impl ModuleMapper for Updater<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(mut gradient) = self.gradients.by_parameter.remove(&param.id) else { return param };
        let Some((key, factor)) = self.keys.get(&param.id) else { return param };
        if self.scale != 1.0 {
            gradient.iter_mut().for_each(|v| *v *= self.scale);
        }
        param.map(|tensor| {
            let (device, shape) = (tensor.device(), tensor.shape());
            let mut values = floats(tensor.inner());
            self.optimizer.move_values(key, &mut values, &gradient, self.rate * factor, D > 1);
            Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
        })
    }
}

/// Refuses gradients that are no numbers.
///
/// # Errors        a norm that is not finite → [`TrainError::NotANumber`]
pub(super) fn check_norm(norm: f32, step: u64) -> Result<()> {
    if norm.is_finite() { Ok(()) } else { Err(TrainError::NotANumber { what: "gradient", step }) }
}
