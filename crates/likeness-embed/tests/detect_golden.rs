//! Network detectors against plain Python, ONNX Runtime and OpenCV; see `tests/golden/detect/README.md`.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use likeness_data::detect::Detection;
use likeness_embed::detect::{DetectorConfig, load_detector};
use serde::Deserialize;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/detect")
}

fn shared() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    std::env::var_os("LIKENESS_SHARED").map_or_else(|| beside.into(), PathBuf::from)
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> T {
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// Score, box and landmarks in the order of the golden files.
fn numbers(face: &Detection) -> Vec<f32> {
    let b = &face.face_box;
    let points = face.landmarks.iter().flatten().flat_map(|p| [p.x, p.y]);
    [face.score, b.left, b.top, b.width, b.height].into_iter().chain(points).collect()
}

/// The largest differences of score and of any coordinate.
fn apart(found: &[f32], expected: &[f32]) -> (f32, f32) {
    assert_eq!(found.len(), expected.len());
    let pixels = found[1..].iter().zip(&expected[1..]).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
    ((found[0] - expected[0]).abs(), pixels)
}

/// The layout of the references, which scale no photo up.
fn config() -> DetectorConfig {
    // The references enlarge every photo to the whole input.
    DetectorConfig { max_enlargement: 100.0, ..DetectorConfig::default() }
}

#[test]
fn decoders_equal_plain_python() {
    #[derive(Deserialize)]
    struct Case {
        family: String,
        size: (u32, u32),
        faces: Vec<Vec<f32>>,
    }
    let cases: Vec<Case> = read(&folder().join("expected.json"));
    assert_eq!(cases.len(), 12);
    for case in cases {
        let path = folder().join(format!("{}.onnx", case.family));
        let detector = load_detector(&path, &config()).unwrap();
        assert_eq!(detector.name(), case.family);
        let photo = RgbImage::new(case.size.0, case.size.1);
        let found = detector.detect(&[&photo, &photo]).unwrap();
        assert_eq!(found[0], found[1]);
        assert_eq!(found[0].len(), case.faces.len(), "{} {:?}", case.family, case.size);
        for (face, expected) in found[0].iter().zip(&case.faces) {
            let (score, pixels) = apart(&numbers(face), expected);
            assert!(score < 1e-4 && pixels < 0.01, "{}: {face:?}, expected {expected:?}", case.family);
        }
    }
}

#[derive(Deserialize)]
struct PhotoCase {
    by: String,
    model: String,
    photo: String,
    /// Of each face the reference's candidate, then its near ties.
    faces: Vec<Vec<Vec<f32>>>,
}

fn threshold(model: &str) -> f32 {
    match model {
        "scrfd_500m_kps.onnx" => 0.5,
        "yolov8-face-lite-t.onnx" => 0.45,
        "ultra-light-rfb-320.onnx" => 0.7,
        _ => 0.6,
    }
}

/// How far score and pixels may be apart: Ultra-Light answers in steps of its 320×240 input, to any change of it.
fn tolerance(model: &str) -> (f32, f32) {
    if model.starts_with("ultra") { (0.05, 2.0) } else { (0.02, 1.0) }
}

/// Compares one photo's faces; gives the largest differences.
fn compare(case: &PhotoCase, found: &[Detection]) -> (f32, f32) {
    let (score_apart, pixels_apart) = tolerance(&case.model);
    let sure = |score: f32| score > threshold(&case.model) + score_apart;
    let mut left: Vec<Vec<f32>> = found.iter().map(numbers).collect();
    let mut worst = (0.0f32, 0.0f32);
    for ties in &case.faces {
        let same = |f: &Vec<f32>| ties.iter().find(|t| apart(f, t).1 < pixels_apart);
        let Some((at, tie)) = left.iter().enumerate().find_map(|(i, f)| Some((i, same(f)?))) else {
            assert!(!sure(ties[0][0]), "{} {} {}: {ties:?} not in {left:?}", case.by, case.model, case.photo);
            continue;
        };
        let (score, pixels) = apart(&left.swap_remove(at), tie);
        assert!(score < score_apart, "{} {} {}: score {score} apart", case.by, case.model, case.photo);
        worst = (worst.0.max(score), worst.1.max(pixels));
    }
    assert!(left.iter().all(|f| !sure(f[0])), "{} {} {}: {left:?} too many", case.by, case.model, case.photo);
    worst
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn photos_have_the_faces_of_the_reference() {
    let cases: Vec<PhotoCase> = read(&folder().join("photos.json"));
    assert!(cases.len() >= 5 * 50);
    let mut by_model: BTreeMap<&str, Vec<&PhotoCase>> = BTreeMap::new();
    cases.iter().for_each(|case| by_model.entry(&case.model).or_default().push(case));
    assert_eq!(by_model.len(), 5);
    for (model, cases) in by_model {
        let path = shared().join("weights/detectors").join(model);
        let detector = load_detector(&path, &config()).unwrap();
        let photos: Vec<RgbImage> = cases
            .iter()
            .map(|c| {
                let bytes = fs_err::read(shared().join("data").join(&c.photo)).unwrap();
                image::load_from_memory(&bytes).unwrap().into_rgb8()
            })
            .collect();
        let found = detector.detect(&photos.iter().collect::<Vec<_>>()).unwrap();
        for by in ["onnxruntime", "opencv"] {
            let pairs: Vec<_> = cases.iter().zip(&found).filter(|(c, _)| c.by == by).collect();
            let worst = pairs.iter().map(|(c, f)| compare(c, f));
            let worst = worst.fold((0.0f32, 0.0f32), |a, b| (a.0.max(b.0), a.1.max(b.1)));
            println!("{model} against {by}: {} photos, {worst:?} apart in score and pixels", pairs.len());
        }
    }
}
