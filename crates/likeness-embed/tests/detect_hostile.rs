//! Files that are no detectors, broken graphs and strange pictures: clear errors or no faces, never a panic.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use likeness_data::DataError;
use likeness_data::detect::FaceDetector;
use likeness_embed::EmbedError;
use likeness_embed::detect::{DetectorConfig, SecondLook, load_detector};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/detect")
}

fn shared_detectors() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    std::env::var_os("LIKENESS_SHARED").map_or_else(|| beside.into(), PathBuf::from).join("weights/detectors")
}

fn load(path: &Path) -> likeness_embed::Result<Box<dyn FaceDetector>> {
    load_detector(path, &DetectorConfig::default())
}

fn refusal(path: &Path) -> String {
    match load(path) {
        Err(e @ EmbedError::BadModel { .. }) => e.to_string(),
        Err(e) => panic!("{}: {e:?}", path.display()),
        Ok(_) => panic!("{}: loaded", path.display()),
    }
}

#[test]
fn files_that_are_no_detectors_are_refused_by_name() {
    let bad = |name: &str| refusal(&folder().join("bad").join(name));
    for (name, reason) in [
        ("no-detector.onnx", "answers like no known face detector: 1 outputs"),
        ("one-stride-short.onnx", "answers like no known face detector: 8 outputs"),
        ("two-inputs.onnx", "takes 2 inputs"),
        ("vector-input.onnx", "takes a tensor of 2 dimensions"),
        ("grey-input.onnx", "expected a colour picture"),
        ("batch-of-four.onnx", "expected a colour picture"),
        ("whole-numbers.onnx", "does not run on a blank picture"),
    ] {
        let message = bad(name);
        assert!(message.contains(name) && message.contains(reason), "{message}");
    }
    assert!(bad("missing.onnx").ends_with("missing.onnx: no such file"));
}

#[test]
fn files_that_are_no_onnx_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("odd.onnx");
    for bytes in [&b""[..], b"\x00", b"\x08\x07", b"not a graph at all", &[0xff; 300]] {
        fs_err::write(&path, bytes).unwrap();
        assert!(refusal(&path).contains("odd.onnx"));
    }
}

/// Every tenth part of a file as a file of its own.
fn truncations(whole: &Path) {
    let bytes = fs_err::read(whole).unwrap();
    let place = tempfile::tempdir().unwrap();
    for tenth in 0..10 {
        let path = place.path().join("cut.onnx");
        fs_err::write(&path, &bytes[..bytes.len() * tenth / 10]).unwrap();
        assert!(refusal(&path).contains("cut.onnx"));
    }
}

#[test]
fn truncated_graphs_are_refused() {
    for family in ["yunet", "scrfd", "yolov8-face", "ultra-light"] {
        truncations(&folder().join(format!("{family}.onnx")));
    }
}

#[test]
fn damaged_graphs_never_hang_or_panic() {
    let whole = fs_err::read(folder().join("ultra-light.onnx")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("damaged.onnx");
    let photo = RgbImage::new(20, 20);
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut refused, mut accepted) = (0, 0);
    for round in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..1 + round % 4 {
            let at = random(bytes.len());
            bytes[at] = random(256) as u8;
        }
        fs_err::write(&path, &bytes).unwrap();
        match load(&path) {
            Ok(detector) => {
                accepted += 1;
                let _ = detector.detect(&[&photo]);
            }
            Err(EmbedError::BadModel { .. }) => refused += 1,
            Err(e) => panic!("{e:?}"),
        }
    }
    assert!(refused > 0 && accepted > 0, "{refused} refused, {accepted} accepted");
}

#[test]
fn broken_answers_are_errors_or_no_faces() {
    let photo = RgbImage::from_pixel(50, 40, Rgb([90, 80, 70]));
    let bad = |name: &str| load(&folder().join("bad").join(name)).unwrap();
    for (name, reason) in [("not-a-number.onnx", "is not a number"), ("frozen.onnx", "other shapes")] {
        match bad(name).detect(&[&photo]) {
            Err(DataError::BadModel { path, reason: found }) => {
                assert!(path.ends_with(name) && found.contains(reason), "{found}")
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(bad("infinite-boxes.onnx").detect(&[&photo]).unwrap(), [vec![]]);
    let crowd = bad("crowd.onnx").detect(&[&photo]).unwrap();
    assert_eq!(crowd[0].len(), DetectorConfig::default().max_faces);
}

fn strange_pictures() -> Vec<RgbImage> {
    let sizes = [(1, 1), (1, 2000), (2000, 1), (2, 3), (33, 31), (1, 40), (700, 20), (0, 0), (0, 9)];
    let mut pictures: Vec<RgbImage> = sizes
        .iter()
        .map(|(w, h)| RgbImage::from_fn(*w, *h, |x, y| Rgb([(x * 7) as u8, (y * 3) as u8, (x * y) as u8])))
        .collect();
    pictures.extend([0, 255].map(|grey| RgbImage::from_pixel(90, 60, Rgb([grey; 3]))));
    pictures
}

#[test]
fn strange_pictures_pass_through_every_decoder() {
    let pictures = strange_pictures();
    for family in ["yunet", "scrfd", "yolov8-face", "ultra-light"] {
        let detector = load(&folder().join(format!("{family}.onnx"))).unwrap();
        let found = detector.detect(&pictures.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(found.len(), pictures.len());
        for (faces, picture) in found.iter().zip(&pictures) {
            assert!(!picture.is_empty() || faces.is_empty());
            assert!(faces.iter().all(|f| f.face_box.is_valid() && f.score.is_finite()));
        }
        assert!(detector.detect(&[]).unwrap().is_empty());
    }
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn strange_pictures_and_truncation_with_real_networks() {
    let pictures = strange_pictures();
    for name in [
        "yunet_n_dynamic.onnx",
        "face-detection-yunet-2026may.onnx",
        "scrfd_500m_kps.onnx",
        "yolov8-face-lite-t.onnx",
        "ultra-light-rfb-320.onnx",
    ] {
        let path = shared_detectors().join(name);
        truncations(&path);
        let found = load(&path).unwrap().detect(&pictures.iter().collect::<Vec<_>>()).unwrap();
        let faces: usize = found.iter().map(Vec::len).sum();
        assert!(faces <= 2, "{name}: {faces} faces in pictures without any");
    }
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn batches_and_threads_find_what_single_calls_find() {
    let detector = load(&shared_detectors().join("yunet_n_dynamic.onnx")).unwrap();
    let data = shared_detectors().join("../../data/celeba/images");
    let mut names: Vec<_> = fs_err::read_dir(data).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    let open = |p: &PathBuf| image::load_from_memory(&fs_err::read(p).unwrap()).unwrap().into_rgb8();
    let photos: Vec<RgbImage> = names.iter().step_by(300).map(open).collect();
    let together = detector.detect(&photos.iter().collect::<Vec<_>>()).unwrap();
    let alone = |photos: &[RgbImage]| -> Vec<_> {
        photos.iter().map(|p| detector.detect(&[p]).unwrap().remove(0)).collect()
    };
    let threaded = std::thread::scope(|scope| {
        let workers: Vec<_> = photos.chunks(6).map(|part| scope.spawn(move || alone(part))).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(together.len(), threaded.len());
    for (a, b) in together.iter().flatten().zip(threaded.iter().flatten()) {
        assert!((a.score - b.score).abs() < 1e-4 && a.face_box.iou(&b.face_box) > 0.99);
    }
    assert!(threaded.iter().filter(|f| !f.is_empty()).count() > photos.len() * 9 / 10);
}

#[test]
fn a_second_look_finds_what_the_first_does_not() {
    let path = folder().join("yunet.onnx");
    let (photo, empty) = (RgbImage::new(64, 32), RgbImage::new(0, 0));
    let blind = DetectorConfig { score_threshold: Some(1.0), ..DetectorConfig::default() };
    let found = load_detector(&path, &blind).unwrap().detect(&[&photo, &empty]).unwrap();
    assert_eq!(found, [vec![], vec![]]);
    let second_look = Some(SecondLook { score_threshold: 0.6, min_side: 640 });
    let twice = load_detector(&path, &DetectorConfig { second_look, ..blind }).unwrap();
    let found = twice.detect(&[&photo, &empty]).unwrap();
    assert_eq!(found, load(&path).unwrap().detect(&[&photo, &empty]).unwrap());
    assert!(!found[0].is_empty());
}
