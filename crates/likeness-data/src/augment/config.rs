//! Options of augmentation.

use serde::{Deserialize, Serialize};

use crate::{DataError, Result};

/// Which augmentations are applied to faces during training, and how strong they are.
///
/// Probabilities are in [0, 1]; a step with probability 0 is off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Probability of mirroring left and right.
    pub flip: f32,
    /// Rotation, scale and shift.
    pub place: PlaceConfig,
    /// Brightness, contrast, saturation and hue.
    pub colour: ColourConfig,
    /// Probability of converting to grey.
    pub grey: f32,
    /// Conversion to another drawing style.
    #[serde(skip_serializing_if = "StyleConfig::is_off")]
    pub style: StyleConfig,
    /// Reduced resolution.
    pub low_resolution: LowResolutionConfig,
    /// Gaussian blur.
    pub blur: BlurConfig,
    /// JPEG compression.
    pub jpeg: JpegConfig,
    /// Erasing of a rectangle.
    pub erasing: ErasingConfig,
}

/// Rotation, scale and shift, each uniform in its range; pixels outside the picture repeat the nearest pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaceConfig {
    /// Probability of applying the step.
    pub probability: f32,
    /// Maximum rotation in either direction, in degrees.
    pub rotation_deg: f32,
    /// Maximum change of scale: 0.1 means 0.9 to 1.1.
    pub scale: f32,
    /// Maximum shift along each axis, as a share of the face's side.
    pub shift: f32,
}

/// Colour factors, each uniform in its range: 0.2 means 0.8 to 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColourConfig {
    /// Probability of applying the step.
    pub probability: f32,
    /// Maximum change of brightness, a factor of all values.
    pub brightness: f32,
    /// Maximum change of contrast, a factor of the difference from the mean lightness.
    pub contrast: f32,
    /// Maximum change of saturation, a factor of the difference from a pixel's own lightness.
    pub saturation: f32,
    /// Maximum rotation of the hue in either direction, as a share of the colour circle, up to 0.5.
    pub hue: f32,
}

/// Conversion to another style: posterised, sketched or outlined.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StyleConfig {
    /// Probability of applying the step.
    pub probability: f32,
    /// The style to use; `None` chooses one of the three at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<StyleKind>,
}

/// A style by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StyleKind {
    /// Few levels of each colour.
    Posterise,
    /// A pencil drawing.
    Sketch,
    /// Colours with dark outlines.
    Outline,
}

impl StyleConfig {
    /// Whether the probability of the step is 0.
    pub fn is_off(&self) -> bool {
        self.probability == 0.0
    }
}

/// Reduced resolution: scales down to a share of the side, and up again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LowResolutionConfig {
    /// Probability of applying the step.
    pub probability: f32,
    /// Minimum share of the side, above 0; the share is uniform from here to 1.
    pub least_share: f32,
}

/// Gaussian blur.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlurConfig {
    /// Probability of applying the step.
    pub probability: f32,
    /// Minimum and maximum standard deviation, as shares of the face's side, up to 0.1.
    pub sigma_share: [f32; 2],
}

/// JPEG compression.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JpegConfig {
    /// Probability of applying the step.
    pub probability: f32,
    /// Minimum and maximum quality, from 1 to 100.
    pub quality: [u8; 2],
}

/// Erasing: fills a rectangle with noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErasingConfig {
    /// Probability of applying the step.
    pub probability: f32,
    /// Minimum and maximum area, as shares of the face's area.
    pub area_share: [f32; 2],
    /// Maximum ratio of the longer side to the shorter.
    pub aspect: f32,
}

impl Default for AugmentConfig {
    /// A moderate recipe for faces.
    ///
    /// Mirroring half of the faces and mild colour jitter are common in face recognition and image retrieval (ArcFace: arXiv
    /// 1801.07698, section 3.1, mirroring only; SimCLR: arXiv 2002.05709, appendix A, colour jitter, grey and blur, much
    /// stronger). AdaFace (arXiv 2204.00964, section 4.1) uses cropping, rescaling and photometric jitter with probability 0.2,
    /// for photos of low quality. Erasing follows arXiv 1708.04896, which uses probability 0.5 and up to 0.4 of the area.
    /// Rotation, scale and shift imitate the errors of a landmark detector.
    fn default() -> Self {
        Self {
            flip: 0.5,
            place: PlaceConfig::default(),
            colour: ColourConfig::default(),
            grey: 0.05,
            style: StyleConfig::default(),
            low_resolution: LowResolutionConfig::default(),
            blur: BlurConfig::default(),
            jpeg: JpegConfig::default(),
            erasing: ErasingConfig::default(),
        }
    }
}

impl Default for PlaceConfig {
    /// Applied always: ±10°, scale 0.9 to 1.1, shift ±5 % of the side.
    fn default() -> Self {
        Self { probability: 1.0, rotation_deg: 10.0, scale: 0.1, shift: 0.05 }
    }
}

impl Default for ColourConfig {
    /// Applied always: ±0.2, and hue ±0.02 only, because another skin hue would suggest another person.
    fn default() -> Self {
        Self { probability: 1.0, brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02 }
    }
}

impl Default for LowResolutionConfig {
    /// Applied to one face in ten, down to 0.4 of the side.
    fn default() -> Self {
        Self { probability: 0.1, least_share: 0.4 }
    }
}

impl Default for BlurConfig {
    /// Applied to one face in ten, from 0.3 to 1.3 pixels for a 112-pixel face.
    fn default() -> Self {
        Self { probability: 0.1, sigma_share: [0.003, 0.012] }
    }
}

impl Default for JpegConfig {
    /// Applied to one face in ten, with qualities from 40 to 90.
    fn default() -> Self {
        Self { probability: 0.1, quality: [40, 90] }
    }
}

impl Default for ErasingConfig {
    /// Applied to one face in ten: 0.02 to 0.2 of the area, side ratio up to 3.3 (arXiv 1708.04896 has up to 0.4 of the area).
    fn default() -> Self {
        Self { probability: 0.1, area_share: [0.02, 0.2], aspect: 3.3 }
    }
}

impl AugmentConfig {
    /// No augmentation: faces are only scaled to the output size.
    pub fn none() -> Self {
        let mut config = Self { flip: 0.0, grey: 0.0, ..Self::default() };
        config.place.probability = 0.0;
        config.colour.probability = 0.0;
        config.low_resolution.probability = 0.0;
        config.blur.probability = 0.0;
        config.jpeg.probability = 0.0;
        config.erasing.probability = 0.0;
        config
    }

    /// For large collections, long runs and queries of poor quality: twice the ranges of the default, three times as often.
    pub fn strong() -> Self {
        Self {
            flip: 0.5,
            place: PlaceConfig { probability: 1.0, rotation_deg: 20.0, scale: 0.2, shift: 0.1 },
            colour: ColourConfig {
                probability: 1.0,
                brightness: 0.4,
                contrast: 0.4,
                saturation: 0.4,
                hue: 0.04,
            },
            grey: 0.15,
            style: StyleConfig::default(),
            low_resolution: LowResolutionConfig { probability: 0.3, least_share: 0.2 },
            blur: BlurConfig { probability: 0.3, sigma_share: [0.003, 0.024] },
            jpeg: JpegConfig { probability: 0.3, quality: [20, 90] },
            erasing: ErasingConfig { probability: 0.3, area_share: [0.02, 0.4], aspect: 3.3 },
        }
    }

    /// For faces of another domain: the colour and grey settings of the strong recipe, and every third face in another style.
    pub fn style() -> Self {
        let strong = Self::strong();
        Self { colour: strong.colour, grey: strong.grey, jpeg: strong.jpeg, ..Self::drawn(None) }
    }

    /// The default, and every third face in the style `only`, or in a random style if it is `None`.
    pub fn drawn(only: Option<StyleKind>) -> Self {
        Self { style: StyleConfig { probability: 0.3, only }, ..Self::default() }
    }

    /// The default with the colour and grey settings of the strong recipe.
    pub fn colour() -> Self {
        let strong = Self::strong();
        Self { colour: strong.colour, grey: strong.grey, ..Self::default() }
    }

    /// The default with the JPEG compression of the strong recipe.
    pub fn compression() -> Self {
        Self { jpeg: Self::strong().jpeg, ..Self::default() }
    }

    /// Checks that every setting is inside its range.
    ///
    /// # Errors        a setting outside its range → [`DataError::BadArgument`], naming both
    pub fn validate(&self) -> Result<()> {
        let Self { place, colour, style, low_resolution, blur, jpeg, erasing, .. } = self;
        for (name, value, least, most) in [
            ("flip", self.flip, 0.0, 1.0),
            ("grey", self.grey, 0.0, 1.0),
            ("place.probability", place.probability, 0.0, 1.0),
            ("place.rotation_deg", place.rotation_deg, 0.0, 180.0),
            ("place.scale", place.scale, 0.0, 0.9),
            ("place.shift", place.shift, 0.0, 1.0),
            ("colour.probability", colour.probability, 0.0, 1.0),
            ("colour.brightness", colour.brightness, 0.0, 1.0),
            ("colour.contrast", colour.contrast, 0.0, 1.0),
            ("colour.saturation", colour.saturation, 0.0, 1.0),
            ("colour.hue", colour.hue, 0.0, 0.5),
            ("style.probability", style.probability, 0.0, 1.0),
            ("low_resolution.probability", low_resolution.probability, 0.0, 1.0),
            ("low_resolution.least_share", low_resolution.least_share, 0.01, 1.0),
            ("blur.probability", blur.probability, 0.0, 1.0),
            ("blur.sigma_share[0]", blur.sigma_share[0], 0.0, blur.sigma_share[1].min(0.1)),
            ("blur.sigma_share[1]", blur.sigma_share[1], 0.0, 0.1),
            ("jpeg.probability", jpeg.probability, 0.0, 1.0),
            ("jpeg.quality[0]", f32::from(jpeg.quality[0]), 1.0, f32::from(jpeg.quality[1].min(100))),
            ("jpeg.quality[1]", f32::from(jpeg.quality[1]), 1.0, 100.0),
            ("erasing.probability", erasing.probability, 0.0, 1.0),
            ("erasing.area_share[0]", erasing.area_share[0], 0.0, erasing.area_share[1].min(1.0)),
            ("erasing.area_share[1]", erasing.area_share[1], 0.0, 1.0),
            ("erasing.aspect", erasing.aspect, 1.0, 100.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(DataError::argument(format!(
                    "augmentation {name} = {value}: expected a number from {least} to {most}"
                )));
            }
        }
        Ok(())
    }
}
