//! Rounds vectors to one byte per value, and bounds the error that this causes.
//!
//! A row x becomes integers c and a factor f, so that x = f·c + r. With a query q = t·Q + ρ the dot product is
//! q·x = t·f·(Q·c) + ρ·(f·c) + q·r, so by Cauchy and Schwarz
//!
//! ```text
//! |q·x − t·f·(Q·c)|  ≤  |ρ|·|f·c| + |q|·|r|
//! ```
//!
//! The lengths |r| and |f·c| are computed once for each row and stored. Cosine uses unit vectors; squared Euclidean adds
//! |x|². Sums of minima (Jaccard) differ by at most the sum of the positive values of r one way, of the negative ones the other.

use super::terms::RowTerms;
use crate::Distance;
use crate::distance::{cosine, jaccard};

/// Unit roundoff of f32: half the distance from 1 to the next value.
pub(super) const UNIT: f64 = 1.0 / (1u32 << 24) as f64;
/// Rounding of the interval's ends (16 units), different distances that are equal in f32 (8 units), and a safety margin.
pub(super) const EXTRA: f64 = 40.0 * UNIT;
/// An upper bound on terms that underflow in f32.
pub(super) const UNDERFLOW: f64 = 1e-36;
/// Largest squared length, or sum, that f32 arithmetic handles; rows and queries beyond it are always compared in f32.
pub(super) const LARGEST: f64 = 1e30;
/// Smallest sum of a histogram that is not empty.
pub(super) const SMALLEST_MASS: f64 = 1e-20;
/// The code of 0 where codes have a sign.
pub(super) const ZERO_CODE: i32 = 128;
/// The largest integer of a signed code, and of a query.
pub(super) const SIGNED_MAX: f64 = 127.0;

/// The code of a value 0.
pub(super) fn zero_code(distance: Distance) -> u8 {
    if distance == Distance::Jaccard { 0 } else { ZERO_CODE as u8 }
}

/// Writes the codes of `vector`.
///
/// # Shapes        vector: \[dim\]   ·   codes: \[dim\]
pub(super) fn quantize_row(distance: Distance, vector: &[f32], codes: &mut [u8]) -> RowTerms {
    match distance {
        Distance::Jaccard => histogram_row(vector, codes),
        Distance::Cosine => {
            let norm = squared_norm(vector).sqrt();
            signed_row(vector, if norm == 0.0 { 0.0 } else { 1.0 / norm }, codes)
        }
        Distance::Euclidean | Distance::SquaredEuclidean => {
            let squared = squared_norm(vector);
            if squared >= LARGEST {
                codes.fill(zero_code(distance));
                return RowTerms { factor: 0.0, offset: 0.0, residual: f32::INFINITY, length: 0.0 };
            }
            RowTerms { offset: squared as f32, ..signed_row(vector, 1.0, codes) }
        }
    }
}

/// Codes of `vector` · `scale`.
fn signed_row(vector: &[f32], scale: f64, codes: &mut [u8]) -> RowTerms {
    let factor = (largest(vector) * scale / SIGNED_MAX) as f32;
    let step = f64::from(factor);
    let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
    let (mut residual, mut length) = (0.0, 0.0);
    for (&value, code) in vector.iter().zip(codes) {
        let value = f64::from(value) * scale;
        let rounded = (value * inverse).round_ties_even().clamp(-SIGNED_MAX, SIGNED_MAX);
        *code = (rounded as i32 + ZERO_CODE) as u8;
        let kept = step * rounded;
        residual += (value - kept) * (value - kept);
        length += kept * kept;
    }
    RowTerms { factor, offset: 0.0, residual: rounded_up(residual.sqrt()), length: rounded_up(length.sqrt()) }
}

fn histogram_row(vector: &[f32], codes: &mut [u8]) -> RowTerms {
    let mass = jaccard::mass(vector);
    if mass != 0.0 && !(SMALLEST_MASS..LARGEST).contains(&mass) {
        codes.fill(0);
        return RowTerms { factor: 0.0, offset: 0.0, residual: f32::INFINITY, length: 0.0 };
    }
    let factor = (largest(vector) / 255.0) as f32;
    let step = f64::from(factor);
    let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
    let (mut above, mut below) = (0.0, 0.0);
    for (&value, code) in vector.iter().zip(codes) {
        let rounded = (f64::from(value) * inverse).round_ties_even().min(255.0);
        *code = rounded as u8;
        // A kernel computes f·c in f32.
        let residual = f64::from(value) - f64::from(factor * rounded as f32);
        if residual > 0.0 { above += residual } else { below -= residual }
    }
    RowTerms { factor, offset: mass as f32, residual: rounded_up(above), length: rounded_up(below) }
}

pub(super) fn largest(vector: &[f32]) -> f64 {
    f64::from(vector.iter().fold(0.0f32, |most, value| most.max(value.abs())))
}

pub(super) fn squared_norm(vector: &[f32]) -> f64 {
    cosine::squared_norm(vector)
}

pub(super) fn rounded_up(value: f64) -> f32 {
    (value * (1.0 + 4.0 * UNIT)) as f32
}
