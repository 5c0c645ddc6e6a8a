//! The embedding network: a backbone that computes features of faces, and a head that computes embeddings from features.
//!
//! The head follows ArcFace (Deng et al. (2018), arXiv 1801.07698, section 3.2: normalisation, dropout, linear, normalisation)
//! and the neck of Luo et al., Bag of Tricks for Person Re-identification (2019), arXiv 1903.07071: batch normalisation
//! without activation before the distance. Each part of the head is optional.

use crate::backbone::{Architecture, Backbone, BackboneConfig, FaceFamily, Stage};
use crate::error::{Result, TrainError};
use crate::layer::{self, BatchNorm, Initializer, LayerList, Linear, Output, Pass};
use crate::ops::Precision;
pub use crate::parameter::{Keyed, ParameterInfo, parameters};
use crate::range::within;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// Added to the squared length of an embedding, so that it is above 0.
const SMALLEST_SQUARE: f32 = 1e-12;

/// Settings of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// Dimension of an embedding.
    pub embedding_dim: usize,
    /// Whether the head has a linear layer; without it the features are the embedding.
    #[serde(skip_serializing_if = "is_true")]
    pub projection: bool,
    /// Whether the head normalises the features before the linear layer.
    pub feature_norm: bool,
    /// Dropout rate of the features.
    pub dropout: f32,
    /// Whether batch normalisation follows the linear layer, which then has no bias.
    pub neck: bool,
    /// Seed of the initial weights.
    pub seed: u64,
    /// Precision of the backbone's convolutions in training and evaluation; an exported network has full precision.
    #[serde(skip_serializing_if = "Precision::is_full")]
    pub precision: Precision,
    /// Settings of the backbone.
    pub backbone: BackboneConfig,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            // Deng et al. (2018), section 3.1
            embedding_dim: 512,
            projection: true,
            feature_norm: false,
            dropout: 0.0,
            neck: true,
            seed: 0,
            precision: Precision::default(),
            backbone: BackboneConfig::default(),
        }
    }
}

impl NetworkConfig {
    /// The default settings of an architecture.
    pub fn new(architecture: Architecture) -> Self {
        Self { backbone: BackboneConfig::new(architecture), ..Self::default() }
    }

    /// Checks the settings.
    ///
    /// # Errors    a value out of range → [`TrainError::BadArgument`]
    pub fn validate(&self) -> Result<()> {
        within("embedding_dim", self.embedding_dim, 1..=16384)?;
        within("dropout", self.dropout, 0.0..1.0)?;
        let features = self.backbone.architecture.feature_dim();
        if !self.projection && self.embedding_dim != features {
            let reason =
                format!("embedding_dim {}: without a projection it is {features}", self.embedding_dim);
            return Err(TrainError::argument(reason));
        }
        self.backbone.validate()
    }

    /// Builds the network with initial weights drawn from the seed.
    ///
    /// # Errors    invalid settings → [`TrainError::BadArgument`]
    pub fn init(&self, device: &Device) -> Result<Network> {
        self.validate()?;
        let init = &mut Initializer::new(device, self.seed).with_precision(self.precision);
        let backbone = self.backbone.init(init)?;
        let head = EmbeddingHead::new(self, self.backbone.architecture.feature_dim(), init);
        Ok(Network { backbone, head, config: self.clone() })
    }
}

fn is_true(value: &bool) -> bool {
    *value
}

/// The head of a network, which computes embeddings from features.
#[derive(Module, Debug)]
pub struct EmbeddingHead {
    norm: Option<BatchNorm>,
    linear: Option<Linear>,
    neck: Option<BatchNorm>,
    dropout: f32,
}

impl EmbeddingHead {
    /// A head for features of `feature_dim` dimensions.
    pub fn new(config: &NetworkConfig, feature_dim: usize, init: &mut Initializer) -> Self {
        let epsilon = config.backbone.epsilon();
        let dim = config.embedding_dim;
        // InsightFace's IResNets have a bias, although the normalisation cancels it.
        let has_bias =
            !config.neck || config.backbone.architecture.face_family() == Some(FaceFamily::IResNet);
        Self {
            norm: (config.projection && config.feature_norm)
                .then(|| BatchNorm::new(feature_dim, epsilon, init)),
            linear: config.projection.then(|| Linear::new([feature_dim, dim], has_bias, init)),
            neck: (config.projection && config.neck).then(|| BatchNorm::new(dim, epsilon, init)),
            dropout: config.dropout,
        }
    }

    /// The embeddings before they are scaled to unit length.
    ///
    /// # Shapes        features: [batch, feature_dim] · output: [batch, embedding_dim]
    pub fn forward(&self, features: Tensor<2>, pass: &mut Pass) -> Tensor<2> {
        let Some(linear) = &self.linear else { return features };
        let x = match &self.norm {
            Some(norm) => norm.forward_rows(features, pass),
            None => features,
        };
        let x = linear.forward(pass.dropout(x, self.dropout));
        match &self.neck {
            Some(neck) => neck.forward_rows(x, pass),
            None => x,
        }
    }

    /// Lists the layers of evaluation, where dropout does nothing.
    pub(crate) fn list(&self, features: Output, layers: &mut LayerList) -> Output {
        let Some(linear) = &self.linear else { return features };
        let x = self.norm.as_ref().map_or(features, |norm| norm.list(features, layers));
        let x = linear.list(x, layers);
        self.neck.as_ref().map_or(x, |neck| neck.list(x, layers))
    }
}

/// An embedding network: a backbone and a head.
#[derive(Module, Debug)]
pub struct Network {
    /// Computes features from faces.
    pub backbone: Backbone,
    /// Computes embeddings from features.
    pub head: EmbeddingHead,
    #[module(skip)]
    config: NetworkConfig,
}

/// The outputs of a network for a batch of faces.
#[derive(Debug, Clone)]
pub struct Embeddings {
    /// Output of the backbone, `[batch, feature_dim]`.
    pub features: Tensor<2>,
    /// Output of the head, `[batch, embedding_dim]`.
    pub raw: Tensor<2>,
    /// Output of the head at unit length, `[batch, embedding_dim]`.
    pub embedding: Tensor<2>,
}

impl Embeddings {
    /// The outputs for the first `count` faces.
    pub fn first(&self, count: usize) -> Self {
        let part = |rows: &Tensor<2>| rows.clone().narrow(0, 0, count);
        Self { features: part(&self.features), raw: part(&self.raw), embedding: part(&self.embedding) }
    }

    /// The outputs for the faces of both batches, `others` last.
    pub fn followed_by(self, others: Self) -> Self {
        let both = |first, second| Tensor::cat(vec![first, second], 0);
        Self {
            features: both(self.features, others.features),
            raw: both(self.raw, others.raw),
            embedding: both(self.embedding, others.embedding),
        }
    }
}

impl Network {
    /// The embeddings of a batch of faces.
    ///
    /// # Shapes        images: [batch, 3, side, side], normalised by [`Architecture::normalization`]
    /// # Panics        a side length that [`Architecture::accepts`] rejects · a training pass over one face
    pub fn forward(&self, images: Tensor<4>, pass: &mut Pass) -> Embeddings {
        let features = self.backbone.forward(images, pass);
        let raw = self.head.forward(features.clone(), pass);
        Embeddings { features, embedding: unit_length(raw.clone()), raw }
    }

    /// The layers of evaluation for images of `side_px` pixels, from the images to the embeddings before they are scaled to
    /// unit length.
    pub(crate) fn list(&self, side_px: usize) -> LayerList {
        let mut layers = LayerList::new(side_px);
        let features = self.backbone.list(Output::IMAGES, &mut layers);
        self.head.list(features, &mut layers);
        layers
    }

    /// Updates the running statistics with those of a training pass.
    pub fn absorb(self, pass: Pass) -> Self {
        layer::absorb(self, pass)
    }

    /// Freezes the given stages: they get no gradients, and use and keep their running statistics.
    pub fn freeze(self, stages: &[Stage]) -> Self {
        crate::parameter::set_trained(self, stages, false)
    }

    /// Lets the given stages be trained again.
    pub fn unfreeze(self, stages: &[Stage]) -> Self {
        crate::parameter::set_trained(self, stages, true)
    }

    /// Freezes the statistics of the given stages: they use and keep their running statistics, while their weights are trained.
    pub fn freeze_statistics(self, stages: &[Stage]) -> Self {
        crate::parameter::freeze_statistics(self, stages)
    }

    /// The settings of the network.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }
}

/// Scales each row to unit length; a row of zeros stays zero.
///
/// # Shapes        rows, output: [batch, dim]
pub fn unit_length(rows: Tensor<2>) -> Tensor<2> {
    let square = rows.clone().square().sum_dim(1); // [batch, 1]
    rows / square.add_scalar(SMALLEST_SQUARE).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> NetworkConfig {
        NetworkConfig {
            embedding_dim: 16,
            feature_norm: true,
            dropout: 0.2,
            seed: 5,
            ..NetworkConfig::new(Architecture::ResNet18)
        }
    }

    fn images(device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (0..4 * 3 * 32 * 32).map(|i| ((i * i) % 97) as f32 / 48.5 - 1.0).collect();
        Tensor::<1>::from_floats(values.as_slice(), device).reshape([4, 3, 32, 32])
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn settings_survive_toml() {
        let config = small();
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("architecture = \"resnet18\""), "{text}");
        assert_eq!(toml::from_str::<NetworkConfig>(&text).unwrap(), config);
        assert!(toml::from_str::<NetworkConfig>("embeding_dim = 3").is_err());
        assert!(NetworkConfig { dropout: 1.0, ..small() }.validate().is_err());
        assert!(NetworkConfig { embedding_dim: 0, ..small() }.init(&Device::flex()).is_err());
    }

    #[test]
    fn embeddings_have_unit_length_and_the_seed_repeats() {
        let device = Device::flex();
        let network = small().init(&device).unwrap();
        let found = network.forward(images(&device), &mut Pass::training(1));
        assert_eq!(found.features.dims(), [4, 512]);
        for row in numbers(found.embedding.clone()).chunks(16) {
            assert!((row.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        let again = small().init(&device).unwrap().forward(images(&device), &mut Pass::training(1));
        assert_eq!(numbers(again.raw), numbers(found.raw));
        let other = NetworkConfig { seed: 6, ..small() }.init(&device).unwrap();
        let other = other.forward(images(&device), &mut Pass::training(1));
        assert_ne!(numbers(other.embedding), numbers(found.embedding));
    }

    #[test]
    fn frozen_stages_have_no_gradient_and_keep_their_statistics() {
        let device = Device::flex().autodiff();
        let frozen = [Stage::Stem, Stage::Layer1, Stage::Layer2];
        let network = small().init(&device).unwrap().freeze(&frozen);
        let mut pass = Pass::training(1);
        let output = network.forward(images(&device), &mut pass);
        let weights: Vec<f32> = (0..64).map(|i| i as f32 / 64.0).collect();
        let weights = Tensor::<1>::from_floats(weights.as_slice(), &device).reshape([4, 16]);
        let gradients = (output.raw * weights).sum().backward();
        let gradients = burn::optim::GradientsParams::from_grads(gradients, &network);
        let before = parameters(&network);
        for info in &before {
            let expected = !info.buffer && !frozen.contains(&info.stage);
            assert_eq!(info.trained, expected, "{}", info.key);
            let found = match info.shape.len() {
                1 => gradients.get::<1>(info.id).is_some(),
                2 => gradients.get::<2>(info.id).is_some(),
                _ => gradients.get::<4>(info.id).is_some(),
            };
            assert_eq!(found, expected, "{}", info.key);
        }
        let network = network.absorb(pass);
        let moved = |layer: &str| {
            crate::weights::tensor_values(&network.valid(), &format!("{layer}.running_mean")).unwrap()
        };
        assert!(moved("layer2.0.bn1").iter().all(|v| *v == 0.0));
        assert!(moved("layer3.0.bn1").iter().any(|v| *v != 0.0));
        let network = network.unfreeze(&Stage::ALL);
        assert!(parameters(&network).iter().all(|info| info.trained != info.buffer));
    }

    #[test]
    fn every_architecture_is_built() {
        for architecture in Architecture::ALL {
            let network = NetworkConfig::new(architecture).init(&Device::flex()).unwrap();
            let keys = parameters(&network);
            for stage in Stage::ALL {
                assert!(keys.iter().any(|info| info.stage == stage), "{architecture} {stage:?}");
            }
        }
    }
}
