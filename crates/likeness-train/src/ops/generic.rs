//! The operations as compositions of Burn's own operations, for every device.
//!
//! Convolutions are matrix products and sums of shifted images, and sums are taken axis by axis. The general kernels of a GPU
//! do this well without tuning for every shape.

use burn::tensor::{Tensor, activation, module, s};

use super::{Activation, BatchNormOutput, ConvOptions};

/// [`super::conv2d`].
pub(super) fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: ConvOptions,
) -> Tensor<4> {
    let ([_, inputs, ..], [outputs, ..]) = (input.dims(), weight.dims());
    let output = match options.groups {
        1 => dense(input, weight, &options),
        groups if groups == inputs && groups == outputs => depthwise(input, weight, &options),
        groups => {
            let ConvOptions { stride, padding, end_padding: [bottom, right], .. } = options;
            let input = input.pad((0, right, 0, bottom), 0.0);
            let options = burn::tensor::ops::ConvOptions::new(stride, padding, [1, 1], groups);
            return module::conv2d(input, weight, bias, options);
        }
    };
    match bias {
        Some(bias) => output + bias.reshape([1, outputs, 1, 1]),
        None => output,
    }
}

/// One matrix product of the weights with the patch matrix (im2col).
fn dense(input: Tensor<4>, weight: Tensor<4>, options: &ConvOptions) -> Tensor<4> {
    let ([batch, inputs, ..], [outputs, _, height, width]) = (input.dims(), weight.dims());
    let seen = shifted(input.swap_dims(0, 1), [height, width], options); // each [inputs, batch, h', w']
    let [_, _, rows, columns] = seen[0].dims();
    let count = batch * rows * columns;
    let seen = seen.into_iter().map(|seen| seen.reshape([inputs, 1, count])).collect();
    let seen = Tensor::cat(seen, 1).reshape([inputs * height * width, count]);
    let output = weight.reshape([outputs, inputs * height * width]).matmul(seen);
    output.reshape([outputs, batch, rows, columns]).swap_dims(0, 1)
}

/// The sum over the positions of the kernel of the shifted image times the weights of the position.
fn depthwise(input: Tensor<4>, weight: Tensor<4>, options: &ConvOptions) -> Tensor<4> {
    let [channels, _, height, width] = weight.dims();
    let seen = shifted(input, [height, width], options); // each [batch, channels, h', w']
    let weight = weight.reshape([1, channels, height * width, 1]);
    let products = seen.into_iter().enumerate().map(|(at, seen)| seen * weight.clone().narrow(2, at, 1));
    products.reduce(|sum, product| sum + product).expect("a kernel has a position")
}

/// The shifted images, one for each position of the kernel, row-major.
///
/// # Shapes        input: [a, b, h, w] · each: [a, b, h', w']
fn shifted(input: Tensor<4>, [height, width]: [usize; 2], options: &ConvOptions) -> Vec<Tensor<4>> {
    let ConvOptions { stride, padding: [top, left], end_padding: [bottom, right], .. } = *options;
    let input = match [top, left, bottom, right] {
        [0, 0, 0, 0] => input,
        _ => input.pad((left, left + right, top, top + bottom), 0.0),
    };
    let [_, _, rows, columns] = input.dims();
    // Rows and columns from the first that a position sees to the last.
    let spans = [(rows - height) / stride[0] * stride[0] + 1, (columns - width) / stride[1] * stride[1] + 1];
    let [down, right] = stride.map(|step| step as isize);
    let at = |y: usize, x: usize| {
        let (rows, columns) = (y..y + spans[0], x..x + spans[1]);
        input.clone().slice(s![.., .., rows;down, columns;right])
    };
    (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| at(y, x)).collect()
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
    let flat = input.clone().reshape([batch, channels, height * width]);
    let mean = flat.clone().mean_dim(2).mean_dim(0); // [1, channels, 1]
    let variance = (flat - mean.clone()).square().mean_dim(2).mean_dim(0);
    let [mean, variance] = [mean, variance].map(|tensor| tensor.reshape([channels]));
    let output = scale(input, mean.clone(), variance.clone(), (weight, bias), epsilon);
    BatchNormOutput {
        output: finish(output, residual, activation),
        mean: mean.detach(),
        variance: variance.detach(),
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
        Activation::Relu6 => output.clamp(0.0, 6.0),
        Activation::Silu => activation::silu(output),
    }
}
