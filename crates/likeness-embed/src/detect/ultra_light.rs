//! Ultra-Light (RFB-320, slim-320 and their 640 siblings): two tables enter, faces without landmarks leave.
//!
//! Linzaer, "Ultra-Light-Fast-Generic-Face-Detector-1MB", 2019: an SSD whose graph already applies its priors, so that
//! the boxes come out as corners in shares of the input.

use likeness_data::detect::Detection;
use likeness_data::geometry::Rect;

use super::Decoder;
use super::graph::Output;
use super::input::{Channels, InputFormat, Placement, Size};

/// The decoder.
pub(super) struct UltraLight {
    scores: usize,
    boxes: usize,
}

impl UltraLight {
    /// The decoder for two outputs with equally many rows, of two and of four columns.
    pub(super) fn recognise(outputs: &[Output]) -> Option<Self> {
        let table = |columns| outputs.iter().position(|o| o.shape.len() == 3 && o.shape[2] == columns);
        let (scores, boxes) = (table(2)?, table(4)?);
        let same_rows = outputs[scores].shape[1] == outputs[boxes].shape[1];
        (outputs.len() == 2 && same_rows).then_some(Self { scores, boxes })
    }
}

impl Decoder for UltraLight {
    fn name(&self) -> &'static str {
        "ultra-light"
    }

    /// The authors' own: red first, (byte − 127) / 128, the photo stretched over the input.
    fn input(&self) -> InputFormat {
        InputFormat {
            channels: Channels::Rgb,
            mean: 127.0,
            factor: 1.0 / 128.0,
            placement: Placement::Stretch,
            padding: 127,
        }
    }

    /// The value of the authors' ONNX demonstration.
    fn default_score_threshold(&self) -> f32 {
        0.7
    }

    fn decode(&self, outputs: &[Output], item: usize, size: Size, threshold: f32) -> Vec<Detection> {
        let (width, height) = (size.width as f32, size.height as f32);
        let scores = outputs[self.scores].item(item).chunks_exact(2);
        let boxes = outputs[self.boxes].item(item).chunks_exact(4);
        scores
            .zip(boxes)
            .filter(|(s, _)| s[1] >= threshold)
            .map(|(s, b)| Detection {
                face_box: Rect::new(
                    b[0] * width,
                    b[1] * height,
                    (b[2] - b[0]) * width,
                    (b[3] - b[1]) * height,
                ),
                score: s[1],
                landmarks: None,
            })
            .collect()
    }
}
