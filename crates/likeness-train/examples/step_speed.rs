//! Times a training step of a network with the shapes of ResNet50: convolution, normalisation, residual, momentum.
//!
//! Run: `cargo run --release -p likeness-train --example step_speed -- [BATCH] [SIDE] [STEPS]`; RAYON_NUM_THREADS sets
//! the threads. `xtask/peers/step.py` does the same with torchvision.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Distribution, Tensor, module};
use likeness_train::ops::update::{SgdStep, WeightDecay, sgd_step};
use likeness_train::ops::{Activation, ConvOptions, batch_norm_training, conv2d};

/// A convolution with its normalisation.
struct Layer {
    parameters: [Parameter; 3],
    shape: [usize; 4],
    stride: usize,
}

/// Numbers and their velocity.
struct Parameter {
    numbers: Vec<f32>,
    velocity: Vec<f32>,
}

impl Parameter {
    fn new(numbers: Vec<f32>) -> Self {
        Self { velocity: vec![0.0; numbers.len()], numbers }
    }
}

/// Tensors of one step: for each layer weight, scale and shift.
type Tracked = (Tensor<4>, Tensor<1>, Tensor<1>);

impl Layer {
    fn new(inputs: usize, outputs: usize, kernel: usize, stride: usize, device: &Device) -> Self {
        let shape = [outputs, inputs, kernel, kernel];
        let deviation = (2.0 / (outputs * kernel * kernel) as f64).sqrt();
        let weight = Tensor::<4>::random(shape, Distribution::Normal(0.0, deviation), device);
        let weight = weight.into_data().try_into_vec().expect("32-bit numbers");
        let parameters = [weight, vec![1.0; outputs], vec![0.0; outputs]].map(Parameter::new);
        Self { parameters, shape, stride }
    }

    fn track(&self, device: &Device) -> Tracked {
        let [weight, scale, shift] = &self.parameters;
        let data = burn::tensor::TensorData::new(weight.numbers.clone(), self.shape);
        let vector = |parameter: &Parameter| {
            Tensor::from_data(burn::tensor::TensorData::from(parameter.numbers.as_slice()), device)
                .require_grad()
        };
        (Tensor::from_data(data, device).require_grad(), vector(scale), vector(shift))
    }

    fn forward(
        &self,
        tracked: &Tracked,
        input: Tensor<4>,
        residual: Option<Tensor<4>>,
        relu: bool,
    ) -> Tensor<4> {
        let options = ConvOptions { stride: [self.stride; 2], padding: [self.shape[2] / 2; 2], groups: 1 };
        let output = conv2d(input, tracked.0.clone(), None, options);
        let activation = if relu { Activation::Relu } else { Activation::Identity };
        batch_norm_training(output, tracked.1.clone(), tracked.2.clone(), 1e-5, residual, activation).output
    }
}

/// Layers in the order of ResNet50; a block is three, and the shortcut's before the last where it changes shape.
fn layers(device: &Device) -> (Vec<Layer>, Vec<bool>) {
    let mut layers = vec![Layer::new(3, 64, 7, 2, device)];
    let (mut blocks, mut inputs) = (Vec::new(), 64);
    for (stage, count) in [3, 4, 6, 3].into_iter().enumerate() {
        let width = 64 << stage;
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            layers.push(Layer::new(inputs, width, 1, 1, device));
            layers.push(Layer::new(width, width, 3, stride, device));
            if block == 0 {
                layers.push(Layer::new(inputs, 4 * width, 1, stride, device));
            }
            layers.push(Layer::new(width, 4 * width, 1, 1, device));
            blocks.push(block == 0);
            inputs = 4 * width;
        }
    }
    (layers, blocks)
}

fn forward(layers: &[Layer], tracked: &[Tracked], blocks: &[bool], input: Tensor<4>) -> Tensor<1> {
    let mut next = layers.iter().zip(tracked);
    let mut layer = |input: Tensor<4>, residual: Option<Tensor<4>>, relu: bool| {
        let (layer, tracked) = next.next().expect("a layer for each place");
        layer.forward(tracked, input, residual, relu)
    };
    let mut features = layer(input, None, true);
    features = module::max_pool2d(
        features,
        MaxPoolOptions {
            kernel_size: [3, 3],
            stride: [2, 2],
            padding: [(1, 1), (1, 1)],
            dilation: [1, 1],
            ceil_mode: false,
        },
    );
    for changes in blocks {
        let hidden = layer(features.clone(), None, true);
        let hidden = layer(hidden, None, true);
        let shortcut = if *changes { layer(features, None, false) } else { features };
        features = layer(hidden, Some(shortcut), true);
    }
    features.mean_dim(3).mean_dim(2).square().mean()
}

/// Seconds of processor time, and the largest resident size in MiB, as Linux tells them.
fn usage() -> (f64, f64) {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = ticks.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    (ticks / 100.0, peak.unwrap_or(0.0) / 1024.0)
}

fn step(layers: &mut [Layer], blocks: &[bool], input: &Tensor<4>, device: &Device) -> [f64; 3] {
    let start = Instant::now();
    let tracked: Vec<Tracked> = layers.iter().map(|layer| layer.track(device)).collect();
    let loss = forward(layers, &tracked, blocks, input.clone());
    let forwards = start.elapsed().as_secs_f64();
    let mut gradients = loss.backward();
    let backwards = start.elapsed().as_secs_f64();
    let settings = SgdStep { learning_rate: 1e-3, momentum: 0.9, weight_decay: WeightDecay::Coupled(0.0) };
    for (layer, (weight, scale, shift)) in layers.iter_mut().zip(tracked) {
        let weight = weight.grad_remove(&mut gradients).map(Tensor::into_data);
        let [scale, shift] =
            [scale, shift].map(|vector| vector.grad_remove(&mut gradients).map(Tensor::into_data));
        for (parameter, gradient) in layer.parameters.iter_mut().zip([weight, scale, shift]) {
            let gradient = gradient.expect("a gradient for each parameter");
            let gradient = gradient.as_slice::<f32>().expect("32-bit numbers");
            sgd_step(&mut parameter.numbers, gradient, &mut parameter.velocity, &settings);
        }
    }
    [forwards, backwards - forwards, start.elapsed().as_secs_f64() - backwards]
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let [batch, side, steps] = [16, 112, 8].map(|default| arguments.next().unwrap_or(default));
    let device = Device::flex().autodiff();
    device.seed(0);
    let (mut layers, blocks) = layers(&device);
    let input = Tensor::random([batch, 3, side, side], Distribution::Normal(0.0, 1.0), &device);
    let mut seen: Vec<[f64; 5]> = Vec::new();
    for _ in 0..steps {
        let before = usage().0;
        let [forward, backward, update] = step(&mut layers, &blocks, &input, &device);
        let times = [forward + backward + update, usage().0 - before, forward, backward, update];
        println!(
            "wall {:.3} s  cpu {:.2} s  forward {:.3}  backward {:.3}  update {:.3}",
            times[0], times[1], forward, backward, update
        );
        seen.push(times);
    }
    let median = |field: usize| {
        let mut values: Vec<f64> = seen.iter().skip(1).map(|times| times[field]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    println!("median: wall {:.3} s, cpu {:.2} s; peak {:.0} MiB", median(0), median(1), usage().1);
}
