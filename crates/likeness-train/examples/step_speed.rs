//! Times a training step as a run takes it: a backbone with its head, backward, the optimiser.
//!
//! Run: `cargo run --release -p likeness-train --example step_speed -- [BATCH] [SIDE] [STEPS] [BACKBONE] [bf16|full] [DEVICE]`;
//! RAYON_NUM_THREADS sets the threads. `xtask/peers/step.py` does the same with torchvision.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::time::Instant;

use burn::module::ParamId;
use burn::tensor::{Distribution, Tensor};
use likeness_train::backbone::Architecture;
use likeness_train::device::device;
use likeness_train::layer::Pass;
use likeness_train::network::{Network, NetworkConfig, parameters};
use likeness_train::ops::Precision;
use likeness_train::train::OptimizerConfig;
use likeness_train::train::optimizer::{CollectedGradients, Optimizer};

struct Learner {
    network: Network,
    optimizer: Optimizer,
    keys: BTreeMap<ParamId, (String, f32)>,
}

impl Learner {
    /// Seconds of the way there, the way back, and the optimiser.
    fn step(mut self, images: &Tensor<4>) -> (Self, [f64; 3]) {
        let start = Instant::now();
        let mut pass = Pass::training(self.optimizer.steps());
        let loss = self.network.forward(images.clone(), &mut pass).raw.square().mean();
        let forward = start.elapsed().as_secs_f64();
        // A run looks at it too, and on another device waits for it.
        assert!(loss.clone().into_scalar::<f32>().is_finite());
        let mut gradients = loss.backward();
        let mut collected = CollectedGradients::default();
        collected.add(&self.network, &mut gradients);
        let backward = start.elapsed().as_secs_f64();
        self.optimizer.begin();
        let network = self.network.absorb(pass);
        let network = self.optimizer.update(network, &mut collected, 1.0, &self.keys, 1e-3);
        let update = start.elapsed().as_secs_f64();
        (Self { network, ..self }, [forward, backward - forward, update - backward])
    }
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

fn main() -> likeness_train::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: usize| arguments.get(at).and_then(|a| a.parse().ok()).unwrap_or(default);
    let [batch, side, steps] = [number(0, 16), number(1, 112), number(2, 8)];
    let named = arguments.get(3).and_then(|name| name.parse::<Architecture>().ok());
    let device = device(arguments.get(5).map_or("cpu", String::as_str))?.autodiff();
    device.seed(0);
    let precision =
        if arguments.get(4).is_some_and(|name| name == "bf16") { Precision::Bf16 } else { Precision::Full };
    let config =
        NetworkConfig { embedding_dim: 128, precision, ..NetworkConfig::new(named.unwrap_or_default()) };
    let network = config.init(&device)?;
    let trained = parameters(&network).into_iter().filter(|info| info.trained);
    let keys = trained.map(|info| (info.id, (info.key, 1.0))).collect();
    let optimizer = Optimizer::new(OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.0 });
    let mut learner = Learner { network, optimizer, keys };
    let images = Tensor::random([batch, 3, side, side], Distribution::Normal(0.0, 1.0), &device);
    let mut seen: Vec<[f64; 5]> = Vec::new();
    for _ in 0..steps {
        let (start, before) = (Instant::now(), usage().0);
        let (next, [forward, backward, update]) = learner.step(&images);
        learner = next;
        let times = [start.elapsed().as_secs_f64(), usage().0 - before, forward, backward, update];
        println!(
            "wall {:.3} s  cpu {:.2} s  forward {forward:.3}  backward {backward:.3}  update {update:.3}",
            times[0], times[1]
        );
        seen.push(times);
    }
    let median = |field: usize| {
        let mut values: Vec<f64> = seen.iter().skip(1).map(|times| times[field]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    println!("median: wall {:.3} s, cpu {:.2} s; peak {:.0} MiB", median(0), median(1), usage().1);
    Ok(())
}
