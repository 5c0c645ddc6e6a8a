//! `bench detectors`: faces found by each detector in four collections, with time and memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::measure::{Usage, measure_output};
use super::report::Section;
use crate::process;

/// A detector's name, and its file in `weights/detectors`.
pub(super) const DETECTORS: [(&str, &str); 7] = [
    ("YuNet", "yunet_n_dynamic.onnx"),
    ("YuNet, May 2026", "face-detection-yunet-2026may.onnx"),
    ("SCRFD-500M", "scrfd_500m_kps.onnx"),
    ("YOLOv8-face lite-t", "yolov8-face-lite-t.onnx"),
    ("Ultra-Light RFB-320", "ultra-light-rfb-320.onnx"),
    ("Haar frontal default", "haarcascade_frontalface_default.xml"),
    ("Haar frontal alt2", "haarcascade_frontalface_alt2.xml"),
];
const COLLECTIONS: [(&str, &str); 4] =
    [("CelebA", "celeba/images"), ("London", "london"), ("DigiFace", "digiface"), ("AT&T", "att")];
/// Number of photos that are listed as missed by most detectors.
const WORST: usize = 10;

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let mut rows = Vec::new();
    let mut misses: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (collection, folder) in COLLECTIONS {
        let photos = shared.join("data").join(folder);
        for (detector, file) in DETECTORS {
            let file = shared.join("weights/detectors").join(file);
            let (answer, usage) = detect(&bench.likeness, &photos, &file)?;
            let found = Found::of(&answer)?;
            for name in &found.missed {
                misses.entry(format!("{collection} {name}")).or_default().push(detector);
            }
            rows.push(found.row(collection, detector, usage));
        }
    }
    Ok(Section {
        page: "faces",
        title: "Faces found by the detectors",
        about: "`likeness detect` with its defaults on every photo of four collections, with two threads. Missed: photos \
                without a detected face; several: photos with more than one. CPU time includes decoding."
            .to_owned(),
        columns: vec!["data", "detector", "photos", "found", "missed", "several", "seconds", "CPU ms per photo", "peak memory"],
        rows,
        remarks: vec![worst(misses)],
    })
}

fn detect(likeness: &Path, photos: &PathBuf, detector: &Path) -> Result<(Value, Usage)> {
    let mut command = Command::new(likeness);
    command.arg("detect").arg(photos).arg("--detector").arg(detector).args(["--json", "--threads", "2"]);
    let (text, usage) = measure_output(&mut command)?;
    Ok((serde_json::from_str(&text).context("detect --json printed no JSON")?, usage))
}

struct Found {
    photos: usize,
    several: usize,
    missed: Vec<String>,
}

impl Found {
    fn of(answer: &Value) -> Result<Self> {
        let photos = answer["photos"].as_array().context("detect --json has no photos")?;
        let mut found = Self { photos: photos.len(), several: 0, missed: Vec::new() };
        for photo in photos {
            match photo["faces"].as_array().map_or(0, Vec::len) {
                0 => found.missed.push(photo["name"].as_str().unwrap_or_default().to_owned()),
                1 => {}
                _ => found.several += 1,
            }
        }
        Ok(found)
    }

    fn row(&self, collection: &str, detector: &str, usage: Usage) -> Vec<String> {
        vec![
            collection.to_owned(),
            detector.to_owned(),
            self.photos.to_string(),
            (self.photos - self.missed.len()).to_string(),
            self.missed.len().to_string(),
            self.several.to_string(),
            format!("{:.1}", usage.seconds),
            format!("{:.1}", 1000.0 * usage.cpu_seconds / self.photos.max(1) as f64),
            format!("{:.0} MiB", usage.peak_mib),
        ]
    }
}

/// A remark that lists the photos missed by most detectors.
fn worst(misses: BTreeMap<String, Vec<&str>>) -> String {
    let mut photos: Vec<(String, Vec<&str>)> = misses.into_iter().collect();
    photos.sort_by_key(|(_, detectors)| std::cmp::Reverse(detectors.len()));
    let named: Vec<String> = photos
        .iter()
        .take(WORST)
        .map(|(photo, detectors)| format!("{photo} ({})", detectors.len()))
        .collect();
    format!("Missed by most detectors of {}: {}.", DETECTORS.len(), named.join(", "))
}
