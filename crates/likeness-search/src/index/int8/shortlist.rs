//! Keeps the rows that may be among the first k of a query, given intervals that contain their keys.
//!
//! The k-th smallest upper end is an upper bound of the k-th key, so a row is discarded if its lower end is above it.

/// Entries that are added, beside k, before the list is shortened.
const STEP: usize = 48;

/// A row with the interval that contains its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) lower: f32,
    pub(super) upper: f32,
    /// Number of the row within this search.
    pub(super) slot: u32,
}

/// The candidates of one query.
#[derive(Debug)]
pub(super) struct Shortlist {
    k: usize,
    limit: f32,
    entries: Vec<Entry>,
    full_at: usize,
}

impl Shortlist {
    /// # Panics        a k of 0
    pub(super) fn new(k: usize) -> Self {
        assert!(k > 0, "a ranking has at least one hit");
        Self { k, limit: f32::INFINITY, entries: Vec::new(), full_at: 2 * k + STEP }
    }

    /// A list of all rows with these numbers within a search.
    pub(super) fn of(slots: impl Iterator<Item = u32>) -> Self {
        let (lower, upper) = (f32::NEG_INFINITY, f32::INFINITY);
        let entries = slots.map(|slot| Entry { lower, upper, slot }).collect();
        Self { entries, ..Self::new(1) }
    }

    /// A list that takes no row.
    pub(super) fn closed(k: usize) -> Self {
        Self { limit: f32::NEG_INFINITY, ..Self::new(k) }
    }

    /// A row whose lower end is above this limit cannot be among the first k.
    #[inline(always)]
    pub(super) fn limit(&self) -> f32 {
        self.limit
    }

    /// Adds a row.
    pub(super) fn push(&mut self, entry: Entry) {
        let lower = if entry.lower.is_nan() { f32::NEG_INFINITY } else { entry.lower };
        let upper = if entry.upper.is_nan() { f32::INFINITY } else { entry.upper };
        self.entries.push(Entry { lower, upper, ..entry });
        if self.entries.len() >= self.full_at {
            self.compact();
            self.full_at = 2 * self.entries.len().max(self.k) + STEP;
        }
    }

    /// Combines the candidates of two parts of the gallery.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.limit = self.limit.min(other.limit);
        self.entries.extend(other.entries);
        self
    }

    /// The rows that may be among the first k, in no particular order.
    pub(super) fn into_entries(mut self) -> Vec<Entry> {
        self.compact();
        self.entries
    }

    fn compact(&mut self) {
        if self.entries.len() >= self.k {
            let by_upper = |a: &Entry, b: &Entry| a.upper.total_cmp(&b.upper);
            let (_, kth, _) = self.entries.select_nth_unstable_by(self.k - 1, by_upper);
            self.limit = self.limit.min(kth.upper);
        }
        self.entries.retain(|entry| entry.lower <= self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_may_be_among_the_first_stay() {
        let mut list = Shortlist::new(2);
        for slot in 0..5000u32 {
            let key = ((slot * 2_654_435_761u32.wrapping_mul(7)) % 4999) as f32;
            list.push(Entry { lower: key - 3.0, upper: key + 3.0, slot });
        }
        list.push(Entry { lower: f32::NAN, upper: f32::NAN, slot: 9999 });
        let limit = list.limit();
        let entries = list.into_entries();
        assert!(limit < f32::INFINITY);
        assert!(entries.iter().any(|entry| entry.slot == 9999), "a row of which nothing is known");
        assert!(entries.len() >= 3 && entries.len() < 40, "{}", entries.len());
        let mut uppers: Vec<f32> = entries.iter().map(|entry| entry.upper).collect();
        uppers.sort_by(f32::total_cmp);
        assert!(entries.iter().all(|entry| entry.lower <= uppers[1]));
    }

    #[test]
    fn fewer_rows_than_k_all_stay() {
        let mut list = Shortlist::new(9);
        (0..3).for_each(|slot| list.push(Entry { lower: 1.0, upper: 2.0, slot }));
        assert_eq!(list.merge(Shortlist::new(9)).into_entries().len(), 3);
    }
}
