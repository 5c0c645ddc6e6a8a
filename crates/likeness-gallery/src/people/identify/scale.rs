//! Distances as lengths: the root of a squared Euclidean distance in some space, so that means of references are defined.
//!
//! The cosine distance of two vectors is half the squared distance of the unit vectors; the Jaccard distance is a squared
//! distance in a Hilbert space (it is of negative type).

use likeness_search::{Distance, Verdict};

use super::Limits;

/// The largest score of a match, as a share of the length at the limit `same` of pairs.
const MATCH_SHARE: f64 = 0.66;
/// The largest score of a possible match, as a share of the length at the limit `possible` of pairs.
const POSSIBLE_SHARE: f64 = 0.85;
/// The length at which people do not compete for a face any more, as a share of the length at `possible`.
const COMPETING_SHARE: f64 = 1.2;

/// Converts distances of a model to lengths and back, and judges scores.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    distance: Distance,
    /// The length of the limit `possible`: no person farther away is found.
    pub(super) farthest: f64,
    /// The length from which a next best person does not matter.
    pub(super) competing: f64,
    match_score: f64,
    possible_score: f64,
}

impl Scale {
    pub(super) fn new(distance: Distance, limits: Limits) -> Self {
        let mut scale =
            Self { distance, farthest: 0.0, competing: 0.0, match_score: 0.0, possible_score: 0.0 };
        scale.farthest = scale.squared(limits.possible).sqrt();
        scale.competing = COMPETING_SHARE * scale.farthest;
        scale.match_score = MATCH_SHARE * scale.squared(limits.same).sqrt();
        scale.possible_score = POSSIBLE_SHARE * scale.farthest;
        scale
    }

    /// The squared length of a distance.
    pub(super) fn squared(&self, distance: f32) -> f64 {
        let distance = f64::from(distance);
        match self.distance {
            Distance::Cosine => 2.0 * distance,
            Distance::Euclidean => distance * distance,
            Distance::SquaredEuclidean | Distance::Jaccard => distance,
        }
    }

    /// The distance of a length.
    pub(super) fn distance(&self, length: f64) -> f32 {
        let distance = match self.distance {
            Distance::Cosine => length * length / 2.0,
            Distance::Euclidean => length,
            Distance::SquaredEuclidean | Distance::Jaccard => length * length,
        };
        distance as f32
    }

    /// The score of a person at a length, given the length of the next best person.
    pub(super) fn score(&self, length: f64, next: Option<f64>) -> f64 {
        let next = next.unwrap_or(f64::INFINITY).min(self.competing.max(length));
        length - (next - length)
    }

    /// By how much a score is within the limit of a verdict; 0 or less if it is not.
    pub(super) fn gain(&self, length: f64, score: f64, verdict: Verdict) -> f64 {
        let limit = match verdict {
            Verdict::Same => self.match_score,
            Verdict::Possible => self.possible_score,
            Verdict::Different => return 0.0,
        };
        // A score at the limit is within it.
        if length <= self.farthest && score <= limit { limit - score + 1e-9 } else { 0.0 }
    }
}
