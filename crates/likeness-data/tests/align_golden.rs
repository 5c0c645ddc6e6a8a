//! Compares alignment with scikit-image and OpenCV; see `tests/golden/align/README.md`.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use image::RgbImage;
use likeness_data::align::{Sampling, Similarity, Template, WarpConfig, warp};
use likeness_data::geometry::Point;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    transforms: Vec<TransformCase>,
    warps: Vec<WarpCase>,
}

#[derive(Deserialize)]
struct TransformCase {
    name: String,
    size: u32,
    landmarks: [[Option<f32>; 2]; 5],
    matrix: Option<[f64; 6]>,
}

#[derive(Deserialize)]
struct WarpCase {
    picture: String,
    name: String,
    scale: f64,
    angle_deg: f64,
    shift: (f64, f64),
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/align")
}

fn expected() -> Expected {
    serde_json::from_str(&fs_err::read_to_string(folder().join("expected.json")).unwrap()).unwrap()
}

fn picture(name: &str) -> RgbImage {
    image::open(folder().join(format!("{name}.png"))).unwrap().into_rgb8()
}

#[test]
fn transforms_equal_scikit_image() {
    let cases = expected().transforms;
    assert!(cases.len() > 50);
    for case in cases {
        let landmarks =
            case.landmarks.map(|[x, y]| Point { x: x.unwrap_or(f32::NAN), y: y.unwrap_or(f32::NAN) });
        let found = Template::Arcface.transform(&landmarks, case.size);
        let Some(expected) = case.matrix else {
            assert!(found.is_err(), "{}: found {found:?}", case.name);
            continue;
        };
        let found = found.unwrap().matrix();
        for (i, (f, e)) in found.iter().zip(expected).enumerate() {
            let tolerance = if i % 3 == 2 { 1e-4 * (1.0 + e.abs()) } else { 1e-4 };
            assert!((f - e).abs() <= tolerance, "{}: {found:?}, expected {expected:?}", case.name);
        }
    }
}

#[test]
fn bilinear_warps_equal_opencv_within_a_level() {
    let cases = expected().warps;
    assert_eq!(cases.len(), 8);
    for case in cases {
        let to_face = Similarity::new(case.scale, case.angle_deg, case.shift).unwrap();
        let expected = picture(&format!("{}-{}", case.picture, case.name));
        let (width, height) = expected.dimensions();
        let config = WarpConfig { width, height, sampling: Sampling::Bilinear, ..WarpConfig::default() };
        let face = warp(&picture(&case.picture), &to_face, &config).unwrap();
        for ((x, y, f), e) in face.enumerate_pixels().zip(expected.pixels()) {
            let apart = f.0.iter().zip(e.0).map(|(f, e)| f.abs_diff(e)).max();
            assert!(apart <= Some(1), "{}-{} ({x}, {y}): {f:?}, expected {e:?}", case.picture, case.name);
        }
    }
}
