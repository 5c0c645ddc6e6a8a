//! `bench faces`: retrieval from whole photos: detection, alignment, network.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::report::Section;
use crate::process::{self, Scratch, output};

const EMBEDDER: &str = "weights/mobilefacenet-arcface-128d.onnx";
const DETECTORS: [(&str, &str); 4] = [
    ("YuNet", "yunet_n_dynamic.onnx"),
    ("SCRFD-500M", "scrfd_500m_kps.onnx"),
    ("YOLOv8-face lite-t", "yolov8-face-lite-t.onnx"),
    ("Haar frontal default", "haarcascade_frontalface_default.xml"),
];

/// A collection, the split that is searched, and the result of a Python pipeline with YuNet and OpenCV's warp.
const CASES: [(&str, &str, &str, &str, &str); 3] = [
    ("CelebA, 299 identities", "celeba", "celeba", "all", "95.1 / 97.0 / 97.5"),
    ("CelebA, 58 test identities", "celeba", "celeba", "test", "97.3 top-1"),
    ("DigiFace, 164 identities", "digiface", "prefix", "all", "93.8 / 98.0 / 99.1"),
];

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let scratch = Scratch::new("faces")?;
    let mut rows = Vec::new();
    for (name, file) in DETECTORS {
        for (case, folder, layout, split, python) in CASES {
            let embeddings = scratch.join(&format!("{folder}-{name}.embeddings"));
            if !embeddings.exists() {
                embed(&bench.likeness, &shared, (folder, layout), file, &embeddings)?;
            }
            let mut evaluate = Command::new(&bench.likeness);
            evaluate.arg("evaluate").arg(&embeddings).args([
                "--split",
                split,
                "--protocol",
                "leave-one-out",
                "--json",
            ]);
            let python = if name == "YuNet" { python } else { "" };
            rows.push(match output(&mut evaluate) {
                Ok(text) => row(case, name, &serde_json::from_str(&text)?, python)?,
                // A detector may find too few faces to search.
                Err(_) => vec![case.to_owned(), name.to_owned(), "too few".to_owned()],
            });
        }
    }
    Ok(Section {
        page: "faces",
        title: "From photos to retrieval",
        about: "`likeness embed --detector …` with mobilefacenet-arcface-128d on the unchanged photos, then `likeness evaluate`, \
                leave-one-out, percent. Photos without a detected face are left out, also as queries. Python: a pipeline of \
                YuNet, OpenCV's warp and ONNX Runtime."
            .to_owned(),
        columns: vec!["data", "detector", "faces", "top-1", "top-5", "top-10", "mAP", "Python"],
        rows,
        remarks: Vec::new(),
    })
}

fn embed(
    likeness: &Path,
    shared: &Path,
    (folder, layout): (&str, &str),
    detector: &str,
    embeddings: &PathBuf,
) -> Result<()> {
    let mut command = Command::new(likeness);
    command.arg("embed").arg(shared.join("data").join(folder)).args(["--layout", layout]);
    command.arg("--detector").arg(shared.join("weights/detectors").join(detector));
    command.arg("--model").arg(shared.join(EMBEDDER)).args(["--normalize", "none"]);
    output(command.arg("-o").arg(embeddings)).map(drop)
}

fn row(case: &str, detector: &str, answer: &Value, python: &str) -> Result<Vec<String>> {
    let percent = |key: &str| -> Result<String> {
        let share = answer[key].as_f64().with_context(|| format!("evaluate --json has no {key}"))?;
        Ok(format!("{:.1}", 100.0 * share))
    };
    Ok(vec![
        case.to_owned(),
        detector.to_owned(),
        answer["queries"].to_string(),
        percent("top1")?,
        percent("top5")?,
        percent("top10")?,
        percent("map")?,
        python.to_owned(),
    ])
}
