//! Backbones, which compute the features of a face: one file each, with torchvision's layer names.
//!
//! A [`BackboneConfig`] describes a backbone, and [`BackboneConfig::init`] builds it with random weights. The path of every
//! parameter, as [`parameters`](crate::network::parameters) lists it, is its key in a published weights file.

mod architecture;
mod dlib_resnet;
mod efficientnet;
mod iresnet;
mod mobilefacenet;
mod resnet;
mod vgg;

pub(crate) use architecture::FaceFamily;
pub use architecture::{Architecture, Stage};
pub use dlib_resnet::DlibResNet;
pub use efficientnet::EfficientNet;
pub use iresnet::IResNet;
pub use mobilefacenet::MobileFaceNet;
pub use resnet::ResNet;
pub use vgg::Vgg;

use crate::error::{Result, TrainError};
use crate::layer::{BatchNorm, Initializer, Layer, LayerList, Output, Pass};
use crate::parameter::freeze_statistics;
use crate::range::{positive, within};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Epsilon of PyTorch's batch normalisation, with which most published weights were trained.
const EPSILON: f64 = 1e-5;
/// Epsilon of TensorFlow's EfficientNet.
const TENSORFLOW_EPSILON: f64 = 1e-3;

/// The convolution of a ResNet-50 bottleneck block that has the stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Downsampling {
    /// The 3×3 convolution, as in torchvision.
    #[default]
    Middle,
    /// The first 1×1 convolution, as in He et al. (2015).
    First,
}

impl Downsampling {
    /// The name in settings and in the metadata of a weights file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Middle => "middle",
            Self::First => "first",
        }
    }

    /// Parses the metadata of a weights file: the name, or a sentence that states which convolution has the stride.
    fn from_metadata(text: &str) -> Option<Self> {
        match text {
            "middle" => Some(Self::Middle),
            "first" => Some(Self::First),
            _ if text.contains("stride in the first 1x1") => Some(Self::First),
            _ if text.contains("stride in the 3x3") => Some(Self::Middle),
            _ => None,
        }
    }
}

/// Settings of a backbone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackboneConfig {
    /// Architecture of the network.
    pub architecture: Architecture,
    /// Added to the variance in batch normalisation.
    pub batch_norm_epsilon: f64,
    /// Whether the batch normalisations are only a trained scale and shift: they keep their statistics, also in training. So it
    /// is after an exporter folded them into the convolutions, because a folded network has no statistics left.
    #[serde(skip_serializing_if = "is_false")]
    pub folded_norms: bool,
    /// Which convolution of a ResNet-50 block has the stride; other networks ignore it.
    pub downsampling: Downsampling,
    /// Stochastic depth of EfficientNet: probability that training skips the last block for an image. The probability grows
    /// linearly from 0 at the first block.
    pub stochastic_depth: f32,
    /// Share of the hidden channels that MobileFaceNet's blocks have, below 1 after [`prune`](crate::weights::prune).
    #[serde(skip_serializing_if = "is_one")]
    pub hidden_share: f32,
}

fn is_one(share: &f32) -> bool {
    *share == 1.0
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Default for BackboneConfig {
    fn default() -> Self {
        Self {
            architecture: Architecture::default(),
            batch_norm_epsilon: EPSILON,
            folded_norms: false,
            downsampling: Downsampling::default(),
            // Tan and Le (2019), section 5.2
            stochastic_depth: 0.2,
            hidden_share: 1.0,
        }
    }
}

impl BackboneConfig {
    /// The default settings of an architecture.
    pub fn new(architecture: Architecture) -> Self {
        let batch_norm_epsilon = architecture.batch_norm_epsilon();
        Self { architecture, batch_norm_epsilon, ..Self::default() }
    }

    /// Sets epsilon, whether normalisations are folded, the position of the stride and the share of hidden channels from the metadata of a weights file, as far as
    /// it has them.
    ///
    /// # Errors    a value that cannot be parsed → [`TrainError::BadArgument`]
    pub fn adopt(&mut self, metadata: &BTreeMap<String, String>) -> Result<()> {
        let unreadable = |key: &str, text: &str| {
            TrainError::argument(format!(
                "the metadata of the weights has {key} `{text}`, which is not understood"
            ))
        };
        if let Some(text) = metadata.get("bn_eps") {
            self.batch_norm_epsilon = text.parse().map_err(|_| unreadable("bn_eps", text))?;
        }
        if let Some(text) = metadata.get("folded_norms") {
            self.folded_norms = text.parse().map_err(|_| unreadable("folded_norms", text))?;
        }
        if let Some(text) = metadata.get("hidden_share") {
            self.hidden_share = text.parse().map_err(|_| unreadable("hidden_share", text))?;
        }
        if let Some(text) = metadata.get("downsampling") {
            self.downsampling =
                Downsampling::from_metadata(text).ok_or_else(|| unreadable("downsampling", text))?;
        }
        self.validate()
    }

    /// Checks the settings.
    ///
    /// # Errors    a value out of range → [`TrainError::BadArgument`]
    pub fn validate(&self) -> Result<()> {
        within("batch_norm_epsilon", self.batch_norm_epsilon, positive(0.5))?;
        within("stochastic_depth", self.stochastic_depth, 0.0..1.0)?;
        within("hidden_share", self.hidden_share, positive(1.0))?;
        let family = self.architecture.face_family();
        if self.hidden_share < 1.0 && family != Some(FaceFamily::MobileFaceNet) {
            let reason = format!("hidden_share: the blocks of {} are not made narrower", self.architecture);
            return Err(TrainError::argument_with_hint(reason, "MobileFaceNet's are"));
        }
        Ok(())
    }

    /// Builds the network with initial weights drawn from `init`.
    ///
    /// # Errors    invalid settings → [`TrainError::BadArgument`]
    pub fn init(&self, init: &mut Initializer) -> Result<Backbone> {
        self.validate()?;
        let layers = match self.architecture {
            Architecture::ResNet18 => Layers::ResNet(ResNet::new(resnet::RESNET18, self, init)),
            Architecture::ResNet34 => Layers::ResNet(ResNet::new(resnet::RESNET34, self, init)),
            Architecture::ResNet50 => Layers::ResNet(ResNet::new(resnet::RESNET50, self, init)),
            Architecture::Vgg16 => Layers::Vgg(Vgg::new(false, self, init)),
            Architecture::Vgg16Bn => Layers::Vgg(Vgg::new(true, self, init)),
            Architecture::EfficientNetB0 | Architecture::EfficientNetLite0 => {
                Layers::EfficientNet(EfficientNet::new(self, init))
            }
            Architecture::DlibResNet => Layers::DlibResNet(DlibResNet::new(self, init)),
            Architecture::MobileFaceNet | Architecture::MobileFaceNetX1 => {
                Layers::MobileFaceNet(MobileFaceNet::new(self, init))
            }
            Architecture::IResNet18 => Layers::IResNet(IResNet::new(iresnet::IRESNET18, self, init)),
            Architecture::IResNet34 => Layers::IResNet(IResNet::new(iresnet::IRESNET34, self, init)),
            Architecture::IResNet50 => Layers::IResNet(IResNet::new(iresnet::IRESNET50, self, init)),
            Architecture::IResNet100 => Layers::IResNet(IResNet::new(iresnet::IRESNET100, self, init)),
        };
        let backbone = Backbone { layers, config: self.clone() };
        Ok(if self.folded_norms { freeze_statistics(backbone, &Stage::ALL) } else { backbone })
    }

    /// Builds the network on a device, with initial weights drawn from `seed`.
    ///
    /// # Errors    as [`init`](Self::init)
    pub fn init_seeded(&self, device: &Device, seed: u64) -> Result<Backbone> {
        self.init(&mut Initializer::new(device, seed))
    }

    pub(crate) fn epsilon(&self) -> f32 {
        self.batch_norm_epsilon as f32
    }

    /// A batch normalisation of the backbone.
    fn norm(&self, channels: usize, init: &Initializer) -> BatchNorm {
        BatchNorm::new(channels, self.epsilon(), init)
    }
}

/// A network that computes the features of faces.
#[derive(Module, Debug)]
pub struct Backbone {
    layers: Layers,
    #[module(skip)]
    config: BackboneConfig,
}

/// The layers of one of the architectures.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Layers {
    /// ResNet-18, 34 or 50.
    ResNet(ResNet),
    /// VGG-16.
    Vgg(Vgg),
    /// EfficientNet-B0 or Lite0.
    EfficientNet(EfficientNet),
    /// MobileFaceNet.
    MobileFaceNet(MobileFaceNet),
    /// IResNet-18, 34, 50 or 100.
    IResNet(IResNet),
    /// dlib's face network.
    DlibResNet(DlibResNet),
}

impl Backbone {
    /// The features of each face.
    ///
    /// # Shapes        images: [batch, 3, side, side], normalised · output: [batch, feature_dim]
    /// # Panics        a side length that [`Architecture::accepts`] rejects
    pub fn forward(&self, images: Tensor<4>, pass: &mut Pass) -> Tensor<2> {
        match &self.layers {
            Layers::ResNet(layers) => layers.forward(images, pass),
            Layers::Vgg(layers) => layers.forward(images, pass),
            Layers::EfficientNet(layers) => layers.forward(images, pass),
            Layers::MobileFaceNet(layers) => layers.forward(images, pass),
            Layers::IResNet(layers) => layers.forward(images, pass),
            Layers::DlibResNet(layers) => layers.forward(images, pass),
        }
    }

    /// Lists the layers, the last of which gives one row of features for each face.
    pub(crate) fn list(&self, images: Output, layers: &mut LayerList) -> Output {
        let features = match &self.layers {
            Layers::ResNet(network) => network.list(images, layers),
            Layers::Vgg(network) => network.list(images, layers),
            Layers::EfficientNet(network) => network.list(images, layers),
            Layers::MobileFaceNet(network) => network.list(images, layers),
            Layers::IResNet(network) => network.list(images, layers),
            Layers::DlibResNet(network) => network.list(images, layers),
        };
        layers.push(Layer::Flatten, &[features])
    }

    /// The settings of the network.
    pub fn config(&self) -> &BackboneConfig {
        &self.config
    }

    /// The layers, for functions of one architecture alone.
    pub fn layers(&self) -> &Layers {
        &self.layers
    }
}
