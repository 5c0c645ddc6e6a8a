//! Every architecture as an ONNX graph: what another engine computes from the file against the network itself.
//!
//! `golden/export/README.md` says how far ONNX's own checker and ONNX Runtime agree with the same files.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use likeness_train::backbone::{Architecture, BackboneConfig, Downsampling};
use likeness_train::export::{ExportOptions, write_onnx};
use likeness_train::layer::Pass;
use likeness_train::network::{Network, NetworkConfig};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rten::Model;
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor as RtenTensor};

/// Largest length of a difference, as a share of the embedding's length; reached: see the README.
const TOLERANCE: f64 = 1e-5;

/// Moves everything that has one number a channel away from where it starts, so that nothing is folded for free.
struct Unsettle(Pcg64Mcg);

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

fn network(config: &NetworkConfig) -> Network {
    config.init(&Device::flex()).unwrap().map(&mut Unsettle(Pcg64Mcg::seed_from_u64(7)))
}

fn pictures(batch: usize, side: usize) -> Vec<f32> {
    let mut random = Pcg64Mcg::seed_from_u64((batch * side) as u64);
    (0..batch * 3 * side * side).map(|_| random.random::<f32>() * 4.0 - 2.0).collect()
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

fn check(config: &NetworkConfig, side: usize, batches: &[usize]) {
    let network = network(config);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    write_onnx(&network, &path, &ExportOptions { input_px: side as u32 }).unwrap();
    let model = Model::load_file(&path).unwrap();
    for &batch in batches {
        let [expected, found] = both(&network, &model, batch, side);
        let dim = config.embedding_dim;
        if let Some((first, second)) = expected.split_at_checked(dim).filter(|(_, second)| !second.is_empty())
        {
            let apart = length(first.iter().zip(second).map(|(a, b)| a - b)) / length(first.iter().copied());
            println!("{} at {side}: two pictures are {apart:.2} apart", config.backbone.architecture);
            assert!(apart > 0.01, "{config:?}: the pictures must matter");
        }
        for (expected, found) in expected.chunks(dim).zip(found.chunks(dim)) {
            let difference = length(expected.iter().zip(found).map(|(a, b)| a - b));
            let share = difference / length(expected.iter().copied());
            println!("{} at {side}, batch {batch}: {share:.1e}", config.backbone.architecture);
            assert!(share < TOLERANCE, "{config:?} at {side}, batch {batch}: {share:e}");
        }
    }
}

fn small(architecture: Architecture) -> NetworkConfig {
    NetworkConfig { embedding_dim: 64, feature_norm: true, ..NetworkConfig::new(architecture) }
}

#[test]
fn every_architecture_gives_the_same_embeddings_as_its_graph() {
    for architecture in Architecture::ALL {
        check(&small(architecture), 112, &[1, 3]);
    }
}

#[test]
fn the_stride_of_the_paper_and_another_epsilon_are_kept() {
    let backbone = BackboneConfig {
        downsampling: Downsampling::First,
        batch_norm_epsilon: 1e-3,
        ..BackboneConfig::new(Architecture::ResNet50)
    };
    check(&NetworkConfig { backbone, ..small(Architecture::ResNet50) }, 112, &[1, 3]);
}

#[test]
fn heads_with_and_without_normalisations_and_larger_faces() {
    for (feature_norm, neck, side) in [(false, false, 224), (true, false, 33), (false, true, 224)] {
        let config = NetworkConfig { feature_norm, neck, ..small(Architecture::ResNet18) };
        check(&config, side, &[2]);
    }
}

/// Writes every graph with pictures and the network's own embeddings for `check.py`, see `golden/export/README.md`.
#[test]
#[ignore = "needs LIKENESS_EXPORT_DIR, a folder for the files"]
fn graphs_for_the_checker() {
    let folder = std::env::var("LIKENESS_EXPORT_DIR").expect("LIKENESS_EXPORT_DIR names a folder");
    let first =
        BackboneConfig { downsampling: Downsampling::First, ..BackboneConfig::new(Architecture::ResNet50) };
    let mut cases: Vec<(String, NetworkConfig)> =
        Architecture::ALL.into_iter().map(|a| (a.to_string(), small(a))).collect();
    cases.push(("resnet50-first".into(), NetworkConfig { backbone: first, ..small(Architecture::ResNet50) }));
    for (name, config) in cases {
        let (network, side) = (network(&config), 112);
        let path = Path::new(&folder).join(format!("{name}.onnx"));
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
