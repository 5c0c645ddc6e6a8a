//! Preprocessing: converts a face's pixels to a network's input by size, channel order and normalisation.

use serde::{Deserialize, Serialize};

use crate::{ModelError, Result};

/// Maximum mean and standard deviation; the minimum standard deviation is its reciprocal.
const MAX_VALUE: f32 = 1e6;
/// Maximum side of an input.
const MAX_SIDE_PX: u32 = 4096;

/// The order of a network's input channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, the order of OpenCV.
    Bgr,
}

/// How a face is converted to a network's input: a value v in 0..=255 of channel c becomes (v − mean\[c\]) / std\[c\].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocess {
    /// Width and height in pixels; `None` uses the graph's input size.
    pub input_size: Option<[u32; 2]>,
    /// The order of the channels, also in `mean` and `std`.
    pub channels: ChannelOrder,
    /// The mean that is subtracted, on the scale 0..=255.
    pub mean: [f32; 3],
    /// The standard deviation that values are divided by, on the scale 0..=255.
    pub std: [f32; 3],
    /// Whether embeddings are scaled to unit length.
    pub unit_length: bool,
}

impl Default for Preprocess {
    /// RGB, values 0..=255 unchanged, unit length: the input of graphs that contain their normalisation.
    fn default() -> Self {
        Self {
            input_size: None,
            channels: ChannelOrder::Rgb,
            mean: [0.0; 3],
            std: [1.0; 3],
            unit_length: true,
        }
    }
}

/// How the levels of a pixel are normalised: (v − mean) / std for each channel, on the scale 0..=255, in the order red, green,
/// blue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// Subtracted from red, green and blue.
    pub mean: [f32; 3],
    /// Divides red, green and blue after the subtraction.
    pub std: [f32; 3],
}

impl Normalization {
    /// Levels from 0 to 255 as they are.
    pub const NONE: Self = Self { mean: [0.0; 3], std: [1.0; 3] };

    /// To [−1, 1], as InsightFace's networks expect: (v − 127.5) / 127.5.
    pub const ARCFACE: Self = Self { mean: [127.5; 3], std: [127.5; 3] };

    /// By the mean and standard deviation of ImageNet, as torchvision's networks expect.
    pub const IMAGENET: Self = Self {
        mean: [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
        std: [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
    };
}

/// Settings given by flags; all others come from `model.toml` or the defaults.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PreprocessOverrides {
    /// Width and height in pixels.
    pub input_size: Option<[u32; 2]>,
    /// The order of the channels.
    pub channels: Option<ChannelOrder>,
    /// Mean, in the order of the channels.
    pub mean: Option<[f32; 3]>,
    /// Standard deviation, in the order of the channels.
    pub std: Option<[f32; 3]>,
}

impl Preprocess {
    /// Applies `overrides`.
    ///
    /// # Errors        values out of range
    pub fn changed(mut self, overrides: &PreprocessOverrides) -> Result<Self> {
        self.input_size = overrides.input_size.or(self.input_size);
        self.channels = overrides.channels.unwrap_or(self.channels);
        self.mean = overrides.mean.unwrap_or(self.mean);
        self.std = overrides.std.unwrap_or(self.std);
        self.validate().map_err(|reason| ModelError::BadArgument {
            reason,
            hint: Some("--mean and --std are on the scale 0 to 255, --input-size is in pixels".into()),
        })?;
        Ok(self)
    }

    /// Checks that all values are in range.
    ///
    /// # Errors        a mean that is not finite or beyond ±10⁶, a std outside 10⁻⁶ to 10⁶, a side outside 1 to 4096
    /// pixels; described as text
    pub(crate) fn validate(&self) -> Result<(), String> {
        let (mean, std) = (self.mean, self.std);
        // `contains` is false for NaN.
        if !mean.iter().all(|v| (-MAX_VALUE..=MAX_VALUE).contains(v)) {
            return Err(format!("the mean must lie between -{MAX_VALUE} and {MAX_VALUE}, found {mean:?}"));
        }
        if !std.iter().all(|v| (1.0 / MAX_VALUE..=MAX_VALUE).contains(v)) {
            return Err(format!(
                "the standard deviation must be above 0 and at most {MAX_VALUE}, found {std:?}"
            ));
        }
        match self.input_size {
            Some([w, h]) if !(1..=MAX_SIDE_PX).contains(&w) || !(1..=MAX_SIDE_PX).contains(&h) => {
                Err(format!("the input size must lie between 1 and {MAX_SIDE_PX} pixels, found {w}×{h}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::preprocess_of;

    #[test]
    fn settings_come_from_beside_the_graph_and_flags_win() {
        let folder = tempfile::tempdir().unwrap();
        let graph = folder.path().join("net.onnx");
        assert_eq!(preprocess_of(&graph, &PreprocessOverrides::default()).unwrap(), Preprocess::default());
        fs_err::write(folder.path().join("net.toml"), "channels = \"bgr\"\nmean = [1, 2, 3]\n").unwrap();
        let flags = PreprocessOverrides { mean: Some([9.0; 3]), ..Default::default() };
        let settings = preprocess_of(&graph, &flags).unwrap();
        assert_eq!((settings.channels, settings.mean), (ChannelOrder::Bgr, [9.0; 3]));
        fs_err::write(folder.path().join("net.toml"), "colour = 1\n").unwrap();
        let error = preprocess_of(&graph, &PreprocessOverrides::default()).unwrap_err();
        assert!(error.to_string().contains("net.toml") && error.to_string().contains("colour"), "{error}");
        fs_err::write(folder.path().join("net.toml"), "std = [1, -2, 3]\n").unwrap();
        let error = preprocess_of(&graph, &PreprocessOverrides::default()).unwrap_err();
        assert!(error.to_string().contains("net.toml: the standard deviation must be above 0"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let graph = folder.path().join("net.onnx");
        let for_graph = |flags| preprocess_of(&graph, &flags);
        let none = PreprocessOverrides::default;
        for bad in [f32::NAN, f32::INFINITY, -1e9] {
            assert!(
                for_graph(PreprocessOverrides { mean: Some([1.0, bad, 1.0]), ..none() }).is_err(),
                "{bad}"
            );
        }
        for bad in [f32::NAN, f32::INFINITY, 0.0, -0.0, -1.0, 1e-9, 1e9] {
            assert!(
                for_graph(PreprocessOverrides { std: Some([1.0, bad, 1.0]), ..none() }).is_err(),
                "{bad}"
            );
        }
        for bad in [[0, 9], [9, 0], [4097, 9], [u32::MAX; 2]] {
            assert!(for_graph(PreprocessOverrides { input_size: Some(bad), ..none() }).is_err(), "{bad:?}");
        }
        let good = PreprocessOverrides {
            mean: Some([-5.0, 0.0, 255.0]),
            std: Some([0.01, 1.0, 300.0]),
            input_size: Some([1, 4096]),
            ..none()
        };
        for_graph(good).unwrap();
    }
}
