//! A linear layer with PyTorch's keys and layout.

use super::{BatchNorm, Initializer, parameter};
use crate::export::{Affine, GraphBuilder, Value, numbers};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// x · weightᵀ + bias.
///
/// # Shapes        input: [batch, in] · output: [batch, out]
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// A layer of random weights and zero bias.
    pub fn new([input, output]: [usize; 2], bias: bool, init: &mut Initializer) -> Self {
        Self {
            weight: parameter(init.linear([output, input])),
            bias: bias.then(|| parameter(Tensor::zeros([output], &init.device))),
        }
    }

    /// Maps every row.
    pub fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let output = input.matmul(self.weight.val().transpose());
        match &self.bias {
            Some(bias) => output + bias.val().unsqueeze(),
            None => output,
        }
    }

    /// The same as a graph's embedding, with the normalisations before and after it, which become part of the weights:
    /// row o of the weight W becomes after.scale\[o\] · W\[o\] · before.scale, and so on for the shifts.
    pub(crate) fn export(
        &self,
        input: &Value,
        [before, after]: [Option<&BatchNorm>; 2],
        graph: &mut GraphBuilder,
    ) -> Value {
        let [rows, columns] = self.weight.val().dims();
        let (before, after) = (Affine::of(before, columns), Affine::of(after, rows));
        let mut weight = numbers(&self.weight);
        let mut bias = self.bias.as_ref().map_or_else(|| vec![0.0; rows], numbers);
        for (o, row) in weight.chunks_exact_mut(columns).enumerate() {
            let mut sum = f64::from(bias[o]);
            for ((value, scale), shift) in row.iter_mut().zip(&before.scale).zip(&before.shift) {
                sum += f64::from(*value) * shift;
                *value = (f64::from(*value) * scale * after.scale[o]) as f32;
            }
            bias[o] = (sum * after.scale[o] + after.shift[o]) as f32;
        }
        graph.embedding(input, &weight, &bias)
    }
}
