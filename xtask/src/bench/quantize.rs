//! `bench quantize`: time, size and retrieval of quantised networks, on CelebA's test identities.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Bench;
use super::measure::median;
use super::report::Section;
use crate::process::{self, Scratch, output, repository};

/// Number of pictures in a run.
const BATCH: &str = "8";
const SIDE: &str = "112";
/// Repetitions of each measurement.
const SECONDS: &str = "3";

/// One network in one form: original or quantised.
struct Form {
    network: &'static str,
    data_type: &'static str,
    model: PathBuf,
    /// The output of `models quantize --json`; `None` for the original.
    quantized: Option<Value>,
}

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its networks")?;
    let release = bench.likeness.parent().context("the program is in a folder")?;
    let runs = release.with_file_name("training");
    let dataset = runs.join("celeba");
    ensure!(dataset.is_dir(), "{}: missing; `bench training` creates it", dataset.display());
    let python = bench.python()?;
    let scratch = Scratch::new("quantize")?;
    let networks = [
        ("ResNet50, trained here", runs.join("default/model")),
        ("MobileFaceNet, published", shared.join("weights/mobilefacenet-arcface-128d.onnx")),
        ("half of its channels, trained here", runs.join("mobilefacenet-half/model")),
        ("a quarter of its channels, trained here", runs.join("mobilefacenet-quarter/model")),
    ];
    let mut forms = Vec::new();
    for (i, (network, model)) in networks.into_iter().enumerate() {
        forms.push(Form { network, data_type: "f32", model: model.clone(), quantized: None });
        for (data_type, flags) in [("f16", &["--weights", "f16"][..]), ("int8", &["--split", "train"][..])] {
            let folder = scratch.join(&format!("{i}-{data_type}"));
            let mut quantize = Command::new(&bench.likeness);
            quantize
                .args(["models", "quantize"])
                .arg(&model)
                .arg("-o")
                .arg(&folder)
                .arg("--json")
                .args(flags);
            quantize.arg("--calibrate").arg(&dataset).args(["--measure-split", "test"]);
            let quantized = serde_json::from_str(&output(&mut quantize)?)?;
            forms.push(Form { network, data_type, model: folder, quantized: Some(quantized) });
        }
    }
    process::run(&mut process::cargo(&["build", "--release", "--workspace", "--example", "engine_speed"]))?;
    let times = times(bench, &forms, &release.join("examples/engine_speed"), &python)?;
    let rows = forms.iter().enumerate().map(|(i, form)| row(form, &forms, &times, i)).collect();
    Ok(Section {
        page: "quantize",
        title: "Quantised networks",
        about: format!(
            "`likeness models quantize`, calibrated on 256 faces of CelebA's training identities, evaluated on the 58 test \
             identities: leave-one-out, percent. CPU milliseconds for a face of {SIDE} pixels, in batches of {BATCH}, on one \
             thread: our engine, rten and Python's onnxruntime (`xtask/peers/engine.py`) alternate on the same file."
        ),
        columns: vec![
            "network",
            "type",
            "MB",
            "top-1",
            "top-5",
            "top-10",
            "mAP",
            "direct ms",
            "speed-up over f32",
            "rten ms",
            "onnxruntime ms",
        ],
        rows,
        remarks: Vec::new(),
    })
}

/// For each form, the median milliseconds on our engine, rten and onnxruntime.
fn times(bench: &Bench, forms: &[Form], engine_speed: &Path, python: &Path) -> Result<Vec<[f64; 3]>> {
    let peer = repository().join("xtask/peers/engine.py");
    let mut all: Vec<[Vec<f64>; 3]> = forms.iter().map(|_| Default::default()).collect();
    for _ in 0..bench.repeats {
        for (form, times) in forms.iter().zip(&mut all) {
            let graph = if form.model.is_dir() { form.model.join("model.onnx") } else { form.model.clone() };
            let timed = |program: &Path, before: &[&OsStr], engine: &str| {
                let mut command = Command::new(program);
                cpu_ms(command.args(before).arg(engine).args([SIDE, SECONDS]).arg(format!("{BATCH}x1")))
            };
            let (ours, theirs) =
                ([graph.as_os_str()], [peer.as_os_str(), graph.as_os_str(), OsStr::new("any")]);
            times[0].push(timed(engine_speed, &ours, "direct")?);
            times[1].push(timed(engine_speed, &ours, "rten")?);
            times[2].push(timed(python, &theirs, "onnxruntime")?);
        }
    }
    Ok(all.into_iter().map(|times| times.map(median)).collect())
}

/// CPU milliseconds for one face, as the program reports them.
fn cpu_ms(command: &mut Command) -> Result<f64> {
    let answer: Value = serde_json::from_str(output(command)?.trim())?;
    answer["cpu_ms"].as_f64().with_context(|| format!("no cpu_ms in {answer}"))
}

fn row(form: &Form, forms: &[Form], times: &[[f64; 3]], i: usize) -> Vec<String> {
    let of_network = |at: usize| forms[at].network == form.network;
    let first = (0..=i).find(|at| of_network(*at)).unwrap_or(i);
    // The report of the first quantised form includes the original's retrieval.
    let quantized = form.quantized.as_ref().or_else(|| forms[first + 1].quantized.as_ref());
    let side = if form.quantized.is_some() { "after" } else { "before" };
    let percent = |key: &str| {
        let share = quantized.and_then(|s| s[side][key].as_f64());
        share.map_or("?".to_owned(), |share| format!("{:.2}", share * 100.0))
    };
    let bytes = quantized.and_then(|s| s[format!("bytes_{side}")].as_f64()).unwrap_or(f64::NAN);
    let [ours, rten, onnxruntime] = times[i];
    let number = |ms: f64| format!("{ms:.2}");
    vec![
        form.network.to_owned(),
        form.data_type.to_owned(),
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
