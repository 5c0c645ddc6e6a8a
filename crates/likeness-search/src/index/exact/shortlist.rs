//! Keeps the gallery rows that may be among the first k of a query, given keys with a known error bound (slack).
//!
//! A row's exact key lies within the slack of its estimated key. The k-th smallest upper end is an upper bound of the exact
//! k-th key, so a row is discarded if its lower end lies above that bound.

/// The candidates of one query.
pub(super) struct Shortlist {
    k: usize,
    query_slack: f32,
    /// An upper bound of the k-th smallest upper end, without the query's slack.
    bound: f32,
    entries: Vec<Entry>,
    minima: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Entry {
    lower: f32,
    upper: f32,
    row: u32,
}

impl Shortlist {
    /// # Panics        a k of 0
    pub(super) fn new(k: usize, query_slack: f32) -> Self {
        assert!(k > 0, "a ranking has at least one hit");
        Self { k, query_slack, bound: f32::INFINITY, entries: Vec::new(), minima: Vec::new() }
    }

    /// Adds the keys of the gallery rows from `start` on; rows with infinite keys are ignored.
    pub(super) fn offer(&mut self, start: usize, keys: &[f32], slack: &[f32]) {
        self.tighten(keys, slack);
        let limit = self.limit();
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                const CHUNK: usize = 32;
                let chunks = keys.chunks(CHUNK).zip(slack.chunks(CHUNK));
                for (chunk, (keys, slack)) in chunks.enumerate() {
                    if keys.iter().zip(slack).fold(false, |any, (key, slack)| any | (key - slack <= limit)) {
                        self.take(start + chunk * CHUNK, keys, slack, limit);
                    }
                }
            },
        );
        if self.entries.len() > 4 * self.k + 1024 {
            self.compact();
        }
    }

    fn take(&mut self, start: usize, keys: &[f32], slack: &[f32], limit: f32) {
        for (row, (&key, &slack)) in (start as u32..).zip(keys.iter().zip(slack)) {
            let (lower, upper) = (key - slack, key + slack);
            if lower <= limit && key < f32::INFINITY {
                self.entries.push(Entry { lower, upper, row });
            }
        }
    }

    /// Combines the candidates of two parts of the gallery.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.bound = self.bound.min(other.bound);
        self.entries.extend(other.entries);
        self
    }

    /// The gallery rows that may be among the first k, in no particular order.
    pub(super) fn into_rows(mut self) -> Vec<u32> {
        self.compact();
        self.entries.into_iter().map(|entry| entry.row).collect()
    }

    /// Lowers the bound to the k-th smallest of the minima of disjoint groups of keys; at least k keys are not above it.
    fn tighten(&mut self, keys: &[f32], slack: &[f32]) {
        let groups = (8 * self.k).next_multiple_of(64);
        if self.k > keys.len() {
            return;
        }
        let minima = &mut self.minima;
        minima.clear();
        if 2 * groups > keys.len() {
            minima.extend(keys.iter().zip(slack).map(|(key, slack)| key + slack));
        } else {
            minima.resize(groups, f32::INFINITY);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (keys, slack) in keys.chunks(groups).zip(slack.chunks(groups)) {
                        for (least, (key, slack)) in minima.iter_mut().zip(keys.iter().zip(slack)) {
                            let upper = key + slack;
                            *least = if upper < *least { upper } else { *least };
                        }
                    }
                },
            );
        }
        let (_, &mut kth, _) = minima.select_nth_unstable_by(self.k - 1, f32::total_cmp);
        self.bound = self.bound.min(kth);
    }

    fn compact(&mut self) {
        if self.entries.len() >= self.k {
            let by_upper = |a: &Entry, b: &Entry| a.upper.total_cmp(&b.upper);
            let (_, kth, _) = self.entries.select_nth_unstable_by(self.k - 1, by_upper);
            self.bound = self.bound.min(kth.upper);
        }
        let limit = self.limit();
        self.entries.retain(|entry| entry.lower <= limit);
    }

    /// A row whose lower end, without the query's slack, is above this limit cannot be among the first k.
    fn limit(&self) -> f32 {
        self.bound + 2.0 * self.query_slack
    }
}
