//! How well a face can be recognised: a number from 0 to 1.
//!
//! The geometric mean of four factors, each from 0 to 1: the face's size, the sharpness of the crop, the pose, and the detector's
//! score. One bad factor therefore lowers the quality, however good the others are. The measure orders faces; it is not a
//! probability.

use image::RgbImage;

use crate::geometry::{Landmarks, Rect};
use crate::inspect::laplacian_variance;

/// Longer side of a face's box, in pixels, from which size no longer matters.
const LARGE_PX: f32 = 100.0;
/// Standard deviation of the Laplacian of the crop, in grey levels, from which sharpness no longer matters.
const SHARP: f32 = 18.0;

/// The quality of a face.
///
/// `crop` is the face as the network sees it, `face_box` and `landmarks` are in pixels of the photo. A factor that is not known
/// counts as 1, and a face without a box has the size of its crop.
pub fn quality(
    crop: &RgbImage,
    face_box: Option<&Rect>,
    landmarks: Option<&Landmarks>,
    score: Option<f32>,
) -> f32 {
    let side = face_box.map_or(crop.width().max(crop.height()) as f32, |b| b.width.max(b.height));
    let size = (side / LARGE_PX).clamp(0.0, 1.0);
    // A small face that was enlarged has no fine structure, so sharpness also lowers its quality.
    let sharp = (laplacian_variance(crop).sqrt() / SHARP).clamp(0.0, 1.0);
    let pose = landmarks.map_or(1.0, frontal);
    let score = score.map_or(1.0, |score| score.clamp(0.0, 1.0));
    (size * sharp * pose * score).max(0.0).sqrt().sqrt()
}

/// 1 for a face that looks into the camera, 0 for a profile: how evenly the nose lies between the eyes, along the line of the
/// eyes.
fn frontal(landmarks: &Landmarks) -> f32 {
    let [left, right, nose] = [landmarks[0], landmarks[1], landmarks[2]];
    let (dx, dy) = (right.x - left.x, right.y - left.y);
    let squared = dx * dx + dy * dy;
    if squared < 1.0 {
        return 0.0;
    }
    let along: f32 = ((nose.x - left.x) * dx + (nose.y - left.y) * dy) / squared;
    (1.0 - (2.0 * along - 1.0).abs()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    fn pattern(period: u32) -> RgbImage {
        RgbImage::from_fn(112, 112, |x, y| {
            let angle = std::f32::consts::TAU / period as f32;
            let level = 128.0 + 60.0 * (x as f32 * angle).sin() * (y as f32 * angle).cos();
            image::Rgb([level as u8; 3])
        })
    }

    fn landmarks(nose: f32) -> Landmarks {
        let point = |x: f32, y: f32| Point { x, y };
        [point(30.0, 40.0), point(70.0, 40.0), point(nose, 60.0), point(35.0, 80.0), point(65.0, 80.0)]
    }

    #[test]
    fn size_sharpness_pose_and_score_each_lower_the_quality() {
        let large = Rect::new(0.0, 0.0, 120.0, 140.0);
        let front = landmarks(50.0);
        let best = quality(&pattern(6), Some(&large), Some(&front), Some(1.0));
        assert!((best - 1.0).abs() < 1e-6, "{best}");
        let small = Rect::new(0.0, 0.0, 12.0, 14.0);
        assert!(quality(&pattern(6), Some(&small), Some(&front), Some(1.0)) < 0.7);
        assert!(quality(&pattern(60), Some(&large), Some(&front), Some(1.0)) < 0.6);
        assert!(quality(&pattern(6), Some(&large), Some(&landmarks(65.0)), Some(1.0)) < 0.75);
        assert!(quality(&pattern(6), Some(&large), Some(&front), Some(0.3)) < 0.75);
    }

    #[test]
    fn extremes_stay_in_range() {
        let flat = RgbImage::new(2, 2);
        assert_eq!(quality(&flat, None, None, Some(f32::NAN.max(0.0))), 0.0);
        assert_eq!(quality(&pattern(6), None, Some(&landmarks(500.0)), Some(9.0)), 0.0);
        let point = [Point { x: 1.0, y: 1.0 }; 5];
        assert_eq!(quality(&pattern(6), None, Some(&point), None), 0.0);
    }
}
