//! A two-dimensional convolution with PyTorch's keys `weight` and `bias`.

use super::list::{Layer, LayerList, Output, values};
use super::{Initializer, parameter};
use crate::ops::{self, ConvOptions};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// Shape, stride, padding and groups of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) groups: usize,
    /// Zero padding on each side.
    pub(crate) padding: usize,
    /// Further zero padding at the bottom and on the right.
    pub(crate) end_padding: usize,
    pub(crate) bias: bool,
}

/// A square filter of odd side length, padded so that stride 1 keeps the size, without groups and bias.
pub(crate) fn square(kernel: usize, stride: usize) -> Window {
    Window { kernel, stride, groups: 1, padding: kernel / 2, end_padding: 0, bias: false }
}

/// A two-dimensional convolution.
///
/// # Shapes        input: [batch, in, h, w] · output: [batch, out, h', w']
#[derive(Module, Debug)]
pub struct Conv2d {
    /// Weights, `[out, in / groups, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// Bias, `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    options: ConvOptions,
}

impl Conv2d {
    pub(crate) fn new([input, output]: [usize; 2], window: Window, init: &mut Initializer) -> Self {
        let Window { kernel, stride, groups, padding, end_padding, bias } = window;
        Self {
            weight: parameter(init.kaiming_fan_out([output, input / groups, kernel, kernel])),
            bias: bias.then(|| parameter(Tensor::zeros([output], &init.device))),
            options: ConvOptions {
                stride: [stride; 2],
                padding: [padding; 2],
                end_padding: [end_padding; 2],
                groups,
                precision: init.precision,
            },
        }
    }

    /// The convolution of the images.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        ops::conv2d(input, self.weight.val(), self.bias.as_ref().map(Param::val), self.options)
    }

    /// Lists the layer.
    pub(crate) fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let layer = Layer::Product {
            shape: self.weight.val().dims().to_vec(),
            weight: values(&self.weight),
            bias: self.bias.as_ref().map(values),
            options: Some(self.options),
        };
        layers.push_weighted(layer, input, &self.weight)
    }
}
