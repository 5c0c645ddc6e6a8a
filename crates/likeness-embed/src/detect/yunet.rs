//! YuNet: a network's answer at strides 8, 16 and 32 enters, faces with landmarks leave.
//!
//! Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023,
//! doi 10.1007/s11633-023-1423-y; decoded as OpenCV's `FaceDetectorYN` does. One anchor a cell.

use likeness_data::detect::Detection;
use likeness_data::geometry::{Point, Rect};

use super::graph::Output;
use super::input::{Channels, InputFormat, Placement, Size};
use super::{Decoder, cell_count, cells};

const STRIDES_PX: [u32; 3] = [8, 16, 32];

/// Which outputs belong to one stride, by index.
struct Head {
    stride: u32,
    /// The class and the objectness, in either order: the score is symmetric in them.
    scores: [usize; 2],
    boxes: usize,
    landmarks: usize,
}

/// The decoder.
pub(super) struct YuNet {
    heads: Vec<Head>,
}

impl YuNet {
    /// The decoder for twelve outputs: per stride two of one column, one of four, one of ten.
    pub(super) fn recognise(outputs: &[Output], size: Size) -> Option<Self> {
        if outputs.len() != 12 {
            return None;
        }
        let head = |stride| {
            let rows = cell_count(size, stride);
            let tables = |columns| {
                let fits = move |(i, o): (usize, &Output)| o.is_table(rows, columns).then_some(i);
                outputs.iter().enumerate().filter_map(fits).collect::<Vec<_>>()
            };
            match (&*tables(1), &*tables(4), &*tables(10)) {
                (&[a, b], &[boxes], &[landmarks]) => Some(Head { stride, scores: [a, b], boxes, landmarks }),
                _ => None,
            }
        };
        let heads = STRIDES_PX.into_iter().map(head).collect::<Option<_>>()?;
        Some(Self { heads })
    }
}

impl Decoder for YuNet {
    fn name(&self) -> &'static str {
        "yunet"
    }

    /// Bytes as they are, blue first; OpenCV pads to the right and below with black.
    fn input(&self) -> InputFormat {
        InputFormat {
            channels: Channels::Bgr,
            mean: 0.0,
            factor: 1.0,
            placement: Placement::TopLeft,
            padding: 0,
        }
    }

    /// Lower than the 0.9 of OpenCV's `FaceDetectorYN`, which misses 187 of 6,300 photos of CelebA, where 0.6 misses 12;
    /// top-1 retrieval over all of them is 93.8 % and 95.2 %.
    fn default_score_threshold(&self) -> f32 {
        0.6
    }

    fn decode(&self, outputs: &[Output], item: usize, size: Size, threshold: f32) -> Vec<Detection> {
        let mut found = Vec::new();
        for head in &self.heads {
            let stride = head.stride as f32;
            let [class, object] = head.scores.map(|i| outputs[i].item(item));
            let boxes = outputs[head.boxes].item(item).chunks_exact(4);
            let landmarks = outputs[head.landmarks].item(item).chunks_exact(10);
            for (i, (((column, row), b), l)) in cells(size, head.stride).zip(boxes).zip(landmarks).enumerate()
            {
                let score = (class[i].clamp(0.0, 1.0) * object[i].clamp(0.0, 1.0)).sqrt();
                if score < threshold {
                    continue;
                }
                let (width, height) = (b[2].exp() * stride, b[3].exp() * stride);
                let (x, y) = ((column + b[0]) * stride, (row + b[1]) * stride);
                let point =
                    |k: usize| Point { x: (l[2 * k] + column) * stride, y: (l[2 * k + 1] + row) * stride };
                found.push(Detection {
                    face_box: Rect::new(x - width / 2.0, y - height / 2.0, width, height),
                    score,
                    landmarks: Some([0, 1, 2, 3, 4].map(point)),
                });
            }
        }
        found
    }
}
