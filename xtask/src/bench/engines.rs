//! `bench engines`: compares networks on every engine with Python libraries. `disk` and `start` have their own files.

mod disk;
mod start;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::measure::median;
use super::report::Section;
use crate::process::{self, Scratch, cargo, output, repository};

pub(super) use disk::run as disk;
pub(super) use start::run as start;

/// Seconds for each timing.
const SECONDS: &str = "1.5";

/// A network of `networks.py`, the side of its input, and its name in the table.
const NETWORKS: [(&str, &str, &str); 3] = [
    ("resnet50", "224", "ResNet50, 224 px"),
    ("resnet50", "112", "ResNet50, 112 px"),
    ("mobilefacenet", "112", "MobileFaceNet, 112 px"),
];
/// An engine or library that runs a network.
struct Side {
    label: &'static str,
    /// Its name on the command line of its program.
    engine: &'static str,
    /// Whether that program is ours, not a Python peer.
    is_ours: bool,
    /// Whether it runs the int8 network.
    is_int8: bool,
}

const fn side(label: &'static str, engine: &'static str, is_ours: bool, is_int8: bool) -> Side {
    Side { label, engine, is_ours, is_int8 }
}

const SIDES: [Side; 10] = [
    side("Likeness, direct", "direct", true, false),
    side("Likeness, direct, int8", "direct", true, true),
    side("Likeness, rten", "rten", true, false),
    side("Likeness, rten, int8", "rten", true, true),
    side("Likeness, onnxruntime", "onnxruntime", true, false),
    side("Likeness, onnxruntime, int8", "onnxruntime", true, true),
    side(REFERENCE, "onnxruntime", false, false),
    side("Python onnxruntime, int8", "onnxruntime", false, true),
    side("PyTorch eager", "eager", false, false),
    side(COMPILED, "compiled", false, false),
];
/// The side that the others are compared with.
const REFERENCE: &str = "Python onnxruntime";
/// Compiling takes half a minute for each mode, so this side comes last and leaves out one mode.
const COMPILED: &str = "PyTorch compiled";
/// Photos for the calibration of int8 networks.
const PHOTOS: &str = "data/celeba/images";

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let peers = Peers::new(bench)?;
    process::run(&mut cargo(&["build", "--release", "--workspace", "--example", "engine_speed"]))?;
    let example = bench.likeness.with_file_name("examples").join("engine_speed");
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let scratch = Scratch::new("engines")?;
    let names: BTreeSet<&str> = NETWORKS.iter().map(|(name, ..)| *name).collect();
    for name in names {
        let mut quantize = Command::new(&bench.likeness);
        quantize.args(["models", "quantize"]).arg(peers.graph(name)).arg("-o").arg(scratch.join(name));
        output(quantize.arg("--calibrate").arg(shared.join(PHOTOS)))?;
    }
    let mut cases: Vec<_> =
        NETWORKS.iter().flat_map(|n| SIDES.iter().map(move |s| (n, s, Vec::new()))).collect();
    for compiled in [false, true] {
        for _ in 0..bench.repeats {
            for (network, side, runs) in
                cases.iter_mut().filter(|(_, s, _)| (s.label == COMPILED) == compiled)
            {
                let graph = match side.is_int8 {
                    true => scratch.join(network.0).join("model.onnx"),
                    false => peers.graph(network.0),
                };
                // A peer that cannot run here leaves its row empty.
                match output(&mut timing(&example, &peers, &graph, network, side)) {
                    Ok(text) => runs.extend(text.lines().filter_map(|l| serde_json::from_str(l).ok())),
                    Err(error) => eprintln!("{}, {}: {error:#}", network.2, side.label),
                }
            }
        }
    }
    let mut rows = Vec::new();
    for (network, side, runs) in &cases {
        let reference = cases.iter().find(|(n, s, _)| *n == *network && s.label == REFERENCE);
        let reference = numbers(reference.map_or(&[], |(_, _, runs)| runs));
        rows.push(row(network.2, side.label, &numbers(runs), &reference));
    }
    Ok(Section {
        page: "engines",
        title: "Networks on every engine",
        about: "Graphs with random weights, exported by `xtask/peers/networks.py` and quantised by `likeness models quantize`; from \
                8-bit faces to embeddings of unit length. The example `engine_speed` and `xtask/peers/engine.py` alternate. \
                Latency: one face on one thread. Images/s: all cores, with batches of 1 and 32; Likeness with one caller for \
                each core, Python with the library's own threads. CPU: one face in a batch of 32. In brackets: speed relative \
                to Python onnxruntime in the same run."
            .to_owned(),
        columns: vec![
            "network", "engine", "p50 ms", "p99 ms", "images/s, 1", "images/s, 32", "CPU ms", "peak memory",
        ],
        rows,
        remarks: Vec::new(),
    })
}

/// The values of a row, in order.
#[derive(Clone, Copy)]
struct Numbers {
    p50_ms: f64,
    p99_ms: f64,
    single: f64,
    batched: f64,
    cpu_ms: f64,
    peak_mib: f64,
}

/// The latency of one call on one thread, the throughput of all cores with batches of one and of 32.
fn modes() -> [String; 3] {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ["1x1".to_owned(), format!("1x{cores}"), format!("32x{cores}")]
}

/// The command that times a network on one side; it prints one line for each mode.
fn timing(
    example: &Path,
    peers: &Peers,
    graph: &Path,
    (name, pixels, _): &(&str, &str, &str),
    side: &Side,
) -> Command {
    let mut command = match side.is_ours {
        true => Command::new(example),
        false => peers.command("engine.py"),
    };
    command.arg(graph);
    match side.is_ours {
        true => command.env("ORT_DYLIB_PATH", &peers.library),
        false => command.arg(name),
    };
    command.args([side.engine, pixels, SECONDS]);
    let modes = modes();
    command.args(modes.iter().enumerate().filter(|(i, _)| side.label != COMPILED || *i != 1).map(|(_, m)| m));
    command
}

fn numbers(runs: &[Value]) -> Numbers {
    let modes = modes();
    let of = |mode: usize, key: &str| {
        let of_mode = runs.iter().filter(|run| run["mode"].as_str() == Some(&modes[mode]));
        median(of_mode.filter_map(|run| run[key].as_f64()))
    };
    Numbers {
        p50_ms: of(0, "p50_ms"),
        p99_ms: of(0, "p99_ms"),
        single: of(1, "images_per_s"),
        batched: of(2, "images_per_s"),
        cpu_ms: of(2, "cpu_ms"),
        peak_mib: of(2, "peak_mib"),
    }
}

fn row(network: &str, engine: &str, found: &Numbers, reference: &Numbers) -> Vec<String> {
    let compared = |value: f64, times: f64| match value.is_nan() {
        true => "–".to_owned(),
        false => format!("{value:.1} ({times:.2}×)"),
    };
    vec![
        network.to_owned(),
        engine.to_owned(),
        compared(found.p50_ms, reference.p50_ms / found.p50_ms),
        format!("{:.1}", found.p99_ms),
        compared(found.single, found.single / reference.single),
        compared(found.batched, found.batched / reference.batched),
        compared(found.cpu_ms, reference.cpu_ms / found.cpu_ms),
        format!("{:.0} MiB", found.peak_mib),
    ]
}

/// The Python side: its interpreter, the exported graphs, and its ONNX Runtime library.
struct Peers {
    python: PathBuf,
    networks: PathBuf,
    library: PathBuf,
}

impl Peers {
    fn new(bench: &Bench) -> Result<Self> {
        let python = bench.python()?;
        let target = bench
            .likeness
            .parent()
            .and_then(Path::parent)
            .context("the program is not in a target folder")?;
        let networks = target.join("bench").join("networks");
        let peers = Self { library: library(&python)?, python, networks };
        if !peers.graph("resnet50").is_file() || !peers.graph("mobilefacenet").is_file() {
            output(peers.command("networks.py").arg(&peers.networks))?;
        }
        Ok(peers)
    }

    fn graph(&self, name: &str) -> PathBuf {
        self.networks.join(format!("{name}.onnx"))
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(repository().join("xtask/peers").join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// The ONNX Runtime library in the environment of `python`, so that both sides use the same one.
fn library(python: &Path) -> Result<PathBuf> {
    const FIND: &str = "import glob, os, onnxruntime; \
                        print(glob.glob(os.path.join(os.path.dirname(onnxruntime.__file__), 'capi', 'libonnxruntime.*'))[0])";
    Ok(PathBuf::from(output(Command::new(python).args(["-c", FIND]))?.trim()))
}
