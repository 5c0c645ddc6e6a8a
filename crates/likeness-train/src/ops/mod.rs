//! Convolution and normalisation with gradients, for every device.
//!
//! [`conv2d`] and the two batch normalisations are what a training step of a convolutional network spends its time in.

pub mod update;

use burn::tensor::Tensor;
use burn::tensor::module;

/// How a filter walks over a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvOptions {
    /// Pixels from one position to the next, vertically and horizontally.
    pub stride: [usize; 2],
    /// Zeros around the picture, vertically and horizontally.
    pub padding: [usize; 2],
    /// Channels come in so many groups that do not see each other.
    pub groups: usize,
}

/// What is done to each number after normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// max(x, 0).
    Relu,
    /// x · σ(x).
    Silu,
}

/// What [`batch_norm_training`] gives.
#[derive(Debug, Clone)]
pub struct BatchNormOutput {
    /// The activation of the normalised input, `[batch, channels, height, width]`.
    pub output: Tensor<4>,
    /// Mean of the batch for each channel, without gradient.
    pub mean: Tensor<1>,
    /// Variance of the batch for each channel, divided by the count, without gradient.
    pub variance: Tensor<1>,
}

/// Cross-correlation of `input` with `weight`.
///
/// # Shapes        input: [batch, in, h, w] · weight: [out, in / groups, kh, kw] · bias: [out] · output: [batch, out, h', w']
pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions,
) -> Tensor<4> {
    let ConvOptions { stride, padding, groups } = options;
    module::conv2d(input, weight, bias, burn::tensor::ops::ConvOptions::new(stride, padding, [1, 1], groups))
}

/// Normalises every channel by the batch's own mean and variance, scales and shifts it, adds `residual`, activates.
///
/// # Shapes        input, residual, output: [batch, channels, h, w] · weight, bias: [channels]
/// # References    Ioffe and Szegedy (2015), arXiv 1502.03167, algorithm 1
pub fn batch_norm_training(
    input: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
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

/// As [`batch_norm_training`] with a given mean and variance, which get no gradient.
pub fn batch_norm_frozen(
    input: Tensor<4>,
    [mean, variance]: [Tensor<1>; 2],
    weight: Tensor<1>,
    bias: Tensor<1>,
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

fn finish(output: Tensor<4>, residual: Option<Tensor<4>>, activation: Activation) -> Tensor<4> {
    let output = match residual {
        Some(residual) => output + residual,
        None => output,
    };
    match activation {
        Activation::Identity => output,
        Activation::Relu => burn::tensor::activation::relu(output),
        Activation::Silu => burn::tensor::activation::silu(output),
    }
}
