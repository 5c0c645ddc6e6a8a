//! Batch normalisation with PyTorch's keys `weight`, `bias`, `running_mean` and `running_var`.
//!
//! Ioffe and Szegedy, Batch Normalization (2015), arXiv 1502.03167. The running statistics are parameters without gradient,
//! so that visitors, records and `valid()` include them, a clone has its own, and an optimiser does not change them.
//! `num_batches_tracked` is not used and is left out.

use super::list::{Layer, LayerList, Output, values};
use super::{BatchStatistics, Initializer, Pass, parameter};
use crate::ops::{self, Activation};
use burn::module::{Flag, Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;
use std::collections::HashMap;

/// Weight of the newest batch in the running statistics, PyTorch's default.
const MOMENTUM: f32 = 0.1;

/// Batch normalisation.
///
/// A training pass uses the mean and variance of the batch, unless the layer is frozen: `freeze`, `freeze_group` and
/// [`Network::freeze`](crate::network::Network::freeze) clear [`training`](Self::training) together with the gradients of
/// the weights.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// Running mean, used in evaluation, `[channels]`, without gradient.
    pub running_mean: Param<Tensor<1>>,
    /// Running variance, used in evaluation, `[channels]`, without gradient.
    pub running_var: Param<Tensor<1>>,
    /// Whether a training pass uses the statistics of the batch.
    pub training: Param<Flag>,
    epsilon: f32,
}

impl BatchNorm {
    /// A layer with scale 1, shift 0, running mean 0 and running variance 1.
    pub fn new(channels: usize, epsilon: f32, init: &Initializer) -> Self {
        let device = &init.device;
        Self {
            weight: parameter(Tensor::ones([channels], device)),
            bias: parameter(Tensor::zeros([channels], device)),
            running_mean: Param::initialized(ParamId::new(), Tensor::zeros([channels], device)),
            running_var: Param::initialized(ParamId::new(), Tensor::ones([channels], device)),
            training: Param::<Flag>::from_bool(true),
            epsilon,
        }
    }

    /// Normalises images, adds `residual`, and applies the activation.
    ///
    /// # Shapes        input, residual, output: [batch, channels, h, w]
    /// # Panics        a training pass with one value per channel, whose variance is undefined
    pub fn forward(
        &self,
        input: Tensor<4>,
        residual: Option<Tensor<4>>,
        activation: Activation,
        pass: &mut Pass,
    ) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        if !(pass.observes() && self.training.val().is_enabled()) {
            let statistics = [self.running_mean.val().detach(), self.running_var.val().detach()];
            return ops::batch_norm_frozen(
                input,
                statistics,
                weight,
                bias,
                self.epsilon,
                residual,
                activation,
            );
        }
        let [batch, _, height, width] = input.dims();
        let count = batch * height * width;
        assert!(count > 1, "a batch statistic needs more than one number per channel");
        let seen = ops::batch_norm_training(input, weight, bias, self.epsilon, residual, activation);
        pass.observe(BatchStatistics {
            mean_id: self.running_mean.id,
            variance_id: self.running_var.id,
            mean: seen.mean,
            variance: seen.variance * (count as f32 / (count - 1) as f32),
        });
        seen.output
    }

    /// Normalises rows.
    ///
    /// # Shapes        input, output: [batch, channels]
    /// # Panics        a training pass over a single row
    pub fn forward_rows(&self, input: Tensor<2>, pass: &mut Pass) -> Tensor<2> {
        let [batch, channels] = input.dims();
        let input = input.reshape([batch, channels, 1, 1]);
        self.forward(input, None, Activation::Identity, pass).reshape([batch, channels])
    }

    /// Lists the layer.
    pub(crate) fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let layer = Layer::Norm {
            scale: values(&self.weight),
            shift: values(&self.bias),
            mean: values(&self.running_mean),
            variance: values(&self.running_var),
            epsilon: self.epsilon,
            of_product: layers.ends_with_product(input),
        };
        layers.push_weighted(layer, input, &self.weight)
    }
}

/// Updates the running statistics with the statistics that a training pass observed, which get a weight of 10 %, as in PyTorch.
///
/// A layer that observed several batches in the pass is updated with one after the other.
pub fn absorb<M: Module>(module: M, pass: Pass) -> M {
    absorb_share(module, pass, MOMENTUM)
}

/// Updates the running statistics as [`absorb`] does, with `share` as the weight of the new statistics; 1 discards the old ones.
pub fn absorb_share<M: Module>(module: M, pass: Pass, share: f32) -> M {
    let mut mapper = Absorb { seen: HashMap::new(), share };
    for statistics in pass.into_observed() {
        mapper.seen.entry(statistics.mean_id).or_default().push(statistics.mean);
        mapper.seen.entry(statistics.variance_id).or_default().push(statistics.variance);
    }
    if mapper.seen.is_empty() { module } else { module.map(&mut mapper) }
}

struct Absorb {
    seen: HashMap<ParamId, Vec<Tensor<1>>>,
    share: f32,
}

impl ModuleMapper for Absorb {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(values) = self.seen.remove(&param.id) else { return param };
        param.map(|running| {
            let device = running.device();
            let shape = running.dims();
            values.into_iter().fold(running.detach(), |running, value| {
                let value = value.to_device(&device).detach().reshape(shape);
                running * (1.0 - self.share) + value * self.share
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn layer(device: &Device) -> BatchNorm {
        BatchNorm::new(2, 1e-5, &Initializer::new(device, 0))
    }

    fn rows(device: &Device) -> Tensor<2> {
        Tensor::from_floats([[1.0, 4.0], [3.0, 4.0], [5.0, 10.0]], device)
    }

    fn values(param: &Param<Tensor<1>>) -> Vec<f32> {
        param.val().into_data().try_to_vec().unwrap()
    }

    #[test]
    fn running_statistics_follow_the_unbiased_variance() {
        let device = Device::flex();
        let mut pass = Pass::training(0);
        let layer = layer(&device);
        let copy = layer.clone();
        layer.forward_rows(rows(&device), &mut pass);
        let layer = absorb(layer, pass);
        // Means 3 and 6; sums of squares 8 and 24 over count − 1 = 2.
        for (found, expected) in values(&layer.running_mean).iter().zip([0.3, 0.6]) {
            assert!((found - expected).abs() < 1e-6);
        }
        for (found, expected) in values(&layer.running_var).iter().zip([0.9 + 0.4, 0.9 + 1.2]) {
            assert!((found - expected).abs() < 1e-6);
        }
        assert_eq!(values(&copy.running_mean), [0.0, 0.0], "a copy keeps its own statistics");
    }

    #[test]
    fn a_frozen_layer_uses_and_keeps_its_running_statistics() {
        let device = Device::flex().autodiff();
        let layer = layer(&device).freeze();
        let mut pass = Pass::training(0);
        let output = layer.forward_rows(rows(&device), &mut pass);
        assert!(pass.observed().is_empty());
        let factor = 1.0 / (1.0f32 + 1e-5).sqrt();
        let expected = rows(&device) * factor;
        assert!((output - expected).abs().max().into_scalar::<f32>() < 1e-6);
    }

    #[test]
    fn statistics_survive_records_and_validation_without_gradient() {
        let device = Device::flex().autodiff();
        let mut pass = Pass::training(0);
        let first = layer(&device);
        first.forward_rows(rows(&device), &mut pass);
        let first = absorb(first, pass);
        assert!(!first.running_mean.is_require_grad());
        assert_eq!(values(&first.valid().running_mean), values(&first.running_mean));
        let again = layer(&device).load_record(first.clone().into_record());
        assert_eq!(values(&again.running_var), values(&first.running_var));
        assert!(!again.running_var.is_require_grad() && again.weight.is_require_grad());
    }
}
