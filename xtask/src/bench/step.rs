//! `bench step`: a training step of ResNet50, compared with PyTorch's; and of the other backbones, without comparison.

use std::process::Command;

use anyhow::{Result, bail};

use super::Bench;
use super::measure::median;
use super::report::Section;
use crate::process::{self, output, repository};

const BATCH: &str = "16";
const SIDE: &str = "112";
const STEPS: &str = "8";
const THREADS: [&str; 2] = ["1", "2"];

/// Medians over the steps of one run.
#[derive(Clone, Copy)]
struct Step {
    wall: f64,
    cpu: f64,
    peak_mib: f64,
}

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let python = bench.python()?;
    process::run(&mut process::cargo(&["build", "--release", "--workspace", "--example", "step_speed"]))?;
    let example = bench.likeness.with_file_name("examples").join("step_speed");
    let mut rows = Vec::new();
    for threads in THREADS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..bench.repeats {
            let mut command = Command::new(&example);
            command.args([BATCH, SIDE, STEPS]).env("RAYON_NUM_THREADS", threads);
            ours.push(parse(&output(&mut command)?)?);
            let mut command = Command::new(&python);
            command.arg(repository().join("xtask/peers/step.py")).args([BATCH, SIDE, STEPS, threads]);
            theirs.push(parse(&output(&mut command)?)?);
        }
        let of = |steps: &[Step], what: fn(&Step) -> f64| median(steps.iter().map(what));
        for (name, steps) in [("Likeness", &ours), ("PyTorch", &theirs)] {
            rows.push(vec![
                threads.to_owned(),
                name.to_owned(),
                format!("{:.3}", of(steps, |s| s.wall)),
                format!("{:.2}×", of(steps, |s| s.wall) / of(&theirs, |s| s.wall)),
                format!("{:.2}", of(steps, |s| s.cpu)),
                format!("{:.2}×", of(steps, |s| s.cpu) / of(&theirs, |s| s.cpu)),
                format!("{:.0} MiB", of(steps, |s| s.peak_mib)),
            ]);
        }
    }
    Ok(Section {
        page: "training",
        title: "A training step, compared with PyTorch",
        about: format!(
            "ResNet50 with 128-dimensional embeddings, batch {BATCH} at {SIDE} px: forward pass, backward pass and momentum update \
             on random pictures. The example `step_speed` and `xtask/peers/step.py` alternate; medians."
        ),
        columns: vec![
            "threads",
            "",
            "wall, s",
            "relative to PyTorch",
            "CPU, s",
            "relative to PyTorch",
            "peak memory",
        ],
        rows,
        remarks: Vec::new(),
    })
}

/// Reads "median: wall 0.5 s, cpu 0.9 s; peak 700 MiB", the last line of both programs.
fn parse(text: &str) -> Result<Step> {
    let line = text.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [wall, cpu, peak_mib] = numbers[..] else { bail!("expected three medians, found: {line}") };
    Ok(Step { wall, cpu, peak_mib })
}
