//! A two-dimensional convolution with PyTorch's keys `weight` and `bias`.

use super::{BatchNorm, Initializer, parameter};
use crate::export::{Affine, Filter, GraphBuilder, Value, numbers};
use crate::ops::{self, ConvOptions};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// The shape of a filter and how it walks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) groups: usize,
    /// Zeros on each side.
    pub(crate) padding: usize,
    pub(crate) bias: bool,
}

/// An odd square filter, padded so that stride 1 keeps the size, without groups and bias.
pub(crate) fn square(kernel: usize, stride: usize) -> Window {
    Window { kernel, stride, groups: 1, padding: kernel / 2, bias: false }
}

/// A two-dimensional convolution.
///
/// # Shapes        input: [batch, in, h, w] · output: [batch, out, h', w']
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out, in / groups, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    options: ConvOptions,
}

impl Conv2d {
    pub(crate) fn new([input, output]: [usize; 2], window: Window, init: &mut Initializer) -> Self {
        let Window { kernel, stride, groups, padding, bias } = window;
        Self {
            weight: parameter(init.kaiming_fan_out([output, input / groups, kernel, kernel])),
            bias: bias.then(|| parameter(Tensor::zeros([output], &init.device))),
            options: ConvOptions {
                stride: [stride; 2],
                padding: [padding; 2],
                groups,
                precision: init.precision,
            },
        }
    }

    /// Filters the pictures.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        ops::conv2d(input, self.weight.val(), self.bias.as_ref().map(Param::val), self.options)
    }

    /// The same in a graph, and `norm` after it, which becomes part of the weights.
    pub(crate) fn export(&self, input: &Value, norm: Option<&BatchNorm>, graph: &mut GraphBuilder) -> Value {
        let shape = self.weight.val().dims();
        let Affine { scale, shift } = Affine::of(norm, shape[0]);
        let mut weight = numbers(&self.weight);
        for (row, scale) in weight.chunks_exact_mut(shape[1..].iter().product()).zip(&scale) {
            row.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
        }
        let bias = self.bias.as_ref().map_or_else(|| vec![0.0; shape[0]], numbers);
        let places = scale.iter().zip(&shift).zip(&bias);
        let bias = places.map(|((scale, shift), bias)| (f64::from(*bias) * scale + shift) as f32).collect();
        graph.conv(input, &Filter { weight, shape, bias, options: self.options })
    }
}
