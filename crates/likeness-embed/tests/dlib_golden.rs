//! dlib's face recognition network: what dlib itself computes, our f32 network and the built-in int8 network.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use likeness_embed::{Embedder, OnnxEmbedder};
use likeness_engine::EngineConfig;
use likeness_model::preprocess::Preprocess;
use likeness_search::Distance;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/dlib")
}

/// The values of dlib for each face.
fn expected() -> BTreeMap<String, Vec<f32>> {
    serde_json::from_str(&fs_err::read_to_string(golden().join("expected.json")).unwrap()).unwrap()
}

/// Opens a graph with dlib's preprocessing.
fn network(path: &Path) -> OnnxEmbedder {
    let preprocess = Preprocess {
        mean: [122.782, 117.001, 104.298],
        std: [256.0; 3],
        unit_length: false,
        ..Preprocess::default()
    };
    let bytes = fs_err::read(path).unwrap();
    OnnxEmbedder::from_bytes(path, bytes, preprocess, &EngineConfig::default()).unwrap()
}

fn embedding(network: &OnnxEmbedder, name: &str) -> Vec<f32> {
    let face = image::open(golden().join(name)).unwrap().to_rgb8();
    network.embed(&[face]).unwrap()
}

/// `cargo xtask weights face` writes the f32 network to `target/weights/face/dlib.onnx`.
#[test]
#[ignore = "needs LIKENESS_DLIB_ONNX, the f32 network of `cargo xtask weights face`"]
fn with_weights_the_f32_network_equals_dlib() {
    let path = std::env::var_os("LIKENESS_DLIB_ONNX").unwrap();
    let network = network(Path::new(&path));
    for (name, expected) in expected() {
        let found = embedding(&network, &name);
        assert_eq!(found.len(), 128);
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{name}: {found}, expected {expected}");
        }
    }
}

#[test]
fn the_built_in_int8_network_is_close_to_dlib() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../likeness-model/data/face/model.onnx");
    let network = network(&path);
    let expected = expected();
    assert_eq!(expected.len(), 2);
    for (name, expected) in &expected {
        let found = Distance::Euclidean.between(&embedding(&network, name), expected);
        assert!(found < 0.08, "{name}: {found}");
    }
}
