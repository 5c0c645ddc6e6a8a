//! Prints the boxes that a Haar cascade finds, and the time taken, as JSON:
//! `haar_detect CASCADE SCALE_FACTOR MIN_NEIGHBORS ROUNDS serial|parallel PHOTO…`
//!
//! The pictures are decoded first. Each round searches all of them; times are seconds per round, without decoding.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use image::RgbImage;
use likeness_data::detect::haar::{HaarConfig, HaarDetector};
use likeness_data::{DataError, Result};
use serde_json::json;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cascade, scale_factor, min_neighbors, rounds, spread, photos @ ..] = &arguments[..] else {
        return Err(
            "usage: haar_detect CASCADE SCALE_FACTOR MIN_NEIGHBORS ROUNDS serial|parallel PHOTO…".into()
        );
    };
    let config = HaarConfig {
        scale_factor: scale_factor.parse()?,
        min_neighbors: min_neighbors.parse()?,
        parallel: spread == "parallel",
        ..HaarConfig::default()
    };
    let detector = HaarDetector::from_file(Path::new(cascade), config)?;
    let images = photos.iter().map(|photo| open(Path::new(photo))).collect::<Result<Vec<_>>>()?;
    let (mut wall, mut cpu, mut boxes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds.parse::<usize>()?.max(1) {
        let (started, cpu_before) = (Instant::now(), cpu_seconds());
        boxes = images.iter().map(|image| found(&detector, image)).collect();
        wall.push(started.elapsed().as_secs_f64());
        cpu.push(cpu_before.zip(cpu_seconds()).map(|(before, after)| after - before));
    }
    println!("{}", json!({ "boxes": boxes, "wall_s": wall, "cpu_s": cpu }));
    Ok(())
}

fn open(path: &Path) -> Result<RgbImage> {
    let bad = |e: image::ImageError| DataError::BadImage { path: path.to_owned(), reason: e.to_string() };
    Ok(image::open(path).map_err(bad)?.to_rgb8())
}

/// Left, top, width, height and score of each face.
fn found(detector: &HaarDetector, image: &RgbImage) -> Vec<[f32; 5]> {
    let faces = detector.detect_one(image).expect("a cascade that finds faces").into_iter();
    faces.map(|d| [d.face_box.left, d.face_box.top, d.face_box.width, d.face_box.height, d.score]).collect()
}

/// CPU time of this thread in seconds; `None` unless Linux reports it.
fn cpu_seconds() -> Option<f64> {
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_ascii_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}
