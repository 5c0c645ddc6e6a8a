//! Reference implementation of the operations as plain loops in double precision.

use proptest::prelude::*;

use super::kernel::normalise::{self, Affine, Planes};
use super::kernel::shape::ConvShape;
use super::kernel::{correlate, depthwise, weight_gradient};
use super::{Activation, ConvOptions, Precision};

/// Deterministic values in [−1, 1).
pub(super) fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Largest difference, relative to the largest expected value.
fn difference(actual: &[f32], expected: &[f64]) -> f64 {
    difference_beside(1e-6, actual, expected)
}

/// Largest difference, relative to the largest expected value or `least`.
fn difference_beside(least: f64, actual: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let scale = expected.iter().fold(least, |scale, x| scale.max(x.abs()));
    // A NaN must not pass as equal.
    let distance = |(a, b): (&f32, &f64)| if a.is_nan() { f64::INFINITY } else { (f64::from(*a) - b).abs() };
    actual.iter().zip(expected).map(distance).fold(0.0, f64::max) / scale
}

/// Calls `visit` with the places in output, input and weight of every product of a convolution.
fn products(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [height, width] = shape.output();
    let (inputs, outputs) = (shape.group_inputs(), shape.group_outputs());
    let [stride, padding] = [shape.options.stride, shape.options.padding];
    for index in 0..shape.output_len() {
        let [x, y, rest] = [index % width, index / width % height, index / (width * height)];
        let (channel, image) = (rest % shape.output_channels, rest / shape.output_channels);
        for k in 0..inputs * shape.taps() {
            let [tap_x, tap_y] = [k % shape.kernel[1], k / shape.kernel[1] % shape.kernel[0]];
            let source = image * shape.input_channels + channel / outputs * inputs + k / shape.taps();
            let row = (y * stride[0] + tap_y).wrapping_sub(padding[0]);
            let column = (x * stride[1] + tap_x).wrapping_sub(padding[1]);
            if row < shape.input[0] && column < shape.input[1] {
                let place = (source * shape.input[0] + row) * shape.input[1] + column;
                visit(index, place, channel * inputs * shape.taps() + k);
            }
        }
    }
}

struct Convolution {
    shape: ConvShape,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    output_gradient: Vec<f32>,
}

impl Convolution {
    fn new(shape: ConvShape) -> Self {
        Self {
            input: noise(shape.input_len(), 1),
            weight: noise(shape.weight_len(), 2),
            bias: noise(shape.output_channels, 3),
            output_gradient: noise(shape.output_len(), 4),
            shape,
        }
    }

    /// Output and gradients of input, weight and bias by loops.
    fn slow(&self) -> [Vec<f64>; 4] {
        let shape = &self.shape;
        let channel = |index: usize| index / shape.output_plane() % shape.output_channels;
        let mut output: Vec<f64> =
            (0..shape.output_len()).map(|index| f64::from(self.bias[channel(index)])).collect();
        let mut input_gradient = vec![0.0; shape.input_len()];
        let mut weight_gradient = vec![0.0; shape.weight_len()];
        let mut bias_gradient = vec![0.0; shape.output_channels];
        products(shape, |to, from, by| {
            output[to] += f64::from(self.input[from]) * f64::from(self.weight[by]);
            input_gradient[from] += f64::from(self.output_gradient[to]) * f64::from(self.weight[by]);
            weight_gradient[by] += f64::from(self.output_gradient[to]) * f64::from(self.input[from]);
        });
        for (index, gradient) in self.output_gradient.iter().enumerate() {
            bias_gradient[channel(index)] += f64::from(*gradient);
        }
        [output, input_gradient, weight_gradient, bias_gradient]
    }

    /// Output and gradients of input, weight and bias by the kernels; values that they do not write stay NaN.
    fn fast(&self) -> [Vec<f32>; 4] {
        let Self { shape, input, weight, bias, output_gradient } = self;
        let mut output = vec![f32::NAN; shape.output_len()];
        let mut input_gradient = vec![f32::NAN; shape.input_len()];
        let mut weights = vec![f32::NAN; shape.weight_len()];
        if shape.is_depthwise() {
            depthwise::forward(shape, input, weight, Some(bias), &mut output);
            depthwise::input_gradient(shape, output_gradient, weight, &mut input_gradient);
            depthwise::weight_gradient(shape, input, output_gradient, &mut weights);
        } else {
            correlate::forward(shape, input, weight, Some(bias), &mut output);
            correlate::input_gradient(shape, output_gradient, weight, &mut input_gradient);
            weight_gradient::weight_gradient(shape, input, output_gradient, &mut weights);
        }
        [output, input_gradient, weights, weight_gradient::bias_gradient(shape, output_gradient)]
    }
}

fn conv_shape() -> impl Strategy<Value = ConvShape> {
    let channels = (1usize..4, prop_oneof![Just((1, 1)), (1usize..20, 1usize..20)]);
    let kernel = [prop::sample::select(vec![1usize, 3, 5, 7]), prop::sample::select(vec![1usize, 3, 5, 7])];
    let padding = [[0usize..4, 0usize..4], [0usize..3, 0usize..3]];
    (1usize..6, channels, kernel, [1usize..4, 1usize..4], padding, [0usize..18, 0usize..18]).prop_map(
        |(batch, (groups, (inputs, outputs)), kernel, stride, [padding, end_padding], extra)| {
            let size = [0, 1].map(|i: usize| kernel[i].saturating_sub(2 * padding[i]).max(1) + extra[i]);
            let weight = [groups * outputs, inputs, kernel[0], kernel[1]];
            let options = ConvOptions { stride, padding, end_padding, groups, precision: Precision::Full };
            ConvShape::new([batch, groups * inputs, size[0], size[1]], weight, options)
        },
    )
}

fn one_thread<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work)
}

fn three_threads<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap().install(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn convolution_equals_the_loops(shape in conv_shape()) {
        let convolution = Convolution::new(shape);
        for (fast, slow) in convolution.fast().iter().zip(convolution.slow()) {
            prop_assert!(difference(fast, &slow) < 1e-5, "{}", difference(fast, &slow));
        }
    }

    #[test]
    fn convolution_in_bf16_equals_the_loops_on_numbers_that_it_holds(shape in conv_shape()) {
        let options = ConvOptions { precision: Precision::Bf16, ..shape.options };
        let mut convolution = Convolution::new(ConvShape { options, ..shape });
        let Convolution { input, weight, output_gradient, .. } = &mut convolution;
        for number in [input, weight, output_gradient].into_iter().flatten() {
            *number = f32::from_bits(number.to_bits() & 0xffff_0000);
        }
        for (fast, slow) in convolution.fast().iter().zip(convolution.slow()) {
            prop_assert!(difference(fast, &slow) < 1e-5, "{}", difference(fast, &slow));
        }
    }

    #[test]
    fn normalisation_equals_the_loops(case in normalisation()) {
        // Sums over so many numbers of either sign can come out near 0, but are not rounded as finely.
        let of_sums = ((case.batch * case.plane) as f64).sqrt();
        for (name, fast, slow) in case.both() {
            let least = if name == "weight gradient" || name == "bias gradient" { of_sums } else { 1e-6 };
            let difference = difference_beside(least, &fast, &slow);
            prop_assert!(difference < 2e-5, "{name}: {difference}");
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for precision in [Precision::Full, Precision::Bf16] {
        let options =
            ConvOptions { stride: [1, 1], padding: [1, 1], end_padding: [0; 2], groups: 1, precision };
        let convolution = Convolution::new(ConvShape::new([9, 40, 14, 14], [70, 40, 3, 3], options));
        assert_eq!(one_thread(|| convolution.fast()), three_threads(|| convolution.fast()));
    }
    let case = Normalisation {
        batch: 5,
        channels: 19,
        plane: 49,
        activation: Activation::Silu,
        with_residual: true,
        of_batch: true,
    };
    let fast = |case: &Normalisation| case.both().map(|(_, fast, _)| fast);
    assert_eq!(one_thread(|| fast(&case)), three_threads(|| fast(&case)));
}

#[derive(Debug, Clone, Copy)]
struct Normalisation {
    batch: usize,
    channels: usize,
    plane: usize,
    activation: Activation,
    with_residual: bool,
    of_batch: bool,
}

fn normalisation() -> impl Strategy<Value = Normalisation> {
    let activation = prop::sample::select(vec![
        Activation::Identity,
        Activation::Relu,
        Activation::Relu6,
        Activation::Silu,
    ]);
    (2usize..5, 1usize..20, 2usize..120, activation, any::<bool>(), any::<bool>()).prop_map(
        |(batch, channels, plane, activation, with_residual, of_batch)| Normalisation {
            batch,
            channels,
            plane,
            activation,
            with_residual,
            of_batch,
        },
    )
}

impl Normalisation {
    /// Output and gradients of input, residual, weight and bias by kernels and by loops.
    fn both(&self) -> [(&'static str, Vec<f32>, Vec<f64>); 5] {
        let count = self.batch * self.channels * self.plane;
        let input: Vec<f32> = noise(count, 1).iter().map(|x| 2.0 * x + 3.0).collect();
        let [residual, gradient] = [noise(count, 2), noise(count, 3)];
        let [weight, bias] = [noise(self.channels, 4), noise(self.channels, 5)];
        let sizes = Planes { channels: self.channels, plane: self.plane };
        let (mut mean, mut variance) = normalise::statistics(&input, sizes);
        if !self.of_batch {
            mean = noise(self.channels, 6);
            variance = noise(self.channels, 7).iter().map(|x| x + 1.5).collect();
        }
        let affine = Affine::new([&mean, &variance], [&weight, &bias], 1e-5, self.activation);
        let residual = self.with_residual.then_some(&residual[..]);
        let mut output = vec![f32::NAN; count];
        normalise::forward(&input, residual, &affine, sizes, &mut output);
        let backward = normalise::Backward {
            input: &input,
            residual,
            output: &output,
            mean: &mean,
            variance: &variance,
            epsilon: 1e-5,
            affine: &affine,
            of_batch: self.of_batch,
            sizes,
        };
        let sums = backward.sums(&gradient);
        let (mut input_gradient, mut residual_gradient) = (gradient.clone(), vec![f32::NAN; count]);
        backward.run(&sums, &mut input_gradient, Some(&mut residual_gradient));
        let slow = self.slow([&input, &weight, &bias, &gradient], residual, [&mean, &variance]);
        let fast = [output, input_gradient, residual_gradient, sums.weight, sums.bias];
        let names = ["output", "input gradient", "residual gradient", "weight gradient", "bias gradient"];
        let mut pairs = names.into_iter().zip(fast.into_iter().zip(slow));
        std::array::from_fn(|_| pairs.next().map(|(name, (fast, slow))| (name, fast, slow)).unwrap())
    }

    fn slow(
        &self,
        [input, weight, bias, gradient]: [&[f32]; 4],
        residual: Option<&[f32]>,
        given: [&[f32]; 2],
    ) -> [Vec<f64>; 5] {
        let count = input.len();
        let mut slow = [count, count, count, self.channels, self.channels].map(|count| vec![0.0f64; count]);
        let numbers = (self.batch * self.plane) as f64;
        for channel in 0..self.channels {
            let places: Vec<usize> =
                (0..count).filter(|i| i / self.plane % self.channels == channel).collect();
            let values: Vec<f64> = places.iter().map(|i| f64::from(input[*i])).collect();
            let [mut mean, mut variance] = given.map(|given| f64::from(given[channel]));
            if self.of_batch {
                mean = values.iter().sum::<f64>() / numbers;
                variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / numbers;
            }
            let [weight, bias] = [weight, bias].map(|numbers| f64::from(numbers[channel]));
            let rate = 1.0 / (variance + 1e-5).sqrt();
            for (i, x) in places.iter().zip(&values) {
                let normal = (x - mean) * rate;
                let u = normal * weight + bias + residual.map_or(0.0, |residual| f64::from(residual[*i]));
                let sigmoid = 1.0 / (1.0 + (-u).exp());
                let (y, slope) = match self.activation {
                    Activation::Identity => (u, 1.0),
                    Activation::Relu => (u.max(0.0), f64::from(u8::from(u > 0.0))),
                    Activation::Relu6 => (u.clamp(0.0, 6.0), f64::from(u8::from(u > 0.0 && u < 6.0))),
                    Activation::Silu => (u * sigmoid, sigmoid * (1.0 + u * (1.0 - sigmoid))),
                };
                let g = f64::from(gradient[*i]) * slope;
                (slow[0][*i], slow[2][*i]) = (y, g);
                slow[3][channel] += g * normal;
                slow[4][channel] += g;
            }
            for (i, x) in places.iter().zip(&values) {
                let through_statistics = if self.of_batch {
                    (slow[4][channel] + (x - mean) * rate * slow[3][channel]) / numbers
                } else {
                    0.0
                };
                slow[1][*i] = weight * rate * (slow[2][*i] - through_statistics);
            }
        }
        slow
    }
}
