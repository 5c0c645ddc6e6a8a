//! The networks against torchvision: features, a loss, gradients and running statistics, on weights from a formula.
//!
//! `golden/networks/README.md` says how the values were made and what the tolerance means.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use burn::module::{ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use likeness_train::backbone::{Architecture, Backbone, BackboneConfig, Downsampling, Layers};
use likeness_train::layer::{Pass, absorb};
use likeness_train::network::{Keyed, Network, NetworkConfig, parameters, unit_length};
use likeness_train::weights::{LoadOptions, WeightsFile, load_from, tensor_values};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest difference of an entry, and of the norm, as a share of the norm of the tensor that is compared.
const TOLERANCE: f64 = 1e-4;

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/networks/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

/// Numbers in [−1, 1) of 24 bits: splitmix64 from the FNV-1a hash of the key, as `generate.py` has it.
fn values(key: &str, count: usize) -> Vec<f32> {
    let fnv = |seed: u64, byte: u8| (seed ^ u64::from(byte)).wrapping_mul(0x100000001b3);
    let seed = key.bytes().fold(0xcbf29ce484222325, fnv);
    (1..=count as u64)
        .map(|index| {
            let mut z = seed.wrapping_add(index.wrapping_mul(0x9e3779b97f4a7c15));
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
            ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// A tensor's values by the kind that its key and shape tell; biases lie about `shift`.
fn filled(key: &str, shape: &[usize], shift: f32) -> Vec<f32> {
    let fan_in: usize = shape[1..].iter().product();
    let bound = (3.0 / fan_in as f64).sqrt() as f32;
    let value = |v: f32| match shape.len() {
        _ if key.ends_with("running_var") => 1.0 + 0.5 * v,
        2.. if key.ends_with("weight") => v * bound,
        _ if key.ends_with("weight") => 1.0 + 0.1 * v,
        _ if key.ends_with("bias") => shift + 0.1 * v,
        _ => 0.1 * v,
    };
    values(key, shape.iter().product()).into_iter().map(value).collect()
}

struct Fill {
    keys: BTreeMap<ParamId, (String, Vec<usize>)>,
    shift: f32,
}

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (key, shape) = &self.keys[&param.id];
        let data = TensorData::new(filled(key, shape, self.shift), shape.clone());
        param.map(|old| Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad()))
    }
}

fn fill<M: Keyed>(module: M, golden: &Value) -> M {
    let keys = parameters(&module).into_iter().map(|info| (info.id, (info.key, info.shape))).collect();
    let shift = golden["shift"].as_f64().unwrap() as f32;
    module.map(&mut Fill { keys, shift })
}

fn tensor<const D: usize>(key: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values(key, shape.iter().product()), shape), device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// The largest difference of the norm and the picked entries, as a share of the expected norm.
fn difference(found: &[f32], expected: &Value) -> f64 {
    let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let norm = found.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let picked = (0..expected.len() - 1).map(|k| f64::from(found[(k * 7919 + 13) % found.len()]));
    let differences = std::iter::once(norm).chain(picked).zip(&expected).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f64::max) / expected[0]
}

struct Gradients {
    of: GradientsParams,
    found: BTreeMap<ParamId, Vec<f32>>,
}

impl ModuleVisitor for Gradients {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.of.get::<D>(param.id) {
            self.found.insert(param.id, numbers(gradient));
        }
    }
}

fn check(what: &str, difference: f64, worst: &mut (f64, String)) {
    if !difference.is_finite() || difference > worst.0 {
        *worst = (difference, what.to_owned());
    }
}

/// Compares one pass with its golden values, and gives the largest difference with its place.
fn compare<M: Keyed>(
    module: M,
    forward: impl Fn(&M, &mut Pass) -> Tensor<2>,
    mut pass: Pass,
    expected: &Value,
) -> (f64, String) {
    let mut worst = (0.0, String::new());
    let output = forward(&module, &mut pass);
    check("output", difference(&numbers(output.clone()), &expected["output"]), &mut worst);
    let loss = (output.clone() * tensor("coefficients", output.dims(), &output.device())).sum();
    let value = f64::from(loss.clone().into_scalar::<f32>());
    let norm = expected["output"][0].as_f64().unwrap();
    check("loss", (value - expected["loss"].as_f64().unwrap()).abs() / norm, &mut worst);
    let of = GradientsParams::from_grads(loss.backward(), &module);
    let mut gradients = Gradients { of, found: BTreeMap::new() };
    module.visit(&mut gradients);
    let infos: BTreeMap<String, ParamId> =
        parameters(&module).into_iter().map(|info| (info.key, info.id)).collect();
    let wanted = expected["gradients"].as_object().unwrap();
    assert_eq!(wanted.len(), gradients.found.len(), "tensors with a gradient");
    let largest = wanted.values().map(|summary| summary[0].as_f64().unwrap()).fold(0.0, f64::max);
    for (key, summary) in wanted {
        let found = &gradients.found[&infos[key]];
        // A shift before a normalisation by the batch has no effect: its gradient is rounding.
        let vanishes = summary[0].as_f64().unwrap() < 1e-9 * largest;
        let size = || found.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt() / largest;
        check(key, if vanishes { size() } else { difference(found, summary) }, &mut worst);
    }
    let module = absorb(module, pass);
    for (key, summary) in expected.get("statistics").and_then(Value::as_object).into_iter().flatten() {
        check(key, difference(&tensor_values(&module, key).unwrap(), summary), &mut worst);
    }
    worst
}

fn compare_backbone(name: &str, config: BackboneConfig) {
    let golden = golden(name);
    let device = Device::flex().autodiff();
    let shape: Vec<usize> = serde_json::from_value(golden["shape"].clone()).unwrap();
    let images = tensor("images", shape.try_into().unwrap(), &device);
    let backbone = fill(config.init_seeded(&device, 0).unwrap(), &golden);
    let forward = |backbone: &Backbone, pass: &mut Pass| backbone.forward(images.clone(), pass);
    for (mode, pass) in [("evaluation", Pass::evaluation()), ("training", Pass::training(0))] {
        let (worst, place) = compare(backbone.clone(), forward, pass, &golden[mode]);
        println!("{name}, {mode}: {worst:.1e} at {place}");
        assert!(worst < TOLERANCE, "{name}, {mode}: {worst:e} at {place}");
    }
}

#[test]
fn resnet18_is_torchvisions() {
    compare_backbone("resnet18", BackboneConfig::new(Architecture::ResNet18));
}

#[test]
fn resnet34_is_torchvisions() {
    compare_backbone("resnet34", BackboneConfig::new(Architecture::ResNet34));
}

#[test]
fn resnet50_is_torchvisions() {
    compare_backbone("resnet50", BackboneConfig::new(Architecture::ResNet50));
}

#[test]
fn resnet50_with_its_first_stride_and_another_epsilon() {
    let config = BackboneConfig {
        batch_norm_epsilon: 1.001e-5,
        downsampling: Downsampling::First,
        ..BackboneConfig::new(Architecture::ResNet50)
    };
    compare_backbone("resnet50-first", config);
}

#[test]
fn vgg16_is_torchvisions() {
    compare_backbone("vgg16", BackboneConfig::new(Architecture::Vgg16));
}

#[test]
fn vgg16_bn_is_torchvisions() {
    compare_backbone("vgg16-bn", BackboneConfig::new(Architecture::Vgg16Bn));
}

#[test]
fn efficientnet_b0_is_torchvisions() {
    let config =
        BackboneConfig { stochastic_depth: 0.0, ..BackboneConfig::new(Architecture::EfficientNetB0) };
    compare_backbone("efficientnet-b0", config);
}

#[test]
fn efficientnet_lite0_is_tensorflows() {
    let config =
        BackboneConfig { stochastic_depth: 0.0, ..BackboneConfig::new(Architecture::EfficientNetLite0) };
    compare_backbone("efficientnet-lite0", config);
}

#[test]
fn dlib_resnet_is_dlibs() {
    compare_backbone("dlib-resnet", BackboneConfig::new(Architecture::DlibResNet));
}

#[test]
fn mobilefacenet_is_insightfaces() {
    compare_backbone("mobilefacenet", BackboneConfig::new(Architecture::MobileFaceNet));
    compare_backbone("mobilefacenet-x1", BackboneConfig::new(Architecture::MobileFaceNetX1));
}

#[test]
fn iresnet18_is_insightfaces() {
    compare_backbone("iresnet18", BackboneConfig::new(Architecture::IResNet18));
}

#[test]
fn the_head_is_pytorchs() {
    let golden = golden("head");
    let device = Device::flex().autodiff();
    let config =
        NetworkConfig { embedding_dim: 8, feature_norm: true, ..NetworkConfig::new(Architecture::ResNet18) };
    let network = fill(config.init(&device).unwrap(), &golden);
    let features = tensor("images", [6, 512], &device);
    let forward =
        |network: &Network, pass: &mut Pass| unit_length(network.head.forward(features.clone(), pass));
    for (mode, pass) in [("evaluation", Pass::evaluation()), ("training", Pass::training(0))] {
        let (worst, place) = compare(network.clone(), forward, pass, &golden[mode]);
        assert!(worst < TOLERANCE, "{mode}: {worst:e} at {place}");
    }
}

#[test]
fn vgg16_takes_faces_of_112_and_224_pixels() {
    let device = Device::flex();
    let backbone = BackboneConfig::new(Architecture::Vgg16).init_seeded(&device, 0).unwrap();
    for side in [112, 224] {
        let images = tensor("images", [1, 3, side, side], &device);
        let features = backbone.forward(images, &mut Pass::evaluation());
        assert_eq!(features.dims(), [1, 512]);
        assert!(numbers(features).iter().all(|v| v.is_finite()));
    }
}

#[test]
fn mobilefacenet_has_insightfaces_keys_to_the_end() {
    let network = NetworkConfig::new(Architecture::MobileFaceNet).init(&Device::flex()).unwrap();
    let shapes: BTreeMap<String, Vec<usize>> =
        parameters(&network).into_iter().map(|info| (info.key, info.shape)).collect();
    assert_eq!(shapes["features.layers.2.weight"], [512, 512]);
    assert_eq!(shapes["features.layers.3.running_var"], [512]);
    assert_eq!(shapes["layers.1.layers.0.weight"], [128, 2, 3, 3]);
    assert!(!shapes.keys().any(|key| key.starts_with("head")));
}

#[test]
fn iresnets_have_insightfaces_keys_and_sizes() {
    let cases = [
        (Architecture::IResNet18, 24),
        (Architecture::IResNet34, 34),
        (Architecture::IResNet50, 44),
        (Architecture::IResNet100, 65),
    ];
    for (architecture, millions) in cases {
        let network = NetworkConfig::new(architecture).init(&Device::flex()).unwrap();
        let shapes: BTreeMap<String, Vec<usize>> =
            parameters(&network).into_iter().map(|info| (info.key, info.shape)).collect();
        assert_eq!(shapes["fc.weight"], [512, 25088], "{architecture}");
        assert_eq!((&shapes["fc.bias"], &shapes["features.running_var"]), (&vec![512], &vec![512]));
        assert_eq!(shapes["layer2.0.bn1.weight"], [64], "{architecture}");
        assert!(!shapes.keys().any(|key| key.starts_with("head")));
        let count: usize = shapes.values().map(|shape| shape.iter().product::<usize>()).sum();
        assert_eq!((count as f64 / 1e6).round() as usize, millions, "{architecture}: {count}");
    }
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn reference_weights_give_the_features_of_pytorch() {
    let shared = std::env::var("LIKENESS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
    let path = Path::new(&shared).join("weights/resnet50-imagenet-conv1-layer3.safetensors");
    let file = WeightsFile::open(&path).unwrap();
    let mut config = BackboneConfig::new(Architecture::ResNet50);
    config.adopt(file.metadata()).unwrap();
    assert_eq!(config.downsampling, Downsampling::First);
    assert_eq!(config.batch_norm_epsilon, 1.001e-5);
    let device = Device::flex();
    let mut backbone = config.init_seeded(&device, 0).unwrap();
    let error = load_from(&mut backbone, &file, &LoadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("missing: layer4.0.conv1.weight"), "{error}");
    let options = LoadOptions { allow_missing: vec!["layer4".into()], ..LoadOptions::default() };
    let report = load_from(&mut backbone, &file, &options).unwrap();
    assert_eq!(report.loaded.len(), 215);
    assert!(report.missing.iter().all(|key| key.starts_with("layer4.")));
    let Layers::ResNet(layers) = backbone.layers() else { panic!("a ResNet") };
    let images = tensor("images", [2, 3, 112, 112], &device);
    let map = layers.feature_map(images, 3, &mut Pass::evaluation());
    let features = map.mean_dim(3).mean_dim(2);
    let worst = difference(&numbers(features), &golden("reference")["output"]);
    println!("reference weights: {worst:.1e}");
    assert!(worst < TOLERANCE, "{worst:e}");
}
