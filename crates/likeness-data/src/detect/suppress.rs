//! Non-maximum suppression: reduces overlapping candidates to one detection per face.
//!
//! Greedy by score, as in the successors of Viola and Jones and in all detection networks of this project (e.g. Felzenszwalb
//! et al., "Object Detection with Discriminatively Trained Part-Based Models", 2010, section 7.2).

use super::Detection;

/// Keeps candidates that overlap no higher-scored one by more than `iou_threshold`; highest score first, at most `max_faces`.
///
/// # Conventions   equal scores keep the candidates' order; candidates with a score or box that is not finite, or with an
/// empty box, are dropped; applying the function twice changes nothing
/// # Examples
/// ```
/// use likeness_data::{detect::{Detection, suppress}, geometry::Rect};
/// let face = |left, score| Detection { face_box: Rect::new(left, 0.0, 10.0, 10.0), score, landmarks: None };
/// let kept = suppress(vec![face(0.0, 0.6), face(1.0, 0.9), face(40.0, 0.7)], 0.4, 10);
/// assert_eq!(kept, [face(1.0, 0.9), face(40.0, 0.7)]);
/// ```
pub fn suppress(mut candidates: Vec<Detection>, iou_threshold: f32, max_faces: usize) -> Vec<Detection> {
    candidates.retain(|d| d.score.is_finite() && d.face_box.is_valid());
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in candidates {
        if kept.len() >= max_faces {
            break;
        }
        if kept.iter().all(|k| k.face_box.iou(&candidate.face_box) <= iou_threshold) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Rect;

    fn face(left: f32, top: f32, side: f32, score: f32) -> Detection {
        Detection { face_box: Rect::new(left, top, side, side), score, landmarks: None }
    }

    fn faces() -> impl Strategy<Value = Vec<Detection>> {
        let one = (0f32..60.0, 0f32..60.0, 0f32..30.0, 0u8..20);
        prop::collection::vec(one.prop_map(|(x, y, side, score)| face(x, y, side, f32::from(score))), 0..60)
    }

    proptest! {
        #[test]
        fn twice_is_once(candidates in faces(), iou in 0f32..1.0, most in 1usize..40) {
            let once = suppress(candidates, iou, most);
            prop_assert_eq!(suppress(once.clone(), iou, most), once);
        }

        #[test]
        fn kept_faces_are_apart_and_dropped_ones_are_covered(candidates in faces(), iou in 0f32..1.0) {
            let kept = suppress(candidates.clone(), iou, usize::MAX);
            prop_assert!(kept.windows(2).all(|w| w[0].score >= w[1].score));
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(kept[..i].iter().all(|b| a.face_box.iou(&b.face_box) <= iou));
            }
            for c in candidates.iter().filter(|c| c.face_box.is_valid() && !kept.contains(c)) {
                prop_assert!(kept.iter().any(|k| k.score >= c.score && k.face_box.iou(&c.face_box) > iou));
            }
        }
    }

    #[test]
    fn broken_candidates_are_dropped() {
        let mut candidates = vec![face(0.0, 0.0, 5.0, 0.5), face(f32::NAN, 0.0, 5.0, 0.9)];
        candidates.extend([
            face(0.0, 0.0, f32::INFINITY, 0.9),
            face(9.0, 9.0, -1.0, 0.9),
            face(9.0, 9.0, 0.0, 0.9),
        ]);
        candidates.push(face(30.0, 0.0, 5.0, f32::NAN));
        assert_eq!(suppress(candidates, 0.4, 100), [face(0.0, 0.0, 5.0, 0.5)]);
    }

    #[test]
    fn thousands_of_candidates_end_at_the_limit() {
        let candidates =
            (0..20_000).map(|i| face(20.0 * (i % 150) as f32, 20.0 * (i / 150) as f32, 9.0, 1.0));
        assert_eq!(suppress(candidates.collect(), 0.3, 300).len(), 300);
    }
}
