//! Estimates the least-squares similarity transform (rotation, scale and shift) between two point sets.
//!
//! Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns", IEEE TPAMI 13(4), 1991,
//! equations 40–42, in two dimensions. There no singular values are needed: the proper rotation that maximises tr(Rᵀ·Σxy)
//! has the angle atan2(Σxu×yv, Σxu·yv). Reflections are excluded by construction.

use crate::geometry::Point;
use crate::{DataError, Result};

/// A rotation, a uniform positive scale and a shift of the plane:
///
/// ```text
/// x' = a·x − b·y + tx        a = scale·cos(angle)
/// y' = b·x + a·y + ty        b = scale·sin(angle)
/// ```
///
/// Always finite and invertible, with a scale from 1e-5 to 1e5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    a: f64,
    b: f64,
    tx: f64,
    ty: f64,
}

impl Similarity {
    /// The identity transform.
    pub const IDENTITY: Self = Self { a: 1.0, b: 0.0, tx: 0.0, ty: 0.0 };

    /// Creates a transform that scales and rotates about the origin, then shifts by `shift`.
    ///
    /// # Units         angle in degrees, from x towards y (clockwise on a picture)
    /// # Errors        a scale that is not positive, a value that is not finite → [`DataError::BadArgument`]
    pub fn new(scale: f64, angle_deg: f64, shift: (f64, f64)) -> Result<Self> {
        let (sin, cos) = angle_deg.to_radians().sin_cos();
        Self { a: scale * cos, b: scale * sin, tx: shift.0, ty: shift.1 }.checked(scale > 0.0)
    }

    /// The similarity transform of `from` with the smallest sum of squared distances to `to`, without reflection.
    ///
    /// # Conventions   Equal to scikit-image's `SimilarityTransform.estimate`. Two points are enough, and points may be
    /// collinear. For mirrored points the result is the best proper rotation, which may shrink the face.
    /// # Errors        fewer than two pairs, lists of different lengths, values that are not finite, points that all
    /// coincide, pairs for which no rotation is better than mapping all points to one → [`DataError::BadArgument`]
    /// # References    Umeyama (1991), equations 40–42
    pub fn estimate(from: &[Point], to: &[Point]) -> Result<Self> {
        if from.len() != to.len() || from.len() < 2 {
            return Err(DataError::argument(format!(
                "alignment needs two or more pairs of points, found {} and {}",
                from.len(),
                to.len()
            )));
        }
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut variance, mut dot, mut cross) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (x, y) = (f64::from(p.x) - from_mean.0, f64::from(p.y) - from_mean.1);
            let (u, v) = (f64::from(q.x) - to_mean.0, f64::from(q.y) - to_mean.1);
            variance += x * x + y * y;
            dot += x * u + y * v;
            cross += x * v - y * u;
        }
        let coincide = variance <= 1e-12 * (1.0 + from_mean.0.powi(2) + from_mean.1.powi(2));
        let (a, b) = (dot / variance, cross / variance);
        let tx = to_mean.0 - a * from_mean.0 + b * from_mean.1;
        let ty = to_mean.1 - b * from_mean.0 - a * from_mean.1;
        Self { a, b, tx, ty }.checked(!coincide)
    }

    /// The scale factor.
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    /// Rotation angle from x towards y, in degrees, in (−180, 180].
    pub fn angle_deg(&self) -> f64 {
        self.b.atan2(self.a).to_degrees()
    }

    /// The 2×3 matrix in row-major order, as OpenCV's `warpAffine` expects it.
    pub fn matrix(&self) -> [f64; 6] {
        [self.a, -self.b, self.tx, self.b, self.a, self.ty]
    }

    /// Transforms `point`.
    pub fn apply(&self, point: Point) -> Point {
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        Point { x: (self.a * x - self.b * y + self.tx) as f32, y: (self.b * x + self.a * y + self.ty) as f32 }
    }

    /// The inverse transform.
    pub fn inverse(&self) -> Self {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, tx: -(a * self.tx - b * self.ty), ty: -(b * self.tx + a * self.ty) }
    }

    /// The composition: this transform, followed by `next`.
    pub fn then(&self, next: &Self) -> Self {
        Self {
            a: next.a * self.a - next.b * self.b,
            b: next.b * self.a + next.a * self.b,
            tx: next.a * self.tx - next.b * self.ty + next.tx,
            ty: next.b * self.tx + next.a * self.ty + next.ty,
        }
    }

    /// Returns the transform if it is finite, invertible and `sound`, otherwise an error.
    fn checked(self, sound: bool) -> Result<Self> {
        let finite = [self.a, self.b, self.tx, self.ty].iter().all(|v| v.is_finite());
        let scale = self.scale();
        if sound && finite && (1e-5..=1e5).contains(&scale) {
            return Ok(self);
        }
        Err(DataError::argument(
            "no similarity transform fits: the points coincide, are mirrored, are not finite or differ too much in scale",
        ))
    }
}

fn mean(points: &[Point]) -> (f64, f64) {
    let n = points.len() as f64;
    let sum = points.iter().fold((0.0, 0.0), |s, p| (s.0 + f64::from(p.x), s.1 + f64::from(p.y)));
    (sum.0 / n, sum.1 / n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::align::ARCFACE_112;

    fn same(p: Point, q: Point, tolerance: f32) -> bool {
        (p.x - q.x).abs() <= tolerance && (p.y - q.y).abs() <= tolerance
    }

    proptest! {
        #[test]
        fn a_known_transform_is_recovered(
            scale in 0.05f64..20.0, angle in -180.0f64..180.0, tx in -500.0f64..500.0, ty in -500.0f64..500.0,
        ) {
            let truth = Similarity::new(scale, angle, (tx, ty)).unwrap();
            let moved = ARCFACE_112.map(|p| truth.apply(p));
            let found = Similarity::estimate(&ARCFACE_112, &moved).unwrap();
            prop_assert!((found.scale() / scale - 1.0).abs() < 1e-4);
            let turn = (found.angle_deg() - angle + 540.0).rem_euclid(360.0) - 180.0;
            prop_assert!(turn.abs() < 0.01, "{} against {angle}", found.angle_deg());
            prop_assert!(moved.iter().zip(ARCFACE_112).all(|(q, p)| same(found.apply(p), *q, 1e-3 * scale.max(1.0) as f32)));
        }

        #[test]
        fn the_inverse_undoes(
            scale in 0.05f64..20.0, angle in -180.0f64..180.0, tx in -500.0f64..500.0, x in 0f32..500.0, y in 0f32..500.0,
        ) {
            let there = Similarity::new(scale, angle, (tx, -tx)).unwrap();
            let point = Point { x, y };
            prop_assert!(same(there.inverse().apply(there.apply(point)), point, 0.02));
            let nowhere = there.then(&there.inverse());
            prop_assert!(same(nowhere.apply(point), point, 1e-3));
        }

        #[test]
        fn no_other_similarity_fits_better(jitter in prop::collection::vec(-8f32..8.0, 10), nudge in 0usize..4) {
            let mut to = ARCFACE_112;
            for (i, p) in to.iter_mut().enumerate() {
                *p = Point { x: p.x * 1.7 + jitter[2 * i], y: p.y * 1.7 - jitter[2 * i + 1] };
            }
            let best = Similarity::estimate(&ARCFACE_112, &to).unwrap();
            let cost = |s: &Similarity| -> f64 {
                ARCFACE_112.iter().zip(&to).map(|(p, q)| {
                    let m = s.apply(*p);
                    f64::from(m.x - q.x).powi(2) + f64::from(m.y - q.y).powi(2)
                }).sum()
            };
            let mut other = best;
            *[&mut other.a, &mut other.b, &mut other.tx, &mut other.ty][nudge] += 0.01;
            prop_assert!(cost(&best) <= cost(&other) + 1e-3);
        }
    }

    #[test]
    fn hopeless_points_are_refused() {
        let one = [Point { x: 7.3, y: 2.1 }; 5];
        assert!(Similarity::estimate(&one, &ARCFACE_112).is_err());
        assert!(Similarity::estimate(&ARCFACE_112, &one).is_err());
        let mut bad = ARCFACE_112;
        bad[3].y = f32::NAN;
        assert!(Similarity::estimate(&bad, &ARCFACE_112).is_err());
        bad[3].y = f32::INFINITY;
        assert!(Similarity::estimate(&ARCFACE_112, &bad).is_err());
        assert!(Similarity::estimate(&ARCFACE_112[..1], &ARCFACE_112[..1]).is_err());
        assert!(Similarity::estimate(&ARCFACE_112, &ARCFACE_112[..4]).is_err());
        assert!(Similarity::new(0.0, 0.0, (0.0, 0.0)).is_err());
    }
}
