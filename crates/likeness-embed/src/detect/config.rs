//! The settings every network detector shares.

use serde::{Deserialize, Serialize};

use crate::{EmbedError, Result};

/// Sides of the input of a graph that takes any size are multiples of this, the largest stride of all four families.
pub(super) const STEP_PX: u32 = 32;

/// How a network detector looks for faces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorConfig {
    /// Candidates with a lower score are no faces; `None` is the family's own value.
    pub score_threshold: Option<f32>,
    /// Of two candidates that overlap by more than this intersection over union, the less sure one goes.
    pub nms_iou: f32,
    /// Larger photos are scaled down to this longer side, for graphs that take any size; pixels.
    pub max_side: u32,
    /// Smaller photos are scaled up to this longer side, for graphs that take any size; pixels.
    pub min_side: u32,
    /// Small photos are enlarged no further than this into the input of a graph of one size.
    pub max_enlargement: f32,
    /// At most so many faces a photo.
    pub max_faces: usize,
    /// How to look again at a photo without a face; `None` leaves it without.
    pub second_look: Option<SecondLook>,
    /// Whether the landmarks of faces that are cropped are found again in a closer look at the face, for graphs that take any
    /// size.
    pub refine: bool,
}

/// A closer look at photos in which the first found no face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondLook {
    /// As [`DetectorConfig::score_threshold`].
    pub score_threshold: f32,
    /// As [`DetectorConfig::min_side`].
    pub min_side: u32,
}

impl Default for DetectorConfig {
    /// Overlap 0.4 as in InsightFace's SCRFD (OpenCV's YuNet has 0.3, YOLOv8-face 0.5); photos of up to 640 pixels as
    /// they are, the size all four families are published for.
    ///
    /// Scaling small photos up changes little and not always for the better (`docs/results/faces.md`). For a graph of
    /// one size they are enlarged 2.5 times at most: a face that fills 112 pixels would be larger in 640 than anything
    /// the networks were trained on, and SCRFD then found 2 of 817.
    fn default() -> Self {
        Self {
            score_threshold: None,
            nms_iou: 0.4,
            max_side: 640,
            min_side: 0,
            max_enlargement: 2.5,
            max_faces: 750,
            second_look: None,
            refine: true,
        }
    }
}

impl DetectorConfig {
    /// Refuses settings that make no sense.
    ///
    /// # Errors        a threshold or overlap outside [0, 1], a side below 32 or above 8192 pixels, `min_side` above
    /// `max_side`, no face at all → [`EmbedError::BadArgument`]
    pub fn validate(&self) -> Result<()> {
        if let Some(second) = self.for_second_look() {
            second.validate()?;
        }
        let share = |v: f32| (0.0..=1.0).contains(&v);
        let reason = if !self.score_threshold.is_none_or(share) {
            format!(
                "the least score of a network's face must lie between 0 and 1, found {}",
                self.score_threshold.unwrap_or_default()
            )
        } else if !share(self.nms_iou) {
            format!("nms_iou {}: expected a number from 0 to 1", self.nms_iou)
        } else if !(STEP_PX..=8192).contains(&self.max_side) {
            format!("max_side {}: expected {STEP_PX} to 8192 pixels", self.max_side)
        } else if self.min_side > self.max_side {
            format!("min_side {} is larger than max_side {}", self.min_side, self.max_side)
        } else if !(1.0..=1000.0).contains(&self.max_enlargement) {
            format!("max_enlargement {}: expected a number from 1 to 1000", self.max_enlargement)
        } else if self.max_faces == 0 {
            "max_faces 0: expected at least 1".into()
        } else {
            return Ok(());
        };
        Err(EmbedError::BadArgument { reason, hint: None })
    }

    /// The settings of the second look, if there is to be one.
    pub(super) fn for_second_look(&self) -> Option<Self> {
        self.second_look.map(|second| Self {
            score_threshold: Some(second.score_threshold),
            min_side: second.min_side,
            second_look: None,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_settings_are_refused() {
        assert!(DetectorConfig::default().validate().is_ok());
        for bad in [
            DetectorConfig { score_threshold: Some(f32::NAN), ..Default::default() },
            DetectorConfig { nms_iou: 1.5, ..Default::default() },
            DetectorConfig { max_side: 8, ..Default::default() },
            DetectorConfig { min_side: 700, ..Default::default() },
            DetectorConfig { max_faces: 0, ..Default::default() },
            DetectorConfig { nms_iou: f32::NAN, ..Default::default() },
            DetectorConfig { score_threshold: Some(-0.1), ..Default::default() },
            DetectorConfig { max_enlargement: f32::NAN, ..Default::default() },
            DetectorConfig { max_enlargement: f32::INFINITY, ..Default::default() },
            DetectorConfig { max_enlargement: 0.5, ..Default::default() },
            DetectorConfig {
                second_look: Some(SecondLook { score_threshold: 7.0, min_side: 0 }),
                ..Default::default()
            },
        ] {
            assert!(matches!(bad.validate(), Err(EmbedError::BadArgument { .. })), "{bad:?}");
        }
    }
}
