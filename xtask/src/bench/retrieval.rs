//! `bench retrieval`: retrieval of each descriptor with each distance on real faces.
//!
//! Leave-one-out on CelebA's official test identities and on AT&T; in London, smiling portraits against neutral ones. All are
//! centre crops, without face detection.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::report::Section;
use crate::process::{self, Scratch, output};

/// Descriptors; each is measured with every distance.
const DESCRIPTORS: [&str; 4] = ["color", "edge", "texture", "classic"];
/// A published network, for comparison. It has no Jaccard distance, which is for histograms only.
const NETWORK: &str = "weights/mobilefacenet-arcface-128d.onnx";
const DISTANCES: [&str; 4] = ["cosine", "euclidean", "squared-euclidean", "jaccard"];

/// A dataset and how it is evaluated.
struct Case {
    name: &'static str,
    queries: &'static str,
    gallery: Option<&'static str>,
    split: &'static str,
}

const CASES: [Case; 3] = [
    Case { name: "CelebA, 58 test identities", queries: "celeba", gallery: None, split: "test" },
    Case { name: "AT&T", queries: "att", gallery: None, split: "all" },
    Case { name: "London, smiling → neutral", queries: "smiling", gallery: Some("neutral"), split: "all" },
];

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let folder = Scratch::new("retrieval")?;
    let likeness = bench.likeness.as_path();
    let prepare = |photos: &str, name: &str, layout: &str, split: &str| {
        let photos = shared.join("data").join(photos);
        let mut command = Command::new(likeness);
        command.arg("prepare").arg(photos).arg("-o").arg(folder.join(name));
        output(command.args(["--layout", layout, "--split", split])).map(drop)
    };
    prepare("celeba", "celeba", "auto", "official")?;
    prepare("att", "att", "auto", "images")?;
    prepare("london/smiling_front", "smiling", "prefix", "images")?;
    prepare("london/neutral_front", "neutral", "prefix", "images")?;

    let network = shared.join(NETWORK);
    let mut table = Vec::new();
    for case in &CASES {
        for model in DESCRIPTORS.iter().map(Path::new).chain([network.as_path()]) {
            table.extend(rows(likeness, &folder, case, model)?);
        }
    }
    Ok(Section {
        page: "first-loop",
        title: "Real faces without face detection",
        about: "CelebA's official test identities (58 people, 1,252 photos) and AT&T (40 people, 400 photos) \
                leave-one-out; London's 102 smiling portraits against its 102 neutral ones. Centre squares of 224 \
                pixels, percent. Seconds are those of the commands `likeness embed` and `likeness evaluate`."
            .to_owned(),
        columns: vec!["data", "model", "distance", "top-1", "top-5", "top-10", "mAP", "embed, s", "evaluate, s"],
        rows: table,
        remarks: Vec::new(),
    })
}

/// One case with one model: a row for each distance.
fn rows(likeness: &Path, folder: &Scratch, case: &Case, model: &Path) -> Result<Vec<Vec<String>>> {
    let is_network = model.extension().is_some();
    let model_name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (queries, embed_seconds) = embed(likeness, folder, case.queries, case.split, model)?;
    let gallery = match case.gallery {
        Some(gallery) => Some(embed(likeness, folder, gallery, "all", model)?.0),
        None => None,
    };
    let mut rows = Vec::new();
    for distance in DISTANCES.iter().filter(|d| !is_network || **d != "jaccard") {
        let mut evaluate = Command::new(likeness);
        evaluate.arg("evaluate").arg(&queries).args(["--distance", distance, "--json"]);
        match &gallery {
            Some(gallery) => evaluate.arg("--gallery").arg(gallery),
            None => evaluate.args(["--protocol", "leave-one-out"]),
        };
        let started = Instant::now();
        let answer = output(&mut evaluate)?;
        let seconds = started.elapsed().as_secs_f64();
        let answer: Value = serde_json::from_str(&answer).context("evaluate --json printed no JSON")?;
        let percent = |key: &str| -> Result<String> {
            let share = answer[key].as_f64().with_context(|| format!("evaluate --json has no {key}"))?;
            Ok(format!("{:.1}", share * 100.0))
        };
        rows.push(vec![
            case.name.to_owned(),
            model_name.clone(),
            (*distance).to_owned(),
            percent("top1")?,
            percent("top5")?,
            percent("top10")?,
            percent("map")?,
            format!("{embed_seconds:.1}"),
            format!("{seconds:.2}"),
        ]);
    }
    Ok(rows)
}

/// Embeds a prepared dataset; returns the file and the seconds it took.
fn embed(
    likeness: &Path,
    folder: &Scratch,
    dataset: &str,
    split: &str,
    model: &Path,
) -> Result<(PathBuf, f64)> {
    let file = folder.join(&format!("{dataset}.embeddings"));
    let started = Instant::now();
    let mut command = Command::new(likeness);
    command.arg("embed").arg(folder.join(dataset)).args(["--split", split, "--model"]).arg(model);
    process::output(command.arg("-o").arg(&file))?;
    Ok((file, started.elapsed().as_secs_f64()))
}
