//! Weights out of a graph: its layers, in the order in which they are computed, become those of a network known here.
//!
//! A graph names its tensors as its exporter liked, so that only order and shape tell which layer is which. Both are
//! compared all the way; a normalisation that the exporter folded into the convolution before it comes back as one that
//! changes nothing but the shift.

use super::load::{Values, fill};
use crate::backbone::{Architecture, BackboneConfig};
use crate::error::{Result, TrainError};
use crate::network::{Network, NetworkConfig};
use crate::parameter::{Keyed, parameters};
use burn::tensor::Device;
use std::path::Path;

/// A layer with weights.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A convolution or a linear layer.
    Product {
        /// `[out, in / groups, height, width]` or `[out, in]`.
        shape: Vec<usize>,
        /// Row-major.
        weight: Vec<f32>,
        /// One number for each output.
        bias: Option<Vec<f32>>,
    },
    /// Batch normalisation: (x − mean) / √(variance + epsilon) · scale + shift.
    Norm {
        /// γ.
        scale: Vec<f32>,
        /// β.
        shift: Vec<f32>,
        /// In evaluation.
        mean: Vec<f32>,
        /// In evaluation.
        variance: Vec<f32>,
        /// Added to the variance.
        epsilon: f32,
        /// Whether it normalises what the product before it gives, and not what comes from elsewhere.
        of_product: bool,
    },
    /// PReLU.
    Slopes(Vec<f32>),
}

impl Layer {
    fn is_norm(&self) -> bool {
        matches!(self, Self::Norm { .. })
    }

    /// What it is, for people.
    fn describe(&self) -> String {
        match self {
            Self::Product { shape, .. } => format!("a product with weights {shape:?}"),
            Self::Norm { scale, .. } => format!("a normalisation of {} channels", scale.len()),
            Self::Slopes(slopes) => format!("a PReLU of {} channels", slopes.len()),
        }
    }
}

/// The network of `architecture` with the weights of `layers`, those of the graph at `path`; what follows the backbone is
/// its head: a linear layer, and normalisations before and after it.
///
/// The layers belong to pixels that are normalised as the [architecture's](Architecture::normalization) are.
///
/// # Errors        layers that are not the architecture's → [`TrainError::BadWeights`], which names the first
pub fn network_of_layers(
    path: &Path,
    architecture: Architecture,
    layers: &[Layer],
    device: &Device,
) -> Result<Network> {
    let refused = |reason| TrainError::BadWeights { path: path.to_owned(), reason };
    let mut config = NetworkConfig::new(architecture);
    let backbone = config.backbone.init_seeded(device, 0)?;
    let (_, rest) = match_layers(&backbone, layers, &config.backbone).map_err(refused)?;
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
    let network = config.init(device)?;
    let (values, rest) = match_layers(&network, layers, &config.backbone).map_err(refused)?;
    match rest.first() {
        Some(layer) => Err(refused(unexpected(layer))),
        None => Ok(fill(network, values)),
    }
}

fn unexpected(layer: &Layer) -> String {
    format!("{} follows the network's last layer", layer.describe())
}

/// A layer of a network: the beginning of its keys, and the tensors after it.
struct Place {
    layer: String,
    tensors: Vec<(String, Vec<usize>)>,
}

impl Place {
    fn has(&self, tensor: &str) -> bool {
        self.tensors.iter().any(|(name, _)| name == tensor)
    }

    fn shape(&self, tensor: &str) -> &[usize] {
        self.tensors.iter().find(|(name, _)| name == tensor).map_or(&[], |(_, shape)| shape)
    }
}

/// The layers of a network with weights, in their order.
fn places<M: Keyed>(module: &M) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for info in parameters(module) {
        let Some((layer, tensor)) = info.key.rsplit_once('.') else { continue };
        let tensor = (tensor.to_owned(), info.shape);
        match places.last_mut().filter(|place| place.layer == layer) {
            Some(place) => place.tensors.push(tensor),
            None => places.push(Place { layer: layer.to_owned(), tensors: vec![tensor] }),
        }
    }
    places
}

/// The numbers of each of the module's tensors by key, and the layers that are left; which layer does not fit, if one does
/// not.
fn match_layers<'a, M: Keyed>(
    module: &M,
    mut layers: &'a [Layer],
    config: &BackboneConfig,
) -> Result<(Values, &'a [Layer]), String> {
    let mut values = Values::new();
    // What a product added that has no bias in the network: it belongs into the normalisation after it.
    let mut carried: Option<Vec<f32>> = None;
    let mut after_product = false;
    for place in places(module) {
        let mut put = |tensor: &str, numbers: &[f32]| {
            values.insert(format!("{}.{tensor}", place.layer), numbers.to_vec());
        };
        let expected = place.shape("weight");
        let differs = |layer: Option<&Layer>| {
            let found = layer.map_or_else(|| "nothing".to_owned(), Layer::describe);
            format!("it has {found} where {} has weights {expected:?}", place.layer)
        };
        let (next, others) = layers.split_first().map_or((None, layers), |(next, rest)| (Some(next), rest));
        if place.has("running_mean") {
            let bias = carried.take().unwrap_or_else(|| vec![0.0; expected[0]]);
            match next {
                Some(Layer::Norm { scale, shift, mean, variance, epsilon, of_product })
                    if *of_product == after_product =>
                {
                    if [scale, shift, mean, variance].iter().any(|part| part.len() != expected[0]) {
                        return Err(differs(next));
                    }
                    put("weight", scale);
                    put("bias", shift);
                    let mean: Vec<f32> = mean.iter().zip(&bias).map(|(mean, bias)| mean - bias).collect();
                    put("running_mean", &mean);
                    let added = epsilon - config.epsilon();
                    let variance: Vec<f32> = variance.iter().map(|variance| variance + added).collect();
                    put("running_var", &variance);
                    layers = others;
                }
                _ => {
                    put("weight", &vec![1.0; expected[0]]);
                    put("bias", &bias);
                    put("running_mean", &vec![0.0; expected[0]]);
                    put("running_var", &vec![1.0 - config.epsilon(); expected[0]]);
                }
            }
            after_product = false;
            continue;
        }
        if carried.take().is_some_and(|bias| bias.iter().any(|number| *number != 0.0)) {
            return Err(format!("a bias before {}, where the network has none", place.layer));
        }
        layers = others;
        after_product = matches!(next, Some(Layer::Product { .. }));
        match next {
            Some(Layer::Product { shape, weight, bias })
                if same_product(shape, expected)
                    && bias.as_ref().is_none_or(|bias| bias.len() == expected[0]) =>
            {
                put("weight", weight);
                if place.has("bias") {
                    put("bias", bias.as_deref().unwrap_or(&vec![0.0; expected[0]]));
                } else {
                    carried.clone_from(bias);
                }
            }
            Some(Layer::Slopes(slopes)) if expected.len() == 1 && slopes.len() == expected[0] => {
                put("weight", slopes);
            }
            _ => return Err(differs(next)),
        }
    }
    Ok((values, layers))
}

/// Whether they are the same but for sides of one pixel.
fn same_product(found: &[usize], expected: &[usize]) -> bool {
    let (found, more) = found.split_at(found.len().min(expected.len()));
    found == expected && more.iter().all(|side| *side == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Pass;
    use crate::weights::save::collect;
    use burn::tensor::Tensor;

    /// Larger than the networks' own.
    const EPSILON: f32 = 1e-3;

    /// The layers of a network as another library would write them, with a bias before each normalisation.
    fn layers_of(network: &Network) -> Vec<Layer> {
        let tensors = collect(network);
        let mut layers = Vec::new();
        for place in places(network) {
            let read = |tensor: &str| tensors.get(&format!("{}.{tensor}", place.layer)).cloned();
            let (shape, weight) = read("weight").unwrap();
            let values = |tensor: &str| read(tensor).map(|(_, values)| values);
            match values("running_mean") {
                Some(mut mean) => {
                    let of_product = matches!(layers.last(), Some(Layer::Product { .. }));
                    if let Some(Layer::Product { bias, .. }) = layers.last_mut() {
                        *bias = Some(vec![0.25; mean.len()]);
                        mean.iter_mut().for_each(|mean| *mean += 0.25);
                    }
                    let added = EPSILON - network.config().backbone.epsilon();
                    let variance = values("running_var").unwrap().iter().map(|v| v - added).collect();
                    let shift = values("bias").unwrap();
                    layers.push(Layer::Norm {
                        scale: weight,
                        shift,
                        mean,
                        variance,
                        epsilon: EPSILON,
                        of_product,
                    });
                }
                None if shape.len() == 1 => layers.push(Layer::Slopes(weight)),
                None => layers.push(Layer::Product { shape, weight, bias: values("bias") }),
            }
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
        let side = if network.config().backbone.architecture.is_for_aligned_faces() { 112 } else { 32 };
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
                    Some(Layer::Product { shape, weight, bias }),
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
        for architecture in [Architecture::ResNet18, Architecture::IResNet18] {
            let network = network(architecture, false, true);
            let found = taken(architecture, &folded(&layers_of(&network))).unwrap();
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
