//! YOLOv8-face: three feature maps of 80 channels enter, faces with landmarks leave.
//!
//! Ultralytics YOLOv8 with its pose head, trained on WIDER FACE. A cell has 64 channels of box (four distances, each the
//! mean of a distribution over 0 to 15 strides: Li et al., "Generalized Focal Loss", 2020, arXiv 2006.04388), one of
//! face (a logit) and 15 of landmarks (five times x, y and visibility).

use likeness_data::detect::Detection;
use likeness_data::geometry::{Point, Rect};

use super::graph::Output;
use super::input::{Channels, InputFormat, Placement, Size};
use super::{Decoder, cells};

const STRIDES_PX: [u32; 3] = [8, 16, 32];
/// Bins of a distance.
const BINS: usize = 16;
const FACE_CHANNEL: usize = 4 * BINS;
const LANDMARK_CHANNEL: usize = FACE_CHANNEL + 1;
const CHANNELS: usize = LANDMARK_CHANNEL + 15;

/// The decoder.
pub(super) struct YoloV8Face {
    /// The stride and the index of its output.
    heads: Vec<(u32, usize)>,
}

impl YoloV8Face {
    /// The decoder for three outputs [n, 80, height / stride, width / stride].
    pub(super) fn recognise(outputs: &[Output], size: Size) -> Option<Self> {
        let head = |stride: u32| {
            let (rows, columns) =
                (size.height.div_ceil(stride) as usize, size.width.div_ceil(stride) as usize);
            let fits = |o: &Output| matches!(*o.shape, [_, CHANNELS, h, w] if (h, w) == (rows, columns));
            outputs.iter().position(fits).map(|i| (stride, i))
        };
        let heads = STRIDES_PX.into_iter().map(head).collect::<Option<_>>()?;
        (outputs.len() == STRIDES_PX.len()).then_some(Self { heads })
    }
}

impl Decoder for YoloV8Face {
    fn name(&self) -> &'static str {
        "yolov8-face"
    }

    /// Ultralytics' own: red first, byte / 255, the photo centred on grey 114.
    fn input(&self) -> InputFormat {
        InputFormat {
            channels: Channels::Rgb,
            mean: 0.0,
            factor: 1.0 / 255.0,
            placement: Placement::Centre,
            padding: 114,
        }
    }

    /// The value of the model's own ONNX demonstration.
    fn default_score_threshold(&self) -> f32 {
        0.45
    }

    fn decode(&self, outputs: &[Output], item: usize, size: Size, threshold: f32) -> Vec<Detection> {
        let mut found = Vec::new();
        for &(stride_px, output) in &self.heads {
            let stride = stride_px as f32;
            let values = outputs[output].item(item);
            let plane = values.len() / CHANNELS;
            for (cell, (column, row)) in cells(size, stride_px).enumerate() {
                let at = |channel: usize| values[channel * plane + cell];
                let score = 1.0 / (1.0 + (-at(FACE_CHANNEL)).exp());
                if score < threshold {
                    continue;
                }
                let [left, top, right, bottom] =
                    [0, 1, 2, 3].map(|side| stride * mean_bin(|bin| at(side * BINS + bin)));
                let (x, y) = ((column + 0.5) * stride, (row + 0.5) * stride);
                let point = |k: usize| Point {
                    x: (2.0 * at(LANDMARK_CHANNEL + 3 * k) + column) * stride,
                    y: (2.0 * at(LANDMARK_CHANNEL + 3 * k + 1) + row) * stride,
                };
                found.push(Detection {
                    face_box: Rect::new(x - left, y - top, left + right, top + bottom),
                    score,
                    landmarks: Some([0, 1, 2, 3, 4].map(point)),
                });
            }
        }
        found
    }
}

/// The mean bin of the distribution whose logits are given: Σ i·softmax(logits)ᵢ.
fn mean_bin(logit: impl Fn(usize) -> f32) -> f32 {
    let largest = (0..BINS).map(&logit).fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for bin in 0..BINS {
        let weight = (logit(bin) - largest).exp();
        sum += weight;
        weighted += weight * bin as f32;
    }
    weighted / sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_bin_of_known_distributions() {
        assert!((mean_bin(|_| 3.0) - 7.5).abs() < 1e-6);
        assert!((mean_bin(|bin| if bin == 11 { 90.0 } else { 0.0 }) - 11.0).abs() < 1e-6);
        assert!((mean_bin(|bin| if bin < 2 { 1000.0 } else { -1000.0 }) - 0.5).abs() < 1e-6);
    }
}
