//! The numbers under charts, in at most twenty rows.

use super::curves::at;
use crate::evaluation::data::{Curve, Estimate};
use crate::evaluation::document::{Cell, Column, Figure, Prose, Table};
use crate::evaluation::number;
use crate::evaluation::view::View;

/// A table of several curves at the same places.
pub(super) struct Numbers<'a> {
    /// What the table holds.
    pub caption: &'a str,
    /// Heading of the first column, such as "FMR".
    pub x: &'a str,
    /// Name of the values, such as "FNMR"; empty for none.
    pub y: &'a str,
    /// The places with their names.
    pub places: Vec<(f64, String)>,
    /// The curves by model.
    pub curves: Vec<(usize, &'a Curve)>,
    /// Values below this place are insufficient.
    pub supported_from: f64,
}

impl Numbers<'_> {
    /// The table, or `None` without curves.
    pub(super) fn table(self, view: &View) -> Option<Table> {
        if self.curves.iter().all(|(_, curve)| curve.is_empty()) {
            return None;
        }
        let quantity = if self.y.is_empty() { "%".to_owned() } else { format!("{}, %", self.y) };
        let head = |model: usize| Column::number(view.named(model)).sub(quantity.clone());
        let heads = self.curves.iter().map(|(model, _)| head(*model));
        let columns = std::iter::once(Column::words(self.x)).chain(heads).collect();
        let mut table = Table::new(self.caption, columns);
        for (place, name) in self.places.iter().take(Figure::MOST_NUMBERS) {
            let values = self.curves.iter().map(|(_, curve)| match *place < self.supported_from {
                true => Cell::default().beside("insufficient data").spanning(1),
                false => at(curve, *place).map_or_else(|| Cell::new("–"), |y| estimate(&y)),
            });
            table.row(std::iter::once(Cell::new(name.as_str())).chain(values).collect());
        }
        Some(table)
    }
}

/// "4.1 (2.3–6.5)"
pub(super) fn estimate(estimate: &Estimate) -> Cell {
    Cell::new(number::percent(estimate.value)).beside(bracketed(estimate))
}

/// "(2.3–6.5)", or nothing.
pub(super) fn bracketed(estimate: &Estimate) -> Prose {
    number::interval(estimate).map_or_else(Prose::default, |interval| format!("({interval})").into())
}

/// At most twenty of many rows, evenly chosen, with the first and the last.
pub(super) fn chosen(length: usize) -> Vec<usize> {
    match length <= Figure::MOST_NUMBERS {
        true => (0..length).collect(),
        false => {
            (0..Figure::MOST_NUMBERS).map(|row| row * (length - 1) / (Figure::MOST_NUMBERS - 1)).collect()
        }
    }
}
