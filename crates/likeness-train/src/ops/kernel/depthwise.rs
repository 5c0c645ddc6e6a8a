//! Depthwise convolution: rows times one weight, without matrices.

use rayon::prelude::*;

use super::shape::ConvShape;

/// The overlap of a tap with the image along one axis: `output` positions, and the input pixel of the first.
fn overlap(shape: &ConvShape, axis: usize, tap: usize) -> (std::ops::Range<usize>, usize) {
    let (stride, padding) = (shape.options.stride[axis], shape.options.padding[axis]);
    let first = padding.saturating_sub(tap).div_ceil(stride);
    let end = (shape.input[axis] + padding).saturating_sub(tap).div_ceil(stride).min(shape.output()[axis]);
    let first = first.min(end);
    (first..end, (first * stride + tap).saturating_sub(padding))
}

/// Calls `visit` with the tap's index, and the first output and input pixels and the length of each overlapping row.
fn rows(shape: &ConvShape, mut visit: impl FnMut(usize, [usize; 2], usize)) {
    let (input_width, output_width) = (shape.input[1], shape.output()[1]);
    for tap in 0..shape.taps() {
        let (ys, first_y) = overlap(shape, 0, tap / shape.kernel[1]);
        let (xs, first_x) = overlap(shape, 1, tap % shape.kernel[1]);
        if xs.is_empty() {
            continue;
        }
        for (i, y) in ys.enumerate() {
            let input = (first_y + i * shape.options.stride[0]) * input_width + first_x;
            visit(tap, [y * output_width + xs.start, input], xs.len());
        }
    }
}

/// Writes the depthwise correlation of `input` with `weight` to `output`.
pub(crate) fn forward(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    let (taps, stride) = (shape.taps(), shape.options.stride[1]);
    let planes =
        input.par_chunks_exact(shape.input_plane()).zip(output.par_chunks_exact_mut(shape.output_plane()));
    planes.enumerate().with_min_len(8).for_each(|(index, (input, output))| {
        let channel = index % shape.output_channels;
        let weight = &weight[channel * taps..][..taps];
        output.fill(bias.map_or(0.0, |bias| bias[channel]));
        pulp::Arch::new().dispatch(|| {
            rows(shape, |tap, [to, from], length| {
                let (to, from) = (&mut output[to..][..length], &input[from..]);
                add_scaled(to, weight[tap], from, stride);
            });
        });
    });
}

#[inline(always)]
fn add_scaled(to: &mut [f32], factor: f32, from: &[f32], stride: usize) {
    match stride {
        1 => to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from),
        2 => to.iter_mut().zip(from.chunks(2)).for_each(|(to, from)| *to += factor * from[0]),
        _ => to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to += factor * from),
    }
}

/// Writes the gradient of the input to `gradient`, given that of the output.
pub(crate) fn input_gradient(
    shape: &ConvShape,
    output_gradient: &[f32],
    weight: &[f32],
    gradient: &mut [f32],
) {
    let (taps, stride) = (shape.taps(), shape.options.stride[1]);
    let from = output_gradient.par_chunks_exact(shape.output_plane());
    let planes = from.zip(gradient.par_chunks_exact_mut(shape.input_plane()));
    planes.enumerate().with_min_len(8).for_each(|(index, (from, gradient))| {
        let channel = index % shape.output_channels;
        let weight = &weight[channel * taps..][..taps];
        gradient.fill(0.0);
        pulp::Arch::new().dispatch(|| {
            rows(shape, |tap, [source, target], length| {
                let source = &from[source..][..length];
                let factor = weight[tap];
                let target = &mut gradient[target..];
                match stride {
                    1 => target.iter_mut().zip(source).for_each(|(to, from)| *to += factor * from),
                    _ => target
                        .iter_mut()
                        .step_by(stride)
                        .zip(source)
                        .for_each(|(to, from)| *to += factor * from),
                }
            });
        });
    });
}

/// Writes the gradient of the weight to `gradient`.
pub(crate) fn weight_gradient(
    shape: &ConvShape,
    input: &[f32],
    output_gradient: &[f32],
    gradient: &mut [f32],
) {
    let (channels, stride) = (shape.output_channels, shape.options.stride[1]);
    gradient.par_chunks_exact_mut(shape.taps()).enumerate().for_each(|(channel, gradient)| {
        gradient.fill(0.0);
        let inputs = input.chunks_exact(shape.input_plane()).skip(channel).step_by(channels);
        let outputs = output_gradient.chunks_exact(shape.output_plane()).skip(channel).step_by(channels);
        pulp::Arch::new().dispatch(|| {
            for (input, output) in inputs.zip(outputs) {
                rows(shape, |tap, [to, from], length| {
                    gradient[tap] += dot(&output[to..][..length], &input[from..], stride);
                });
            }
        });
    });
}

/// Σ a\[i\] · b\[i · stride\], in sixteen partial sums.
#[inline(always)]
fn dot(a: &[f32], b: &[f32], stride: usize) -> f32 {
    const PARTS: usize = 16;
    if stride != 1 {
        return a.iter().zip(b.iter().step_by(stride)).map(|(a, b)| a * b).sum();
    }
    let b = &b[..a.len()];
    let (a, a_rest) = a.as_chunks::<PARTS>();
    let (b, b_rest) = b.as_chunks::<PARTS>();
    let mut sums = [0.0; PARTS];
    for (a, b) in a.iter().zip(b) {
        for i in 0..PARTS {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
