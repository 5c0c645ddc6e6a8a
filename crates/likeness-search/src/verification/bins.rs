//! Bins of distances: many fine ones of equal width, and few coarse ones for the counts of each identity.
//!
//! A coarse bin is a range of fine bins. Coarse bins are narrow where error rates are read: between the false match rates 1e-5
//! and 1 there are about 50 to a decade. Their edges are quantiles of a sample of non-mated distances. Below the sample's
//! smallest distances they have equal widths.

/// Number of fine bins. A fine bin is 1/65,536 of the range of the distance: 3e-5 for the cosine distance.
pub(super) const FINE: usize = 1 << 16;
/// Number of sampled non-mated pairs.
pub(super) const SAMPLE: usize = 1 << 20;
/// A quantile needs this many sampled distances below it.
const LEAST: usize = 10;

pub(super) struct Bins {
    scale: f32,
    coarse_of: Vec<u16>,
    edges: Vec<f32>,
}

impl Bins {
    /// At most `count` coarse bins (at least 8) of distances from 0 to `range`, for a sorted sample of non-mated distances.
    pub(super) fn new(range: f32, count: usize, sample: &[f32]) -> Self {
        let range = if range > 0.0 && range.is_finite() { range } else { 1.0 };
        let scale = FINE as f32 / range;
        let fine = |distance: f32| fine(distance, scale);
        let mut last: Vec<usize> = Vec::with_capacity(count);
        let low = sample.get(LEAST.min(sample.len().max(1) - 1)).map_or(FINE - 1, |&distance| fine(distance));
        let (linear, quantiles) = (count / 4, count - count / 4 - 2);
        last.extend((1..=linear).map(|part| low * part / linear));
        if !sample.is_empty() {
            let least = (LEAST as f64 / sample.len() as f64).min(1.0);
            let share = |at: usize| least.powf(1.0 - at as f64 / quantiles as f64);
            let place = |at: usize| ((share(at) * sample.len() as f64) as usize).clamp(1, sample.len()) - 1;
            last.extend((0..=quantiles).map(|at| fine(sample[place(at)])));
        }
        last.push(FINE - 1);
        last.sort_unstable();
        last.dedup();
        let mut coarse_of = Vec::with_capacity(FINE);
        for (coarse, &last) in (0..).zip(&last) {
            coarse_of.resize(last + 1, coarse);
        }
        let edges = last.iter().map(|&fine| upper(fine, scale)).collect();
        Self { scale, coarse_of, edges }
    }

    pub(super) fn fine(&self, distance: f32) -> usize {
        fine(distance, self.scale)
    }

    pub(super) fn coarse_of(&self, fine: usize) -> usize {
        usize::from(self.coarse_of[fine])
    }

    /// The largest distance in each coarse bin.
    pub(super) fn edges(&self) -> &[f32] {
        &self.edges
    }

    /// The number of coarse bins.
    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// The width of a fine bin.
    pub(super) fn width(&self) -> f64 {
        1.0 / f64::from(self.scale)
    }
}

fn fine(distance: f32, scale: f32) -> usize {
    ((distance * scale) as usize).min(FINE - 1)
}

/// The largest distance in a fine bin.
fn upper(fine: usize, scale: f32) -> f32 {
    ((fine + 1) as f32 / scale).next_down()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_bins_are_ranges_of_fine_bins_and_cover_all() {
        let sample: Vec<f32> = (0..100_000).map(|at| 0.5 + at as f32 / 100_000.0).collect();
        let bins = Bins::new(2.0, 256, &sample);
        assert!(bins.len() <= 256 && bins.len() > 200, "{}", bins.len());
        assert!(bins.edges().is_sorted());
        for distance in [0.0, 1e-4, 0.3, 0.5001, 0.7, 1.499, 2.0, 7.0] {
            let coarse = bins.coarse_of(bins.fine(distance));
            assert!(coarse == bins.len() - 1 || distance <= bins.edges()[coarse] * 1.000_01, "{distance}");
            assert!(coarse == 0 || distance > bins.edges()[coarse - 1], "{distance}");
        }
        let below = |share: f64| sample.iter().filter(|d| f64::from(**d) < 0.5 + share).count();
        assert!(below(1e-3) > 0, "the sample reaches low rates");
    }

    #[test]
    fn any_sample_gives_valid_bins() {
        for sample in [vec![], vec![0.0], vec![0.0; 1000], vec![1.9; 3], vec![f32::MAX]] {
            for range in [0.0, 2.0, f32::INFINITY] {
                let bins = Bins::new(range, 8, &sample);
                assert!(bins.len() <= 8 && bins.coarse_of.len() == FINE, "{}", bins.len());
                assert_eq!(bins.coarse_of(FINE - 1), bins.len() - 1);
            }
        }
    }
}
