//! The receiver of all pairs: distances or histograms, the smallest non-mated distances, and counts for each identity.

use std::sync::Mutex;

use super::bins::{Bins, FINE};
use crate::index::PairSink;

/// Number of smallest non-mated distances that are kept exactly.
pub(super) const TAIL: usize = 1 << 18;

/// What all threads share.
pub(super) struct Plan {
    pub(super) bins: Bins,
    /// Whether all distances are kept.
    pub(super) keep_all: bool,
    /// The identity of each query and of each gallery row; gallery rows are sorted by identity.
    pub(super) query_identity: Vec<u32>,
    pub(super) gallery_identity: Vec<u32>,
    /// The end of each identity's gallery rows.
    pub(super) gallery_end: Vec<usize>,
    pub(super) group_of: Vec<u32>,
    pub(super) groups: usize,
    /// For each identity i, its pairs with the identities j > i: \[bins, identities − i − 1\]; `None` counts groups only.
    pub(super) between: Option<Vec<Mutex<Vec<u32>>>>,
}

/// What one thread has collected.
pub(super) struct Collector<'a> {
    plan: &'a Plan,
    pub(super) mated: Vec<f32>,
    pub(super) non_mated: Vec<f32>,
    pub(super) mated_bins: Vec<u64>,
    pub(super) non_mated_bins: Vec<u64>,
    /// The smallest non-mated distances with query and gallery row.
    pub(super) tail: Vec<(f32, u32, u32)>,
    tail_limit: f32,
    pub(super) mated_counts: Vec<u64>,
    pub(super) non_mated_counts: Vec<u64>,
    /// Counts of the query's identity: \[bins\], and with each other identity: \[bins, identities\].
    own: Vec<u64>,
    with_others: Vec<u32>,
    identity: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let (bins, identities) = (plan.bins.len(), plan.group_of.len());
        let histogram = || vec![0; if plan.keep_all { 0 } else { FINE }];
        Self {
            plan,
            mated: Vec::new(),
            non_mated: Vec::new(),
            mated_bins: histogram(),
            non_mated_bins: histogram(),
            tail: Vec::new(),
            tail_limit: f32::INFINITY,
            mated_counts: vec![0; plan.groups * bins],
            non_mated_counts: vec![0; if plan.between.is_none() { plan.groups * bins } else { 0 }],
            own: vec![0; bins],
            with_others: vec![0; if plan.between.is_some() { identities * bins } else { 0 }],
            identity: 0,
        }
    }

    fn mated_run(&mut self, identity: usize, run: &[f32]) {
        let plan = self.plan;
        let first = plan.group_of[identity] as usize * plan.bins.len();
        for &distance in run.iter().filter(|distance| distance.is_finite()) {
            let fine = plan.bins.fine(distance);
            self.mated_counts[first + plan.bins.coarse_of(fine)] += 1;
            if plan.keep_all {
                self.mated.push(distance);
            } else {
                self.mated_bins[fine] += 1;
            }
        }
    }

    fn non_mated_run(&mut self, query: usize, other: usize, first: usize, run: &[f32]) {
        let plan = self.plan;
        let identities = plan.group_of.len();
        let group = plan.group_of[other] as usize * plan.bins.len();
        for (row, &distance) in (first..).zip(run).filter(|(_, distance)| distance.is_finite()) {
            let fine = plan.bins.fine(distance);
            let coarse = plan.bins.coarse_of(fine);
            if plan.between.is_some() {
                self.with_others[coarse * identities + other] += 1;
            } else {
                self.own[coarse] += 1;
                self.non_mated_counts[group + coarse] += 1;
            }
            if plan.keep_all {
                self.non_mated.push(distance);
                continue;
            }
            self.non_mated_bins[fine] += 1;
            if distance < self.tail_limit {
                self.tail.push((distance, query as u32, row as u32));
                self.shorten_tail(2 * TAIL);
            }
        }
    }

    /// Keeps the smallest distances if there are at least `most`.
    fn shorten_tail(&mut self, most: usize) {
        if self.tail.len() >= most && self.tail.len() > TAIL {
            self.tail.select_nth_unstable_by(TAIL, |a, b| a.0.total_cmp(&b.0));
            self.tail_limit = self.tail[TAIL].0;
            self.tail.truncate(TAIL);
        }
    }

    /// Adds what another thread has collected.
    pub(super) fn merge(mut self, mut other: Self) -> Self {
        self.mated.append(&mut other.mated);
        self.non_mated.append(&mut other.non_mated);
        self.tail.append(&mut other.tail);
        self.tail_limit = self.tail_limit.min(other.tail_limit);
        self.shorten_tail(0);
        for (sums, more) in [
            (&mut self.mated_bins, other.mated_bins),
            (&mut self.non_mated_bins, other.non_mated_bins),
            (&mut self.mated_counts, other.mated_counts),
            (&mut self.non_mated_counts, other.non_mated_counts),
        ] {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        self
    }

    /// The distance below which every visited non-mated distance is in the tail.
    pub(super) fn tail_limit(&self) -> f32 {
        self.tail_limit
    }
}

impl PairSink for Collector<'_> {
    fn line(&mut self, query: usize, first: usize, distances: &[f32]) {
        let identity = self.plan.query_identity[query] as usize;
        self.identity = identity;
        let mut at = 0;
        while at < distances.len() {
            let other = self.plan.gallery_identity[first + at] as usize;
            let end = (self.plan.gallery_end[other] - first).min(distances.len());
            if other == identity {
                self.mated_run(identity, &distances[at..end]);
            } else {
                self.non_mated_run(query, other, first + at, &distances[at..end]);
            }
            at = end;
        }
        if self.plan.between.is_none() {
            let group = self.plan.group_of[identity] as usize * self.own.len();
            let counts = &mut self.non_mated_counts[group..][..self.own.len()];
            counts.iter_mut().zip(&mut self.own).for_each(|(count, own)| *count += std::mem::take(own));
        }
    }

    fn end_block(&mut self) {
        let Some(between) = &self.plan.between else { return };
        let (identity, identities) = (self.identity, self.plan.group_of.len());
        let others = identities - identity - 1;
        {
            let mut row = between[identity].lock().expect("no thread panics while it adds");
            for (line, counts) in
                row.chunks_exact_mut(others.max(1)).zip(self.with_others.chunks_exact(identities))
            {
                line.iter_mut().zip(&counts[identity + 1..]).for_each(|(sum, count)| *sum += count);
            }
        }
        for before in 0..identity {
            let column = || (before..self.with_others.len()).step_by(identities);
            if column().any(|at| self.with_others[at] > 0) {
                let mut row = between[before].lock().expect("no thread panics while it adds");
                let others = identities - before - 1;
                let cells = row[identity - before - 1..].iter_mut().step_by(others);
                cells.zip(column()).for_each(|(sum, at)| *sum += self.with_others[at]);
            }
        }
        self.with_others.fill(0);
    }
}
