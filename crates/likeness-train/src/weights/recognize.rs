//! Recognises the network of a weights file by its keys and shapes.

use burn::tensor::Device;

use super::load::{LoadOptions, LoadReport, load_from};
use super::{WeightsFile, file};
use crate::backbone::Architecture;
use crate::error::Result;
use crate::network::{Network, NetworkConfig};

/// The settings of the network whose weights are in `file`.
///
/// The network has a head if the file has one, as files from training do. Without one, as in published backbones, the features
/// of the backbone are the embeddings, and a classifier in the file is ignored.
///
/// # Errors        keys of an unknown architecture → [`BadWeights`](crate::TrainError::BadWeights)
pub fn config_of(file: &WeightsFile, architecture: Option<Architecture>) -> Result<NetworkConfig> {
    let architecture = architecture.or_else(|| recognize(file)).ok_or_else(|| {
        file::bad(file.path(), "its keys are those of no network that is known here".to_owned())
    })?;
    let mut config = NetworkConfig::new(architecture);
    config.backbone.adopt(file.metadata())?;
    let [linear, neck] = architecture.head_keys().map(|layer| format!("{layer}.weight"));
    match shape_of(file, &linear) {
        Some([rows, ..]) => {
            config.embedding_dim = *rows;
            config.feature_norm = shape_of(file, "head.norm.weight").is_some();
            config.neck = shape_of(file, &neck).is_some();
        }
        _ => {
            config.embedding_dim = architecture.feature_dim();
            config.projection = false;
        }
    }
    Ok(config)
}

/// The network of [`config_of`] with the weights of `file`, on `device`.
///
/// # Errors        as [`config_of`]; weights that do not fit → as [`load_from`]
pub fn network_of(
    file: &WeightsFile,
    architecture: Option<Architecture>,
    device: &Device,
) -> Result<(Network, LoadReport)> {
    let mut network = config_of(file, architecture)?.init(device)?;
    let report =
        load_from(&mut network, file, &LoadOptions { require_head: true, ..LoadOptions::default() })?;
    Ok((network, report))
}

/// The shape of the tensor whose key ends with `end`.
fn shape_of<'a>(file: &'a WeightsFile, end: &str) -> Option<&'a [usize]> {
    let is_it =
        |key: &str| key.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'));
    file.shapes().iter().find(|(key, _)| is_it(key)).map(|(_, shape)| shape.as_slice())
}

/// The architecture by its characteristic keys.
fn recognize(file: &WeightsFile) -> Option<Architecture> {
    if let Some([channels, ..]) = shape_of(file, "conv_sep.layers.0.weight").and_then(|shape| shape.get(1..))
    {
        let narrow = *channels == 128;
        return Some(if narrow { Architecture::MobileFaceNetX1 } else { Architecture::MobileFaceNet });
    }
    let has = |key: &str| shape_of(file, key).is_some();
    let known = [
        ("layer3.29.prelu.weight", Architecture::IResNet100),
        ("layer3.13.prelu.weight", Architecture::IResNet50),
        ("layer3.5.prelu.weight", Architecture::IResNet34),
        ("layer3.1.prelu.weight", Architecture::IResNet18),
        ("layer5.0.conv2.weight", Architecture::DlibResNet),
        ("layer1.0.conv3.weight", Architecture::ResNet50),
        ("layer1.2.conv2.weight", Architecture::ResNet34),
        ("layer1.1.conv2.weight", Architecture::ResNet18),
        ("features.1.0.block.1.fc1.weight", Architecture::EfficientNetB0),
        ("features.1.0.block.0.0.weight", Architecture::EfficientNetLite0),
        ("features.1.running_mean", Architecture::Vgg16Bn),
        ("features.28.weight", Architecture::Vgg16),
    ];
    known.into_iter().find(|(key, _)| has(key)).map(|(_, architecture)| architecture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Pass;
    use crate::weights::save::collect;
    use crate::weights::save_safetensors;
    use burn::tensor::Tensor;
    use std::collections::BTreeMap;

    /// A network of `config` as a file of its weights.
    fn saved(config: &NetworkConfig, folder: &std::path::Path) -> (Network, WeightsFile) {
        let network = config.init(&Device::flex()).unwrap();
        let path = folder.join("weights.safetensors");
        save_safetensors(&network, &path, &BTreeMap::new()).unwrap();
        (network, WeightsFile::open(&path).unwrap())
    }

    #[test]
    fn every_architecture_is_told_by_its_keys_and_its_head_is_found() {
        let folder = tempfile::tempdir().unwrap();
        // Deeper networks of the same kind are tested below.
        let deeper = [Architecture::IResNet34, Architecture::IResNet50, Architecture::IResNet100];
        for architecture in Architecture::ALL.into_iter().filter(|a| !deeper.contains(a)) {
            // Both kinds of head with one architecture, as they are read alike.
            let heads: &[(bool, bool)] = match architecture {
                Architecture::ResNet18 => &[(true, false), (false, true)],
                _ => &[(true, false)],
            };
            for &(neck, feature_norm) in heads {
                let config = NetworkConfig {
                    embedding_dim: 8,
                    neck,
                    feature_norm,
                    ..NetworkConfig::new(architecture)
                };
                let (network, file) = saved(&config, folder.path());
                let (found, report) = network_of(&file, None, &Device::flex()).unwrap();
                assert_eq!(found.config(), &config, "{architecture}");
                assert!(report.missing.is_empty() && report.unexpected.is_empty(), "{report}");
                assert!(collect(&found) == collect(&network), "{architecture}");
            }
        }
    }

    #[test]
    fn improved_networks_are_told_by_their_third_stage() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (2, Architecture::IResNet18),
            (6, Architecture::IResNet34),
            (14, Architecture::IResNet50),
            (30, Architecture::IResNet100),
        ];
        for (blocks, architecture) in cases {
            let path = folder.path().join(format!("{blocks}.safetensors"));
            let view =
                safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &[0; 4]).unwrap();
            let keys = (0..blocks).map(|block| (format!("layer3.{block}.prelu.weight"), view.clone()));
            fs_err::write(&path, safetensors::serialize(keys, None).unwrap()).unwrap();
            assert_eq!(recognize(&WeightsFile::open(&path).unwrap()), Some(architecture));
        }
    }

    #[test]
    fn features_are_the_embeddings_of_a_file_without_a_head() {
        let folder = tempfile::tempdir().unwrap();
        let config = NetworkConfig {
            projection: false,
            embedding_dim: Architecture::ResNet18.feature_dim(),
            ..NetworkConfig::new(Architecture::ResNet18)
        };
        let (_, file) = saved(&config, folder.path());
        assert!(file.shapes().keys().all(|key| !key.contains("head")));
        let (network, _) = network_of(&file, None, &Device::flex()).unwrap();
        let images = Tensor::<4>::ones([2, 3, 64, 64], &Device::flex());
        let output = network.forward(images, &mut Pass::evaluation());
        assert_eq!(output.raw.into_data(), output.features.into_data());
    }

    #[test]
    fn a_file_of_another_network_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (_, file) = saved(&NetworkConfig::new(Architecture::ResNet18), folder.path());
        let error = network_of(&file, Some(Architecture::ResNet34), &Device::flex()).unwrap_err();
        assert!(error.to_string().contains("layer1.2"), "{error}");
    }
}
