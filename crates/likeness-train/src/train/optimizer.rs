//! The optimiser: gradients of several batches are summed, clipped, and applied to every parameter at the learning rate of
//! its stage.
//!
//! On the CPU a step is one pass over each parameter, in place. On another device all state stays on the device, and only the
//! norm of the gradient is read back.
//! One-dimensional parameters (biases, scales of normalisations) have no weight decay, as is usual: He et al. (2019),
//! arXiv 1812.01187, section 3.1.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use super::config::OptimizerConfig;
use crate::ops::runs_on_processor;
use crate::ops::update::{
    AdamwStep, SgdStep, WeightDecay, adamw_step, adamw_step_on_device, sgd_step, sgd_step_on_device,
};
use crate::{Result, TrainError};

/// Keeps AdamW's division finite.
const EPSILON: f32 = 1e-8;

/// The optimiser's state of a parameter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moments {
    /// The momentum, or the running mean of the gradient.
    pub first: Vec<f32>,
    /// The running mean of the squared gradient; empty for an optimiser without one.
    pub second: Vec<f32>,
}

/// One value for each value of a parameter, on the parameter's device.
#[derive(Debug, Clone)]
enum Values {
    Processor(Vec<f32>),
    Device(Box<Tensor<1>>),
}

impl Values {
    /// The values of `tensor`, on its device.
    fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        if runs_on_processor(&tensor) {
            Self::Processor(floats(tensor))
        } else {
            let count = tensor.shape().num_elements();
            Self::on_device(tensor.reshape([count]))
        }
    }

    fn on_device(tensor: Tensor<1>) -> Self {
        Self::Device(Box::new(tensor))
    }

    fn scaled(self, factor: f32) -> Self {
        match self {
            Self::Processor(mut values) => {
                values.iter_mut().for_each(|v| *v *= factor);
                Self::Processor(values)
            }
            Self::Device(tensor) => Self::on_device(tensor.mul_scalar(factor)),
        }
    }

    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Device(a), Self::Device(b)) => Self::on_device(*a + *b),
            (a, b) => {
                let mut sum = a.into_floats();
                sum.iter_mut().zip(b.into_floats()).for_each(|(sum, v)| *sum += v);
                Self::Processor(sum)
            }
        }
    }

    fn into_floats(self) -> Vec<f32> {
        match self {
            Self::Processor(values) => values,
            Self::Device(tensor) => floats(*tensor),
        }
    }

    /// The values as a tensor on `device`; zeros where there are no values yet.
    fn into_tensor(self, count: usize, device: &Device) -> Tensor<1> {
        match self {
            Self::Device(tensor) => *tensor,
            Self::Processor(values) if values.is_empty() => Tensor::zeros([count], device),
            Self::Processor(values) => Tensor::from_floats(values.as_slice(), device),
        }
    }
}

impl Default for Values {
    fn default() -> Self {
        Self::Processor(Vec::new())
    }
}

/// Gradients by parameter.
#[derive(Debug, Default)]
pub struct CollectedGradients {
    by_parameter: BTreeMap<ParamId, Values>,
}

impl CollectedGradients {
    /// Adds the gradients of `module`'s parameters.
    pub fn add<M: Module>(&mut self, module: &M, gradients: &mut Gradients) {
        module.visit(&mut Collector { gradients, collected: self });
    }

    /// Norm of all gradients as one vector.
    pub fn norm(&self) -> f32 {
        let mut sum = 0.0;
        let mut on_device = Vec::new();
        for values in self.by_parameter.values() {
            match values {
                Values::Processor(values) => {
                    let pieces = values.chunks(4096);
                    sum += pieces.map(|c| f64::from(c.iter().map(|v| v * v).sum::<f32>())).sum::<f64>();
                }
                Values::Device(tensor) => on_device.push(tensor.as_ref().clone().square().sum()),
            }
        }
        if !on_device.is_empty() {
            sum += floats(Tensor::cat(on_device, 0)).into_iter().map(f64::from).sum::<f64>();
        }
        sum.sqrt() as f32
    }
}

struct Collector<'a> {
    gradients: &'a mut Gradients,
    collected: &'a mut CollectedGradients,
}

impl ModuleVisitor for Collector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = param.val().grad_remove(self.gradients) else { return };
        let values = Values::of(gradient);
        let by_parameter = &mut self.collected.by_parameter;
        let sum = match by_parameter.remove(&param.id) {
            Some(sum) => sum.plus(values),
            None => values,
        };
        by_parameter.insert(param.id, sum);
    }
}

/// The values of a tensor.
pub(super) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("converted to f32")
}

/// Updates parameters by their gradients.
#[derive(Debug, Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    /// First and second moment, by the key of the parameter.
    moments: BTreeMap<String, [Values; 2]>,
    steps: u64,
}

impl Optimizer {
    /// An optimiser before its first step.
    pub fn new(config: OptimizerConfig) -> Self {
        Self { config, moments: BTreeMap::new(), steps: 0 }
    }

    /// An optimiser that continues with the state of another after `steps` steps.
    pub fn resume(config: OptimizerConfig, moments: BTreeMap<String, Moments>, steps: u64) -> Self {
        let kept = |Moments { first, second }| [first, second].map(Values::Processor);
        let moments = moments.into_iter().map(|(key, moments)| (key, kept(moments))).collect();
        Self { config, moments, steps }
    }

    /// The state of each parameter, by key.
    pub fn moments(&self) -> BTreeMap<String, Moments> {
        let read = |kept: &[Values; 2]| {
            let [first, second] = kept.clone().map(Values::into_floats);
            Moments { first, second }
        };
        self.moments.iter().map(|(key, kept)| (key.clone(), read(kept))).collect()
    }

    /// Number of steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Begins a step, to which the following calls of [`Optimizer::update`] belong.
    pub fn begin(&mut self) {
        self.steps += 1;
    }

    /// Updates the parameters of `module` that have gradients.
    ///
    /// `keys` holds the key and the learning-rate factor of each parameter; other parameters do not change.
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

    /// Updates `parameter`, with weight decay if `decays`.
    fn moved<const D: usize>(
        &mut self,
        key: &str,
        parameter: Tensor<D>,
        gradient: Values,
        rate: f32,
        decays: bool,
    ) -> Tensor<D> {
        let (device, shape) = (parameter.device(), parameter.shape());
        let kept = self.moments.entry(key.to_owned()).or_default();
        let step = StepSettings::new(self.config, rate, decays, self.steps);
        match gradient {
            Values::Processor(gradient) => {
                let mut values = floats(parameter);
                let [first, second] = std::mem::take(kept).map(Values::into_floats);
                *kept = step.take(&mut values, &gradient, [first, second]).map(Values::Processor);
                Tensor::from_data(TensorData::new(values, shape), &device)
            }
            Values::Device(gradient) => {
                let count = shape.num_elements();
                let moments = std::mem::take(kept);
                let (values, moments) =
                    step.take_on_device(parameter.reshape([count]), *gradient, moments, &device);
                *kept = moments;
                values.reshape(shape)
            }
        }
    }
}

/// Settings of a step for one parameter.
enum StepSettings {
    Sgd(SgdStep),
    AdamW(AdamwStep),
}

impl StepSettings {
    fn new(config: OptimizerConfig, learning_rate: f32, decays: bool, steps: u64) -> Self {
        let decay = |weight_decay| if decays { weight_decay } else { 0.0 };
        match config {
            OptimizerConfig::Sgd { momentum, weight_decay } => {
                let weight_decay = WeightDecay::Coupled(decay(weight_decay));
                Self::Sgd(SgdStep { learning_rate, momentum, weight_decay })
            }
            OptimizerConfig::AdamW { beta1, beta2, weight_decay } => Self::AdamW(AdamwStep {
                learning_rate,
                betas: [beta1, beta2],
                epsilon: EPSILON,
                weight_decay: decay(weight_decay),
                step: u32::try_from(steps).unwrap_or(u32::MAX),
            }),
        }
    }

    /// Updates `values` in place and returns the new moments.
    fn take(
        &self,
        values: &mut [f32],
        gradient: &[f32],
        [mut first, mut second]: [Vec<f32>; 2],
    ) -> [Vec<f32>; 2] {
        first.resize(values.len(), 0.0);
        match self {
            Self::Sgd(step) => sgd_step(values, gradient, &mut first, step),
            Self::AdamW(step) => {
                second.resize(values.len(), 0.0);
                adamw_step(values, gradient, [&mut first, &mut second], step);
            }
        }
        [first, second]
    }

    /// Updates tensors on `device` as [`StepSettings::take`] does.
    fn take_on_device(
        &self,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        [first, second]: [Values; 2],
        device: &Device,
    ) -> (Tensor<1>, [Values; 2]) {
        let [count] = parameter.dims();
        let first = first.into_tensor(count, device);
        match self {
            Self::Sgd(step) => {
                let [parameter, first] = sgd_step_on_device(parameter, gradient, first, step);
                (parameter, [Values::on_device(first), Values::default()])
            }
            Self::AdamW(step) => {
                let moments = [first, second.into_tensor(count, device)];
                let (parameter, moments) = adamw_step_on_device(parameter, gradient, moments, step);
                (parameter, moments.map(Values::on_device))
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
        let Some(gradient) = self.gradients.by_parameter.remove(&param.id) else { return param };
        let Some((key, factor)) = self.keys.get(&param.id) else { return param };
        let gradient = if self.scale == 1.0 { gradient } else { gradient.scaled(self.scale) };
        param.map(|tensor| {
            self.optimizer
                .moved(key, tensor.inner(), gradient, self.rate * factor, D > 1)
                .autodiff()
                .require_grad()
        })
    }
}

/// Checks that the gradient is finite.
///
/// # Errors        a norm that is not finite → [`TrainError::NotANumber`]
pub(super) fn check_norm(norm: f32, step: u64) -> Result<()> {
    if norm.is_finite() { Ok(()) } else { Err(TrainError::NotANumber { what: "gradient", step }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parameter after each of four steps, the last two by an optimiser that goes on from the other's moments.
    fn walk(config: OptimizerConfig, gradient_of: fn(Tensor<2>) -> Values) -> Vec<Vec<f32>> {
        let device = Device::flex();
        let tensor =
            |numbers: [f32; 6]| Tensor::<2>::from_data(TensorData::new(numbers.to_vec(), [2, 3]), &device);
        let mut optimizer = Optimizer::new(config);
        let mut parameter = tensor([0.5, -1.0, 2.0, 0.0, -0.25, 1.5]);
        let mut seen = Vec::new();
        for step in 0..4 {
            if step == 2 {
                optimizer = Optimizer::resume(config, optimizer.moments(), optimizer.steps());
            }
            optimizer.begin();
            let gradient = tensor([0.1, -0.2, 0.3, 0.4, 0.0, -0.6]).mul_scalar(1.0 + step as f32);
            parameter = optimizer.moved("key", parameter, gradient_of(gradient), 0.05, true);
            seen.push(floats(parameter.clone()));
        }
        seen
    }

    #[test]
    fn a_device_takes_the_processors_steps() {
        for config in [
            OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.01 },
            OptimizerConfig::AdamW { beta1: 0.9, beta2: 0.999, weight_decay: 0.05 },
        ] {
            let here = walk(config, |gradient| Values::Processor(floats(gradient)));
            let there = walk(config, |gradient| Values::on_device(gradient.reshape([6])));
            let apart = here.concat().into_iter().zip(there.concat()).map(|(a, b)| (a - b).abs());
            assert!(apart.fold(0.0, f32::max) < 1e-5, "{here:?} and {there:?}");
            assert_ne!(here[0], here[3]);
        }
    }

    #[test]
    fn the_length_of_gradients_is_the_same_wherever_they_are() {
        let values = || [vec![3.0, 0.0], vec![0.0, -4.0, 12.0]];
        let of = |values: Vec<Values>| {
            let by_parameter = values.into_iter().map(|v| (ParamId::new(), v)).collect();
            CollectedGradients { by_parameter }.norm()
        };
        let tensor = |v: Vec<f32>| Tensor::<1>::from_floats(v.as_slice(), &Device::flex());
        assert_eq!(of(values().into_iter().map(Values::Processor).collect()), 13.0);
        assert_eq!(of(values().into_iter().map(|v| Values::on_device(tensor(v))).collect()), 13.0);
    }
}
