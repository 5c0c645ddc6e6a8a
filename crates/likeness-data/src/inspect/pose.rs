//! The pose of a face from its five landmarks: yaw and roll in degrees.
//!
//! Roll is the angle of the line between the eyes. Yaw follows from the nose tip, which lies in front of the eyes and moves
//! sideways when the head turns. Under weak perspective (Gee and Cipolla, Determining the gaze of faces in images, Image and
//! Vision Computing 12, 1994, doi 10.1016/0262-8856(94)90039-6), with the pupils at a distance `e`, the nose tip at a depth `d`
//! in front of the line between them, and the yaw `θ`:
//!
//! ```text
//! distance of the eyes in the picture   e · cos θ
//! sideways offset of the nose tip       d · sin θ
//! offset / distance = (d / e) · tan θ   so   θ = atan(offset / distance / (d / e))
//! ```
//!
//! The offset is measured along the line between the eyes, from its middle, so that roll does not change yaw. `d / e` is 0.43:
//! pupils 63 mm apart (Dodgson, Variation and extrema of human interpupillary distance, 2004, doi 10.1117/12.529999), and a nose
//! tip 27 mm in front of them, the mean of the usual generic head models.
//!
//! **Limits.** The nose of a person differs from the mean, and landmarks are exact to a few pixels: the mean of |yaw| of frontal
//! portraits is below 5°, not 0. Beyond about 60° the far eye is hidden and detectors guess its place, so that all profiles have
//! similar values. Pitch is not computed: it cannot be told from the length of a nose. Perspective is neglected.

use crate::geometry::Landmarks;

/// Depth of the nose tip in front of the pupils, as a share of the distance of the pupils.
const NOSE_DEPTH: f32 = 0.43;

/// The angles of a face in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Turn to the side in degrees: 0 for a face that looks into the camera, positive for one that looks to the right edge of
    /// the picture, from −90 to 90.
    pub yaw_degrees: f32,
    /// Tilt in degrees: 0 for a level face, positive if it is turned clockwise in the picture, from −180 to 180.
    pub roll_degrees: f32,
}

/// The pose of a face with these landmarks.
///
/// # Conventions   `None` if the eyes are less than a pixel apart, or a value is not finite
/// # Examples
/// ```
/// use likeness_data::geometry::Point;
/// use likeness_data::inspect::pose;
/// let face = |nose: f32| [(30.0, 40.0), (70.0, 40.0), (nose, 60.0), (35.0, 80.0), (65.0, 80.0)].map(|(x, y)| Point { x, y });
/// let front = pose(&face(50.0)).unwrap();
/// assert_eq!((front.yaw_degrees, front.roll_degrees), (0.0, 0.0));
/// // The nose tip is 0.43 eye distances to the right of the middle: tan 45° = 1.
/// assert_eq!(pose(&face(67.2)).unwrap().yaw_degrees.round(), 45.0);
/// ```
pub fn pose(landmarks: &Landmarks) -> Option<Pose> {
    let [left, right, nose] = [landmarks[0], landmarks[1], landmarks[2]];
    let (dx, dy) = (right.x - left.x, right.y - left.y);
    let squared = dx * dx + dy * dy;
    let middle = ((left.x + right.x) / 2.0, (left.y + right.y) / 2.0);
    // In eye distances, along the line between the eyes.
    let offset = ((nose.x - middle.0) * dx + (nose.y - middle.1) * dy) / squared;
    if squared < 1.0 || !offset.is_finite() {
        return None;
    }
    Some(Pose {
        yaw_degrees: (offset / NOSE_DEPTH).atan().to_degrees(),
        roll_degrees: dy.atan2(dx).to_degrees(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    fn turned(yaw: f32, roll: f32) -> Landmarks {
        // A head in millimetres: x to the right, y down, z towards the camera.
        let head =
            [[-31.5, 0.0, 0.0], [31.5, 0.0, 0.0], [0.0, 35.0, 27.1], [-25.0, 65.0, 5.0], [25.0, 65.0, 5.0]];
        let (yaw, roll) = (yaw.to_radians(), roll.to_radians());
        head.map(|[x, y, z]: [f32; 3]| {
            let across = x * yaw.cos() + z * yaw.sin();
            Point {
                x: 100.0 + across * roll.cos() - y * roll.sin(),
                y: 100.0 + across * roll.sin() + y * roll.cos(),
            }
        })
    }

    #[test]
    fn a_turned_head_model_gives_its_angles() {
        for (yaw, roll) in [(0.0, 0.0), (30.0, 0.0), (-50.0, 20.0), (15.0, -120.0), (70.0, 5.0)] {
            let found = pose(&turned(yaw, roll)).unwrap();
            assert!((found.yaw_degrees - yaw).abs() < 0.2, "{yaw} {roll} {found:?}");
            assert!((found.roll_degrees - roll).abs() < 0.01, "{yaw} {roll} {found:?}");
        }
    }

    #[test]
    fn impossible_landmarks_have_no_pose() {
        assert_eq!(pose(&[Point { x: 7.0, y: 7.0 }; 5]), None);
        assert_eq!(pose(&[Point { x: f32::NAN, y: 7.0 }; 5]), None);
        let mut far = turned(0.0, 0.0);
        far[2].x = f32::INFINITY;
        assert_eq!(pose(&far), None);
    }
}
