//! Writes a network as a model folder, in the format of [`likeness_model::folder`]: description, ONNX graph and weights.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use likeness_model::folder::{ModelFiles, replace};
use likeness_model::preprocess::{ChannelOrder, Normalization, Preprocess};
use likeness_model::{Alignment, ModelDescription};
use likeness_search::Distance;

use super::ExportOptions;
use crate::error::Result;
use crate::network::Network;
use crate::weights::write_safetensors;

/// The parts of a model's description that do not follow from its network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// Name of the model.
    pub name: String,
    /// Side length of the input faces, in pixels.
    pub input_px: u32,
    /// How the input faces are aligned.
    pub alignment: Alignment,
    /// Licence of the model.
    pub licence: String,
    /// Where the model comes from.
    pub source: String,
    /// Metadata of the weights file, by key.
    pub notes: BTreeMap<String, String>,
}

/// Writes a network as a model folder, and replaces the model that is there already.
///
/// See [`likeness_model::folder::replace`] for the order in which the files appear.
///
/// # Errors        as [`write_onnx`](super::write_onnx)
pub fn write_model_folder(network: &Network, folder: &Path, card: &ModelCard) -> Result<()> {
    let graph = super::onnx(network, &ExportOptions { input_px: card.input_px })?;
    let weights = |file: &mut dyn Write| write_safetensors(network, file, &card.notes);
    let config = network.config();
    let architecture = config.backbone.architecture;
    let description = ModelDescription {
        name: Some(card.name.clone()),
        architecture: Some(architecture.name().to_owned()),
        dimension: Some(config.embedding_dim),
        distance: Some(Distance::Cosine),
        alignment: Some(card.alignment),
        licence: Some(card.licence.clone()),
        source: Some(card.source.clone()),
        ..ModelDescription::default()
    };
    let Normalization { mean, std } = architecture.normalization();
    let preprocess = Preprocess {
        input_size: Some([card.input_px; 2]),
        channels: ChannelOrder::Rgb,
        mean,
        std,
        unit_length: true,
    };
    let files = ModelFiles { graph: &graph, description, preprocess: &preprocess, weights: Some(&weights) };
    replace(folder, files)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::Architecture;
    use crate::network::NetworkConfig;
    use burn::tensor::Device;

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
