//! The operations as compositions of Burn's own, for every device.

use burn::tensor::{Tensor, activation, module};

use super::{Activation, BatchNormOutput, ConvOptions};

/// [`super::conv2d`].
pub(super) fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions,
) -> Tensor<4> {
    let ConvOptions { stride, padding, groups, precision: _ } = options;
    module::conv2d(input, weight, bias, burn::tensor::ops::ConvOptions::new(stride, padding, [1, 1], groups))
}

/// [`super::batch_norm_training`].
pub(super) fn batch_norm_training(
    input: Tensor<4>,
    [weight, bias]: [Tensor<1>; 2],
    epsilon: f32,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> BatchNormOutput {
    let [batch, channels, height, width] = input.dims();
    let flat = input.clone().swap_dims(0, 1).reshape([channels, batch * height * width]);
    let mean = flat.clone().mean_dim(1);
    let variance = (flat - mean.clone()).square().mean_dim(1);
    let output = scale(
        input,
        mean.clone().reshape([channels]),
        variance.clone().reshape([channels]),
        (weight, bias),
        epsilon,
    );
    BatchNormOutput {
        output: finish(output, residual, activation),
        mean: mean.reshape([channels]).detach(),
        variance: variance.reshape([channels]).detach(),
    }
}

/// [`super::batch_norm_frozen`].
pub(super) fn batch_norm_frozen(
    input: Tensor<4>,
    [mean, variance]: [Tensor<1>; 2],
    [weight, bias]: [Tensor<1>; 2],
    epsilon: f32,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> Tensor<4> {
    finish(scale(input, mean.detach(), variance.detach(), (weight, bias), epsilon), residual, activation)
}

fn scale(
    input: Tensor<4>,
    mean: Tensor<1>,
    variance: Tensor<1>,
    (weight, bias): (Tensor<1>, Tensor<1>),
    epsilon: f32,
) -> Tensor<4> {
    let [_, channels, ..] = input.dims();
    let factor = weight / variance.add_scalar(epsilon).sqrt();
    let shift = bias - mean * factor.clone();
    input * factor.reshape([1, channels, 1, 1]) + shift.reshape([1, channels, 1, 1])
}

fn finish(output: Tensor<4>, residual: Option<Tensor<4>>, kind: Activation) -> Tensor<4> {
    let output = match residual {
        Some(residual) => output + residual,
        None => output,
    };
    match kind {
        Activation::Identity => output,
        Activation::Relu => activation::relu(output),
        Activation::Silu => activation::silu(output),
    }
}
