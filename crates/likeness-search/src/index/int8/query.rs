//! A query: rounded to integers for a scan, with the intervals that contain the keys of rows.
//!
//! A *key* sorts a gallery as the distance does: cosine: distance − 1; Euclidean: distance² − |q|²; Jaccard: distance.

use super::kernel::Common;
use super::layout::{VALUES, row_of};
use super::quantize::{
    EXTRA, LARGEST, SIGNED_MAX, SMALLEST_MASS, UNDERFLOW, UNIT, ZERO_CODE, largest, rounded_up, squared_norm,
};
use super::rows::GroupRef;
use crate::Distance;
use crate::distance::jaccard;

/// A query, prepared for a scan.
#[derive(Debug)]
pub(super) struct Query<'a> {
    distance: Distance,
    /// The vector as it was given.
    pub(super) vector: &'a [f32],
    /// The vector whose dot products are estimated: of unit length for cosine.
    scaled: Vec<f64>,
    /// The integers Q; empty for the Jaccard distance.
    pub(super) integers: Vec<i8>,
    /// What a kernel adds to Q·c because zero has the code 128.
    pub(super) surplus: i32,
    /// Factor of f·(Q·c) in a key.
    gain: f32,
    /// |q|², or Σq.
    size: f64,
    per_residual: f32,
    per_length: f32,
    per_offset: f32,
    slack: f32,
}

impl<'a> Query<'a> {
    pub(super) fn new(distance: Distance, vector: &'a [f32]) -> Self {
        if distance == Distance::Jaccard {
            return Self::of_histogram(vector);
        }
        let squared = squared_norm(vector);
        let is_cosine = distance == Distance::Cosine;
        let scale = match (is_cosine, squared == 0.0) {
            (true, false) => 1.0 / squared.sqrt(),
            (true, true) => 0.0,
            (false, _) => 1.0,
        };
        let scaled: Vec<f64> = vector.iter().map(|value| f64::from(*value) * scale).collect();
        let step = largest(vector) * scale / SIGNED_MAX;
        let rounded = |value: &f64| if step == 0.0 { 0.0 } else { (value / step).round_ties_even() };
        let integers: Vec<i8> = scaled.iter().map(|value| rounded(value) as i8).collect();
        let lost = |(value, integer): (&f64, &i8)| (value - step * f64::from(*integer)).powi(2);
        let rho = scaled.iter().zip(&integers).map(lost).sum::<f64>().sqrt();
        let surplus = ZERO_CODE * integers.iter().map(|integer| i32::from(*integer)).sum::<i32>();
        let (twice, size, per_offset) = if is_cosine { (1.0, 1.0, 0.0) } else { (2.0, squared, EXTRA) };
        let is_large = !is_cosine && squared >= LARGEST;
        Self {
            distance,
            vector,
            scaled,
            integers,
            surplus,
            gain: if is_large { 0.0 } else { (twice * step) as f32 },
            size,
            per_residual: rounded_up(if is_large { 0.0 } else { twice * size.sqrt() }),
            per_length: rounded_up(if is_large { 0.0 } else { twice * rho }),
            per_offset: per_offset as f32,
            slack: if is_large { f32::INFINITY } else { (EXTRA * size + UNDERFLOW) as f32 },
        }
    }

    fn of_histogram(vector: &'a [f32]) -> Self {
        let mass = jaccard::mass(vector);
        let is_usual = mass == 0.0 || (SMALLEST_MASS..LARGEST).contains(&mass);
        // A kernel adds the minima one after another.
        let relative = (vector.len() as f64 + 8.0) * UNIT;
        Self {
            distance: Distance::Jaccard,
            vector,
            scaled: Vec::new(),
            integers: Vec::new(),
            surplus: 0,
            gain: 0.0,
            size: mass,
            per_residual: 1.0,
            per_length: 1.0,
            per_offset: 0.0,
            slack: if is_usual { (relative * mass + UNDERFLOW) as f32 } else { f32::INFINITY },
        }
    }

    /// Whether the query has the same distance from every vector.
    pub(super) fn is_zero_direction(&self) -> bool {
        self.distance == Distance::Cosine && self.vector.iter().all(|value| *value == 0.0)
    }

    /// The width of the intervals of rows with these terms, on each side of the estimate.
    #[inline(always)]
    pub(super) fn slack_of(&self, residual: f32, length: f32) -> f32 {
        self.per_residual * residual + self.per_length * length + self.slack
    }

    /// The estimate of a key from a dot product of integers.
    #[inline(always)]
    pub(super) fn key_of_dot(&self, offset: f32, factor: f32, dot: i32) -> f32 {
        offset - (self.gain * factor) * (dot - self.surplus) as f32
    }

    /// What is added to [`Query::slack_of`] for a row's offset.
    #[inline(always)]
    pub(super) fn slack_of_offset(&self, offset: f32) -> f32 {
        self.per_offset * offset
    }

    /// The least and the largest Jaccard distance of a row from the sum of minima with its codes.
    #[inline(always)]
    pub(super) fn jaccard_interval(&self, mass: f32, common: f32, residual: f32, length: f32) -> [f32; 2] {
        let (own, extra) = (self.size as f32, EXTRA as f32);
        let least = (common - length - self.slack).max(0.0);
        let most = (common + residual + self.slack).min(own.min(mass) * (1.0 + extra));
        let lower = jaccard_of(most, own + mass) - extra;
        let upper = jaccard_of(least, own + mass) + extra;
        let is_known = residual < f32::INFINITY && self.slack < f32::INFINITY;
        if is_known { [lower, upper] } else { [f32::NEG_INFINITY, f32::INFINITY] }
    }

    /// A lower bound of a row's key from the query without rounding.
    ///
    /// # Conventions   never above the key, and never below the lower end that the scan found by more than rounding
    pub(super) fn narrow(&self, group: &GroupRef, row: usize) -> f64 {
        let terms = group.terms(row);
        let factor = f64::from(terms.factor);
        let (residual, offset) = (f64::from(terms.residual), f64::from(terms.offset));
        if !(residual.is_finite() && self.slack.is_finite()) {
            return f64::NEG_INFINITY;
        }
        if self.distance == Distance::Jaccard {
            let codes = row_of(group.codes, row).zip(self.vector);
            let common: f64 =
                codes.map(|(code, value)| f64::from(value.min(terms.factor * f32::from(code)))).sum();
            let most = (common + residual).min(self.size.min(offset) * (1.0 + EXTRA)) + UNDERFLOW;
            return jaccard::from_common(most, self.size, offset) - EXTRA;
        }
        let mut sums = [0.0f64; VALUES];
        for (line, values) in group.codes.iter().zip(self.scaled.chunks(VALUES)) {
            let codes = &line.0[row * VALUES..][..VALUES];
            for ((sum, code), value) in sums.iter_mut().zip(codes).zip(values) {
                *sum += f64::from(i32::from(*code) - ZERO_CODE) * value;
            }
        }
        let dot: f64 = sums.iter().sum();
        let twice = if self.distance == Distance::Cosine { 1.0 } else { 2.0 };
        let slack = twice * self.size.sqrt() * residual + EXTRA * (self.size + offset) + UNDERFLOW;
        offset - twice * factor * dot - slack
    }

    /// The key of a distance that was computed exactly.
    pub(super) fn key_of_distance(&self, distance: f32) -> f64 {
        let distance = f64::from(distance);
        match self.distance {
            Distance::Cosine => distance - 1.0,
            Distance::Euclidean => distance * distance - self.size,
            Distance::SquaredEuclidean => distance - self.size,
            Distance::Jaccard => distance,
        }
    }

    /// The distance of a vector, as it is returned.
    pub(super) fn distance_to(&self, vector: &[f32]) -> f32 {
        self.distance.between(self.vector, vector) as f32
    }

    /// The values of a histogram, for a kernel.
    pub(super) fn common(queries: &[Self], dimension: usize) -> Common {
        Common::pack(queries.iter().map(|query| query.vector), dimension)
    }
}

#[inline(always)]
fn jaccard_of(common: f32, masses: f32) -> f32 {
    let union = masses - common;
    if union > 0.0 { 1.0 - common / union } else { 0.0 }
}
