//! Files of weights: PyTorch's own, hostile ones, and our own there and back.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use burn::tensor::Device;
use likeness_train::TrainError;
use likeness_train::backbone::{Architecture, BackboneConfig, Downsampling};
use likeness_train::network::{Network, NetworkConfig, parameters};
use likeness_train::weights::{LoadOptions, WeightsFile, load_weights, save_safetensors, tensor_values};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/weights").join(name)
}

fn network(seed: u64) -> Network {
    let config = NetworkConfig { seed, embedding_dim: 8, ..NetworkConfig::new(Architecture::MobileFaceNet) };
    config.init(&Device::flex()).unwrap()
}

/// Writes tensors of zeros under the given keys and shapes.
fn write(path: &Path, shapes: &BTreeMap<String, Vec<usize>>, notes: &[(&str, &str)]) {
    let bytes: BTreeMap<&String, Vec<u8>> =
        shapes.iter().map(|(key, shape)| (key, vec![0; shape.iter().product::<usize>() * 4])).collect();
    let views = shapes.iter().map(|(key, shape)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), &bytes[key]);
        (key.clone(), view.unwrap())
    });
    let notes = notes.iter().map(|(key, text)| (key.to_string(), text.to_string())).collect();
    fs_err::write(path, safetensors::serialize(views, Some(notes)).unwrap()).unwrap();
}

fn shapes(network: &Network) -> BTreeMap<String, Vec<usize>> {
    parameters(network).into_iter().map(|info| (info.key, info.shape)).collect()
}

fn allowing(layer: &str) -> LoadOptions {
    LoadOptions { allow_missing: vec![layer.into()], ..LoadOptions::default() }
}

#[test]
fn pytorchs_files_are_read_in_every_precision_and_layout() {
    let expected: Vec<f32> = (0..12).map(|i| i as f32 / 4.0 - 1.0).collect();
    for name in ["tensors.pth", "tensors-old.pth"] {
        let file = WeightsFile::open(&golden(name)).unwrap();
        for key in ["single", "half", "brain", "double"] {
            assert_eq!(file.shapes()[key], [3, 4]);
            assert_eq!(file.read(key).unwrap(), expected, "{name} {key}");
        }
        assert_eq!(file.read("row").unwrap(), expected[4..8]);
        let transposed: Vec<f32> = (0..12).map(|i| expected[i % 3 * 4 + i / 3]).collect();
        assert_eq!(file.read("transposed").unwrap(), transposed);
        assert!(file.read("infinite").unwrap_err().to_string().contains("number 1 is inf"));
        assert!(file.read("bn.num_batches_tracked").unwrap_err().to_string().contains("floating-point"));
        assert!(file.read("absent").is_err());
    }
    let nested = WeightsFile::open(&golden("nested.pth")).unwrap();
    assert_eq!(nested.read("state_dict.module.single").unwrap(), expected);
}

#[test]
fn hostile_pickles_are_refused_by_the_name_of_what_they_ask_for() {
    for name in ["attack.pth", "attack-2.pth", "attack-4.pth", "attack-old.pth"] {
        let error = WeightsFile::open(&golden("bad").join(name)).unwrap_err();
        assert!(
            matches!(&error, TrainError::UnsafePickle { object, .. } if object == "posix.system"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("state_dict"));
    }
    let error = WeightsFile::open(&golden("bad/module.pth")).unwrap_err();
    assert!(
        matches!(&error, TrainError::UnsafePickle { object, .. } if object.contains("Linear")),
        "{error}"
    );
    assert!(!golden("executed").exists() && !Path::new("executed").exists());
}

#[test]
fn sizes_that_the_file_does_not_hold_are_refused() {
    for name in ["rows.pth", "length.pth"] {
        let error = WeightsFile::open(&golden("bad").join(name))
            .and_then(|file| file.read("single").map(drop))
            .unwrap_err();
        assert!(matches!(error, TrainError::BadWeights { .. }), "{name}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lie.safetensors");
    for header in [
        r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
        r#"{"a":{"dtype":"F32","shape":[9999999999,9999999999],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}"#,
        "{",
    ] {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[0; 4]);
        fs_err::write(&path, &bytes).unwrap();
        assert!(matches!(WeightsFile::open(&path), Err(TrainError::BadWeights { .. })), "{header}");
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        fs_err::write(&path, &bytes).unwrap();
        assert!(matches!(WeightsFile::open(&path), Err(TrainError::BadWeights { .. })), "{header}");
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pth");
    for name in ["tensors.pth", "tensors-old.pth"] {
        let whole = fs_err::read(golden(name)).unwrap();
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            let read = WeightsFile::open(&path)
                .and_then(|file| file.shapes().keys().try_for_each(|key| file.read(key).map(drop)));
            assert!(matches!(read, Err(TrainError::BadWeights { .. })), "{name} cut at {length}: {read:?}");
        }
    }
}

#[test]
fn a_header_whose_length_looks_like_a_pickle_is_still_safetensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("length.safetensors");
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let header = format!("{header:<width$}", width = 0x280);
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    assert_eq!(bytes[..2], [0x80, 2]);
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&2.5f32.to_le_bytes());
    fs_err::write(&path, bytes).unwrap();
    assert_eq!(WeightsFile::open(&path).unwrap().read("a").unwrap(), [2.5]);
}

proptest! {
    #[test]
    fn a_damaged_file_never_panics(old in any::<bool>(), place in 0usize..3000, byte in any::<u8>()) {
        let mut bytes = fs_err::read(golden(if old { "tensors-old.pth" } else { "tensors.pth" })).unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.pth");
        fs_err::write(&path, bytes).unwrap();
        if let Ok(file) = WeightsFile::open(&path) {
            for key in file.shapes().keys() {
                let _ = file.read(key);
            }
        }
    }
}

#[test]
fn saving_and_loading_is_the_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    let (first, mut second) = (network(1), network(2));
    let notes = BTreeMap::from([("epoch".to_owned(), "7".to_owned())]);
    save_safetensors(&first, &path, &notes).unwrap();
    let bytes = fs_err::read(&path).unwrap();
    save_safetensors(&first, &path, &notes).unwrap();
    assert_eq!(fs_err::read(&path).unwrap(), bytes, "the same network gives the same bytes");
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    let report =
        load_weights(&mut second, &path, &LoadOptions { require_head: true, ..LoadOptions::default() })
            .unwrap();
    assert_eq!(report.loaded.len(), parameters(&first).len());
    assert!(report.missing.is_empty() && report.unexpected.is_empty() && report.misshaped.is_empty());
    for info in parameters(&first) {
        assert_eq!(tensor_values(&first, &info.key), tensor_values(&second, &info.key), "{}", info.key);
    }
    let file = WeightsFile::open(&path).unwrap();
    assert_eq!(file.metadata()["epoch"], "7");
    assert_eq!(file.metadata()["architecture"], "mobilefacenet");
}

#[test]
fn what_does_not_fit_is_listed_by_name_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("partial.safetensors");
    let mut network = network(1);
    let mut table = shapes(&network);
    table.remove("conv_sep.layers.0.weight");
    table.insert("conv_sep.layers.1.bias".into(), vec![3]);
    table.insert("fc.weight".into(), vec![5, 2]);
    table.insert("layers.0.layers.1.num_batches_tracked".into(), vec![1]);
    write(&path, &table, &[]);
    let before = tensor_values(&network, "layers.0.layers.0.weight");
    let error = load_weights(&mut network, &path, &LoadOptions::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("missing: conv_sep.layers.0.weight;"), "{text}");
    assert!(text.contains("conv_sep.layers.1.bias [3] in the file, [512] in the network"), "{text}");
    assert!(!text.contains("fc.weight"), "{text}");
    assert!(error.hint().unwrap().contains("weights that have these layers"), "{error:?}");
    assert_eq!(tensor_values(&network, "layers.0.layers.0.weight"), before);
    let report = load_weights(&mut network, &path, &allowing("conv_sep")).unwrap();
    assert_eq!(report.missing, ["conv_sep.layers.0.weight"]);
    assert_eq!(report.unexpected, ["fc.weight"]);
    assert_eq!(report.misshaped.len(), 1);
    assert!(tensor_values(&network, "layers.0.layers.0.weight").unwrap().iter().all(|v| *v == 0.0));
    table.insert("layers.9.weight".into(), vec![2]);
    write(&path, &table, &[]);
    let error = load_weights(&mut network, &path, &allowing("conv_sep")).unwrap_err();
    assert!(error.to_string().contains("unexpected: layers.9.weight"), "{error}");
}

#[test]
fn a_published_backbone_behind_a_prefix_leaves_the_head_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backbone.safetensors");
    let mut network = network(1);
    let table = shapes(&network)
        .into_iter()
        .filter(|(key, _)| !key.starts_with("features.layers.2") && !key.starts_with("features.layers.3"))
        .map(|(key, shape)| (format!("state_dict.module.{key}"), shape))
        .collect();
    write(&path, &table, &[]);
    let report = load_weights(&mut network, &path, &LoadOptions::default()).unwrap();
    assert_eq!(report.missing.len(), 5);
    let strict = LoadOptions { require_head: true, ..LoadOptions::default() };
    assert!(matches!(
        load_weights(&mut network, &path, &strict),
        Err(TrainError::WeightsMismatch { missing, .. }) if missing.len() == 5
    ));
}

#[test]
fn settings_come_from_the_file_or_must_agree_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.safetensors");
    let mut network = network(1);
    write(&path, &shapes(&network), &[("bn_eps", "1e-3")]);
    let error = load_weights(&mut network, &path, &LoadOptions::default()).unwrap_err();
    assert!(matches!(error, TrainError::WeightsSettings { .. }), "{error}");
    let mut config = BackboneConfig::new(Architecture::ResNet50);
    let notes = |key: &str, text: &str| BTreeMap::from([(key.to_owned(), text.to_owned())]);
    config.adopt(&notes("downsampling", "stride in the first 1x1 convolution of a block")).unwrap();
    assert_eq!(config.downsampling, Downsampling::First);
    config.adopt(&notes("downsampling", "middle")).unwrap();
    assert_eq!(config.downsampling, Downsampling::Middle);
    assert!(config.adopt(&notes("downsampling", "elsewhere")).is_err());
    assert!(config.adopt(&notes("bn_eps", "-1")).is_err());
}

/// A small file as training writes it, with notes; large tensors make no difference to a checksum.
fn own_file(folder: &Path) -> (PathBuf, Vec<u8>) {
    let path = folder.join("own.safetensors");
    save_safetensors(&network(3), &path, &BTreeMap::from([("epoch".into(), "7".into())])).unwrap();
    let bytes = fs_err::read(&path).unwrap();
    (path, bytes)
}

/// Everything that a file gives: its notes but the checksum, and each tensor.
fn content(file: &WeightsFile) -> (BTreeMap<String, String>, BTreeMap<String, Vec<f32>>) {
    let tensors = file.shapes().keys().map(|key| (key.clone(), file.read(key).unwrap())).collect();
    (file.metadata().clone(), tensors)
}

#[test]
fn flipped_bits_of_our_own_file_are_refused_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = own_file(folder.path());
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let expected = content(&WeightsFile::open(&path).unwrap());
    assert_eq!(expected.0["epoch"], "7");
    assert!(!expected.0.contains_key("likeness_sha256"), "the checksum is no note of the network");
    let metadata = whole.windows(14).position(|w| w == b"\"__metadata__\"").unwrap();
    // Every bit of the length and the notes, then one bit in many places of the tensors' entries and of their values.
    let near = (0..8 * 8).chain(8 * metadata..8 * (metadata + 260));
    let far = (header * 8..whole.len() * 8).step_by(8 * whole.len() / 40 + 5);
    let entries = (64..header * 8).step_by(header / 5 + 3);
    for bit in near.chain(entries).chain(far) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs_err::write(&path, bytes).unwrap();
        match WeightsFile::open(&path) {
            // The name of the note that holds the checksum was hit, and nothing else.
            Ok(file) => assert_eq!(content(&file).1, expected.1, "bit {bit}"),
            Err(error) => assert!(error.to_string().contains("own.safetensors"), "bit {bit}: {error}"),
        }
    }
}
