//! Takes the weights of an imported graph: matches its layers, in the order of evaluation, with those of a known network.
//!
//! The tensor names of a graph depend on its exporter, so layers are identified by order and shape alone. A normalisation that
//! the exporter folded into the convolution before it becomes one that adds the shift and changes nothing else.

use super::load::{Values, fill};
use crate::backbone::Architecture;
use crate::error::{Result, TrainError};
use crate::layer::{Layer, LayerList, ListedLayer, Output};
use crate::network::{Network, NetworkConfig};
use crate::parameter::{Keyed, parameters};
use burn::module::ParamId;
use burn::tensor::Device;
use std::collections::HashMap;
use std::path::Path;

/// The layer's kind and size, for messages.
fn describe(layer: &Layer) -> String {
    match layer {
        Layer::Product { shape, .. } => format!("a product with weights {shape:?}"),
        Layer::Norm { scale, .. } => format!("a normalisation of {} channels", scale.len()),
        Layer::Slopes(slopes) => format!("a PReLU of {} channels", slopes.len()),
        other => format!("{other:?}"),
    }
}

/// The network of `architecture` with the weights of `layers`, the layers of the graph at `path`. The layers after the backbone
/// are its head: a linear layer, with optional normalisations before and after it.
///
/// The graph must expect pixels with the [architecture's normalisation](Architecture::normalization).
///
/// # Errors        a layer that differs from the architecture → [`TrainError::BadWeights`], which names the first
pub fn network_of_layers(
    path: &Path,
    architecture: Architecture,
    layers: &[Layer],
    device: &Device,
) -> Result<Network> {
    let refused = |reason| TrainError::BadWeights { path: path.to_owned(), reason };
    let mut config = NetworkConfig::new(architecture);
    let backbone = config.backbone.init_seeded(device, 0)?;
    let epsilon = config.backbone.epsilon();
    let side_px = architecture.published_side_px() as usize;
    let mut listed = LayerList::new(side_px);
    backbone.list(Output::IMAGES, &mut listed);
    let Matched { rest, folded_norms, .. } =
        match_layers(keyed_layers(&backbone, listed), layers, epsilon).map_err(refused)?;
    config.backbone.folded_norms = folded_norms;
    match rest {
        [] => (config.projection, config.embedding_dim) = (false, architecture.feature_dim()),
        _ => {
            config.feature_norm = rest[0].is_norm();
            let linear = usize::from(config.feature_norm);
            let Some(Layer::Product { shape, .. }) = rest.get(linear) else {
                return Err(refused(unexpected(&rest[0])));
            };
            config.embedding_dim = shape[0];
            config.neck = rest.get(linear + 1).is_some_and(Layer::is_norm);
        }
    }
    match filled(&config, layers, device).map_err(refused)? {
        (_, [layer, ..]) => Err(refused(unexpected(layer))),
        (network, []) => Ok(network),
    }
}

/// The backbone of `architecture`, without a head, with the weights of the first of `layers`, the layers of the graph at `path`.
///
/// Only shapes and strides are compared, because a graph for another task has no embeddings to compare.
///
/// # Errors        as [`network_of_layers`]; layers after the backbone are not an error
pub fn backbone_of_layers(
    path: &Path,
    architecture: Architecture,
    layers: &[Layer],
    device: &Device,
) -> Result<Network> {
    let refused = |reason| TrainError::BadWeights { path: path.to_owned(), reason };
    let mut config = NetworkConfig::new(architecture);
    (config.projection, config.embedding_dim) = (false, architecture.feature_dim());
    let side_px = architecture.published_side_px() as usize;
    let backbone = config.backbone.init_seeded(device, 0)?;
    let mut listed = LayerList::new(side_px);
    backbone.list(Output::IMAGES, &mut listed);
    let matched = match_layers(keyed_layers(&backbone, listed), layers, config.backbone.epsilon());
    config.backbone.folded_norms = matched.map_err(refused)?.folded_norms;
    let (network, _) = filled(&config, layers, device).map_err(refused)?;
    Ok(network)
}

/// The network of `config` with the weights of `layers`, and the layers that follow.
///
/// # Errors        the first layer that differs, in words
fn filled<'a>(
    config: &NetworkConfig,
    layers: &'a [Layer],
    device: &Device,
) -> Result<(Network, &'a [Layer]), String> {
    let side_px = config.backbone.architecture.published_side_px() as usize;
    let network = config.init(device).map_err(|error| error.to_string())?;
    let listed = keyed_layers(&network, network.list(side_px));
    let Matched { values, rest, .. } = match_layers(listed, layers, config.backbone.epsilon())?;
    Ok((fill(network, values), rest))
}

fn unexpected(layer: &Layer) -> String {
    format!("{} follows the network's last layer", describe(layer))
}

/// The layers with weights of a module in the order of evaluation, each with the beginning of its tensors' keys.
fn keyed_layers<M: Keyed>(module: &M, layers: LayerList) -> Vec<(String, Layer)> {
    let keys: HashMap<ParamId, String> =
        parameters(module).into_iter().map(|info| (info.id, info.key)).collect();
    let keyed = |listed: ListedLayer| {
        let (layer, _tensor) = keys.get(&listed.parameter?)?.rsplit_once('.')?;
        Some((layer.to_owned(), listed.layer))
    };
    layers.into_layers().into_iter().filter_map(keyed).collect()
}

/// The result of [`match_layers`].
struct Matched<'a> {
    /// Values of the network's tensors by key.
    values: Values,
    /// The graph's layers after the last one of the network.
    rest: &'a [Layer],
    /// Whether the exporter folded all normalisations that follow a convolution or a linear layer.
    folded_norms: bool,
}

/// Compares the layers of a network with those of a graph.
///
/// # Errors        the first layer that differs, in words
fn match_layers(
    network: Vec<(String, Layer)>,
    mut layers: &[Layer],
    epsilon: f32,
) -> Result<Matched<'_>, String> {
    let mut values = Values::new();
    let (mut folded, mut kept) = (0, 0);
    // The bias of a product that has none in the network: it is added to the shift of the normalisation after it.
    let mut carried: Option<Vec<f32>> = None;
    for (key, expected) in network {
        let mut put = |tensor: &str, numbers: Vec<f32>| {
            values.insert(format!("{key}.{tensor}"), numbers);
        };
        let (next, rest) = layers.split_first().map_or((None, layers), |(next, rest)| (Some(next), rest));
        let differs = || differs(&key, &expected, next);
        if let Layer::Norm { scale, of_product, .. } = &expected {
            let channels = scale.len();
            let bias = carried.take().unwrap_or_else(|| vec![0.0; channels]);
            match next {
                Some(norm @ Layer::Norm { of_product: found, .. }) if found == of_product => {
                    let tensors = norm_tensors(norm, &bias, epsilon).ok_or_else(differs)?;
                    tensors.into_iter().for_each(|(tensor, numbers)| put(tensor, numbers));
                    layers = rest;
                    kept += usize::from(*of_product);
                }
                // The exporter folded the normalisation into the product.
                _ => {
                    folded += 1;
                    put("weight", vec![1.0; channels]);
                    put("bias", bias);
                    put("running_mean", vec![0.0; channels]);
                    put("running_var", vec![1.0 - epsilon; channels]);
                }
            }
            continue;
        }
        if carried.take().is_some_and(|bias| bias.iter().any(|number| *number != 0.0)) {
            return Err(format!("a bias before {key}, where the network has none"));
        }
        layers = rest;
        match (next, &expected) {
            (
                Some(Layer::Product { shape, weight, bias, .. }),
                Layer::Product { shape: wanted, bias: own, .. },
            ) if same_product(shape, wanted) && bias.as_ref().is_none_or(|bias| bias.len() == wanted[0]) => {
                if let (Some(found), Some(wanted)) = (next.and_then(stride), stride(&expected))
                    && found != wanted
                {
                    return Err(format!(
                        "{key} has the stride {found:?} in the graph, and {wanted:?} in the network"
                    ));
                }
                put("weight", weight.clone());
                match own {
                    Some(own) => put("bias", bias.clone().unwrap_or_else(|| vec![0.0; own.len()])),
                    None => carried.clone_from(bias),
                }
            }
            (Some(Layer::Slopes(slopes)), Layer::Slopes(wanted)) if slopes.len() == wanted.len() => {
                put("weight", slopes.clone());
            }
            _ => return Err(differs()),
        }
    }
    Ok(Matched { values, rest: layers, folded_norms: folded > 0 && kept == 0 })
}

/// The tensors of a normalisation of a graph, whose input lacks `bias`, for a network with another `epsilon`; `None` where the
/// sizes differ.
fn norm_tensors(norm: &Layer, bias: &[f32], epsilon: f32) -> Option<[(&'static str, Vec<f32>); 4]> {
    let Layer::Norm { scale, shift, mean, variance, epsilon: own, .. } = norm else { return None };
    if [scale, shift, mean, variance].iter().any(|part| part.len() != bias.len()) {
        return None;
    }
    let mean = mean.iter().zip(bias).map(|(mean, bias)| mean - bias).collect();
    let added = own - epsilon;
    let variance = variance.iter().map(|variance| variance + added).collect();
    Some([
        ("weight", scale.clone()),
        ("bias", shift.clone()),
        ("running_mean", mean),
        ("running_var", variance),
    ])
}

/// The message for a layer of a graph that differs from the network's layer `key`.
fn differs(key: &str, expected: &Layer, found: Option<&Layer>) -> String {
    let shape = match expected {
        Layer::Product { shape, .. } => shape.clone(),
        Layer::Norm { scale: values, .. } | Layer::Slopes(values) => vec![values.len()],
        _ => Vec::new(),
    };
    let found = found.map_or_else(|| "nothing".to_owned(), describe);
    format!("it has {found} where {key} has weights {shape:?}")
}

/// The stride of a convolution, if it is known.
fn stride(layer: &Layer) -> Option<[usize; 2]> {
    match layer {
        Layer::Product { options, .. } => options.map(|options| options.stride),
        _ => None,
    }
}

/// Whether two shapes are equal, apart from further dimensions of size 1 in `found`.
fn same_product(found: &[usize], expected: &[usize]) -> bool {
    let (found, more) = found.split_at(found.len().min(expected.len()));
    found == expected && more.iter().all(|side| *side == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Pass;
    use burn::tensor::Tensor;

    /// Larger than the networks' own.
    const EPSILON: f32 = 2e-3;
    /// Side of the images, which the layers with weights do not depend on.
    const SIDE: usize = 160;

    /// The layers of a network as another library would write them, with a bias before each normalisation and a larger
    /// epsilon.
    fn layers_of(network: &Network) -> Vec<Layer> {
        let own = network.config().backbone.epsilon();
        let mut layers: Vec<Layer> = Vec::new();
        for listed in network.list(SIDE).into_layers().into_iter().filter(|listed| listed.parameter.is_some())
        {
            let mut layer = listed.layer;
            if let Layer::Norm { mean, variance, epsilon, of_product, .. } = &mut layer {
                if let (true, Some(Layer::Product { bias, .. })) = (*of_product, layers.last_mut()) {
                    *bias = Some(vec![0.25; mean.len()]);
                    mean.iter_mut().for_each(|mean| *mean += 0.25);
                }
                variance.iter_mut().for_each(|variance| *variance -= EPSILON - own);
                *epsilon = EPSILON;
            }
            layers.push(layer);
        }
        layers
    }

    fn network(architecture: Architecture, feature_norm: bool, neck: bool) -> Network {
        let config = NetworkConfig {
            embedding_dim: 8,
            feature_norm,
            neck,
            seed: 4,
            ..NetworkConfig::new(architecture)
        };
        config.init(&Device::flex()).unwrap()
    }

    fn embedding(network: &Network) -> Vec<f32> {
        let side = match network.config().backbone.architecture {
            architecture if architecture.is_for_aligned_faces() => 112,
            Architecture::DlibResNet => 112,
            _ => 32,
        };
        let values: Vec<f32> = (0..3 * side * side).map(|i| ((i * i) % 97) as f32 / 48.5 - 1.0).collect();
        let images = Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape([1, 3, side, side]);
        network.forward(images, &mut Pass::evaluation()).raw.into_data().try_to_vec().unwrap()
    }

    fn taken(architecture: Architecture, layers: &[Layer]) -> Result<Network> {
        network_of_layers(Path::new("graph.onnx"), architecture, layers, &Device::flex())
    }

    #[test]
    fn layers_in_their_order_are_the_network_again() {
        let cases = [
            (Architecture::MobileFaceNetX1, false, true),
            (Architecture::IResNet18, false, true),
            (Architecture::ResNet18, true, true),
            (Architecture::ResNet50, false, false),
            (Architecture::EfficientNetB0, false, true),
            (Architecture::EfficientNetLite0, false, false),
            (Architecture::DlibResNet, false, false),
            (Architecture::Vgg16, false, true),
        ];
        for (architecture, feature_norm, neck) in cases {
            let network = network(architecture, feature_norm, neck);
            let found = taken(architecture, &layers_of(&network)).unwrap();
            assert_eq!(NetworkConfig { seed: 4, ..found.config().clone() }, *network.config());
            let (expected, found) = (embedding(&network), embedding(&found));
            let length = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
            for (expected, found) in expected.iter().zip(&found) {
                assert!((expected - found).abs() < 1e-4 * length, "{architecture}: {expected} {found}");
            }
        }
    }

    /// The layers with normalisations folded into the products before them.
    fn folded(layers: &[Layer]) -> Vec<Layer> {
        let mut folded: Vec<Layer> = Vec::new();
        for layer in layers.iter().cloned() {
            match (folded.last_mut(), layer) {
                (
                    Some(Layer::Product { shape, weight, bias, .. }),
                    Layer::Norm { scale, shift, mean, variance, epsilon, of_product: true },
                ) => {
                    let row: usize = shape[1..].iter().product();
                    let bias = bias.get_or_insert_with(|| vec![0.0; shape[0]]);
                    for (o, numbers) in weight.chunks_exact_mut(row).enumerate() {
                        let factor = scale[o] / (variance[o] + epsilon).sqrt();
                        numbers.iter_mut().for_each(|number| *number *= factor);
                        bias[o] = (bias[o] - mean[o]) * factor + shift[o];
                    }
                }
                (_, layer) => folded.push(layer),
            }
        }
        folded
    }

    #[test]
    fn a_folded_normalisation_comes_back_as_its_shift() {
        // One where every normalisation follows a convolution, and one where blocks begin with one.
        for architecture in [Architecture::ResNet18, Architecture::IResNet18, Architecture::DlibResNet] {
            let network = network(architecture, false, true);
            let found = taken(architecture, &folded(&layers_of(&network))).unwrap();
            assert!(found.config().backbone.folded_norms, "{architecture}");
            assert!(!taken(architecture, &layers_of(&network)).unwrap().config().backbone.folded_norms);
            let (expected, found) = (embedding(&network), embedding(&found));
            let length = expected.iter().map(|v| v * v).sum::<f32>().sqrt();
            assert!(
                expected.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-4 * length),
                "{architecture}"
            );
        }
    }

    #[test]
    fn a_backbone_alone_has_its_features_for_an_embedding() {
        let network = network(Architecture::ResNet18, false, true);
        let mut layers = layers_of(&network);
        layers.truncate(layers.len() - 2);
        let found = taken(Architecture::ResNet18, &layers).unwrap();
        assert_eq!((found.config().projection, found.config().embedding_dim), (false, 512));
    }

    #[test]
    fn a_backbone_is_taken_from_a_graph_for_another_task() {
        let network = network(Architecture::Vgg16, false, true);
        let mut layers = layers_of(&network);
        layers.truncate(layers.len() - 2);
        layers.push(Layer::Slopes(vec![0.0; 4]));
        let taken = |layers: &[Layer]| {
            backbone_of_layers(Path::new("graph.onnx"), Architecture::Vgg16, layers, &Device::flex())
        };
        let found = taken(&layers).unwrap();
        assert_eq!((found.config().projection, found.config().embedding_dim), (false, 512));
        let images = || Tensor::<4>::ones([1, 3, 32, 32], &Device::flex());
        let features = |network: &Network| -> Vec<f32> {
            let output = network.forward(images(), &mut Pass::evaluation());
            output.features.into_data().try_to_vec().unwrap()
        };
        assert_eq!(features(&found), features(&network));
        let error = taken(&layers[1..]).unwrap_err().to_string();
        assert!(error.contains("where features.0 has weights"), "{error}");
    }

    #[test]
    fn a_convolution_of_another_stride_is_named() {
        let first = NetworkConfig {
            backbone: crate::backbone::BackboneConfig {
                downsampling: crate::backbone::Downsampling::First,
                ..crate::backbone::BackboneConfig::new(Architecture::ResNet50)
            },
            ..NetworkConfig::new(Architecture::ResNet50)
        };
        let layers = layers_of(&first.init(&Device::flex()).unwrap());
        let error = taken(Architecture::ResNet50, &layers).unwrap_err().to_string();
        assert!(
            error.contains("layer2.0.conv1 has the stride [2, 2] in the graph, and [1, 1] in the network"),
            "{error}"
        );
    }

    #[test]
    fn other_layers_are_named() {
        let network = network(Architecture::ResNet18, false, true);
        let layers = layers_of(&network);
        let told = |architecture, layers: &[Layer]| taken(architecture, layers).unwrap_err().to_string();
        let error = told(Architecture::ResNet34, &layers);
        assert!(error.starts_with("graph.onnx: it has") && error.contains("layer1.2.conv1"), "{error}");
        let error = told(Architecture::ResNet18, &layers[..10]);
        assert!(error.contains("nothing where layer"), "{error}");
        let more = [&layers[..], &[Layer::Slopes(vec![0.0; 8])]].concat();
        let error = told(Architecture::ResNet18, &more);
        assert!(error.contains("a PReLU of 8 channels"), "{error}");
        let first = layers[0].clone();
        let mut wrong = layers;
        if let Layer::Product { bias, .. } = &mut wrong[0] {
            *bias = Some(vec![1.0]);
        }
        let error = told(Architecture::ResNet18, &wrong);
        assert!(error.contains("where conv1 has weights"), "{error}");
        wrong[0] = first;
        wrong[1] = Layer::Slopes(vec![0.0; 64]);
        assert!(told(Architecture::ResNet18, &wrong).contains("PReLU of 64 channels where layer1.0.conv1"));
    }
}
