//! The architectures: names, feature dimensions, input normalisation, and the stages of their parameters.

use super::{dlib_resnet, iresnet, vgg::Vgg};
use crate::error::TrainError;
use likeness_model::preprocess::Normalization;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The architecture of a backbone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// 18 layers, 11 million parameters.
    #[serde(rename = "resnet18")]
    ResNet18,
    /// 34 layers, 21 million parameters.
    #[serde(rename = "resnet34")]
    ResNet34,
    /// 50 layers, 24 million parameters.
    #[default]
    #[serde(rename = "resnet50")]
    ResNet50,
    /// 13 convolutions, 15 million parameters.
    Vgg16,
    /// VGG-16 with batch normalisation, 15 million parameters.
    Vgg16Bn,
    /// 4 million parameters.
    #[serde(rename = "efficientnet-b0")]
    EfficientNetB0,
    /// 3 million parameters; EfficientNet-B0 without squeeze and excitation, with TensorFlow's padding.
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0,
    /// 6 million parameters, for faces of 150 pixels in dlib's alignment.
    #[serde(rename = "dlib-resnet")]
    DlibResNet,
    /// 2 million parameters, for faces of 112 pixels; the width of InsightFace's `mbf`.
    #[serde(rename = "mobilefacenet")]
    MobileFaceNet,
    /// 1 million parameters, for faces of 112 pixels; the width of the paper, InsightFace's `mbf` with `scale=1`.
    #[serde(rename = "mobilefacenet-x1")]
    MobileFaceNetX1,
    /// 24 million parameters, for faces of 112 pixels.
    #[serde(rename = "iresnet18")]
    IResNet18,
    /// 34 million parameters, for faces of 112 pixels.
    #[serde(rename = "iresnet34")]
    IResNet34,
    /// 44 million parameters, for faces of 112 pixels.
    #[serde(rename = "iresnet50")]
    IResNet50,
    /// 65 million parameters, for faces of 112 pixels.
    #[serde(rename = "iresnet100")]
    IResNet100,
}

/// A family of InsightFace's face networks, which share their layer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaceFamily {
    MobileFaceNet,
    IResNet,
}

/// A part of a network that can be frozen, or trained at its own learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Layers before the first stage of blocks.
    Stem,
    /// First stage of blocks.
    Layer1,
    /// Second stage of blocks.
    Layer2,
    /// Third stage of blocks.
    Layer3,
    /// Last stage of blocks, and the backbone's layers after it.
    Layer4,
    /// The embedding head.
    Head,
}

impl Stage {
    /// All stages, from the input to the embedding.
    pub const ALL: [Self; 6] =
        [Self::Stem, Self::Layer1, Self::Layer2, Self::Layer3, Self::Layer4, Self::Head];

    /// The name in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stem => "stem",
            Self::Layer1 => "layer1",
            Self::Layer2 => "layer2",
            Self::Layer3 => "layer3",
            Self::Layer4 => "layer4",
            Self::Head => "head",
        }
    }
}

/// Side length of faces that are aligned to ArcFace's template, in pixels.
const ALIGNED_PX: usize = 112;

/// Of dlib's `input_rgb_image_sized`: the mean colour of its training pictures, and a divisor of 256.
const DLIB: Normalization = Normalization { mean: [122.782, 117.001, 104.298], std: [256.0; 3] };
/// Of TensorFlow's EfficientNet-Lite.
const EFFICIENTNET_LITE: Normalization = Normalization { mean: [127.0; 3], std: [128.0; 3] };

impl Architecture {
    /// All architectures.
    pub const ALL: [Self; 14] = [
        Self::ResNet18,
        Self::ResNet34,
        Self::ResNet50,
        Self::Vgg16,
        Self::Vgg16Bn,
        Self::EfficientNetB0,
        Self::EfficientNetLite0,
        Self::DlibResNet,
        Self::MobileFaceNet,
        Self::MobileFaceNetX1,
        Self::IResNet18,
        Self::IResNet34,
        Self::IResNet50,
        Self::IResNet100,
    ];

    /// The name in settings, on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResNet18 => "resnet18",
            Self::ResNet34 => "resnet34",
            Self::ResNet50 => "resnet50",
            Self::Vgg16 => "vgg16",
            Self::Vgg16Bn => "vgg16-bn",
            Self::EfficientNetB0 => "efficientnet-b0",
            Self::EfficientNetLite0 => "efficientnet-lite0",
            Self::DlibResNet => "dlib-resnet",
            Self::MobileFaceNet => "mobilefacenet",
            Self::MobileFaceNetX1 => "mobilefacenet-x1",
            Self::IResNet18 => "iresnet18",
            Self::IResNet34 => "iresnet34",
            Self::IResNet50 => "iresnet50",
            Self::IResNet100 => "iresnet100",
        }
    }

    /// Dimension of the features.
    pub const fn feature_dim(self) -> usize {
        match self {
            Self::ResNet50 => 2048,
            Self::EfficientNetB0 | Self::EfficientNetLite0 => 1280,
            Self::DlibResNet => dlib_resnet::FEATURES,
            Self::IResNet18 | Self::IResNet34 | Self::IResNet50 | Self::IResNet100 => iresnet::FEATURES,
            _ => 512,
        }
    }

    /// How the pixels of an input are normalised for the published weights.
    pub const fn normalization(self) -> Normalization {
        match self {
            _ if self.is_for_aligned_faces() => Normalization::ARCFACE,
            Self::DlibResNet => DLIB,
            Self::EfficientNetLite0 => EFFICIENTNET_LITE,
            _ => Normalization::IMAGENET,
        }
    }

    /// Side length of the images that the published weights were trained on, in pixels.
    pub const fn published_side_px(self) -> u32 {
        match self {
            _ if self.is_for_aligned_faces() => ALIGNED_PX as u32,
            Self::DlibResNet => 150,
            _ => 224,
        }
    }

    /// Default side length of the images in training, in pixels.
    pub const fn training_side_px(self) -> u32 {
        match self {
            Self::DlibResNet | Self::EfficientNetLite0 => self.published_side_px(),
            _ => ALIGNED_PX as u32,
        }
    }

    /// Epsilon of the batch normalisation with which the published weights were trained.
    pub const fn batch_norm_epsilon(self) -> f64 {
        match self {
            Self::EfficientNetLite0 => super::TENSORFLOW_EPSILON,
            _ => super::EPSILON,
        }
    }

    /// Whether the network accepts inputs of this side length, in pixels.
    pub const fn accepts(self, side_px: usize) -> bool {
        match self {
            _ if self.is_for_aligned_faces() => side_px == ALIGNED_PX,
            Self::DlibResNet => side_px >= dlib_resnet::MIN_SIDE_PX,
            // Five layers halve maps of even sides only.
            Self::EfficientNetLite0 => side_px >= 32 && side_px.is_multiple_of(32),
            _ => side_px >= 32,
        }
    }

    /// The family of one of InsightFace's face networks; `None` for other networks.
    pub(crate) const fn face_family(self) -> Option<FaceFamily> {
        match self {
            Self::MobileFaceNet | Self::MobileFaceNetX1 => Some(FaceFamily::MobileFaceNet),
            Self::IResNet18 | Self::IResNet34 | Self::IResNet50 | Self::IResNet100 => {
                Some(FaceFamily::IResNet)
            }
            _ => None,
        }
    }

    /// Whether the network expects faces aligned to ArcFace's template.
    pub const fn is_for_aligned_faces(self) -> bool {
        self.face_family().is_some()
    }

    /// Keys of the head's linear layer and normalisation in the published weights.
    pub(crate) const fn head_keys(self) -> [&'static str; 2] {
        match self.face_family() {
            Some(FaceFamily::MobileFaceNet) => ["features.layers.2", "features.layers.3"],
            Some(FaceFamily::IResNet) => ["fc", "features"],
            None => ["head.linear", "head.neck"],
        }
    }

    /// The stage of a parameter by its key, such as `layer1.0.conv1.weight`.
    ///
    /// The five blocks of VGG, and the blocks of EfficientNet and MobileFaceNet by resolution, are assigned to the stages.
    pub fn stage_of(self, key: &str) -> Stage {
        let mut parts = key.split('.');
        let first = parts.next().unwrap_or_default();
        let index = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
        let number = match (self, first) {
            (_, "head") => 5,
            (Self::Vgg16 | Self::Vgg16Bn, _) => Vgg::block_of(index, self == Self::Vgg16Bn),
            (Self::EfficientNetB0 | Self::EfficientNetLite0, _) => {
                [0, 1, 1, 2, 3, 3, 4, 4, 4].get(index).copied().unwrap_or(4)
            }
            _ if self.head_keys().iter().any(|head| is_below(key, head)) => 5,
            (Self::MobileFaceNet | Self::MobileFaceNetX1, "layers") => (index / 2).min(4),
            (Self::MobileFaceNet | Self::MobileFaceNetX1, _) => 4,
            (Self::IResNet18 | Self::IResNet34 | Self::IResNet50 | Self::IResNet100, "bn2") => 4,
            (_, "layer1") => 1,
            (_, "layer2") => 2,
            (_, "layer3") => 3,
            (_, "layer4" | "layer5") => 4,
            _ => 0,
        };
        Stage::ALL[number]
    }
}

/// Whether `key` names a tensor of `layer`.
fn is_below(key: &str, layer: &str) -> bool {
    key.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.'))
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Architecture {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        Self::ALL.into_iter().find(|architecture| architecture.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|architecture| architecture.name()).collect();
            TrainError::BadArgument {
                reason: format!("`{name}` is not an architecture"),
                hint: Some(format!("choose one of {}", names.join(", "))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for architecture in Architecture::ALL {
            assert_eq!(architecture.name().parse::<Architecture>().unwrap(), architecture);
            assert_eq!(serde_json::to_value(architecture).unwrap(), architecture.name());
        }
        let error = "resnet51".parse::<Architecture>().unwrap_err();
        assert!(error.hint().unwrap().contains("vgg16-bn"));
    }

    #[test]
    fn stages_follow_the_keys() {
        let cases = [
            (Architecture::ResNet50, "bn1.weight", Stage::Stem),
            (Architecture::ResNet50, "layer3.5.bn2.bias", Stage::Layer3),
            (Architecture::Vgg16, "features.0.weight", Stage::Stem),
            (Architecture::Vgg16Bn, "features.41.weight", Stage::Layer4),
            (Architecture::EfficientNetB0, "features.0.0.weight", Stage::Stem),
            (Architecture::EfficientNetB0, "features.3.0.block.0.0.weight", Stage::Layer2),
            (Architecture::EfficientNetLite0, "features.8.1.bias", Stage::Layer4),
            (Architecture::DlibResNet, "bn1.weight", Stage::Stem),
            (Architecture::DlibResNet, "layer5.0.conv2.weight", Stage::Layer4),
            (Architecture::MobileFaceNet, "layers.3.layers.0.layers.0.layers.0.weight", Stage::Layer1),
            (Architecture::MobileFaceNetX1, "conv_sep.layers.0.weight", Stage::Layer4),
            (Architecture::MobileFaceNet, "features.layers.2.weight", Stage::Head),
            (Architecture::ResNet18, "head.linear.weight", Stage::Head),
            (Architecture::IResNet50, "prelu.weight", Stage::Stem),
            (Architecture::IResNet50, "layer3.13.bn1.bias", Stage::Layer3),
            (Architecture::IResNet50, "bn2.running_var", Stage::Layer4),
            (Architecture::IResNet50, "fc.bias", Stage::Head),
            (Architecture::IResNet50, "features.weight", Stage::Head),
        ];
        for (architecture, key, stage) in cases {
            assert_eq!(architecture.stage_of(key), stage, "{architecture} {key}");
        }
    }
}
