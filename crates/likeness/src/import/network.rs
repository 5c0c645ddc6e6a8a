//! Imports networks that can be fine-tuned, from weights or from the layers of a graph.

use std::collections::BTreeMap;
use std::path::Path;

use likeness_embed::Embedder;
use likeness_embed::OnnxEmbedder;
use likeness_embed::model_folder::{FirstLayers, GraphLayer, SplitGraph, first_layers, split_graph};
use likeness_engine::EngineConfig;
use likeness_model::Alignment;
use likeness_model::folder::{GRAPH, check_vacant, claim};
use likeness_model::preprocess::{Normalization, PreprocessOverrides};
use likeness_model::registry::entry::by_checksum;
use likeness_model::registry::sha256_of;
use likeness_train::backbone::Architecture;
use likeness_train::device::device;
use likeness_train::export::{ExportOptions, ModelCard, write_model_folder};
use likeness_train::layer::Layer;
use likeness_train::network::Network;
use likeness_train::ops::{ConvOptions, Precision};
use likeness_train::weights::{WeightsFile, backbone_of_layers, network_of, network_of_layers};

use super::ImportOptions;
use crate::context::Context;
use crate::{Result, invalid};

/// Imports weights. The architecture is inferred from their keys, unless it is given.
pub(super) fn of_weights(options: &ImportOptions, context: Context<'_>) -> Result<()> {
    let folder = options.output.as_path();
    let given = &options.preprocess;
    if given.mean.is_some() || given.std.is_some() || given.channels.is_some() {
        return Err(invalid(
            "the preprocessing of weights is given by their architecture",
            "leave --normalize, --mean, --std and --channels out",
        ));
    }
    check_vacant(folder)?;
    let (network, report) =
        network_of(&WeightsFile::open(&options.file)?, options.backbone, &device("cpu")?)?;
    let architecture = network.config().backbone.architecture;
    context.note(format!("{architecture}: {report}"));
    if !network.config().projection {
        context.note(format!(
            "no head: the embedding is the output of the backbone, of dimension {}",
            architecture.feature_dim()
        ));
    }
    // Only networks for faces have a head.
    let of_faces = network.config().projection.then(|| ExportOptions::default().input_px);
    let side = of_faces.unwrap_or(architecture.published_side_px());
    let input_px = match square(options)? {
        Some(side) => side,
        None => {
            context.note(format!("assuming an input of {side}×{side} pixels; --input-size sets another"));
            side
        }
    };
    let card = card_of(&network, options, input_px, context)?;
    let _lock = claim(folder)?;
    write_model_folder(&network, folder, &card)?;
    Ok(())
}

/// The side of the square input that `--input-size` sets, if any.
fn square(options: &ImportOptions) -> Result<Option<u32>> {
    match options.preprocess.input_size {
        Some([width, height]) if width != height => Err(invalid(
            format!("--input-size {width}x{height}: the input of these networks is square"),
            "give one side, such as 112",
        )),
        size => Ok(size.map(|[side, _]| side)),
    }
}

/// Imports a graph as a network of a known architecture with the same layers, which can be fine-tuned. Fails if the network
/// computes different embeddings than the graph.
pub(super) fn of_layers(
    options: &ImportOptions,
    architecture: Architecture,
    context: Context<'_>,
) -> Result<()> {
    let folder = options.output.as_path();
    check_vacant(folder)?;
    let parts = split_graph(&options.file, &options.preprocess)?;
    parts.notes.iter().for_each(|note| context.note(note));
    let count = parts.layers.len();
    let (network, original) = network_of_parts(&options.file, parts, architecture)?;
    context.note(format!("{architecture}: {count} layers with weights"));
    let input_px = square(options)?.unwrap_or(original.embedder.spec().input_size.0);
    let card = card_of(&network, options, input_px, context)?;
    check_agreement(&options.file, &network, &card, &original)?;
    let _lock = claim(folder)?;
    write_model_folder(&network, folder, &card)?;
    Ok(())
}

/// Imports the backbone of a graph whose head belongs to another task, such as a classifier of ImageNet.
pub(super) fn of_backbone(
    options: &ImportOptions,
    architecture: Architecture,
    context: Context<'_>,
) -> Result<()> {
    let folder = options.output.as_path();
    check_vacant(folder)?;
    let FirstLayers { mut layers, scale, shift } = first_layers(&options.file, &options.preprocess)?;
    rescale(&mut layers, [scale, shift], architecture)?;
    let layers: Vec<Layer> = layers.into_iter().map(layer).collect();
    let network = backbone_of_layers(&options.file, architecture, &layers, &device("cpu")?)?;
    context.note(format!(
        "{architecture} without a head: the embedding is the output of the backbone, of dimension {}",
        architecture.feature_dim()
    ));
    context
        .note("the layers have the shapes and strides of the graph; their output was not compared with it");
    let input_px = square(options)?.unwrap_or(architecture.published_side_px());
    let card = card_of(&network, options, input_px, context)?;
    let _lock = claim(folder)?;
    write_model_folder(&network, folder, &card)?;
    Ok(())
}

/// The embedder of an imported graph.
pub(crate) struct Original {
    pub(crate) embedder: OnnxEmbedder,
    /// Whether the graph was quantised, see [`SplitGraph::quantized`].
    quantized: bool,
}

/// Cosine distance below which a network agrees with the quantised graph of its weights.
const QUANTIZED_AGREEMENT: f64 = 0.02;

/// The network of `architecture` with the weights of the graph at `file`.
///
/// # Errors        layers or preprocessing that differ from those of the architecture
pub(crate) fn network_of_parts(
    file: &Path,
    mut parts: SplitGraph,
    architecture: Architecture,
) -> Result<(Network, Original)> {
    rescale(&mut parts.layers, [parts.scale, parts.shift], architecture)?;
    let layers: Vec<Layer> = parts.layers.into_iter().map(layer).collect();
    let network = network_of_layers(file, architecture, &layers, &device("cpu")?)?;
    Ok((network, Original { embedder: parts.embedder, quantized: parts.quantized }))
}

/// Fails if the network computes different embeddings than the graph at `file`.
pub(crate) fn check_agreement(
    file: &Path,
    network: &Network,
    card: &ModelCard,
    original: &Original,
) -> Result<()> {
    let trial = tempfile::tempdir()?;
    write_model_folder(network, trial.path(), card)?;
    let (plain, engine) = (PreprocessOverrides::default(), EngineConfig::default());
    let own = OnnxEmbedder::load(&trial.path().join(GRAPH), &plain, &engine)?;
    let agrees = match original.quantized {
        false => own.agrees_with(&original.embedder)?,
        true => own.is_within(&original.embedder, QUANTIZED_AGREEMENT)?,
    };
    match agrees {
        true => Ok(()),
        false => Err(invalid(
            format!(
                "{}: has the layers of {}, but computes different embeddings",
                file.display(),
                network.config().backbone.architecture
            ),
            "import it without --backbone",
        )),
    }
}

/// Scales the weights of the first layer so that it takes pixels with the normalisation of the architecture. The graph
/// multiplies the pixels of each channel by `scale` and adds `shift`.
fn rescale(
    layers: &mut [GraphLayer],
    [scale, shift]: [[f32; 3]; 2],
    architecture: Architecture,
) -> Result<()> {
    let Normalization { mean, std } = architecture.normalization();
    let Some(GraphLayer::Affine { shape, weight, .. }) = layers.first_mut() else {
        return Err(invalid("the graph has no layers with weights", "import it without --backbone"));
    };
    let plane = shape[2..].iter().product::<usize>().max(1);
    for channel in 0..3 {
        let (mean, deviation) = (mean[channel], std[channel]);
        // The first layer pads with zeros, so a zero must stand for the same pixel value in both normalisations.
        let black = mean * scale[channel] + shift[channel];
        if black.abs() > 1e-3 {
            return Err(invalid(
                format!("{architecture} subtracts {mean} from pixels, but the graph subtracts another mean"),
                "set the preprocessing with --normalize, or import the graph without --backbone",
            ));
        }
        let factor = deviation * scale[channel];
        for filter in weight.chunks_exact_mut(3 * plane) {
            filter[channel * plane..][..plane].iter_mut().for_each(|weight| *weight *= factor);
        }
    }
    Ok(())
}

fn layer(layer: GraphLayer) -> Layer {
    match layer {
        GraphLayer::Affine { shape, weight, bias, stride } => {
            let options = stride.map(|stride| ConvOptions {
                stride,
                padding: [0; 2],
                end_padding: [0; 2],
                groups: 1,
                precision: Precision::Full,
            });
            Layer::Product { shape, weight, bias, options }
        }
        GraphLayer::BatchNorm { scale, shift, mean, variance, epsilon, follows_affine } => {
            Layer::Norm { scale, shift, mean, variance, epsilon, of_product: follows_affine }
        }
        GraphLayer::PRelu(slopes) => Layer::Slopes(slopes),
    }
}

/// The model card of an imported network.
fn card_of(
    network: &Network,
    options: &ImportOptions,
    input_px: u32,
    context: Context<'_>,
) -> Result<ModelCard> {
    let architecture = network.config().backbone.architecture;
    let entry = by_checksum(&sha256_of(&options.file)?.0);
    let known = |said: &Option<String>, of_entry: Option<&String>, otherwise: &str| {
        said.clone().or_else(|| of_entry.cloned()).unwrap_or_else(|| otherwise.to_owned())
    };
    let file = options.file.file_stem().unwrap_or_default().to_string_lossy();
    let licence = known(&options.licence, entry.map(|e| &e.licence), "not stated");
    if options.licence.is_none() && entry.is_none() {
        context.note("no licence is known for this file");
    }
    Ok(ModelCard {
        name: known(&options.name, entry.map(|e| &e.name), &file),
        input_px,
        alignment: match options.alignment {
            Some(alignment) => alignment,
            None if architecture.is_for_aligned_faces() => Alignment::Arcface,
            None => Alignment::None,
        },
        licence,
        source: known(&options.source, entry.map(|e| &e.source), &format!("imported from {file}")),
        notes: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;
    use burn::tensor::{Device, Tensor};
    use likeness_train::layer::Pass;
    use likeness_train::network::NetworkConfig;
    use std::sync::atomic::AtomicBool;

    fn features(network: &Network) -> Vec<f32> {
        let images = Tensor::<4>::ones([1, 3, 64, 64], &Device::flex());
        network.forward(images, &mut Pass::evaluation()).features.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn the_backbone_of_a_graph_is_imported_without_its_head() {
        let folder = tempfile::tempdir().unwrap();
        let network = NetworkConfig::new(Architecture::ResNet18).init(&Device::flex()).unwrap();
        let file = folder.path().join("classifier.onnx");
        likeness_train::export::write_onnx(&network, &file, &ExportOptions { input_px: 64 }).unwrap();
        let Normalization { mean, std } = Normalization::IMAGENET;
        let preprocess =
            PreprocessOverrides { mean: Some(mean), std: Some(std), ..PreprocessOverrides::default() };
        let output = folder.path().join("model");
        let options = ImportOptions {
            file,
            output: output.clone(),
            backbone: Some(Architecture::ResNet18),
            backbone_only: true,
            licence: Some("MIT".to_owned()),
            preprocess,
            ..ImportOptions::default()
        };
        let stop = AtomicBool::new(false);
        of_backbone(&options, Architecture::ResNet18, Context::new(&Silent, &stop)).unwrap();
        let weights = WeightsFile::open(&output.join("weights.safetensors")).unwrap();
        let (found, _) = network_of(&weights, None, &Device::flex()).unwrap();
        assert_eq!((found.config().projection, found.config().embedding_dim), (false, 512));
        let (expected, found) = (features(&network), features(&found));
        let length = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!(expected.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-4 * length));
        let other = ImportOptions { output: folder.path().join("other"), ..options };
        let error = of_backbone(&other, Architecture::ResNet34, Context::new(&Silent, &stop)).unwrap_err();
        assert!(error.to_string().contains("where layer1.2.conv1 has weights"), "{error}");
    }
}
