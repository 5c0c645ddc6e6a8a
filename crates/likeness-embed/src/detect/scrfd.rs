//! SCRFD: a network's answer at strides 8, 16 and 32 enters, faces, with landmarks where the graph has them, leave.
//!
//! Guo, Deng, Lattas, Zafeiriou, "Sample and Computation Redistribution for Efficient Face Detection", 2021,
//! arXiv 2105.04714; decoded as InsightFace does: a box is four distances from the cell's corner, in strides.

use likeness_data::detect::Detection;
use likeness_data::geometry::{Point, Rect};

use super::graph::Output;
use super::input::{Channels, InputFormat, Placement, Size};
use super::{Decoder, cell_count, cells};

const STRIDES_PX: [u32; 3] = [8, 16, 32];

/// Which outputs belong to one stride, by index.
struct Head {
    stride: u32,
    scores: usize,
    boxes: usize,
    landmarks: Option<usize>,
}

/// The decoder.
pub(super) struct Scrfd {
    /// Candidates a cell.
    anchors: usize,
    heads: Vec<Head>,
}

impl Scrfd {
    /// The decoder for nine outputs, per stride one of one, four and ten columns, or six without the ten.
    pub(super) fn recognise(outputs: &[Output], size: Size) -> Option<Self> {
        if ![6, 9].contains(&outputs.len()) {
            return None;
        }
        [2, 1].into_iter().find_map(|anchors| {
            let head = |stride| {
                let rows = anchors * cell_count(size, stride);
                let table = |columns| outputs.iter().position(|o| o.is_table(rows, columns));
                let landmarks = table(10);
                (landmarks.is_some() == (outputs.len() == 9))
                    .then(|| Some(Head { stride, scores: table(1)?, boxes: table(4)?, landmarks }))?
            };
            Some(Self { anchors, heads: STRIDES_PX.into_iter().map(head).collect::<Option<_>>()? })
        })
    }
}

impl Decoder for Scrfd {
    fn name(&self) -> &'static str {
        "scrfd"
    }

    /// InsightFace's own: red first, (byte − 127.5) / 128, black to the right and below.
    fn input(&self) -> InputFormat {
        InputFormat {
            channels: Channels::Rgb,
            mean: 127.5,
            factor: 1.0 / 128.0,
            placement: Placement::TopLeft,
            padding: 0,
        }
    }

    /// InsightFace's `det_thresh`.
    fn default_score_threshold(&self) -> f32 {
        0.5
    }

    fn decode(&self, outputs: &[Output], item: usize, size: Size, threshold: f32) -> Vec<Detection> {
        let mut found = Vec::new();
        for head in &self.heads {
            let stride = head.stride as f32;
            let scores = outputs[head.scores].item(item).chunks_exact(self.anchors);
            let boxes = outputs[head.boxes].item(item);
            let landmarks = head.landmarks.map(|i| outputs[i].item(item));
            for (cell, ((column, row), scores)) in cells(size, head.stride).zip(scores).enumerate() {
                let (x, y) = (column * stride, row * stride);
                for (anchor, &score) in scores.iter().enumerate().filter(|(_, score)| **score >= threshold) {
                    let i = cell * self.anchors + anchor;
                    let b = &boxes[4 * i..][..4];
                    let (left, top) = (x - b[0] * stride, y - b[1] * stride);
                    let (width, height) = ((b[0] + b[2]) * stride, (b[1] + b[3]) * stride);
                    let points = landmarks.map(|l| {
                        let l = &l[10 * i..][..10];
                        [0, 1, 2, 3, 4]
                            .map(|k| Point { x: x + l[2 * k] * stride, y: y + l[2 * k + 1] * stride })
                    });
                    let face_box = Rect::new(left, top, width, height);
                    found.push(Detection { face_box, score, landmarks: points });
                }
            }
        }
        found
    }
}
