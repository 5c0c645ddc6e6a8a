//! Every architecture as an ONNX graph: what another engine computes from the file against the network itself.
//!
//! `golden/export/README.md` says how far ONNX's own checker and ONNX Runtime agree with the same files.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use likeness_data::seed::{Generator, generator};
use likeness_train::backbone::{Architecture, BackboneConfig, Downsampling, Stage};
use likeness_train::export::{ExportOptions, write_onnx};
use likeness_train::layer::Pass;
use likeness_train::network::{Network, NetworkConfig, parameters};
use rand::RngExt;
use rten::Model;
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor as RtenTensor};

/// Where a network's numbers come from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Numbers {
    /// Drawn, so that rounding dies away from layer to layer; so do the differences between pictures.
    Drawn,
    /// Drawn, with the running statistics of a batch: pictures are told apart, and rounding grows with their differences.
    Fitted,
}

impl Numbers {
    const BOTH: [Self; 2] = [Self::Drawn, Self::Fitted];

    /// Largest length of a difference, as a share of the embedding's length; the README has what is reached.
    fn tolerance(self) -> f64 {
        match self {
            Self::Drawn => 1e-5,
            Self::Fitted => 1e-4,
        }
    }
}

/// Moves everything that has one number a channel away from where it starts, so that nothing is folded for free.
struct Unsettle(Generator);

impl ModuleMapper for Unsettle {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D > 1 {
            return param;
        }
        param.map(|old| {
            let moved: Vec<f32> = (0..old.dims()[0]).map(|_| self.0.random::<f32>() * 0.6 - 0.3).collect();
            old.clone() + Tensor::from_data(TensorData::new(moved, old.dims()), &old.device())
        })
    }
}

/// Gives running statistics the values that a batch had.
struct Settle(HashMap<ParamId, Tensor<1>>);

impl ModuleMapper for Settle {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(seen) = self.0.remove(&param.id) else { return param };
        param.map(|old| seen.reshape(old.dims()))
    }
}

fn network(config: &NetworkConfig, side: usize, numbers: Numbers) -> Network {
    let network = config.init(&Device::flex()).unwrap().map(&mut Unsettle(generator(7)));
    if numbers == Numbers::Drawn {
        return network;
    }
    let data = TensorData::new(pictures(4, side), [4, 3, side, side]);
    let mut pass = Pass::training(1);
    network.forward(Tensor::from_data(data, &Device::flex()), &mut pass);
    let seen = pass.observed().iter();
    let seen = seen.flat_map(|s| [(s.mean_id, s.mean.clone()), (s.variance_id, s.variance.clone())]);
    // Not those of the head: with the variance of four rows it would magnify rounding without end.
    let head = parameters(&network).into_iter().filter(|info| info.stage == Stage::Head).map(|info| info.id);
    let head: Vec<ParamId> = head.collect();
    network.map(&mut Settle(seen.filter(|(id, _)| !head.contains(id)).collect()))
}

/// Waves of another length, direction and strength in each picture and channel, with a little noise; a batch
/// begins with the pictures of a smaller one.
fn pictures(batch: usize, side: usize) -> Vec<f32> {
    let mut random = generator(side as u64);
    let mut values = Vec::with_capacity(batch * 3 * side * side);
    for _ in 0..batch * 3 {
        let [across, down, phase, strength, base] =
            [0.6, 0.6, 6.0, 2.0, 2.0].map(|m| random.random::<f32>() * m);
        for (y, x) in (0..side * side).map(|i| ((i / side) as f32, (i % side) as f32)) {
            let wave = (across * x + down * y + phase).sin() * strength;
            values.push(wave + base - 1.0 + random.random::<f32>() * 0.2);
        }
    }
    values
}

/// The embeddings that the network has for `batch` pictures, and those of its graph.
fn both(network: &Network, model: &Model, batch: usize, side: usize) -> [Vec<f32>; 2] {
    let values = pictures(batch, side);
    let shape = [batch, 3, side, side];
    let images = Tensor::from_data(TensorData::new(values.clone(), shape), &Device::flex());
    let expected = network.forward(images, &mut Pass::evaluation()).raw;
    let input = model.node_id("input").unwrap();
    let output = model.node_id("embedding").unwrap();
    let tensor = NdTensor::from_data(shape, values);
    let [found] = model.run_n(vec![(input, tensor.into())], [output], None).unwrap();
    let found: RtenTensor<f32> = found.try_into().unwrap();
    assert_eq!(found.shape(), expected.dims());
    [expected.into_data().try_to_vec().unwrap(), found.to_vec()]
}

fn length(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

fn check(config: &NetworkConfig, side: usize, batches: &[usize], numbers: Numbers) {
    let network = network(config, side, numbers);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    write_onnx(&network, &path, &ExportOptions { input_px: side as u32 }).unwrap();
    let model = Model::load_file(&path).unwrap();
    let share =
        |a: &[f32], b: &[f32]| length(a.iter().zip(b).map(|(a, b)| a - b)) / length(a.iter().copied());
    for &batch in batches {
        let [expected, found] = both(&network, &model, batch, side);
        let dim = config.embedding_dim;
        let rows = expected.chunks(dim).zip(found.chunks(dim));
        let worst = rows.map(|(expected, found)| share(expected, found)).fold(0.0, f64::max);
        println!("{} {numbers:?} at {side}, batch {batch}: {worst:.1e}", config.backbone.architecture);
        assert!(worst < numbers.tolerance(), "{config:?} {numbers:?} at {side}, batch {batch}: {worst:e}");
        if batch > 1 && numbers == Numbers::Fitted {
            let apart = share(&expected[..dim], &expected[dim..2 * dim]);
            assert!(apart > 0.03, "{config:?}: different pictures must have different embeddings, {apart}");
        }
    }
}

fn small(architecture: Architecture) -> NetworkConfig {
    // Blocks that are dropped in training would leave statistics that do not fit the whole network.
    let backbone = BackboneConfig { stochastic_depth: 0.0, ..BackboneConfig::new(architecture) };
    NetworkConfig { embedding_dim: 64, feature_norm: true, backbone, ..NetworkConfig::default() }
}

/// All but those that differ from another in their number of blocks alone.
fn architectures() -> impl Iterator<Item = Architecture> {
    let deeper = [Architecture::IResNet34, Architecture::IResNet50, Architecture::IResNet100];
    Architecture::ALL.into_iter().filter(move |architecture| !deeper.contains(architecture))
}

/// A side length that the architecture takes.
fn side_of(architecture: Architecture) -> usize {
    if architecture == Architecture::EfficientNetLite0 { 128 } else { 112 }
}

#[test]
fn every_architecture_gives_the_same_embeddings_as_its_graph() {
    for (architecture, numbers) in architectures().flat_map(|a| Numbers::BOTH.map(|n| (a, n))) {
        check(&small(architecture), side_of(architecture), &[1, 3], numbers);
    }
}

#[test]
fn dlibs_network_is_the_same_at_sides_that_leave_maps_of_other_sizes() {
    for side in [103, 150, 151, 166] {
        check(&small(Architecture::DlibResNet), side, &[2], Numbers::Fitted);
    }
}

#[test]
fn the_stride_of_the_paper_and_another_epsilon_are_kept() {
    let backbone = BackboneConfig {
        downsampling: Downsampling::First,
        batch_norm_epsilon: 1e-3,
        ..BackboneConfig::new(Architecture::ResNet50)
    };
    for numbers in Numbers::BOTH {
        check(
            &NetworkConfig { backbone: backbone.clone(), ..small(Architecture::ResNet50) },
            112,
            &[1, 3],
            numbers,
        );
    }
}

#[test]
fn heads_with_and_without_normalisations_and_larger_faces() {
    for (feature_norm, neck, side) in [(false, false, 224), (true, false, 33), (false, true, 224)] {
        let config = NetworkConfig { feature_norm, neck, ..small(Architecture::ResNet18) };
        check(&config, side, &[2], Numbers::Fitted);
    }
}

#[test]
fn features_without_a_projection_are_what_the_graph_gives() {
    for architecture in [Architecture::ResNet18, Architecture::MobileFaceNet, Architecture::Vgg16] {
        let config = NetworkConfig {
            projection: false,
            embedding_dim: architecture.feature_dim(),
            ..small(architecture)
        };
        check(&config, 112, &[1, 3], Numbers::Fitted);
    }
}

/// Writes every graph with pictures and the network's own embeddings for `check.py`, see `golden/export/README.md`.
///
/// They go into the folder in `LIKENESS_EXPORT_DIR`, or into a temporary one that only shows that they can be written.
#[test]
fn graphs_for_the_checker() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var("LIKENESS_EXPORT_DIR").map_or(temporary.path().to_owned(), Into::into);
    let first =
        BackboneConfig { downsampling: Downsampling::First, ..BackboneConfig::new(Architecture::ResNet50) };
    let mut cases: Vec<(String, NetworkConfig)> =
        architectures().map(|a| (a.to_string(), small(a))).collect();
    cases.push(("resnet50-first".into(), NetworkConfig { backbone: first, ..small(Architecture::ResNet50) }));
    let cases =
        cases.into_iter().flat_map(|(name, config)| Numbers::BOTH.map(|n| (name.clone(), config.clone(), n)));
    for (name, config, numbers) in cases {
        let side = side_of(config.backbone.architecture);
        let network = network(&config, side, numbers);
        let name = format!("{name}-{numbers:?}").to_lowercase();
        let path = folder.join(format!("{name}.onnx"));
        write_onnx(&network, &path, &ExportOptions { input_px: side as u32 }).unwrap();
        for batch in [1, 3] {
            let [expected, _] = both(&network, &Model::load_file(&path).unwrap(), batch, side);
            for (what, values) in [("input", pictures(batch, side)), ("embedding", expected)] {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                fs_err::write(path.with_extension(format!("{batch}.{what}.f32")), bytes).unwrap();
            }
        }
    }
}
