//! A linear layer with PyTorch's keys and layout.

use super::list::{Layer, LayerList, Output, values};
use super::{Initializer, parameter};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// A linear layer: x · weightᵀ + bias.
///
/// # Shapes        input: [batch, in] · output: [batch, out]
#[derive(Module, Debug)]
pub struct Linear {
    /// Weights, `[out, in]`.
    pub weight: Param<Tensor<2>>,
    /// Bias, `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// A layer with random weights and zero bias.
    pub fn new([input, output]: [usize; 2], bias: bool, init: &mut Initializer) -> Self {
        Self {
            weight: parameter(init.linear([output, input])),
            bias: bias.then(|| parameter(Tensor::zeros([output], &init.device))),
        }
    }

    /// The layer's output for each row.
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let output = input.matmul(self.weight.val().transpose());
        match &self.bias {
            Some(bias) => output + bias.val().unsqueeze(),
            None => output,
        }
    }

    /// Lists the layer.
    pub(crate) fn list(&self, input: Output, layers: &mut LayerList) -> Output {
        let layer = Layer::Product {
            shape: self.weight.val().dims().to_vec(),
            weight: values(&self.weight),
            bias: self.bias.as_ref().map(values),
            options: None,
        };
        layers.push_weighted(layer, input, &self.weight)
    }
}
