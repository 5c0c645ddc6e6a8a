//! The built-in embedder of pictures against a plain forward pass of the published weights.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use image::{Rgb, RgbImage};
use likeness_embed::OpenedModel;
use likeness_engine::{EngineChoice, EngineConfig};
use likeness_model::preprocess::PreprocessOverrides;
use likeness_search::Distance;

const SIDE: i64 = 224;

/// The pictures of the golden values, by their formula: a gradient, rings around a centre, and a bar.
fn picture(seed: i64) -> RgbImage {
    let value = |x: i64, y: i64, c: i64| {
        let gradient = (x * (c + 1) + y * (3 - c)) * 255 / (4 * SIDE);
        let distance = (x - 80 - 50 * seed).pow(2) + (y - 112).pow(2);
        let is_ring = distance / (900 + 600 * seed) % 2 == 0;
        match () {
            () if y > 190 && x % (24 + 16 * seed) < 12 => 20 * c,
            () if distance < 6400 && is_ring => 255 - gradient,
            () if distance < 6400 => 40 + 60 * c,
            () => gradient,
        }
    };
    RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        Rgb([0, 1, 2].map(|c| value(x.into(), y.into(), c) as u8))
    })
}

#[test]
fn the_picture_model_gives_the_published_network_s_embeddings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs_err::read_to_string(root.join("tests/golden/picture/embeddings.json")).unwrap();
    let expected: Vec<Vec<f32>> = serde_json::from_str(&text).unwrap();
    let overrides =
        PreprocessOverrides { mean: Some([127.0; 3]), std: Some([128.0; 3]), ..Default::default() };
    let pictures = [picture(0), picture(1)];
    for choice in [EngineChoice::Direct, EngineChoice::Rten] {
        let engine = EngineConfig { choice, ..EngineConfig::default() };
        let path = root.join("../likeness-model/data/picture/model.onnx");
        let embedder = OpenedModel::open(&path, &overrides, &engine).unwrap().into_embedder();
        let found = embedder.embed(&pictures).unwrap();
        assert_eq!(found.len(), 2 * 512);
        for (found, expected) in found.chunks_exact(512).zip(&expected) {
            let distance = Distance::Cosine.between(found, expected);
            assert!(distance < 0.015, "{choice}: {distance}");
        }
    }
}
