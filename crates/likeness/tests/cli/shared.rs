//! Real photos and a published network, where they are at hand.

use std::path::PathBuf;

use crate::bench::Bench;

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
    bench.good(&["prepare", &celeba, "-o", "out", "--split", "official", "--size", "112"]);
    let args =
        ["evaluate", "out", "--split", "test", "--model", &model, "--protocol", "leave-one-out", "--json"];
    let top1 = bench.json(&args)["top1"].as_f64().unwrap();
    assert!((0.35..0.55).contains(&top1), "{top1}");
}
