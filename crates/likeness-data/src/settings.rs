//! The settings that determine a dataset's contents.

use serde::{Deserialize, Serialize};

use crate::align::Template;
use crate::cut::CutConfig;
use crate::sampling::SamplingConfig;
use crate::source::Layout;
use crate::split::SplitConfig;

/// Options that determine a dataset's contents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareConfig {
    /// The layout, which defines how to find each photo's identity.
    pub layout: Layout,
    /// Which identities to keep, and how many images of each.
    pub sampling: SamplingConfig,
    /// How to divide the dataset into training, validation and test.
    pub split: SplitConfig,
    /// Width and height of a face, in pixels.
    pub size: u32,
    /// The file format of the faces.
    pub format: FaceFormat,
    /// Settings of face detection; `None` without detection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detection: Option<DetectionSettings>,
    /// The domain written to the manifest if the collection names none.
    pub domain: Option<String>,
    /// The template that faces are aligned to if the collection gives their landmarks and none are detected.
    #[serde(default, skip_serializing_if = "is_arcface")]
    pub template: Template,
}

/// Datasets of earlier versions do not name their template, which is ArcFace's.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
pub(crate) fn is_arcface(template: &Template) -> bool {
    *template == Template::Arcface
}

impl Default for PrepareConfig {
    /// 224 × 224 PNG, all photos, the collection's own split or 80/20 by index.
    fn default() -> Self {
        Self {
            layout: Layout::Auto,
            sampling: SamplingConfig::default(),
            split: SplitConfig::default(),
            size: 224,
            format: FaceFormat::Png,
            detection: None,
            domain: None,
            template: Template::default(),
        }
    }
}

/// The detector, and what to do with the faces that it finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectionSettings {
    /// The detector's name.
    pub detector: String,
    /// SHA-256 over the detector's file and settings, in hexadecimal.
    pub fingerprint: String,
    /// Which faces to keep, and how to crop them.
    pub cut: CutConfig,
}

/// The format of a face's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaceFormat {
    /// Lossless; compressed for speed.
    #[default]
    Png,
    /// JPEG of quality 95, about a fifth of the size of a PNG.
    Jpeg,
}

impl FaceFormat {
    /// The file name extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
        }
    }
}
