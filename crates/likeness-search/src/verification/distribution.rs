//! The distribution of the distances of a set of pairs.

use std::iter;

use super::bins::FINE;

/// The distances of a set of pairs: all of them, sorted, or a histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Sorted(Vec<f32>),
    Binned {
        /// The smallest distances, all of them up to its last value, sorted.
        tail: Vec<f32>,
        /// The number of distances in the bins before each bin, and at last in all bins.
        before: Vec<u64>,
        width: f64,
    },
}

impl Distribution {
    /// The distribution of given distances.
    ///
    /// # Panics        a distance is NaN
    pub(crate) fn sorted(mut distances: Vec<f32>) -> Self {
        use rayon::prelude::*;
        assert!(
            !distances.iter().any(|distance| distance.is_nan()),
            "distances of finite embeddings are numbers"
        );
        distances.par_sort_unstable_by(f32::total_cmp);
        Self(Kind::Sorted(distances))
    }

    /// A histogram of fine bins, whose smallest distances are known exactly.
    pub(super) fn binned(histogram: &[u64], tail: Vec<f32>, width: f64) -> Self {
        let mut sum = 0;
        let before = iter::once(0).chain(histogram.iter().map(|count| {
            sum += count;
            sum
        }));
        Self(Kind::Binned { tail, before: before.collect(), width })
    }

    /// The number of pairs.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Kind::Sorted(distances) => distances.len() as u64,
            Kind::Binned { before, .. } => before[before.len() - 1],
        }
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of pairs whose distance is at most `threshold`.
    ///
    /// # Conventions   within a bin of a histogram, distances are taken as evenly distributed
    pub fn at_most(&self, threshold: f32) -> u64 {
        match &self.0 {
            Kind::Sorted(distances) => exactly_at_most(distances, threshold),
            Kind::Binned { tail, before, width } => {
                if tail.last().is_some_and(|&last| threshold < last) {
                    return exactly_at_most(tail, threshold);
                }
                let place = (f64::from(threshold) / width).clamp(0.0, FINE as f64);
                let bin = (place as usize).min(FINE - 1);
                let inside = (before[bin + 1] - before[bin]) as f64 * (place - bin as f64);
                (before[bin] + inside.round() as u64).max(tail.len() as u64)
            }
        }
    }

    /// The largest threshold at which at most `allowed` pairs match; `None` if more pairs have distance 0.
    ///
    /// # Conventions   the largest distance if all pairs are allowed
    pub fn largest_threshold(&self, allowed: u64) -> Option<f32> {
        let below = |distance: f32| (distance > 0.0).then(|| distance.next_down());
        match &self.0 {
            Kind::Sorted(distances) => match distances.get(allowed as usize) {
                Some(&first_rejected) => below(first_rejected),
                None => distances.last().copied(),
            },
            Kind::Binned { tail, before, width } => {
                if let Some(&first_rejected) = tail.get(allowed as usize) {
                    return below(first_rejected);
                }
                let bin = before.partition_point(|&before| before <= allowed) - 1;
                let edge = below((bin as f64 * width) as f32);
                edge.into_iter().chain(tail.last().copied()).reduce(f32::max)
            }
        }
    }

    /// The distinct distances, ascending, each with the number of pairs; a bin counts as its largest distance.
    ///
    /// The exact tail of a histogram is not used, so that distances of two histograms are compared with equal resolution.
    fn steps(&self) -> Box<dyn Iterator<Item = (f32, u64)> + '_> {
        match &self.0 {
            Kind::Sorted(distances) => Box::new(distinct(distances)),
            Kind::Binned { before, width, .. } => {
                Box::new(before.windows(2).zip(1..).filter_map(move |(pair, end)| {
                    let count = pair[1] - pair[0];
                    (count > 0).then(|| (((f64::from(end) * width) as f32).next_down(), count))
                }))
            }
        }
    }

    /// The share of pairs in each of `count` bins of equal width from 0 to the largest distance, with the bins' upper ends.
    ///
    /// For charts of both distributions pass the same `largest`.
    pub fn histogram(&self, count: usize, largest: f32) -> Vec<(f32, f64)> {
        let ends = (1..=count).map(|bin| largest * bin as f32 / count as f32);
        let (total, mut before) = (self.len().max(1) as f64, 0);
        ends.map(|end| {
            let upto = self.at_most(end).max(before);
            let share = (upto - before) as f64 / total;
            before = upto;
            (end, share)
        })
        .collect()
    }

    /// The largest distance, up to the width of a bin; 0 without pairs.
    pub fn largest(&self) -> f32 {
        self.largest_threshold(self.len()).unwrap_or(0.0)
    }
}

fn exactly_at_most(sorted: &[f32], threshold: f32) -> u64 {
    sorted.partition_point(|&distance| distance <= threshold) as u64
}

fn distinct(sorted: &[f32]) -> impl Iterator<Item = (f32, u64)> + '_ {
    sorted.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len() as u64))
}

/// The thresholds at which a count changes, ascending, with the mated and non-mated pairs that are at most so far apart.
pub(super) fn merged<'a>(
    mated: &'a Distribution,
    non_mated: &'a Distribution,
) -> impl Iterator<Item = (f32, u64, u64)> + 'a {
    let (mut mated, mut non_mated) = (mated.steps().peekable(), non_mated.steps().peekable());
    let (mut matches, mut false_matches) = (0, 0);
    iter::from_fn(move || {
        let next = [mated.peek(), non_mated.peek()].into_iter().flatten().map(|step| step.0);
        let threshold = next.reduce(f32::min)?;
        matches += mated.next_if(|step| step.0 == threshold).map_or(0, |step| step.1);
        false_matches += non_mated.next_if(|step| step.0 == threshold).map_or(0, |step| step.1);
        Some((threshold, matches, false_matches))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_accepted_or_rejected_together() {
        let ties = Distribution::sorted(vec![0.5, 0.2, 0.5, 0.9]);
        assert_eq!([0.1, 0.2, 0.49, 0.5, 2.0].map(|t| ties.at_most(t)), [0, 1, 1, 3, 4]);
        for (allowed, matching) in [(0, 0), (1, 1), (2, 1), (3, 3), (4, 4), (9, 4)] {
            assert_eq!(ties.at_most(ties.largest_threshold(allowed).unwrap()), matching, "{allowed}");
        }
        assert_eq!(Distribution::sorted(vec![0.0, 0.0]).largest_threshold(1), None);
        assert_eq!(Distribution::sorted(vec![]).largest_threshold(0), None);
    }

    #[test]
    fn a_histogram_with_a_tail_is_exact_in_the_tail_and_monotonic() {
        let mut histogram = vec![0; FINE];
        (histogram[3], histogram[5], histogram[FINE - 1]) = (2, 1, 4);
        let binned = Distribution::binned(&histogram, vec![3.2, 3.7], 1.0);
        assert_eq!([3.1, 3.2, 3.7, 5.9, 1e9].map(|t| binned.at_most(t)), [0, 1, 2, 3, 7]);
        assert_eq!(binned.steps().map(|step| step.1).collect::<Vec<_>>(), [2, 1, 4]);
        assert!(binned.steps().is_sorted_by(|a, b| a.0 < b.0));
        for allowed in 0..8 {
            let threshold = binned.largest_threshold(allowed).unwrap();
            assert!(binned.at_most(threshold) <= allowed, "{allowed}: {threshold}");
        }
        assert_eq!(binned.largest_threshold(2).map(|t| binned.at_most(t)), Some(2));
    }
}
