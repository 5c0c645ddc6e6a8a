//! Selects the main face of a photo among its detections.

use serde::{Deserialize, Serialize};

use super::Detection;

/// The rule that selects the main face among bystanders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaceChoice {
    /// The largest area minus twice the squared distance from the photo's centre, as InsightFace does.
    #[default]
    LargeAndCentral,
    /// The face with the largest area.
    Largest,
    /// The face nearest to the photo's centre.
    MostCentral,
    /// The face with the highest score.
    Surest,
}

impl FaceChoice {
    /// The main face among `detections` in a photo of `width` × `height` pixels; `None` if there are no detections.
    ///
    /// # Conventions   of equally good faces, the first
    /// # Examples
    /// ```
    /// use likeness_data::{detect::{Detection, FaceChoice}, geometry::Rect};
    /// let face = |left, side| Detection { face_box: Rect::new(left, 40.0, side, side), score: 0.9, landmarks: None };
    /// let found = [face(45.0, 20.0), face(0.0, 25.0)];
    /// assert_eq!(FaceChoice::LargeAndCentral.pick(&found, 100, 100), Some(&found[0]));
    /// assert_eq!(FaceChoice::Largest.pick(&found, 100, 100), Some(&found[1]));
    /// ```
    pub fn pick(self, detections: &[Detection], width: u32, height: u32) -> Option<&Detection> {
        let square_distance = |d: &Detection| {
            let centre = d.face_box.centre();
            (centre.x - width as f32 / 2.0).powi(2) + (centre.y - height as f32 / 2.0).powi(2)
        };
        let merit = |d: &Detection| match self {
            Self::LargeAndCentral => d.face_box.area() - 2.0 * square_distance(d),
            Self::Largest => d.face_box.area(),
            Self::MostCentral => -square_distance(d),
            Self::Surest => d.score,
        };
        // `max_by` returns the last of several maxima; reversing the order makes it the first.
        detections.iter().rev().max_by(|a, b| merit(a).total_cmp(&merit(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    #[test]
    fn each_rule_has_its_face() {
        let face = |left, side, score| Detection {
            face_box: Rect::new(left, 50.0 - side / 2.0, side, side),
            score,
            landmarks: None,
        };
        let found =
            [face(0.0, 40.0, 0.8), face(48.0, 6.0, 0.7), face(35.0, 30.0, 0.75), face(90.0, 5.0, 0.99)];
        let picked = |choice: FaceChoice| choice.pick(&found, 100, 100).map(|d| d.score);
        assert_eq!(picked(FaceChoice::Largest), Some(0.8));
        assert_eq!(picked(FaceChoice::MostCentral), Some(0.75));
        assert_eq!(picked(FaceChoice::LargeAndCentral), Some(0.75));
        assert_eq!(picked(FaceChoice::Surest), Some(0.99));
        assert_eq!(FaceChoice::Largest.pick(&[], 100, 100), None);
        let equal = [face(10.0, 5.0, 0.5), face(10.0, 5.0, 0.5)];
        assert!(std::ptr::eq(FaceChoice::Surest.pick(&equal, 9, 9).unwrap(), &equal[0]));
    }
}
