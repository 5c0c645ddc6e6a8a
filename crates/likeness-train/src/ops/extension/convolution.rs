//! Convolution as an operation of Burn.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::{FlexTensor, Perhaps, dense, numbers, tensor};
use crate::ops::ConvOptions;
use crate::ops::kernel::shape::ConvShape;
use crate::ops::kernel::{correlate, depthwise, weight_gradient};

/// Convolution by our own kernels.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait ConvolutionOps: Backend {
    /// Cross-correlation, as [`crate::ops::conv2d`].
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Perhaps<Self>,
        options: ConvOptions,
    ) -> FloatTensor<Self>;
}

/// Convolution of tensors on the processor.
pub(in crate::ops) fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions,
) -> Tensor<4> {
    let bias = Perhaps::new(bias.map(Tensor::into_dispatch));
    Tensor::from_dispatch(<Dispatch as ConvolutionOps>::convolution(
        input.into_dispatch(),
        weight.into_dispatch(),
        bias,
        options,
    ))
}

impl ConvolutionOps for Flex {
    fn convolution(
        input: FlexTensor,
        weight: FlexTensor,
        bias: Perhaps<Self>,
        options: ConvOptions,
    ) -> FlexTensor {
        let saved = Saved::new(&input, &weight, options);
        saved.forward(bias.as_ref())
    }
}

impl<C: CheckpointStrategy> ConvolutionOps for Autodiff<Flex, C> {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Perhaps<Self>,
        options: ConvOptions,
    ) -> FloatTensor<Self> {
        let saved = Saved::new(input.primitive(), weight.primitive(), options);
        let output = saved.forward(bias.as_ref().map(|bias| bias.primitive()));
        let [input, weight] = [input.node(), weight.node()];
        match bias.as_ref() {
            Some(bias) => {
                match Convolution.prepare::<C>([input, weight, bias.node()]).compute_bound().stateful() {
                    OpsKind::Tracked(prep) => prep.finish(saved, output),
                    OpsKind::UnTracked(prep) => prep.finish(output),
                }
            }
            None => match Convolution.prepare::<C>([input, weight]).compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish(saved, output),
                OpsKind::UnTracked(prep) => prep.finish(output),
            },
        }
    }
}

/// What the backward pass needs.
#[derive(Debug, Clone)]
struct Saved {
    input: FlexTensor,
    weight: FlexTensor,
    shape: ConvShape,
}

impl Saved {
    fn new(input: &FlexTensor, weight: &FlexTensor, options: ConvOptions) -> Self {
        let shape = ConvShape::new(input.shape().dims(), weight.shape().dims(), options);
        Self { input: dense(input), weight: dense(weight), shape }
    }

    fn forward(&self, bias: Option<&FlexTensor>) -> FlexTensor {
        let shape = &self.shape;
        let bias = bias.map(dense);
        let bias = bias.as_ref().map(numbers);
        let mut output = vec![0.0; shape.output_len()];
        let run = if shape.is_depthwise() { depthwise::forward } else { correlate::forward };
        run(shape, numbers(&self.input), numbers(&self.weight), bias, &mut output);
        let [height, width] = shape.output();
        tensor(output, [shape.batch, shape.output_channels, height, width])
    }

    fn input_gradient(&self, output_gradient: &[f32]) -> FlexTensor {
        let shape = &self.shape;
        let mut gradient = vec![0.0; shape.input_len()];
        let run = if shape.is_depthwise() { depthwise::input_gradient } else { correlate::input_gradient };
        run(shape, output_gradient, numbers(&self.weight), &mut gradient);
        tensor(gradient, self.input.shape().dims::<4>())
    }

    fn weight_gradient(&self, output_gradient: &[f32]) -> FlexTensor {
        let shape = &self.shape;
        let mut gradient = vec![0.0; shape.weight_len()];
        let run =
            if shape.is_depthwise() { depthwise::weight_gradient } else { weight_gradient::weight_gradient };
        run(shape, numbers(&self.input), output_gradient, &mut gradient);
        tensor(gradient, self.weight.shape().dims::<4>())
    }
}

/// The backward pass, with two parents (input, weight) or three (and bias).
#[derive(Debug)]
struct Convolution;

impl<const N: usize> Backward<Flex, N> for Convolution {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let output_gradient = dense(&gradients.consume::<Flex>(&ops.node));
        let saved = ops.state;
        let mut parents = ops.parents.into_iter().map(|parent| parent.map(|node| node.id));
        if let Some(weight) = parents.clone().nth(1).flatten() {
            gradients.register::<Flex>(weight, saved.weight_gradient(numbers(&output_gradient)));
        }
        if let Some(input) = parents.next().flatten() {
            gradients.register::<Flex>(input, saved.input_gradient(numbers(&output_gradient)));
        }
        if let Some(bias) = parents.nth(1).flatten() {
            let sums = weight_gradient::bias_gradient(&saved.shape, numbers(&output_gradient));
            gradients.register::<Flex>(bias, tensor(sums, [saved.shape.output_channels]));
        }
    }
}
