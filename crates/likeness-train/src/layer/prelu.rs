//! PReLU, with PyTorch's key `weight`.

use super::list::{Layer, LayerList, Output, values};
use super::{Initializer, parameter};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::ops;

/// PReLU: max(x, 0) + weight · min(x, 0), with one slope for each channel.
///
/// # References    He et al. (2015), arXiv 1502.01852
#[derive(Module, Debug)]
pub struct PRelu {
    /// Slopes, `[channels]`.
    pub weight: Param<Tensor<1>>,
}

impl PRelu {
    /// A layer with slopes of 0.25, as in PyTorch.
    pub fn new(channels: usize, init: &Initializer) -> Self {
        Self { weight: parameter(Tensor::full([channels], 0.25, &init.device)) }
    }

    /// The activation of images, `[batch, channels, h, w]`.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        ops::prelu(input, self.weight.val())
    }

    /// Lists the layer.
    pub(crate) fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        layers.push_weighted(Layer::Slopes(values(&self.weight)), input, &self.weight)
    }
}
