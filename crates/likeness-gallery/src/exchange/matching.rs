//! Pairs regions with boxes by overlap: at most one box for each region and the other way round, with the largest possible sum of
//! overlaps.

use super::{Rect, Region};
use crate::assignment::assign;

/// The overlap from which a region and a box count as the same face.
///
/// Programs draw faces differently, with or without hair and chin: one box may have twice the area of the other, and then the
/// overlap is at most 0.5. An overlap of 0.35 is still more than half of the smaller box, if the boxes have equal sizes.
pub const DEFAULT_MIN_OVERLAP: f64 = 0.35;

/// A region and a box that show the same face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchedRegion {
    /// The index of the region.
    pub region: usize,
    /// The index of the box.
    pub face: usize,
    /// Intersection over union, from 0 to 1.
    pub overlap: f64,
}

/// The result of matching.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matches {
    /// The pairs, in the order of the regions.
    pub matched: Vec<MatchedRegion>,
    /// Indices of regions without a box.
    pub regions_left: Vec<usize>,
    /// Indices of boxes without a region.
    pub faces_left: Vec<usize>,
}

/// Pairs `regions` with `faces`, both in the same frame, so that the sum of overlaps is as large as possible.
///
/// # Conventions   pairs that overlap by less than `min_overlap` are not matched; of equal sums, the first in order wins
/// # Examples
///
/// ```
/// use likeness_gallery::exchange::{DEFAULT_MIN_OVERLAP, Rect, Region, match_regions};
///
/// let anna = Rect { left: 0.1, top: 0.1, width: 0.2, height: 0.2 };
/// let near = Rect { left: 0.12, ..anna };
/// let far = Rect { left: 0.7, ..anna };
/// let matches = match_regions(&[Region::face("Anna", anna)], &[far, near], DEFAULT_MIN_OVERLAP);
/// assert_eq!((matches.matched[0].region, matches.matched[0].face), (0, 1));
/// assert_eq!(matches.faces_left, [0]);
/// ```
pub fn match_regions(regions: &[Region], faces: &[Rect], min_overlap: f64) -> Matches {
    let areas: Vec<Rect> = regions.iter().map(|region| region.area).collect();
    match_rects(&areas, faces, min_overlap)
}

/// Pairs two lists of rectangles as [`match_regions`] does.
pub(super) fn match_rects(regions: &[Rect], faces: &[Rect], min_overlap: f64) -> Matches {
    let gain = |region: usize, face: usize| {
        let overlap = regions[region].overlap(faces[face]);
        if overlap >= min_overlap { overlap } else { 0.0 }
    };
    let gains: Vec<f64> =
        (0..regions.len()).flat_map(|region| (0..faces.len()).map(move |face| gain(region, face))).collect();
    let chosen = assign(&gains, faces.len());
    let pair = |(region, face): (usize, Option<usize>)| {
        face.map(|face| MatchedRegion { region, face, overlap: gain(region, face) })
    };
    let matched: Vec<MatchedRegion> = chosen.into_iter().enumerate().filter_map(pair).collect();
    let left = |count: usize, used: &dyn Fn(usize) -> bool| (0..count).filter(|&i| !used(i)).collect();
    let regions_left = left(regions.len(), &|i| matched.iter().any(|pair| pair.region == i));
    let faces_left = left(faces.len(), &|i| matched.iter().any(|pair| pair.face == i));
    Matches { matched, regions_left, faces_left }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The largest sum of overlaps, by trying all assignments.
    fn best_sum(regions: &[Rect], faces: &[Rect], min_overlap: f64, used: u32) -> f64 {
        let Some((&first, rest)) = regions.split_first() else { return 0.0 };
        let mut best = best_sum(rest, faces, min_overlap, used);
        for (i, &face) in faces.iter().enumerate().filter(|(i, _)| used & (1 << i) == 0) {
            let overlap = first.overlap(face);
            if overlap >= min_overlap {
                best = best.max(overlap + best_sum(rest, faces, min_overlap, used | 1 << i));
            }
        }
        best
    }

    fn rects() -> impl Strategy<Value = Vec<Rect>> {
        let rect = (0.0..0.3, 0.0..0.3, 0.1..0.5, 0.1..0.5).prop_map(|(left, top, width, height)| Rect {
            left,
            top,
            width,
            height,
        });
        prop::collection::vec(rect, 0..6)
    }

    proptest! {
        #[test]
        fn the_sum_of_overlaps_is_the_largest_one(regions in rects(), faces in rects(), least in 0.1..0.6) {
            let matches = match_rects(&regions, &faces, least);
            let sum: f64 = matches.matched.iter().map(|pair| pair.overlap).sum();
            prop_assert!((sum - best_sum(&regions, &faces, least, 0)).abs() < 1e-9);
            prop_assert!(matches.matched.iter().all(|pair| pair.overlap >= least));
            prop_assert_eq!(matches.matched.len() + matches.regions_left.len(), regions.len());
            prop_assert_eq!(matches.matched.len() + matches.faces_left.len(), faces.len());
        }
    }

    #[test]
    fn a_better_pair_elsewhere_frees_the_box() {
        // The first region overlaps both boxes, the second one only the first box.
        let rect = |left: f64| Rect { left, top: 0.0, width: 0.4, height: 0.4 };
        let matches = match_rects(&[rect(0.1), rect(0.0)], &[rect(0.05), rect(0.2)], 0.5);
        let pairs: Vec<_> = matches.matched.iter().map(|pair| (pair.region, pair.face)).collect();
        assert_eq!(pairs, [(0, 1), (1, 0)]);
    }

    #[test]
    fn nothing_matches_nothing() {
        assert_eq!(match_rects(&[], &[], 0.5), Matches::default());
        let rect = Rect { left: 0.0, top: 0.0, width: 0.4, height: 0.4 };
        assert_eq!(match_rects(&[rect], &[], 0.5).regions_left, [0]);
        assert_eq!(match_rects(&[], &[rect], 0.5).faces_left, [0]);
    }
}
