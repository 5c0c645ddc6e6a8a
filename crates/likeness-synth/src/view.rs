//! Projects points of the head, given in head units and depth, to pixels.
//!
//! The head is a half ellipsoid in front of the plane of its outline. A rotation moves points in proportion to their
//! distance from that plane: the nose moves more than the eyes, and the outline hardly at all. This parallax distinguishes a
//! rotated head from a shifted one.

use super::identity::Skull;
use super::shot::Pose;
use likeness_data::geometry::Point;

/// Distance of the middle of the face from the plane of the outline, in head units.
const FACE_DEPTH: f32 = 0.60;

/// Position and rotation of one head in one picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    centre: [f32; 2],
    /// Number of pixels in a head unit.
    unit_px: f32,
    roll: (f32, f32),
    yaw: (f32, f32),
    pitch: (f32, f32),
    half_width: f32,
}

impl View {
    pub(super) fn new(pose: &Pose, skull: &Skull, size: u32) -> Self {
        let side = size as f32;
        Self {
            centre: pose.centre.map(|c| c * side),
            unit_px: pose.unit * side,
            roll: pose.roll.sin_cos(),
            yaw: pose.yaw.sin_cos(),
            pitch: pose.pitch.sin_cos(),
            half_width: skull.half_width,
        }
    }

    /// Converts a length in head units to pixels.
    pub(super) fn px(&self, length: f32) -> f32 {
        length * self.unit_px
    }

    /// Distance of the skin at (u, v) from the plane of the outline.
    pub(super) fn relief(&self, u: f32, v: f32) -> f32 {
        let (across, along) = (u / (self.half_width * 1.02), v / 1.12);
        FACE_DEPTH * (1.0 - across * across - along * along).max(0.0).sqrt()
    }

    /// The pixel of a point at distance `depth` in front of the plane of the outline (negative behind it).
    pub(super) fn at(&self, u: f32, v: f32, depth: f32) -> Point {
        let ((yaw_sin, yaw_cos), (pitch_sin, pitch_cos)) = (self.yaw, self.pitch);
        let share = (depth / FACE_DEPTH).clamp(0.0, 1.2); // the outline of a rotated ellipsoid keeps its width
        let x = u * (1.0 - (1.0 - yaw_cos) * share) + depth * yaw_sin;
        let y = v * (1.0 - (1.0 - pitch_cos) * share) + depth * pitch_sin;
        let (sin, cos) = self.roll;
        Point {
            x: self.centre[0] + self.unit_px * (x * cos - y * sin),
            y: self.centre[1] + self.unit_px * (x * sin + y * cos),
        }
    }

    /// The pixel of a point on the skin, or at distance `lift` above it.
    pub(super) fn skin(&self, u: f32, v: f32, lift: f32) -> Point {
        self.at(u, v, self.relief(u, v) + lift)
    }

    /// The pixels of points (u, v) on the skin.
    pub(super) fn skins(&self, points: &[(f32, f32)]) -> Vec<Point> {
        points.iter().map(|(u, v)| self.skin(*u, *v, 0.0)).collect()
    }

    /// The pixels of points (u, v) at one depth.
    pub(super) fn plane(&self, points: &[(f32, f32)], depth: f32) -> Vec<Point> {
        points.iter().map(|(u, v)| self.at(*u, *v, depth)).collect()
    }
}

/// A symmetric curve from left to right through (0, `middle_v`), given by its right half from the middle outwards.
pub(super) fn symmetric(middle_v: f32, right_half: &[(f32, f32)]) -> Vec<(f32, f32)> {
    let left = right_half.iter().rev().map(|(u, v)| (-u, *v));
    left.chain([(0.0, middle_v)]).chain(right_half.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    fn view(roll: f32, yaw: f32) -> View {
        let pose = Pose { roll, yaw, pitch: 0.0, unit: 0.25, centre: [0.5, 0.5] };
        View::new(&pose, &Identity::new(1).skull, 200)
    }

    #[test]
    fn a_straight_view_only_scales() {
        assert_eq!(view(0.0, 0.0).at(1.0, -1.0, 0.3), Point { x: 150.0, y: 50.0 });
    }

    #[test]
    fn turning_right_moves_the_nose_further_than_the_eyes() {
        let (before, after) = (view(0.0, 0.0), view(0.0, 0.4));
        let moved = |u, v, lift| after.skin(u, v, lift).x - before.skin(u, v, lift).x;
        assert!(moved(0.0, 0.4, 0.2) > moved(0.3, 0.0, 0.0) && moved(0.3, 0.0, 0.0) > 0.0);
        assert_eq!(after.at(0.7, 0.0, 0.0), before.at(0.7, 0.0, 0.0));
    }

    #[test]
    fn a_symmetric_curve_runs_from_left_to_right() {
        let curve = symmetric(0.5, &[(0.1, 0.4), (0.2, 0.3)]);
        assert_eq!(curve, [(-0.2, 0.3), (-0.1, 0.4), (0.0, 0.5), (0.1, 0.4), (0.2, 0.3)]);
    }

    #[test]
    fn rolling_clockwise_lowers_the_right() {
        assert!(view(0.3, 0.0).at(0.5, 0.0, 0.0).y > 100.0);
    }
}
