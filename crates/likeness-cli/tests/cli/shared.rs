//! Real photos and a published network, where they are at hand.

use std::path::PathBuf;

use crate::bench::{Bench, told};
use crate::models::server;

/// The shared data; a test that needs it is ignored unless it is asked for.
fn shared(name: &str) -> String {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let root = std::env::var_os("LIKENESS_SHARED").map_or_else(beside, PathBuf::from);
    root.join(name).display().to_string()
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn celebas_identities_of_29_images_are_98() {
    let bench = Bench::new();
    let celeba = shared("data/celeba");
    let args =
        ["prepare", &celeba, "-o", "out", "--min-images", "29", "--size", "64", "--format", "jpeg", "--json"];
    assert_eq!(bench.json(&args)["identities"], 98);
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn mobilefacenet_finds_celebas_people_in_centre_crops() {
    let bench = Bench::new();
    let (celeba, model) = (shared("data/celeba"), shared("weights/mobilefacenet-arcface-128d.onnx"));
    let prepare =
        ["prepare", &celeba, "-o", "out", "--split", "official", "--size", "112", "--detector", "none"];
    bench.good(&prepare);

    let args =
        ["evaluate", "out", "--split", "test", "--model", &model, "--protocol", "leave-one-out", "--json"];
    let top1 = |more: &[&str]| bench.json(&[&args[..], more].concat())["top1"].as_f64().unwrap();
    let centre = top1(&["--detector", "none"]);
    assert!((0.35..0.55).contains(&centre), "{centre}");
    // Without flags, the faces are detected and aligned, because the network needs it.
    let aligned = top1(&[]);
    assert!(aligned > 0.9, "{aligned}");
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn auto_finds_yunet_and_yunet_finds_the_portraits() {
    let bench = Bench::new();
    let (portraits, weights) = (shared("data/london/neutral_front"), shared("weights"));
    let output = bench.run(&["detect", &portraits, "--models", &weights, "--json", "--preview", "found.png"]);
    assert!(told(&output).contains("detector yunet (built in)"), "{}", told(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let photos = document["photos"].as_array().unwrap();
    assert_eq!(photos.len(), 102);
    let faces = |p: &serde_json::Value| p["faces"].as_array().unwrap().len();
    assert!(photos.iter().all(|p| faces(p) >= 1 && p["faces"][0]["landmarks"].is_array()));
    assert!(photos.iter().filter(|p| faces(p) == 1).count() >= 95);
    for family in ["yunet", "scrfd", "yolov8-face", "ultra-light", "haar"] {
        let first = format!("{portraits}/001_03.jpg");
        let found = bench.json(&["detect", &first, "--models", &weights, "--detector", family, "--json"]);
        assert_eq!(found["detector"], family);
        assert!(faces(&found["photos"][0]) >= 1, "{family}");
    }
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn aligned_faces_are_told_apart_far_better_than_centre_crops() {
    let bench = Bench::new();
    let (celeba, model) = (shared("data/celeba"), shared("weights/mobilefacenet-arcface-128d.onnx"));
    let detectors = shared("weights/detectors");
    let top1 = |detector: &str, out: &str| {
        let sampled = ["--identities", "40", "--max-images", "12", "--size", "112"];
        let faces = ["--detector", detector, "--models", &detectors, "--align", "arcface"];
        bench.good(&[&["prepare", &celeba, "-o", out], &sampled[..], &faces].concat());
        let evaluate = ["evaluate", out, "--model", &model, "--protocol", "leave-one-out", "--json"];
        let measured = bench.json(&[&evaluate[..], &["--detector", "none"]].concat());
        assert!(measured["queries"].as_u64().unwrap() >= 460, "{measured}");
        measured["top1"].as_f64().unwrap()
    };
    let (centre, aligned) = (top1("none", "centre"), top1("yunet", "aligned"));
    assert!(aligned > 0.9 && aligned > centre + 0.2, "centre {centre}, aligned {aligned}");
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn the_published_file_is_pulled_verified_and_used() {
    let bench = Bench::new();
    let published = shared("weights/detectors/face-detection-yunet-2026may.onnx");
    let url = server("200 OK", fs_err::read(&published).unwrap());
    let pull = ["models", "pull", "yunet", "--url", &url, "--models", "models"];
    assert_eq!(bench.good(&pull), "models/face_detection_yunet_2026may.onnx\n");
    assert!(told(&bench.run(&pull)).contains("nothing to do: the file is already present"));
    let shown = bench.json(&["models", "show", "yunet", "--models", "models", "--json"]);
    assert_eq!(shown["verified"], true);
    let scrfd = shared("weights/detectors/scrfd_500m_kps.onnx");
    let output = bench.run(&["models", "import", &scrfd, "--models", "models"]);
    assert_eq!(output.stdout, b"models/scrfd_500m_kps.onnx\n");
    assert!(
        told(&output).contains("identified as scrfd-500m") && told(&output).contains("warning: "),
        "{}",
        told(&output)
    );
    let photo = shared("data/london/smiling_front/001_08.jpg");
    for (name, family) in [("auto", "yunet"), ("scrfd-500m", "scrfd")] {
        let found = bench.json(&["detect", &photo, "--models", "models", "--detector", name, "--json"]);
        assert_eq!(found["detector"], family);
        assert_eq!(found["photos"][0]["faces"].as_array().unwrap().len(), 1);
    }
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn the_published_mobilefacenet_becomes_one_that_can_be_trained_on() {
    let bench = Bench::new();
    let published = shared("weights/mobilefacenet-arcface-128d.onnx");
    bench.good(&["models", "import", &published, "-o", "net", "--backbone", "mobilefacenet-x1"]);
    let told = bench.refused(&["models", "import", &published, "-o", "b", "--backbone", "mobilefacenet"]);
    assert!(told.contains("a product with weights [64, 3, 3, 3]"), "{told}");
    let photos = shared("data/att");
    let top1 = |model: &str, more: &[&str]| {
        let evaluate = ["evaluate", &photos, "--split", "all", "--model", model, "--json"];
        bench.json(&[&evaluate[..], more].concat())["map"].as_f64().unwrap()
    };
    let (original, ours) = (top1(&published, &[]), top1("net", &["--engine", "burn"]));
    assert!((original - ours).abs() < 1e-3 && ours > 0.9, "{original} {ours}");
}
