//! The rectifier with trained slopes as an operation of Burn.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::{FlexTensor, dense, numbers, owned, tensor};
use crate::ops::kernel::rectify::Sloped;

/// A rectifier with slopes by our own kernel.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait RectifierOps: Backend {
    /// max(x, 0) + slope · min(x, 0).
    fn sloped_rectifier(input: FloatTensor<Self>, slopes: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The rectifier of tensors on the processor.
pub(in crate::ops) fn prelu(input: Tensor<4>, slopes: Tensor<1>) -> Tensor<4> {
    let output = <Dispatch as RectifierOps>::sloped_rectifier(input.into_dispatch(), slopes.into_dispatch());
    Tensor::from_dispatch(output)
}

fn forward(input: &FlexTensor, slopes: &FlexTensor) -> FlexTensor {
    let shape: [usize; 4] = input.shape().dims();
    let mut output = vec![0.0; numbers(input).len()];
    Sloped { slopes: numbers(slopes), plane: shape[2] * shape[3] }.forward(numbers(input), &mut output);
    tensor(output, shape)
}

impl RectifierOps for Flex {
    fn sloped_rectifier(input: FlexTensor, slopes: FlexTensor) -> FlexTensor {
        forward(&dense(&input), &dense(&slopes))
    }
}

impl<C: CheckpointStrategy> RectifierOps for Autodiff<Flex, C> {
    fn sloped_rectifier(input: FloatTensor<Self>, slopes: FloatTensor<Self>) -> FloatTensor<Self> {
        let saved = (dense(input.primitive()), dense(slopes.primitive()));
        let output = forward(&saved.0, &saved.1);
        match Rectifier.prepare::<C>([input.node(), slopes.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(saved, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

/// The backward pass, with parents input and slopes.
#[derive(Debug)]
struct Rectifier;

impl Backward<Flex, 2> for Rectifier {
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = owned(gradients.consume::<Flex>(&ops.node));
        let (input, slopes) = ops.state;
        let shape: [usize; 4] = input.shape().dims();
        let sloped = Sloped { slopes: numbers(&slopes), plane: shape[2] * shape[3] };
        let of_slopes = sloped.backward(numbers(&input), &mut gradient);
        let [to_input, to_slopes] = ops.parents.map(|parent| parent.map(|node| node.id));
        if let Some(node) = to_input {
            gradients.register::<Flex>(node, tensor(gradient, shape));
        }
        if let Some(node) = to_slopes {
            gradients.register::<Flex>(node, tensor(of_slopes, [shape[1]]));
        }
    }
}
