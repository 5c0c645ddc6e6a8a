//! Benches of evaluation: reports on several models and collections, the time of ranking metrics, and all pairs of large tables.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::measure::median;
use super::report::Section;
use crate::process::{cargo, output, repository, shared, target};
use crate::python;

const NETWORK: &str = "weights/mobilefacenet-arcface-128d.onnx";
const PAGE: &str = "evaluation";

/// A collection with its models.
struct Data {
    name: &'static str,
    folder: &'static str,
    flags: &'static [&'static str],
    /// Models: names, or files of the shared folder.
    models: &'static [&'static str],
    /// Whether the networks that `bench table2` trained are evaluated, too.
    trained: bool,
}

const DESCRIPTORS: [&str; 4] = ["color", "edge", "texture", "classic"];
const FACES: &[&str] = &["face", NETWORK, DESCRIPTORS[0], DESCRIPTORS[1], DESCRIPTORS[2], DESCRIPTORS[3]];
const PICTURES: &[&str] = &["picture", DESCRIPTORS[0], DESCRIPTORS[1], DESCRIPTORS[2], DESCRIPTORS[3]];

const ALL: [Data; 4] = [
    Data {
        name: "CelebA, 58 test identities",
        folder: "celeba",
        flags: &["--split", "test"],
        models: FACES,
        trained: true,
    },
    Data {
        name: "London",
        folder: "london",
        flags: &["--columns", "london_info.csv", "--data-licence", "CC BY 4.0"],
        models: FACES,
        trained: false,
    },
    Data { name: "DigiFace", folder: "digiface", flags: &[], models: FACES, trained: false },
    Data {
        name: "caltech51",
        folder: "caltech51",
        flags: &["--data-licence", "CC BY 4.0", "--detector", "none"],
        models: PICTURES,
        trained: false,
    },
];

/// `bench evaluation`: a report on each collection.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let folder = target()?.join("bench-evaluation");
    fs_err::create_dir_all(&folder)?;
    let (mut rows, mut remarks) = (Vec::new(), Vec::new());
    for data in &ALL {
        let report = folder.join(format!("{}.html", data.folder));
        let seconds = write_report(bench, &shared, data, &report)?;
        let found: Value = serde_json::from_str(&fs_err::read_to_string(report.with_extension("json"))?)?;
        rows.extend(rows_of(data, &found)?);
        remarks.push(remark(data, &found, seconds, fs_err::metadata(&report)?.len()));
    }
    Ok(Section {
        page: PAGE,
        title: "Models on four collections",
        about: "`likeness report` on each collection: leave-one-out, faces found and aligned by the built-in detector \
                (caltech51: whole pictures). Percent with 95 % intervals. TAR is at FMR 0.1 %, FNIR at the FPIR that the \
                searches support, 0.3 % or 1 %. Worst slice: the slice with at least 30 queries of 10 identities \
                whose top-1 is lowest."
            .to_owned(),
        columns: vec!["data", "model", "top-1", "top-5", "top-10", "mAP", "TAR", "FNIR", "EER", "worst slice"],
        rows,
        remarks,
    })
}

fn write_report(bench: &Bench, shared: &Path, data: &Data, report: &Path) -> Result<f64> {
    let input = shared.join("data").join(data.folder);
    let mut command = Command::new(&bench.likeness);
    command.arg("report").arg(&input);
    for model in data.models {
        command.arg(match Path::new(model).extension() {
            Some(_) => shared.join(model),
            None => PathBuf::from(model),
        });
    }
    if data.trained {
        command.args(trained()?);
    }
    for flag in data.flags {
        let path = input.join(flag);
        command.arg(if path.is_file() { path } else { PathBuf::from(flag) });
    }
    let start = Instant::now();
    output(command.arg("-o").arg(report))?;
    Ok(start.elapsed().as_secs_f64())
}

/// The runs that `bench table2` kept.
fn trained() -> Result<Vec<PathBuf>> {
    let folder = target()?.join("training");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut runs: Vec<PathBuf> =
        fs_err::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    runs.retain(|run| run.join("model/model.onnx").is_file());
    runs.sort();
    Ok(runs)
}

fn rows_of(data: &Data, report: &Value) -> Result<Vec<Vec<String>>> {
    let models = report["models"].as_array().context("the report has no models")?;
    let results = report["result"].as_array().context("the report has no result")?;
    let row = |result: &Value| -> Result<Vec<String>> {
        let model = result["model"].as_u64().context("a result has no model")? as usize;
        let name = models[model]["name"].as_str().unwrap_or_default();
        let mut cells = vec![data.name.to_owned(), name.to_owned()];
        let values = result["values"].as_array().context("a result has no values")?;
        cells.extend(values.iter().map(|value| cell(&value["value"])));
        cells.push(worst_slice(report, model));
        Ok(cells)
    };
    results.iter().map(row).collect()
}

/// A value with its interval, in percent.
fn cell(value: &Value) -> String {
    let percent = |key: &str| value[key].as_f64().map(|share| format!("{:.1}", 100.0 * share));
    match (percent("value"), percent("low").zip(percent("high"))) {
        (Some(value), Some((low, high))) => format!("{value} ({low}–{high})"),
        (Some(value), None) => value,
        (None, _) => "insufficient data".to_owned(),
    }
}

fn worst_slice(report: &Value, model: usize) -> String {
    let rows = report["slices"]["rows"].as_array().cloned().unwrap_or_default();
    let of_model = |row: &Value| -> Option<(f64, String)> {
        let values = row["values"].as_array()?;
        let value = values.iter().find(|value| value["model"] == model)?;
        let top1 = value["top1"]["value"].as_f64()?;
        Some((top1, format!("{}: {:.1} of {} queries", row["name"].as_str()?, 100.0 * top1, row["queries"])))
    };
    let worst = rows.iter().filter_map(of_model).min_by(|a, b| a.0.total_cmp(&b.0));
    worst.map_or_else(|| "–".to_owned(), |(_, text)| text)
}

fn remark(data: &Data, report: &Value, seconds: f64, bytes: u64) -> String {
    let models = report["models"].as_array().map_or(0, Vec::len);
    let issues = report["data"]["issues"].as_array().cloned().unwrap_or_default();
    let found: Vec<String> = issues
        .iter()
        .filter(|issue| issue["photos"].as_u64().is_some_and(|photos| photos > 0))
        .map(|issue| format!("{} {}", issue["photos"], issue["name"].as_str().unwrap_or_default()))
        .collect();
    format!(
        "{}: {models} models on {} photos in {seconds:.0} s, embeddings included; the page has {:.1} MB. Issues: {}.",
        data.name,
        report["summary"]["photos"],
        bytes as f64 / 1e6,
        if found.is_empty() { "none".to_owned() } else { found.join(", ") }
    )
}

/// Queries, gallery images, dimension and identities of `bench ranking`.
const RANKING: [&str; 4] = ["10000", "100000", "512", "2000"];
const LIBRARIES: [&str; 2] = ["pytorch-metric-learning", "open-metric-learning"];

/// `bench ranking`: all ranking metrics, compared with Python libraries on the same arrays.
pub(super) fn ranking(bench: &Bench) -> Result<Section> {
    let python = python::evaluation_environment(bench.venv.as_deref())?;
    let size = std::env::var("LIKENESS_SIZES").unwrap_or_else(|_| RANKING.join("x"));
    let size: Vec<&str> = size.split('x').collect();
    let ours = example("bench_evaluate")?;
    let arrays = target()?.join("bench-evaluation/arrays");
    fs_err::create_dir_all(&arrays)?;
    let mut sides: Vec<(String, Vec<Value>)> =
        std::iter::once("Likeness").chain(LIBRARIES).map(|name| (name.to_owned(), Vec::new())).collect();
    for _ in 0..bench.repeats {
        for (name, runs) in &mut sides {
            eprintln!("{name}");
            let mut command = match name.as_str() {
                "Likeness" => {
                    let mut command = Command::new(&ours);
                    command.args(&size).arg(&arrays).env("RAYON_NUM_THREADS", "2");
                    command
                }
                library => {
                    let mut command = Command::new(&python);
                    command
                        .arg(repository().join("xtask/peers/evaluate.py"))
                        .arg(library)
                        .arg(&arrays)
                        .arg("2");
                    command
                }
            };
            runs.push(serde_json::from_str(&output(&mut command)?)?);
        }
    }
    let seconds = |runs: &[Value]| median(runs.iter().filter_map(|run| run["seconds"].as_f64()));
    let first = seconds(&sides[0].1);
    let rows = sides.iter().map(|(name, runs)| {
        let own = seconds(runs);
        let peak = median(runs.iter().filter_map(|run| run["peak_mib"].as_f64()));
        let map = &runs[0]["metrics"];
        let map = map["map"].as_f64().or_else(|| map["mean_average_precision"].as_f64());
        vec![
            name.clone(),
            format!("{own:.1} s"),
            format!("{:.1}", own / first),
            format!("{peak:.0} MiB"),
            map.map_or_else(|| "–".to_owned(), |map| format!("{:.2}", 100.0 * map)),
        ]
    });
    Ok(Section {
        page: PAGE,
        title: "Ranking metrics, compared with Python libraries",
        about: format!(
            "{} queries × {} gallery images of {} values, {} identities, two threads. Likeness computes all its ranking metrics over \
             the whole ranking and their intervals; pytorch-metric-learning searches with faiss as many images as the largest \
             identity has, open-metric-learning 100 images, so that their mAP ignores the rest.",
            size[0], size[1], size[2], size[3]
        ),
        columns: vec!["library", "time", "of Likeness's", "peak memory", "mAP"],
        rows: rows.collect(),
        remarks: Vec::new(),
    })
}

/// `bench pairs`: the distances of all pairs of a large table.
pub(super) fn pairs(bench: &Bench) -> Result<Section> {
    let program = example("bench_pairs")?;
    let mut rows = Vec::new();
    for images in ["20000", "100000"] {
        for _ in 0..bench.repeats {
            let printed =
                output(Command::new(&program).args([images, "5000", "128"]).env("RAYON_NUM_THREADS", "2"))?;
            let line = |start: &str| {
                let found = printed.lines().find(|line| line.contains(start));
                found.unwrap_or_default().to_owned()
            };
            rows.push(vec![
                line("pairs in"),
                line("million pairs"),
                line("1000 resamples"),
                line("VmHWM").replace("VmHWM:", ""),
            ]);
        }
    }
    Ok(Section {
        page: PAGE,
        title: "All pairs",
        about: "Histograms of mated and non-mated distances of all pairs, with the counts for intervals; two threads; one line for each \
                run."
            .to_owned(),
        columns: vec!["pairs", "speed", "resamples", "peak memory"],
        rows,
        remarks: Vec::new(),
    })
}

fn example(name: &str) -> Result<PathBuf> {
    output(&mut cargo(&["build", "--quiet", "--release", "-p", "likeness-search", "--example", name]))?;
    Ok(target()?.join("release/examples").join(name))
}
