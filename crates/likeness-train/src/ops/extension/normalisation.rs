//! Batch normalisation with residual and activation as an operation of Burn.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::{FlexTensor, Perhaps, dense, numbers, owned, tensor};
use crate::ops::kernel::normalise::{self, Affine, Planes};
use crate::ops::{Activation, BatchNormOutput};

/// Settings of a normalisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormaliseOptions {
    pub(crate) epsilon: f32,
    pub(crate) activation: Activation,
}

/// Batch normalisation by our own kernels.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait NormalisationOps: Backend {
    /// Mean and variance of each channel, without gradient.
    fn channel_statistics(input: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Normalisation by the statistics of the input, which contribute to the gradient.
    fn normalise_by_batch(
        input: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        #[extension_type] residual: Perhaps<Self>,
        options: NormaliseOptions,
    ) -> FloatTensor<Self>;

    /// Normalisation by given statistics.
    fn normalise_by_given(
        input: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        #[extension_type] residual: Perhaps<Self>,
        options: NormaliseOptions,
    ) -> FloatTensor<Self>;
}

/// Batch normalisation of training for tensors on the CPU.
pub(in crate::ops) fn batch_norm_training(
    input: Tensor<4>,
    [weight, bias]: [Tensor<1>; 2],
    epsilon: f32,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> BatchNormOutput {
    let input = input.into_dispatch();
    let (mean, variance) = <Dispatch as NormalisationOps>::channel_statistics(input.clone());
    let output = <Dispatch as NormalisationOps>::normalise_by_batch(
        input,
        mean.clone(),
        variance.clone(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        Perhaps::new(residual.map(Tensor::into_dispatch)),
        NormaliseOptions { epsilon, activation },
    );
    BatchNormOutput {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}

/// Batch normalisation by given statistics for tensors on the CPU.
pub(in crate::ops) fn batch_norm_frozen(
    input: Tensor<4>,
    [mean, variance]: [Tensor<1>; 2],
    [weight, bias]: [Tensor<1>; 2],
    epsilon: f32,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as NormalisationOps>::normalise_by_given(
        input.into_dispatch(),
        mean.into_dispatch(),
        variance.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        Perhaps::new(residual.map(Tensor::into_dispatch)),
        NormaliseOptions { epsilon, activation },
    ))
}

fn sizes(input: &FlexTensor) -> Planes {
    let [_, channels, height, width] = input.shape().dims();
    Planes { channels, plane: height * width }
}

fn statistics(input: &FlexTensor) -> (FlexTensor, FlexTensor) {
    let input = dense(input);
    let sizes = sizes(&input);
    let (mean, variance) = normalise::statistics(numbers(&input), sizes);
    (tensor(mean, [sizes.channels]), tensor(variance, [sizes.channels]))
}

impl NormalisationOps for Flex {
    fn channel_statistics(input: FlexTensor) -> (FlexTensor, FlexTensor) {
        statistics(&input)
    }

    fn normalise_by_batch(
        input: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        residual: Perhaps<Self>,
        options: NormaliseOptions,
    ) -> FlexTensor {
        Saved::run([&input, &mean, &variance, &weight, &bias], residual.as_ref(), options, true).output
    }

    fn normalise_by_given(
        input: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        residual: Perhaps<Self>,
        options: NormaliseOptions,
    ) -> FlexTensor {
        Saved::run([&input, &mean, &variance, &weight, &bias], residual.as_ref(), options, false).output
    }
}

impl<C: CheckpointStrategy> NormalisationOps for Autodiff<Flex, C> {
    fn channel_statistics(input: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (mean, variance) = statistics(input.primitive());
        (Self::from_inner(mean), Self::from_inner(variance))
    }

    fn normalise_by_batch(
        input: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Perhaps<Self>,
        options: NormaliseOptions,
    ) -> FloatTensor<Self> {
        track::<C>([&input, &mean, &variance, &weight, &bias], residual.as_ref(), options, true)
    }

    fn normalise_by_given(
        input: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: Perhaps<Self>,
        options: NormaliseOptions,
    ) -> FloatTensor<Self> {
        track::<C>([&input, &mean, &variance, &weight, &bias], residual.as_ref(), options, false)
    }
}

/// The forward pass with its backward pass registered; `inputs` are input, mean, variance, weight, bias.
fn track<C: CheckpointStrategy>(
    inputs: [&FloatTensor<Autodiff<Flex, C>>; 5],
    residual: Option<&FloatTensor<Autodiff<Flex, C>>>,
    options: NormaliseOptions,
    of_batch: bool,
) -> FloatTensor<Autodiff<Flex, C>> {
    let plain_residual = residual.map(|residual| residual.primitive());
    let saved = Saved::run(inputs.map(|input| input.primitive()), plain_residual, options, of_batch);
    let output = saved.output.clone();
    let nodes = [inputs[0].node(), inputs[3].node(), inputs[4].node()];
    match residual {
        Some(residual) => {
            let [input, weight, bias] = nodes;
            match Normalisation
                .prepare::<C>([input, weight, bias, residual.node()])
                .compute_bound()
                .stateful()
            {
                OpsKind::Tracked(prep) => prep.finish(saved, output),
                OpsKind::UnTracked(prep) => prep.finish(output),
            }
        }
        None => match Normalisation.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(saved, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        },
    }
}

/// Values that the backward pass needs.
#[derive(Debug, Clone)]
struct Saved {
    input: FlexTensor,
    mean: FlexTensor,
    variance: FlexTensor,
    residual: Option<FlexTensor>,
    output: FlexTensor,
    affine: Affine,
    epsilon: f32,
    of_batch: bool,
}

impl Saved {
    fn run(
        inputs: [&FlexTensor; 5],
        residual: Option<&FlexTensor>,
        options: NormaliseOptions,
        of_batch: bool,
    ) -> Self {
        let [input, mean, variance, weight, bias] = inputs.map(dense);
        let residual = residual.map(dense);
        let shape: [usize; 4] = input.shape().dims();
        if let Some(residual) = &residual {
            assert_eq!(residual.shape().dims(), shape, "the residual's shape is not the input's");
        }
        let statistics = [numbers(&mean), numbers(&variance)];
        let affine =
            Affine::new(statistics, [numbers(&weight), numbers(&bias)], options.epsilon, options.activation);
        let mut output = vec![0.0; numbers(&input).len()];
        let added = residual.as_ref().map(numbers);
        normalise::forward(numbers(&input), added, &affine, sizes(&input), &mut output);
        let output = tensor(output, shape);
        // The residual is needed only for the derivative of a smooth activation.
        let residual = residual.filter(|_| options.activation == Activation::Silu);
        Self { input, mean, variance, residual, output, affine, epsilon: options.epsilon, of_batch }
    }

    fn backward(&self) -> normalise::Backward<'_> {
        normalise::Backward {
            input: numbers(&self.input),
            residual: self.residual.as_ref().map(numbers),
            output: numbers(&self.output),
            mean: numbers(&self.mean),
            variance: numbers(&self.variance),
            epsilon: self.epsilon,
            affine: &self.affine,
            of_batch: self.of_batch,
            sizes: sizes(&self.input),
        }
    }
}

/// The backward pass, with parents input, weight, bias and optionally residual.
#[derive(Debug)]
struct Normalisation;

impl<const N: usize> Backward<Flex, N> for Normalisation {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let mut gradient = owned(gradients.consume::<Flex>(&ops.node));
        let saved = ops.state;
        let shape: [usize; 4] = saved.input.shape().dims();
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        let backward = saved.backward();
        let sums = backward.sums(&gradient);
        let residual = parents.get(3).copied().flatten();
        let mut residual_gradient = residual.map(|_| vec![0.0; gradient.len()]);
        if parents[0].is_some() || residual.is_some() {
            backward.run(&sums, &mut gradient, residual_gradient.as_deref_mut());
        }
        if let Some(input) = parents[0] {
            gradients.register::<Flex>(input, tensor(gradient, shape));
        }
        if let Some((residual, gradient)) = residual.zip(residual_gradient) {
            gradients.register::<Flex>(residual, tensor(gradient, shape));
        }
        let channels = shape[1];
        for (parent, sums) in [(parents[1], sums.weight), (parents[2], sums.bias)] {
            if let Some(parent) = parent {
                gradients.register::<Flex>(parent, tensor(sums, [channels]));
            }
        }
    }
}
