//! Convolution and normalisation with gradients, for every device.
//!
//! [`conv2d`] and the two batch normalisations are what a training step of a convolutional network spends its time in.

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

/// Numbers that a convolution multiplies; it adds in single precision always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Full,
    /// bfloat16, on the processor: twice as fast where it has AVX-512 BF16 ([`Precision::is_fast`]), slow elsewhere.
    Bf16,
}

impl Precision {
    /// Whether it is that of the numbers themselves.
    pub fn is_full(&self) -> bool {
        *self == Self::Full
    }

    /// Whether this machine's processor has instructions for it.
    pub fn is_fast(self) -> bool {
        self.is_full() || kernel::bf16::is_fast()
    }
}

/// How a filter walks over a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvOptions {
    /// Pixels from one position to the next, vertically and horizontally.
    pub stride: [usize; 2],
    /// Zeros around the picture, vertically and horizontally.
    pub padding: [usize; 2],
    /// Channels come in so many groups that do not see each other.
    pub groups: usize,
    /// What is multiplied, both ways; one channel a group and other devices have full precision always.
    pub precision: Precision,
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

/// Normalises every channel by the batch's own mean and variance, scales and shifts it, adds `residual`, activates.
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
    if runs_on_processor(&input) {
        extension::batch_norm_frozen(input, [mean, variance], [weight, bias], epsilon, residual, activation)
    } else {
        generic::batch_norm_frozen(input, [mean, variance], [weight, bias], epsilon, residual, activation)
    }
}

/// max(x, 0) + slope · min(x, 0), with one slope for each channel.
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
