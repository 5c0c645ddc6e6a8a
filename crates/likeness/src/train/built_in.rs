//! Starts a run from a built-in model: chooses the one that fits the dataset, and writes it to the run folder as a model that
//! can be trained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use likeness_data::dataset::Dataset;
use likeness_embed::model_folder::split_graph;
use likeness_model::folder::{DESCRIPTION, GRAPH};
use likeness_model::preprocess::PreprocessOverrides;
use likeness_model::{Alignment, ModelDescription};
use likeness_train::backbone::Architecture;
use likeness_train::export::{ModelCard, write_model_folder};
use likeness_train::train::RunFolder;
use likeness_train::train::folder::START;

use super::options::{BuiltInModel, TrainOptions};
use crate::import::network::{check_agreement, network_of_parts};
use crate::{Result, invalid};

/// A built-in model that fits the dataset, and its architecture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) model: BuiltInModel,
    pub(super) architecture: Architecture,
}

/// The built-in model that a new run starts from: the face model where every face of the dataset was detected, else the
/// model for any pictures. `None` if the options name a backbone, weights or a settings file.
pub(super) fn choose(options: &TrainOptions, dataset: &Dataset) -> Option<Start> {
    let network = &options.network;
    if network.backbone.is_some() || network.weights.is_some() || options.config.is_some() {
        return None;
    }
    let of_faces = dataset.faces.iter().all(|face| face.face_box.is_some() || face.landmarks.is_some());
    let (model, architecture) = match of_faces {
        true => (options.built_in.face, Architecture::DlibResNet),
        false => (options.built_in.picture, Architecture::EfficientNetLite0),
    };
    Some(Start { model: model?, architecture })
}

/// The folder of the starting network of a run.
pub(super) fn folder_in(run: &Path) -> PathBuf {
    run.join(START)
}

impl Start {
    /// Writes the model to the run folder with weights that can be trained, and returns its folder.
    ///
    /// # Errors        a graph whose layers are not those of the architecture; the file system
    pub(super) fn write(&self, run: &RunFolder) -> Result<PathBuf> {
        let BuiltInModel { name, graph, description } = self.model;
        let files = tempfile::tempdir()?;
        let path = files.path().join(GRAPH);
        likeness_artifact::write(&path, |file| file.write_all(graph))?;
        likeness_artifact::write(&files.path().join(DESCRIPTION), |file| {
            file.write_all(description.as_bytes())
        })?;
        let parts = split_graph(&path, &PreprocessOverrides::default())?;
        let (network, original) = network_of_parts(&path, parts, self.architecture)?;
        let described: ModelDescription = toml::from_str(description).map_err(|error| {
            invalid(
                format!("the built-in model {name} has a description that cannot be parsed: {error}"),
                "start with --weights none, and report this as a defect",
            )
        })?;
        let card = ModelCard {
            name: described.name.unwrap_or_else(|| name.to_owned()),
            input_px: self.architecture.training_side_px(),
            alignment: described.alignment.unwrap_or(Alignment::None),
            licence: described.licence.unwrap_or_else(|| "not stated".to_owned()),
            source: described.source.unwrap_or_else(|| format!("the built-in model {name}")),
            notes: BTreeMap::new(),
        };
        check_agreement(&path, &network, &card, &original)?;
        let folder = folder_in(run.path());
        write_model_folder(&network, &folder, &card)?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;
    use likeness_embed::quantize::Calibrator;
    use likeness_train::export::{ExportOptions, write_onnx};
    use likeness_train::layer::Pass;
    use likeness_train::network::{Network, NetworkConfig};
    use likeness_train::weights::{WeightsFile, network_of};

    use burn::tensor::{Device, Tensor, TensorData};

    const DESCRIPTION_TEXT: &str = "name = \"small\"\nlicence = \"CC0-1.0\"\nmean = [122.782, 117.001, 104.298]\n\
        std = [256.0, 256.0, 256.0]\nchannels = \"rgb\"\nunit_length = true\n";

    /// A face network with random weights, and its graph.
    fn graph(folder: &Path) -> (Network, Vec<u8>) {
        let config =
            NetworkConfig { embedding_dim: 128, neck: false, ..NetworkConfig::new(Architecture::DlibResNet) };
        let network = config.init(&Device::flex()).unwrap();
        let path = folder.join("model.onnx");
        write_onnx(&network, &path, &ExportOptions { input_px: 150 }).unwrap();
        fs_err::write(folder.join("model.toml"), DESCRIPTION_TEXT).unwrap();
        (network, fs_err::read(path).unwrap())
    }

    fn started(graph: Vec<u8>, description: &str, run: &Path) -> Result<Network> {
        let model = BuiltInModel {
            name: "face",
            graph: Vec::leak(graph),
            description: String::leak(description.to_owned()),
        };
        let start = Start { model, architecture: Architecture::DlibResNet };
        let folder = start.write(&RunFolder::open(run).unwrap())?;
        let file = WeightsFile::open(&folder.join("weights.safetensors")).unwrap();
        Ok(network_of(&file, None, &Device::flex()).unwrap().0)
    }

    fn picture(seed: u32) -> RgbImage {
        RgbImage::from_fn(150, 150, |x, y| image::Rgb([(x * seed) as u8, (y + seed) as u8, (x * y) as u8]))
    }

    fn embedding(network: &Network) -> Vec<f32> {
        let values: Vec<f32> = (0..3 * 150 * 150).map(|i| ((i * i) % 97) as f32 / 97.0 - 0.5).collect();
        let images = Tensor::from_data(TensorData::new(values, [1, 3, 150, 150]), &Device::flex());
        network.forward(images, &mut Pass::evaluation()).embedding.into_data().try_to_vec().unwrap()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn a_run_starts_from_the_network_of_a_graph() {
        let folder = tempfile::tempdir().unwrap();
        let (network, graph) = graph(folder.path());
        let found = started(graph, DESCRIPTION_TEXT, &folder.path().join("run")).unwrap();
        let backbone = &found.config().backbone;
        assert_eq!((backbone.architecture, backbone.folded_norms), (Architecture::DlibResNet, true));
        assert_eq!((found.config().embedding_dim, found.config().neck), (128, false));
        assert!(cosine(&embedding(&network), &embedding(&found)) > 0.99999);
        let text = fs_err::read_to_string(folder.path().join("run/start/model.toml")).unwrap();
        assert!(text.contains("CC0-1.0"), "{text}");
    }

    #[test]
    fn a_run_starts_from_the_network_of_a_quantised_graph() {
        let folder = tempfile::tempdir().unwrap();
        let (network, _) = graph(folder.path());
        let name = folder.path().join("model.onnx").display().to_string();
        let calibrator = Calibrator::open(&name, &PreprocessOverrides::default()).unwrap();
        calibrator.observe(&[picture(1), picture(3), picture(7)]).unwrap();
        // Not equalised, as the built-in model: the padding of equalised channels does not copy them unchanged.
        let quantized = calibrator.quantized(likeness_embed::quantize::Clipping::MinMax).unwrap();
        let small = folder.path().join("small");
        quantized.write(&small).unwrap();
        let description = fs_err::read_to_string(small.join("model.toml")).unwrap();
        let graph = fs_err::read(small.join("model.onnx")).unwrap();
        let found = started(graph, &description, &folder.path().join("run")).unwrap();
        let similarity = cosine(&embedding(&network), &embedding(&found));
        assert!(similarity > 0.999, "{similarity}");
    }

    #[test]
    fn the_graph_of_another_network_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.onnx");
        let network = NetworkConfig::new(Architecture::ResNet18).init(&Device::flex()).unwrap();
        write_onnx(&network, &path, &ExportOptions { input_px: 150 }).unwrap();
        let graph = fs_err::read(path).unwrap();
        let error = started(graph, DESCRIPTION_TEXT, &folder.path().join("run")).unwrap_err();
        assert!(error.to_string().contains("conv1"), "{error}");
    }
}
