//! A rectifier with a trained slope, with PyTorch's key `weight`.

use super::list::{Layer, LayerList, Output, values};
use super::{Initializer, parameter};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::ops;

/// max(x, 0) + weight · min(x, 0), with one slope for each channel.
///
/// # References    He et al. (2015), arXiv 1502.01852
#[derive(Module, Debug)]
pub struct PRelu {
    /// `[channels]`.
    pub weight: Param<Tensor<1>>,
}

impl PRelu {
    /// Slopes of 0.25, as PyTorch starts.
    pub fn new(channels: usize, init: &Initializer) -> Self {
        Self { weight: parameter(Tensor::full([channels], 0.25, &init.device)) }
    }

    /// Rectifies the pictures, `[batch, channels, h, w]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        ops::prelu(input, self.weight.val())
    }

    /// Lists the layer.
    pub(crate) fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        layers.push_weighted(Layer::Slopes(values(&self.weight)), input, &self.weight)
    }
}
