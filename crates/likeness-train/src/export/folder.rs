//! A model folder: a network that says what it is and what it expects.
//!
//! | file | holds |
//! |---|---|
//! | `model.toml` | name, architecture, dimension, how a face becomes the input, licence, source, fingerprint |
//! | `model.onnx` | the graph, see [`write_onnx`](super::write_onnx) |
//! | `weights.safetensors` | the weights under PyTorch's keys, for more training |
//!
//! The fingerprint is the SHA-256 over the bytes of `model.onnx` and the preprocessing as JSON, which is what an embedder
//! made from the folder has in galleries and tables.

use super::ExportOptions;
use crate::error::Result;
use crate::loader::Normalization;
use crate::network::Network;
use crate::weights::write_safetensors;
use likeness_artifact::Pending;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the folder's layout.
const FORMAT: u32 = 1;

/// What the faces of a network were laid on before it saw them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alignment {
    /// ArcFace's template of five landmarks, [`likeness_data::align::ARCFACE_112`].
    Arcface,
    /// Nothing: boxes or whole pictures.
    #[default]
    None,
}

/// What a network cannot say of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// What it is called.
    pub name: String,
    /// Side of the faces that enter, in pixels.
    pub input_px: u32,
    /// What the faces were laid on.
    pub alignment: Alignment,
    /// Under which terms it may be used.
    pub licence: String,
    /// Where it comes from.
    pub source: String,
    /// Notes for the file of weights.
    pub notes: BTreeMap<String, String>,
}

/// How a face becomes the input; the fingerprint covers these keys in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Preprocess {
    input_size: [u32; 2],
    channels: &'static str,
    mean: [f32; 3],
    std: [f32; 3],
    unit_length: bool,
}

/// `model.toml`.
#[derive(Debug, Serialize)]
struct Description<'a> {
    format: u32,
    likeness: &'a str,
    name: &'a str,
    architecture: &'a str,
    dimension: usize,
    distance: &'a str,
    alignment: Alignment,
    licence: &'a str,
    source: &'a str,
    #[serde(flatten)]
    preprocess: Preprocess,
    fingerprint: String,
}

/// Writes a network as a model folder; one that is there already is replaced once all files are on the disk.
///
/// A process that is killed between the renames leaves files of two networks, which readers refuse by their fingerprint.
///
/// # Errors        as [`write_onnx`](super::write_onnx)
pub fn write_model_folder(network: &Network, folder: &Path, card: &ModelCard) -> Result<()> {
    let graph = super::onnx(network, &ExportOptions { input_px: card.input_px })?;
    let text = describe(network, card, &graph);
    fs_err::create_dir_all(folder)?;
    let weights = Pending::write(&folder.join("weights.safetensors"), |file| {
        write_safetensors(network, file, &card.notes)
    })?;
    let graph = Pending::write(&folder.join("model.onnx"), |file| file.write_all(&graph))?;
    let text = Pending::write(&folder.join("model.toml"), |file| file.write_all(text.as_bytes()))?;
    Ok([weights, graph, text].into_iter().try_for_each(Pending::persist)?)
}

fn describe(network: &Network, card: &ModelCard, graph: &[u8]) -> String {
    let config = network.config();
    let Normalization { mean, std } = config.backbone.architecture.normalization().into();
    let preprocess =
        Preprocess { input_size: [card.input_px; 2], channels: "rgb", mean, std, unit_length: true };
    let description = Description {
        format: FORMAT,
        likeness: env!("CARGO_PKG_VERSION"),
        name: &card.name,
        architecture: config.backbone.architecture.name(),
        dimension: config.embedding_dim,
        distance: "cosine",
        alignment: card.alignment,
        licence: &card.licence,
        source: &card.source,
        fingerprint: fingerprint(graph, &preprocess),
        preprocess,
    };
    likeness_artifact::sealed(&toml::to_string(&description).expect("a description is plain data"))
}

fn fingerprint(graph: &[u8], preprocess: &Preprocess) -> String {
    let settings = serde_json::to_vec(preprocess).expect("settings are plain data");
    let digest = Sha256::new().chain_update(graph).chain_update(settings).finalize();
    likeness_artifact::hex(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::Architecture;
    use crate::network::NetworkConfig;
    use burn::tensor::Device;

    #[test]
    fn the_fingerprint_is_the_one_that_embedders_compute() {
        // The same numbers are in the test of likeness-model's `model_folder`.
        let preprocess = Preprocess {
            input_size: [112, 96],
            channels: "rgb",
            mean: [123.675, 116.28, 103.53],
            std: [127.5, 1.0, 0.25],
            unit_length: true,
        };
        assert_eq!(
            fingerprint(b"graph", &preprocess),
            "bdab8d0410e34a3b18bcd80741821dcf223adb2f1dd88c883ba4fcc93a581060"
        );
    }

    #[test]
    fn a_folder_describes_its_network() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("model");
        let config = NetworkConfig { embedding_dim: 32, ..NetworkConfig::new(Architecture::MobileFaceNet) };
        let network = config.init(&Device::flex()).unwrap();
        let card = ModelCard {
            name: "small \"one\"".to_owned(),
            input_px: 112,
            alignment: Alignment::Arcface,
            licence: "MIT".to_owned(),
            source: "a test".to_owned(),
            notes: BTreeMap::from([("epoch".to_owned(), "3".to_owned())]),
        };
        for _ in 0..2 {
            write_model_folder(&network, &folder, &card).unwrap();
        }
        let text = fs_err::read_to_string(folder.join("model.toml")).unwrap();
        let found: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(found["name"].as_str(), Some("small \"one\""));
        assert_eq!(found["dimension"].as_integer(), Some(32));
        assert_eq!(found["alignment"].as_str(), Some("arcface"));
        assert_eq!(found["mean"].as_array().unwrap()[0].as_float(), Some(127.5));
        let graph = fs_err::read(folder.join("model.onnx")).unwrap();
        let mut all = graph;
        all.extend(br#"{"input_size":[112,112],"channels":"rgb","mean":[127.5,127.5,127.5],"std":[127.5,127.5,127.5],"unit_length":true}"#);
        assert_eq!(found["fingerprint"].as_str().unwrap(), likeness_artifact::sha256_hex(&all));
        let weights = crate::weights::WeightsFile::open(&folder.join("weights.safetensors")).unwrap();
        assert_eq!(weights.metadata()["epoch"], "3");
        let mut names: Vec<_> = fs_err::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["model.onnx", "model.toml", "weights.safetensors"]);
    }

    #[test]
    fn what_cannot_be_run_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let network = NetworkConfig::new(Architecture::MobileFaceNet).init(&Device::flex()).unwrap();
        let path = folder.path().join("a.onnx");
        let error = super::super::write_onnx(&network, &path, &ExportOptions { input_px: 96 }).unwrap_err();
        assert!(error.to_string().contains("mobilefacenet does not take faces of 96 pixels"), "{error}");
        assert!(!path.exists());
    }
}
