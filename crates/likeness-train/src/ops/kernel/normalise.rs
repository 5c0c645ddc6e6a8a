//! Batch normalisation with residual and activation, two passes forward and two backward, without temporaries.
//!
//! Forward: statistics of each channel, then `y = f(x · scale + shift + residual)` in one pass. Backward: for each
//! channel the sums of the gradient and of its product with the normalised input, then the gradients of input and
//! residual in one pass, in place. Ioffe and Szegedy (2015), arXiv 1502.03167, section 3.

use rayon::prelude::*;

use crate::ops::Activation;

/// Numbers that one piece of parallel work should have.
const PIECE: usize = 1 << 15;
/// Partial sums, so that the machine can add in vectors.
const PARTS: usize = 16;

/// Sizes of a tensor `[batch, channels, height, width]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planes {
    pub(crate) channels: usize,
    /// Height · width.
    pub(crate) plane: usize,
}

impl Planes {
    /// Planes in a piece of parallel work.
    fn per_piece(&self) -> usize {
        (PIECE / self.plane).max(1)
    }

    /// The planes of one channel, image by image.
    fn of_channel<'a>(&self, numbers: &'a [f32], channel: usize) -> impl Iterator<Item = &'a [f32]> {
        numbers.chunks_exact(self.plane).skip(channel).step_by(self.channels)
    }
}

/// Mean and variance (divided by the count) of each channel.
pub(crate) fn statistics(input: &[f32], sizes: Planes) -> (Vec<f32>, Vec<f32>) {
    let of_channel = |channel: usize| {
        let (mut count, mut mean, mut squares) = (0.0f64, 0.0f64, 0.0f64);
        for plane in sizes.of_channel(input, channel) {
            let [plane_mean, plane_squares] = moments(plane);
            // Chan, Golub and LeVeque (1979): merging of means and sums of squares.
            let (added, difference) = (plane.len() as f64, plane_mean - mean);
            let total = count + added;
            mean += difference * added / total;
            squares += plane_squares + difference * difference * count * added / total;
            count = total;
        }
        (mean as f32, (squares / count) as f32)
    };
    (0..sizes.channels).into_par_iter().with_min_len(8).map(of_channel).unzip()
}

/// Mean and sum of squared distances from it.
fn moments(numbers: &[f32]) -> [f64; 2] {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let mean = sum_of(numbers, 0.0, |x, _| x) / numbers.len() as f64;
            let centre = mean as f32;
            let squares = sum_of(numbers, centre, |x, centre| (x - centre) * (x - centre));
            // The centre is the mean rounded to single precision.
            let off = mean - f64::from(centre);
            [mean, (squares - off * off * numbers.len() as f64).max(0.0)]
        },
    )
}

#[inline(always)]
fn sum_of(numbers: &[f32], centre: f32, value: impl Fn(f32, f32) -> f32) -> f64 {
    let (chunks, rest) = numbers.as_chunks::<PARTS>();
    let mut sums = [0.0f32; PARTS];
    for chunk in chunks {
        for i in 0..PARTS {
            sums[i] += value(chunk[i], centre);
        }
    }
    let mut total = 0.0;
    for &x in rest {
        total += f64::from(value(x, centre));
    }
    for x in sums {
        total += f64::from(x);
    }
    total
}

/// What is done to each channel: `f(x · scale + shift)`.
#[derive(Debug, Clone)]
pub(crate) struct Affine {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) activation: Activation,
}

impl Affine {
    /// Normalisation by mean and variance, then weight and bias.
    pub(crate) fn new(
        [mean, variance]: [&[f32]; 2],
        [weight, bias]: [&[f32]; 2],
        epsilon: f32,
        activation: Activation,
    ) -> Self {
        let scale: Vec<f32> = weight.iter().zip(variance).map(|(w, v)| w / (v + epsilon).sqrt()).collect();
        let shift = bias.iter().zip(mean).zip(&scale).map(|((b, m), s)| (-m).mul_add(*s, *b)).collect();
        Self { scale, shift, activation }
    }
}

/// Writes `f(input · scale + shift + residual)` to `output`.
pub(crate) fn forward(
    input: &[f32],
    residual: Option<&[f32]>,
    affine: &Affine,
    sizes: Planes,
    output: &mut [f32],
) {
    let piece = sizes.per_piece();
    output.par_chunks_mut(piece * sizes.plane).enumerate().for_each(|(index, output)| {
        for (i, output) in output.chunks_exact_mut(sizes.plane).enumerate() {
            let index = index * piece + i;
            let range = index * sizes.plane..(index + 1) * sizes.plane;
            let channel = index % sizes.channels;
            let line = [affine.scale[channel], affine.shift[channel]];
            let residual = residual.map(|residual| &residual[range.clone()]);
            forward_plane(&input[range], residual, line, affine.activation, output);
        }
    });
}

fn forward_plane(
    input: &[f32],
    residual: Option<&[f32]>,
    [scale, shift]: [f32; 2],
    activation: Activation,
    output: &mut [f32],
) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || match activation {
            Activation::Identity => activate(input, residual, [scale, shift], |u| u, output),
            Activation::Relu => {
                activate(input, residual, [scale, shift], |u| if u < 0.0 { 0.0 } else { u }, output)
            }
            Activation::Relu6 => activate(input, residual, [scale, shift], |u| u.clamp(0.0, 6.0), output),
            Activation::Silu => activate(input, residual, [scale, shift], |u| u * sigmoid(u), output),
        },
    );
}

#[inline(always)]
fn activate(
    input: &[f32],
    residual: Option<&[f32]>,
    [scale, shift]: [f32; 2],
    function: impl Fn(f32) -> f32,
    output: &mut [f32],
) {
    match residual {
        Some(residual) => {
            for ((y, x), r) in output.iter_mut().zip(input).zip(residual) {
                *y = function(x * scale + shift + r);
            }
        }
        None => {
            for (y, x) in output.iter_mut().zip(input) {
                *y = function(x * scale + shift);
            }
        }
    }
}

/// 1 / (1 + e⁻ˣ), within 2e-7.
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exponential(-x))
}

/// eˣ for x in [−87, 87], where it stops growing and falling; relative error 2e-7. No calls, so that it runs in vectors.
#[inline(always)]
fn exponential(x: f32) -> f32 {
    // Adding 1.5 · 2²³ rounds to an integer and leaves it in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 87.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    // ln 2 in two parts, the first with few bits (Cody and Waite (1980)).
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut power = 1.0 / 5040.0;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        power = power * r + factor;
    }
    power * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

/// What the backward pass reads.
pub(crate) struct Backward<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) residual: Option<&'a [f32]>,
    /// What the forward pass wrote.
    pub(crate) output: &'a [f32],
    pub(crate) mean: &'a [f32],
    pub(crate) variance: &'a [f32],
    pub(crate) epsilon: f32,
    pub(crate) affine: &'a Affine,
    /// Whether mean and variance are those of the input.
    pub(crate) of_batch: bool,
    pub(crate) sizes: Planes,
}

/// Gradients of weight and bias.
pub(crate) struct Sums {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Backward<'_> {
    /// Sums of the output gradient (past the activation) and of its product with the normalised input.
    pub(crate) fn sums(&self, gradient: &[f32]) -> Sums {
        let of_channel = |channel: usize| {
            let mut sums = [0.0f64; 2];
            let starts =
                (channel * self.sizes.plane..gradient.len()).step_by(self.sizes.channels * self.sizes.plane);
            for start in starts {
                let plane = self.plane(start, channel);
                let [products, total] =
                    plane.sums(&gradient[start..][..self.sizes.plane], self.mean[channel]);
                sums = [sums[0] + products, sums[1] + total];
            }
            let rate = 1.0 / (self.variance[channel] + self.epsilon).sqrt();
            ((sums[0] * f64::from(rate)) as f32, sums[1] as f32)
        };
        let (weight, bias) = (0..self.sizes.channels).into_par_iter().with_min_len(8).map(of_channel).unzip();
        Sums { weight, bias }
    }

    /// Turns the output gradient into the input gradient, in place, and writes that of the residual.
    pub(crate) fn run(&self, sums: &Sums, gradient: &mut [f32], residual_gradient: Option<&mut [f32]>) {
        let lines: Vec<[f32; 3]> = (0..self.sizes.channels).map(|channel| self.line(sums, channel)).collect();
        let piece = self.sizes.per_piece();
        let length = piece * self.sizes.plane;
        let work = |(index, (gradient, mut residual_gradient)): (usize, (&mut [f32], Option<&mut [f32]>))| {
            for (i, gradient) in gradient.chunks_exact_mut(self.sizes.plane).enumerate() {
                let index = index * piece + i;
                let channel = index % self.sizes.channels;
                let own = i * self.sizes.plane..(i + 1) * self.sizes.plane;
                let residual_gradient = residual_gradient.as_mut().map(|numbers| &mut numbers[own]);
                let plane = self.plane(index * self.sizes.plane, channel);
                plane.run(lines[channel], self.mean[channel], gradient, residual_gradient);
            }
        };
        match residual_gradient {
            Some(residual_gradient) => gradient
                .par_chunks_mut(length)
                .zip(residual_gradient.par_chunks_mut(length).map(Some))
                .enumerate()
                .for_each(work),
            None => gradient.par_chunks_mut(length).map(|part| (part, None)).enumerate().for_each(work),
        }
    }

    /// Factors a, b, c of dx = a · g + b · (x − mean) + c.
    fn line(&self, sums: &Sums, channel: usize) -> [f32; 3] {
        let scale = self.affine.scale[channel];
        if !self.of_batch {
            return [scale, 0.0, 0.0];
        }
        let count = (self.input.len() / self.sizes.channels) as f32;
        let rate = 1.0 / (self.variance[channel] + self.epsilon).sqrt();
        [scale, -scale * sums.weight[channel] * rate / count, -scale * sums.bias[channel] / count]
    }

    fn plane(&self, start: usize, channel: usize) -> Plane<'_> {
        let range = start..start + self.sizes.plane;
        Plane {
            input: &self.input[range.clone()],
            residual: self.residual.map(|residual| &residual[range.clone()]),
            output: &self.output[range],
            line: [self.affine.scale[channel], self.affine.shift[channel]],
            activation: self.affine.activation,
        }
    }
}

/// One plane of [`Backward`].
struct Plane<'a> {
    input: &'a [f32],
    residual: Option<&'a [f32]>,
    output: &'a [f32],
    line: [f32; 2],
    activation: Activation,
}

impl Plane<'_> {
    /// Σ g · (x − mean) and Σ g for the gradient g past the activation.
    fn sums(&self, gradient: &[f32], mean: f32) -> [f64; 2] {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || match (self.activation, self.residual) {
                (Activation::Identity, _) => self.sums_by(gradient, mean, self.output, |g, _, _| g),
                (Activation::Relu, _) => {
                    self.sums_by(gradient, mean, self.output, |g, _, y| if y > 0.0 { g } else { 0.0 })
                }
                (Activation::Relu6, _) => self
                    .sums_by(gradient, mean, self.output, |g, _, y| if y > 0.0 && y < 6.0 { g } else { 0.0 }),
                (Activation::Silu, None) => self.sums_by(gradient, mean, self.output, |g, x, _| {
                    g * silu_slope(x * self.line[0] + self.line[1])
                }),
                (Activation::Silu, Some(residual)) => self.sums_by(gradient, mean, residual, |g, x, r| {
                    g * silu_slope(x * self.line[0] + self.line[1] + r)
                }),
            },
        )
    }

    #[inline(always)]
    fn sums_by(
        &self,
        gradient: &[f32],
        mean: f32,
        other: &[f32],
        slope: impl Fn(f32, f32, f32) -> f32,
    ) -> [f64; 2] {
        let (mut products, mut totals) = ([0.0f32; PARTS], [0.0f32; PARTS]);
        let (gradients, gradients_rest) = gradient.as_chunks::<PARTS>();
        let (inputs, inputs_rest) = self.input.as_chunks::<PARTS>();
        let (others, others_rest) = other.as_chunks::<PARTS>();
        for ((g, x), y) in gradients.iter().zip(inputs).zip(others) {
            for i in 0..PARTS {
                let g = slope(g[i], x[i], y[i]);
                products[i] += g * (x[i] - mean);
                totals[i] += g;
            }
        }
        let mut sums = [0.0f64; 2];
        for ((g, x), y) in gradients_rest.iter().zip(inputs_rest).zip(others_rest) {
            let g = slope(*g, *x, *y);
            sums = [sums[0] + f64::from(g * (x - mean)), sums[1] + f64::from(g)];
        }
        for i in 0..PARTS {
            sums = [sums[0] + f64::from(products[i]), sums[1] + f64::from(totals[i])];
        }
        sums
    }

    fn run(&self, line: [f32; 3], mean: f32, gradient: &mut [f32], residual_gradient: Option<&mut [f32]>) {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                match (self.activation, self.residual) {
                    (Activation::Identity, _) => {}
                    (Activation::Relu, _) => {
                        for (g, y) in gradient.iter_mut().zip(self.output) {
                            *g = if *y > 0.0 { *g } else { 0.0 };
                        }
                    }
                    (Activation::Relu6, _) => {
                        for (g, y) in gradient.iter_mut().zip(self.output) {
                            *g = if *y > 0.0 && *y < 6.0 { *g } else { 0.0 };
                        }
                    }
                    (Activation::Silu, None) => {
                        for (g, x) in gradient.iter_mut().zip(self.input) {
                            *g *= silu_slope(x * self.line[0] + self.line[1]);
                        }
                    }
                    (Activation::Silu, Some(residual)) => {
                        for ((g, x), r) in gradient.iter_mut().zip(self.input).zip(residual) {
                            *g *= silu_slope(x * self.line[0] + self.line[1] + r);
                        }
                    }
                }
                if let Some(residual_gradient) = residual_gradient {
                    residual_gradient.copy_from_slice(gradient);
                }
                let [a, b, c] = line;
                for (g, x) in gradient.iter_mut().zip(self.input) {
                    *g = a * *g + b * (x - mean) + c;
                }
            },
        );
    }
}

/// Derivative of x · σ(x).
#[inline(always)]
fn silu_slope(x: f32) -> f32 {
    let sigmoid = sigmoid(x);
    sigmoid * (1.0 + x * (1.0 - sigmoid))
}
