//! Convolution and normalisation with gradients, for every device.
//!
//! A training step of a convolutional network spends most of its time in [`conv2d`] and the two batch normalisations.

mod extension;
mod generic;
#[cfg(test)]
mod generic_check;
mod kernel;
#[cfg(test)]
mod twin;
pub mod update;

use burn::tensor::Tensor;
pub(crate) use extension::runs_on_processor;
use serde::{Deserialize, Serialize};

/// Precision of the factors in a convolution; sums are always in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Full,
    /// bfloat16 on the CPU: twice as fast with AVX-512 BF16 ([`Precision::is_fast`]), slow without it.
    Bf16,
}

impl Precision {
    /// Whether this is full precision.
    pub fn is_full(&self) -> bool {
        *self == Self::Full
    }

    /// Whether the CPU has instructions for this precision.
    pub fn is_fast(self) -> bool {
        self.is_full() || kernel::bf16::is_fast()
    }
}

/// Stride, padding, groups and precision of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvOptions {
    /// Stride, vertically and horizontally, in pixels.
    pub stride: [usize; 2],
    /// Zero padding on both sides, vertically and horizontally, in pixels.
    pub padding: [usize; 2],
    /// Further zero padding at the bottom and on the right, in pixels.
    pub end_padding: [usize; 2],
    /// Number of groups of channels.
    pub groups: usize,
    /// Precision of forward and backward pass. Depthwise convolutions and other devices always have full precision.
    pub precision: Precision,
}

/// Activation after a normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// No activation.
    #[default]
    Identity,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x · σ(x).
    Silu,
}

/// The output of [`batch_norm_training`].
#[derive(Debug, Clone)]
pub struct BatchNormOutput {
    /// The activation of the normalised input, `[batch, channels, height, width]`.
    pub output: Tensor<4>,
    /// Mean of each channel over the batch, without gradient.
    pub mean: Tensor<1>,
    /// Variance of each channel over the batch, divided by the count, without gradient.
    pub variance: Tensor<1>,
}

/// Cross-correlation of `input` with `weight`.
///
/// # Shapes        input: \[batch, in, h, w\] · weight: \[out, in / groups, kh, kw\] · bias: \[out\] · output: \[batch, out, h', w'\]
pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions,
) -> Tensor<4> {
    if runs_on_processor(&input) {
        extension::conv2d(input, weight, bias, options)
    } else {
        generic::conv2d(input, weight, bias, options)
    }
}

/// Batch normalisation by the mean and variance of the batch, followed by scale and shift, the sum with `residual`, and the
/// activation.
///
/// # Shapes        input, residual, output: \[batch, channels, h, w\] · weight, bias: \[channels\]
/// # References    Ioffe and Szegedy (2015), arXiv 1502.03167, algorithm 1
pub fn batch_norm_training(
    input: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f32,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> BatchNormOutput {
    if runs_on_processor(&input) {
        extension::batch_norm_training(input, [weight, bias], epsilon, residual, activation)
    } else {
        generic::batch_norm_training(input, [weight, bias], epsilon, residual, activation)
    }
}

/// Batch normalisation by a given mean and variance, which get no gradient, followed by scale and shift, the sum with
/// `residual`, and the activation.
pub fn batch_norm_frozen(
    input: Tensor<4>,
    [mean, variance]: [Tensor<1>; 2],
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f32,
    residual: Option<Tensor<4>>,
    activation: Activation,
) -> Tensor<4> {
    if runs_on_processor(&input) {
        extension::batch_norm_frozen(input, [mean, variance], [weight, bias], epsilon, residual, activation)
    } else {
        generic::batch_norm_frozen(input, [mean, variance], [weight, bias], epsilon, residual, activation)
    }
}

/// PReLU: max(x, 0) + slope · min(x, 0), with one slope for each channel.
///
/// # Shapes        input, output: \[batch, channels, h, w\] · slopes: \[channels\]
/// # References    He et al. (2015), arXiv 1502.01852
pub fn prelu(input: Tensor<4>, slopes: Tensor<1>) -> Tensor<4> {
    if runs_on_processor(&input) {
        extension::prelu(input, slopes)
    } else {
        burn::tensor::activation::prelu(input, slopes)
    }
}
