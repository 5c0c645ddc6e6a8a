//! The rows that a search may return.

use super::layout::ROWS;
use super::rows::{Area, Rows};

/// A set of rows that a search may return, made by [`Int8Index::select`](crate::Int8Index::select).
///
/// # Conventions   rows that are appended later are not in it
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    main: Vec<u16>,
    tail: Vec<u16>,
}

impl Selection {
    /// The rows with these ids; ids without a row are ignored.
    pub(super) fn of_ids(rows: &Rows, ids: &[u64]) -> Self {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        Self::of(rows, |id| sorted.binary_search(&id).is_ok())
    }

    /// The rows whose ids `is_allowed` accepts.
    pub(super) fn of(rows: &Rows, mut is_allowed: impl FnMut(u64) -> bool) -> Self {
        let mut mask = |area: &Area| -> Vec<u16> {
            let groups = area.alive().iter().zip(area.ids().chunks(ROWS));
            groups
                .map(|(alive, ids)| {
                    let allowed = |row: &usize| alive >> row & 1 == 1 && is_allowed(ids[*row]);
                    (0..ids.len()).filter(allowed).fold(0, |mask, row| mask | 1 << row)
                })
                .collect()
        };
        Self { main: mask(rows.main()), tail: mask(rows.tail()) }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.main.iter().chain(&self.tail).map(|mask| mask.count_ones() as usize).sum()
    }

    /// Whether no row is allowed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The allowed rows of a group, which may have been numbered with more groups than at the time of the selection.
    pub(super) fn mask(&self, rows: &Rows, group: usize) -> u16 {
        let mask = match group.checked_sub(rows.main().groups()) {
            None => self.main.get(group),
            Some(in_tail) => self.tail.get(in_tail),
        };
        mask.copied().unwrap_or(0)
    }
}
