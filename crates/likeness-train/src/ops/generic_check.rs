//! Compares the kernels with the generic path and with finite differences.

use burn::tensor::{Device, Tensor, TensorData};
use proptest::prelude::*;

use super::{
    Activation, BatchNormOutput, ConvOptions, Precision, batch_norm_frozen, batch_norm_training, conv2d,
    generic, prelu,
};

fn random<const D: usize>(shape: [usize; D], seed: u32) -> Tensor<D> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
    Tensor::from_data(TensorData::new(numbers, shape), &Device::flex().autodiff())
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

fn assert_close(left: &[Vec<f32>], right: &[Vec<f32>], tolerance: f32) {
    assert_eq!(left.len(), right.len());
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        assert_eq!(left.len(), right.len());
        let scale = right.iter().fold(1e-3f32, |scale, x| scale.max(x.abs()));
        let worst = left.iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= tolerance * scale, "number {index}: {worst} of {scale}");
    }
}

/// Output and gradients of the weighted sum of `output` with respect to two tensors of four axes and two of one.
fn gradients(output: Tensor<4>, pictures: &[&Tensor<4>], vectors: &[&Tensor<1>]) -> Vec<Vec<f32>> {
    let loss = (output.clone() * random(output.dims(), 99)).sum();
    let gradients = loss.backward();
    let of_pictures = pictures.iter().map(|tensor| numbers(tensor.grad(&gradients).unwrap()));
    let of_vectors = vectors.iter().map(|tensor| numbers(tensor.grad(&gradients).unwrap()));
    std::iter::once(numbers(output)).chain(of_pictures).chain(of_vectors).collect()
}

type Conv = fn(Tensor<4>, Tensor<4>, Option<Tensor<1>>, ConvOptions) -> Tensor<4>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn convolution_equals_the_generic_path(
        (batch, groups, inputs, outputs) in (1usize..4, 1usize..4, 1usize..6, 1usize..6),
        kernel in prop::sample::select(vec![1usize, 3, 5]),
        (stride, padding, end_padding) in (1usize..3, 0usize..3, 0usize..3),
        (height, width) in (5usize..12, 5usize..12),
    ) {
        let (stride, padding, end_padding) = ([stride; 2], [padding; 2], [end_padding, 0]);
        let options = ConvOptions { stride, padding, end_padding, groups, precision: Precision::Full };
        let run = |conv: Conv| {
            let input = random([batch, groups * inputs, height, width], 1).require_grad();
            let weight = random([groups * outputs, inputs, kernel, kernel], 2).require_grad();
            let bias = random([groups * outputs], 3).require_grad();
            let output = conv(input.clone(), weight.clone(), Some(bias.clone()), options);
            gradients(output, &[&input, &weight], &[&bias])
        };
        assert_close(&run(conv2d), &run(generic::conv2d), 3e-5);
    }

    #[test]
    fn the_rectifier_equals_the_generic_path(
        (batch, channels, height, width) in (1usize..4, 1usize..6, 1usize..9, 1usize..9),
    ) {
        let run = |prelu: fn(Tensor<4>, Tensor<1>) -> Tensor<4>| {
            let input = random([batch, channels, height, width], 1).require_grad();
            let slopes = random([channels], 2).require_grad();
            gradients(prelu(input.clone(), slopes.clone()), &[&input], &[&slopes])
        };
        assert_close(&run(prelu), &run(burn::tensor::activation::prelu), 1e-5);
    }

    #[test]
    fn normalisation_equals_the_generic_path(
        (batch, channels, height, width) in (2usize..4, 1usize..6, 2usize..6, 2usize..6),
        activation in prop::sample::select(vec![Activation::Identity, Activation::Relu, Activation::Relu6, Activation::Silu]),
        frozen: bool,
    ) {
        let run = |own: bool| {
            let shape = [batch, channels, height, width];
            let [input, residual] = [1, 2].map(|seed| random(shape, seed).require_grad());
            let [weight, bias] = [3, 4].map(|seed| random([channels], seed).require_grad());
            let statistics = [random([channels], 5), random([channels], 6).add_scalar(1.5)];
            let (x, r, w, b) = (input.clone(), Some(residual.clone()), weight.clone(), bias.clone());
            let output = match (own, frozen) {
                (true, true) => batch_norm_frozen(x, statistics, w, b, 1e-5, r, activation),
                (false, true) => generic::batch_norm_frozen(x, statistics, [w, b], 1e-5, r, activation),
                (true, false) => batch_norm_training(x, w, b, 1e-5, r, activation).output,
                (false, false) => generic::batch_norm_training(x, [w, b], 1e-5, r, activation).output,
            };
            gradients(output, &[&input, &residual], &[&weight, &bias])
        };
        assert_close(&run(true), &run(false), 1e-4);
    }
}

#[test]
fn statistics_carry_no_gradient_and_equal_the_generic_path() {
    let input = random([3, 4, 5, 6], 1).require_grad();
    let run = |own: bool| {
        let [weight, bias] = [random([4], 2), random([4], 3)];
        let BatchNormOutput { mean, variance, .. } = if own {
            batch_norm_training(input.clone(), weight, bias, 1e-5, None, Activation::Relu)
        } else {
            generic::batch_norm_training(input.clone(), [weight, bias], 1e-5, None, Activation::Relu)
        };
        assert!(!mean.is_require_grad() && !variance.is_require_grad());
        vec![numbers(mean), numbers(variance)]
    };
    assert_close(&run(true), &run(false), 1e-6);
}

#[test]
fn gradients_agree_with_finite_differences() {
    let options = ConvOptions {
        stride: [2, 1],
        padding: [1, 2],
        end_padding: [1, 0],
        groups: 1,
        precision: Precision::Full,
    };
    let loss = |input: Tensor<4>, weight: Tensor<4>| {
        let output = conv2d(input, weight, None, options);
        let [_, channels, ..] = output.dims();
        let [scale, shift] = [random([channels], 7), random([channels], 8)];
        let output = batch_norm_training(output, scale, shift, 1e-3, None, Activation::Silu).output;
        (output.clone() * random(output.dims(), 9)).sum()
    };
    let [input, weight] = [random([2, 3, 6, 5], 1).require_grad(), random([4, 3, 3, 3], 2).require_grad()];
    let gradients = loss(input.clone(), weight.clone()).backward();
    let [towards_input, towards_weight] = [random(input.dims(), 5), random(weight.dims(), 6)];
    let slope = (input.grad(&gradients).unwrap() * towards_input.clone().inner()).sum()
        + (weight.grad(&gradients).unwrap() * towards_weight.clone().inner()).sum();
    let along = |distance: f32| {
        let input = input.clone().detach() + towards_input.clone() * distance;
        let weight = weight.clone().detach() + towards_weight.clone() * distance;
        numbers(loss(input, weight))[0]
    };
    let difference = (along(1e-2) - along(-1e-2)) / 2e-2;
    let slope = numbers(slope)[0];
    assert!((difference - slope).abs() < 2e-2 * slope.abs().max(1.0), "{difference} and {slope}");
}

#[test]
fn views_and_untracked_tensors_are_taken() {
    let input = random([2, 5, 4, 3], 1).swap_dims(1, 2).swap_dims(2, 3).inner();
    let weight = random([2, 4, 1, 1], 2).inner();
    let options = ConvOptions {
        stride: [1, 1],
        padding: [0, 0],
        end_padding: [0, 0],
        groups: 1,
        precision: Precision::Full,
    };
    let own = numbers(conv2d(input.clone(), weight.clone(), None, options));
    assert_close(&[own], &[numbers(generic::conv2d(input, weight, None, options))], 1e-5);
}
