//! `bench quantize`: what rounding a network's numbers saves and costs, on CelebA's test identities.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Bench;
use super::measure::{measure_output, median};
use super::report::Section;
use crate::process::{self, Scratch, repository};

/// Pictures a run takes.
const BATCH: &str = "8";
const SIDE: &str = "112";

/// One network in one form.
struct Form {
    network: &'static str,
    numbers: &'static str,
    model: PathBuf,
    /// What `models quantize --json` said; nothing for the original.
    said: Option<Value>,
}

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is not there: this bench needs its networks")?;
    let runs = repository().join("target/training");
    let dataset = runs.join("celeba");
    ensure!(dataset.is_dir(), "{}: not there: `bench training` makes it", dataset.display());
    let python = bench.python()?;
    let scratch = Scratch::new("quantize")?;
    let networks = [
        ("ResNet50, trained here", runs.join("default/model")),
        ("MobileFaceNet, published", shared.join("weights/mobilefacenet-arcface-128d.onnx")),
    ];
    let mut forms = Vec::new();
    for (i, (network, model)) in networks.into_iter().enumerate() {
        forms.push(Form { network, numbers: "f32", model: model.clone(), said: None });
        for (numbers, flags) in [("f16", &["--weights", "f16"][..]), ("int8", &["--split", "train"][..])] {
            let output = scratch.join(&format!("{i}-{numbers}"));
            let mut quantize = Command::new(&bench.likeness);
            quantize
                .args(["models", "quantize"])
                .arg(&model)
                .arg("-o")
                .arg(&output)
                .arg("--json")
                .args(flags);
            quantize.arg("--calibrate").arg(&dataset).args(["--measure-split", "test"]);
            let said = serde_json::from_str(&measure_output(&mut quantize)?.0)?;
            forms.push(Form { network, numbers, model: output, said: Some(said) });
        }
    }
    let times = times(bench, &forms, &engine_speed()?, &python)?;
    let rows = forms.iter().enumerate().map(|(i, form)| row(form, &forms, &times, i)).collect();
    Ok(Section {
        page: "quantize",
        title: "Weights in fewer bits, activations in bytes",
        about: format!(
            "`likeness models quantize`, calibrated on 256 faces of CelebA's identities for training, measured on the 58 for \
             testing: leave-one-out, percent. Milliseconds of CPU time a face of {SIDE} pixels, in batches of {BATCH}, on one \
             thread: our engine, rten and Python's onnxruntime (`xtask/peers/engine.py`) on the same file, alternating."
        ),
        columns: vec![
            "network",
            "numbers",
            "MB",
            "top-1",
            "top-5",
            "top-10",
            "mAP",
            "direct ms",
            "by f32",
            "rten ms",
            "onnxruntime ms",
        ],
        rows,
        remarks: Vec::new(),
    })
}

/// The example program that times engines, built apart so that the program itself is not built anew.
fn engine_speed() -> Result<PathBuf> {
    let target = repository().join("target/model-only");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(repository()).env("CARGO_TARGET_DIR", &target);
    build.args(["build", "--release", "-p", "likeness-model", "--example", "engine_speed"]);
    process::run(&mut build)?;
    Ok(target.join("release/examples/engine_speed"))
}

/// Of each form the medians of milliseconds on our engine, rten and onnxruntime.
fn times(bench: &Bench, forms: &[Form], engine_speed: &Path, python: &Path) -> Result<Vec<[f64; 3]>> {
    let mut all: Vec<[Vec<f64>; 3]> = forms.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.repeats {
        for (form, times) in forms.iter().zip(&mut all) {
            let graph = if form.model.is_dir() { form.model.join("model.onnx") } else { form.model.clone() };
            let (ours, _) = measure_output(Command::new(engine_speed).arg(&graph).args([BATCH, SIDE]))?;
            let peer = repository().join("xtask/peers/engine.py");
            let (theirs, _) = measure_output(Command::new(python).arg(peer).arg(&graph).args([BATCH, SIDE]))?;
            for (i, (name, text)) in
                [("direct", &ours), ("rten", &ours), ("onnxruntime", &theirs)].into_iter().enumerate()
            {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                let time = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
                times[i].push(time.with_context(|| format!("{name} said no time"))?);
            }
        }
    }
    Ok(all.into_iter().map(|times| times.map(median)).collect())
}

fn row(form: &Form, forms: &[Form], times: &[[f64; 3]], i: usize) -> Vec<String> {
    let of_network = |at: usize| forms[at].network == form.network;
    let first = (0..=i).find(|at| of_network(*at)).unwrap_or(i);
    // The original's retrieval is in what its first rounded form says.
    let said = form.said.as_ref().or_else(|| forms[first + 1].said.as_ref());
    let side = if form.said.is_some() { "after" } else { "before" };
    let percent = |key: &str| {
        let share = said.and_then(|s| s[side][key].as_f64());
        share.map_or("?".to_owned(), |share| format!("{:.2}", share * 100.0))
    };
    let bytes = said.and_then(|s| s[format!("bytes_{side}")].as_f64()).unwrap_or(f64::NAN);
    let [ours, rten, onnxruntime] = times[i];
    let number = |ms: f64| format!("{ms:.2}");
    vec![
        form.network.to_owned(),
        form.numbers.to_owned(),
        format!("{:.1}", bytes / 1e6),
        percent("top1"),
        percent("top5"),
        percent("top10"),
        percent("map"),
        number(ours),
        format!("{:.2}×", times[first][0] / ours),
        number(rten),
        number(onnxruntime),
    ]
}
