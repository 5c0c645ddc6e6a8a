//! `bench pipeline`: photo to embedding, compared with the usual Python pipeline.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::measure::{Usage, measure, measure_output, median};
use super::report::Section;
use crate::process::{self, Scratch, repository};

const EMBEDDER: &str = "weights/mobilefacenet-arcface-128d.onnx";
const DETECTOR: &str = "weights/detectors/yunet_n_dynamic.onnx";
const PHOTOS: &str = "data/celeba/images";

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let python = bench.python()?;
    let scratch = Scratch::new("pipeline")?;
    let (mut ours, mut theirs, mut their_peak, mut photos, mut faces) =
        (Vec::new(), Vec::new(), Vec::new(), 0, 0);
    for _ in 0..bench.repeats {
        ours.push(measure(&mut embed(
            &bench.likeness,
            &shared,
            &shared.join(PHOTOS),
            &scratch.join("ours"),
        ))?);
        let (text, usage) = measure_output(&mut peer(&python, &shared, &scratch.join("theirs.npy")))?;
        let last = text.lines().last().unwrap_or_default();
        let answer: Value = serde_json::from_str(last).context("the peer printed no JSON")?;
        their_peak.push(answer["peak_mib"].as_f64().unwrap_or(f64::NAN));
        photos = answer["photos"].as_u64().unwrap_or(0);
        faces = answer["faces"].as_u64().unwrap_or(0);
        theirs.push(usage);
    }
    Ok(section((&ours, &theirs, &their_peak), (photos, faces)))
}

/// The command that embeds the photos, with two threads.
pub(super) fn embed(likeness: &Path, shared: &Path, photos: &Path, output: &Path) -> Command {
    let mut command = Command::new(likeness);
    command.arg("embed").arg(photos).arg("--detector").arg(shared.join(DETECTOR)).arg("--model");
    command.arg(shared.join(EMBEDDER)).args(["--normalize", "none", "--threads", "2", "-o"]).arg(output);
    command
}

fn peer(python: &Path, shared: &Path, output: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg(repository().join("xtask/peers/pipeline.py"));
    command
        .arg(shared.join(PHOTOS))
        .arg(shared.join(DETECTOR))
        .arg(shared.join(EMBEDDER))
        .arg(output)
        .arg("2");
    command
}

fn section((ours, theirs, their_peak): (&[Usage], &[Usage], &[f64]), (photos, faces): (u64, u64)) -> Section {
    let of = |runs: &[Usage], what: fn(&Usage) -> f64| median(runs.iter().map(what));
    let row = |name: &str, runs: &[Usage], peak: f64| {
        vec![
            name.to_owned(),
            format!("{:.1}", photos as f64 / of(runs, |u| u.seconds)),
            format!("{:.2}×", of(runs, |u| u.seconds) / of(ours, |u| u.seconds)),
            format!("{:.1}", 1000.0 * of(runs, |u| u.cpu_seconds) / photos as f64),
            format!("{:.2}×", of(runs, |u| u.cpu_seconds) / of(ours, |u| u.cpu_seconds)),
            format!("{peak:.0} MiB"),
        ]
    };
    Section {
        page: "faces",
        title: "Photo to embedding, compared with Python",
        about: format!(
            "{photos} photos of CelebA: decode, YuNet, alignment to 112 px, MobileFaceNet. `likeness embed` with two threads \
             alternates with OpenCV's YuNet and ONNX Runtime in two processes of one thread each (`xtask/peers/pipeline.py`, \
             {faces} faces)."
        ),
        columns: vec!["", "photos/s", "Likeness is faster by", "CPU ms per photo", "by CPU", "peak memory"],
        rows: vec![
            row("Likeness", ours, of(ours, |u| u.peak_mib)),
            row("OpenCV + ONNX Runtime", theirs, median(their_peak.iter().copied())),
        ],
        remarks: Vec::new(),
    }
}
