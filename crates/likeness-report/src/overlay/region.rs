//! The region with most of the evidence: a map enters, a smooth grid and a threshold leave.

use super::EvidenceMap;

/// Share of the positive evidence that the region holds.
const SHARE: f64 = 0.5;
/// Longest side of the grid on which contours are found.
const MOST_CELLS: u32 = 384;
/// Radius of the smoothing, as a share of the shorter side.
const SMOOTHING: f32 = 0.02;

/// Evidence on a grid, and the value from which on a point belongs to the region.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
    pub(super) threshold: f32,
}

impl Region {
    /// The smallest region that holds half of the positive evidence of `map`, for a picture of this size. `None` if nothing
    /// is positive.
    pub(super) fn of(map: &EvidenceMap<'_>, (width, height): (u32, u32)) -> Option<Self> {
        let scale = (MOST_CELLS as f32 / width.max(height) as f32).min(1.0);
        let side = |length: u32| ((length as f32 * scale).round() as usize).max(1);
        let (width, height) = (side(width), side(height));
        let mut values = scaled(map, width, height);
        let radius = (SMOOTHING * width.min(height) as f32).round() as usize;
        for _ in 0..2 {
            values = transposed(&smoothed(&values, width, radius), width);
            values = transposed(&smoothed(&values, height, radius), height);
        }
        let threshold = threshold(&values)?;
        Some(Self { width, height, values, threshold })
    }
}

/// The value above which lies half of the positive evidence.
fn threshold(values: &[f32]) -> Option<f32> {
    let mut positive: Vec<f32> = values.iter().copied().filter(|value| *value > 0.0).collect();
    positive.sort_by(|a, b| b.total_cmp(a));
    let half = SHARE * positive.iter().map(|value| f64::from(*value)).sum::<f64>();
    let mut sum = 0.0;
    positive.into_iter().find(|value| {
        sum += f64::from(*value);
        sum >= half
    })
}

/// The map at the centres of another grid, by bilinear interpolation. Values that are not finite count as 0.
fn scaled(map: &EvidenceMap<'_>, width: usize, height: usize) -> Vec<f32> {
    let at = |x: usize, y: usize| {
        let value = map.values[y * map.width as usize + x];
        if value.is_finite() { value } else { 0.0 }
    };
    let place = |position: usize, length: usize, of: u32| {
        let place = ((position as f32 + 0.5) * of as f32 / length as f32 - 0.5).clamp(0.0, (of - 1) as f32);
        let first = place as usize;
        (first, (first + 1).min(of as usize - 1), place - first as f32)
    };
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let (top, bottom, down) = place(y, height, map.height);
        for x in 0..width {
            let (left, right, across) = place(x, width, map.width);
            let row = |y: usize| at(left, y) + (at(right, y) - at(left, y)) * across;
            values.push(row(top) + (row(bottom) - row(top)) * down);
        }
    }
    values
}

/// The mean of each value with those up to `radius` beside it in its row; rows have `width` values.
fn smoothed(values: &[f32], width: usize, radius: usize) -> Vec<f32> {
    let mean = |row: &[f32], at: usize| {
        let part = &row[at.saturating_sub(radius)..(at + radius + 1).min(width)];
        part.iter().sum::<f32>() / part.len() as f32
    };
    values.chunks_exact(width).flat_map(|row| (0..width).map(move |at| mean(row, at))).collect()
}

/// Rows as columns; rows have `width` values.
fn transposed(values: &[f32], width: usize) -> Vec<f32> {
    (0..width).flat_map(|x| values.iter().skip(x).step_by(width).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_leaves_half_of_the_positive_evidence_above_it() {
        assert_eq!(threshold(&[4.0, 3.0, 1.0, 1.0, 1.0, -9.0]), Some(3.0));
        assert_eq!(threshold(&[0.0, -1.0]), None);
        assert_eq!(threshold(&[2.0, 2.0, 2.0, 2.0]), Some(2.0));
    }

    #[test]
    fn maps_are_scaled_without_a_shift_and_smoothed_without_loss() {
        let map = EvidenceMap { width: 2, height: 2, values: &[0.0, 1.0, 0.0, f32::NAN] };
        let large = scaled(&map, 4, 2);
        assert_eq!(large[..4], [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(large[4..], [0.0; 4]);
        assert_eq!(smoothed(&[0.0, 3.0, 0.0, 1.0, 1.0, 1.0], 3, 1), [1.5, 1.0, 1.5, 1.0, 1.0, 1.0]);
        assert_eq!(transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let dot = EvidenceMap { width: 1, height: 1, values: &[1.0] };
        assert_eq!(Region::of(&dot, (1, 1)).unwrap().threshold, 1.0);
    }
}
