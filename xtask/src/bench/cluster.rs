//! `bench cluster`: clustering of faces, compared with other methods on the same embeddings.
//!
//! The embeddings are kept in the folder `bench-cluster` of cargo's target folder. Delete it to compute them again.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::Bench;
use super::report::Section;
use crate::process::{cargo, output, repository, shared, target};

const NETWORK: &str = "weights/mobilefacenet-arcface-128d.onnx";

/// Sizes of the galleries of artificial faces.
const GROWN: [&str; 2] = ["20000", "100000"];

/// A model.
struct Model {
    name: &'static str,
    /// A value of `likeness embed --model`; a file of the shared folder if it has a suffix.
    value: &'static str,
    /// The part of CelebA on which its thresholds were not measured, and its name.
    other: (&'static str, &'static str),
    /// Whether its thresholds are measured, because it has none.
    calibrate: bool,
}

const MODELS: [Model; 2] = [
    Model {
        name: "MobileFaceNet",
        value: NETWORK,
        other: ("CelebA, 150 odd identities", "odd"),
        calibrate: true,
    },
    Model {
        name: "built-in",
        value: "face",
        other: ("CelebA, 58 test identities", "test"),
        calibrate: false,
    },
];

/// The name of the data, its file, and the part of it.
type Data<'a> = (&'a str, &'a Path, &'a str);

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let (mut rows, mut remarks) = (Vec::new(), Vec::new());
    for model in &MODELS {
        let celeba = embedded(bench, model, "celeba")?;
        let (digiface, london) = (embedded(bench, model, "digiface")?, embedded(bench, model, "london")?);
        let att = embedded(bench, model, "att")?;
        let (other, part) = model.other;
        let calibrate = model.calibrate.then_some(celeba.as_path());
        let data: [Data<'_>; 5] = [
            ("CelebA, 299 identities", &celeba, "all"),
            (other, &celeba, part),
            ("DigiFace", &digiface, "all"),
            ("London", &london, "all"),
            ("AT&T", &att, "all"),
        ];
        let mut pure = Map::new();
        for of in data {
            let ours = ours(of, calibrate)?;
            rows.push(row(of.0, model.name, "Likeness", &ours["bcubed"], &ours["pairwise"], &ours)?);
            remarks.push(named(of.0, model.name, &ours)?);
            let found = peers(bench, of, &Map::new())?;
            for (method, found) in &found {
                rows.push(peer_row(of.0, model.name, method, "best F", &found["best"])?);
            }
            if pure.is_empty() {
                for (method, found) in found.iter().filter(|(_, found)| !found["pure"].is_null()) {
                    rows.push(peer_row(of.0, model.name, method, "pair precision ≥ .97", &found["pure"])?);
                    pure.insert(method.clone(), found["pure"]["parameters"].clone());
                }
            } else {
                for (method, found) in peers(bench, of, &pure)?.iter().filter(|(m, _)| pure.contains_key(*m))
                {
                    rows.push(peer_row(of.0, model.name, method, "as ≥ .97 on CelebA", &found["best"])?);
                }
            }
        }
    }
    for size in GROWN {
        remarks.push(grown(size)?);
    }
    Ok(Section {
        page: "gallery",
        title: "Clustering",
        about: "All faces that the detector finds as main faces, without names. Likeness derives its settings from \
                the model's thresholds and the gallery; its constants were chosen with the results on CelebA, DigiFace \
                and London in view, so that only AT&T is new to it. MobileFaceNet has no thresholds: they are measured \
                on CelebA's even identities. The other methods have the parameter of a grid that is best for the data \
                itself, or the one that is best on CelebA at a pairwise precision of at least 0.97; faces that \
                they call noise are clusters of their own. Percent."
            .to_owned(),
        columns: vec![
            "data", "model", "method", "BCubed F", "precision", "recall", "pair precision", "pair recall", "clusters",
        ],
        rows,
        remarks,
    })
}

/// The embeddings of a collection.
fn embedded(bench: &Bench, model: &Model, collection: &str) -> Result<PathBuf> {
    let shared = shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let folder = target()?.join("bench-cluster");
    let file = folder.join(format!("{}-{collection}.embeddings", model.name));
    if !file.exists() {
        fs_err::create_dir_all(&folder)?;
        let mut command = Command::new(&bench.likeness);
        command.arg("embed").arg(shared.join("data").join(collection)).arg("-o").arg(&file).arg("--model");
        let is_file = Path::new(model.value).extension().is_some();
        output(command.arg(if is_file { shared.join(model.value) } else { model.value.into() }))?;
    }
    Ok(file)
}

fn ours((_, file, part): Data<'_>, calibrate: Option<&Path>) -> Result<Value> {
    let mut command = example();
    command.arg(file).args(["--part", part]);
    if let Some(file) = calibrate {
        command.arg("--calibrate").arg(file);
    }
    Ok(serde_json::from_str(&output(&mut command)?)?)
}

fn example() -> Command {
    cargo(&["run", "--quiet", "--release", "-p", "likeness-search", "--example", "bench_cluster", "--"])
}

fn peers(bench: &Bench, (_, file, part): Data<'_>, at: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut command = Command::new(bench.python()?);
    command.arg(repository().join("xtask/peers/cluster.py")).arg(file).args(["--part", part]);
    command.arg("--at").arg(serde_json::to_string(at)?);
    Ok(serde_json::from_str(&output(&mut command)?)?)
}

fn row(
    data: &str,
    model: &str,
    method: &str,
    bcubed: &Value,
    pairwise: &Value,
    all: &Value,
) -> Result<Vec<String>> {
    let mut cells = vec![data.to_owned(), model.to_owned(), method.to_owned()];
    for (value, key) in [
        (bcubed, "f"),
        (bcubed, "precision"),
        (bcubed, "recall"),
        (pairwise, "precision"),
        (pairwise, "recall"),
    ] {
        cells.push(percent(value, key)?);
    }
    cells.push(all["clusters"].to_string());
    Ok(cells)
}

fn peer_row(data: &str, model: &str, method: &str, how: &str, found: &Value) -> Result<Vec<String>> {
    let pairs = serde_json::json!({"precision": found["pair_precision"], "recall": found["pair_recall"]});
    row(data, model, &format!("{method}, {how}"), found, &pairs, found)
}

fn percent(value: &Value, key: &str) -> Result<String> {
    let share = value[key].as_f64().with_context(|| format!("no number {key} was printed"))?;
    Ok(format!("{:.1}", 100.0 * share))
}

/// What naming one face of each person names.
fn named(data: &str, model: &str, ours: &Value) -> Result<String> {
    let shares = |how: &str| -> Result<String> {
        let of = |key| percent(&ours[how], key);
        Ok(format!("{} % right, {} % wrong, {} % open", of("right")?, of("wrong")?, of("open")?))
    };
    Ok(format!(
        "{data}, {model}, after naming one face of each person: {}; a random face: {}.",
        shares("asked")?,
        shares("drawn")?
    ))
}

/// Times with artificial faces.
fn grown(size: &str) -> Result<String> {
    let found: Value = serde_json::from_str(&output(example().args(["--grow", size]))?)?;
    let seconds = |key: &str| -> Result<String> {
        let of = |at: usize| found[key][at].as_f64().with_context(|| format!("no number {key} was printed"));
        Ok(format!("{:.1} s ({:.1} s CPU)", of(0)?, of(1)?))
    };
    Ok(format!(
        "{} artificial faces of 128 dimensions, twenty per person: neighbours {}, clusters {}; after adding the last {}: \
         neighbours {}, clusters {}, {} of {} components reused. Peak memory {:.0} MiB.",
        found["faces"],
        seconds("graph")?,
        seconds("cluster")?,
        found["added"],
        seconds("extend")?,
        seconds("again")?,
        found["reused"],
        found["components"],
        found["peak_mib"].as_f64().unwrap_or_default()
    ))
}
