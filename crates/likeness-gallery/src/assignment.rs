//! The assignment problem: each row gets at most one column, and each column at most one row, with the greatest total gain. Rows and
//! columns are faces and people, boxes of two detectors, or regions and faces.
//!
//! Kuhn (1955), "The Hungarian Method for the Assignment Problem", in the form of shortest augmenting paths with potentials
//! (Jonker and Volgenant 1987, doi 10.1007/BF02278710). A row may stay without a column at a gain of 0.

/// The column of every row. A pair with a gain of 0 or less is never chosen.
///
/// # Shapes        gains: \[rows, columns\], row-major · output: \[rows\]
/// # Conventions   among equally good assignments the choice depends on the gains alone, so it is reproducible. O(rows² ·
/// (rows + columns))
/// # Panics        a number of gains that is not a multiple of `columns`, a gain that is not finite
pub(crate) fn assign(gains: &[f64], columns: usize) -> Vec<Option<usize>> {
    if columns == 0 {
        assert!(gains.is_empty(), "no column has no gain");
        return Vec::new();
    }
    assert!(
        gains.len().is_multiple_of(columns) && gains.iter().all(|gain| gain.is_finite()),
        "finite whole rows"
    );
    let rows = gains.len() / columns;
    // Beside the others stands a column of nothing for every row.
    let cost = |row: usize, column: usize| match column < columns {
        true => -gains[row * columns + column].max(0.0),
        false => 0.0,
    };
    let chosen = cheapest(rows, columns + rows, cost);
    let useful = |(row, column): (usize, usize)| {
        (column < columns && gains[row * columns + column] > 0.0).then_some(column)
    };
    chosen.into_iter().enumerate().map(useful).collect()
}

/// The column of every row, so that the sum of costs is least. There are at least as many columns as rows.
fn cheapest(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let mut matching = Matching {
        row_potential: vec![0.0; rows],
        column_potential: vec![0.0; columns],
        row_of: vec![None; columns],
    };
    for row in 0..rows {
        matching.add(row, &cost);
    }
    let mut chosen = vec![usize::MAX; rows];
    for (column, row) in matching.row_of.iter().enumerate() {
        row.iter().for_each(|row| chosen[*row] = column);
    }
    chosen
}

/// A cheapest matching of the rows so far; every reduced cost `cost − row potential − column potential` is at least 0.
struct Matching {
    row_potential: Vec<f64>,
    column_potential: Vec<f64>,
    row_of: Vec<Option<usize>>,
}

impl Matching {
    /// Adds a row along the shortest augmenting path.
    fn add(&mut self, start: usize, cost: &impl Fn(usize, usize) -> f64) {
        let columns = self.row_of.len();
        let mut length = vec![f64::INFINITY; columns];
        let mut before = vec![None; columns];
        let mut done = vec![false; columns];
        let (mut row, mut from, mut reached) = (start, None, 0.0);
        let last = loop {
            let mut nearest: Option<usize> = None;
            for column in (0..columns).filter(|column| !done[*column]) {
                let reduced = cost(row, column) - self.row_potential[row] - self.column_potential[column];
                if reached + reduced < length[column] {
                    length[column] = reached + reduced;
                    before[column] = from;
                }
                if nearest.is_none_or(|n| length[column] < length[n]) {
                    nearest = Some(column);
                }
            }
            let column = nearest.expect("there are at least as many columns as rows");
            done[column] = true;
            reached = length[column];
            match self.row_of[column] {
                None => break column,
                Some(next) => (row, from) = (next, Some(column)),
            }
        };
        self.update_potentials(start, &length, &done, reached);
        self.augment(start, last, &before);
    }

    fn update_potentials(&mut self, start: usize, length: &[f64], done: &[bool], reached: f64) {
        self.row_potential[start] += reached;
        for column in (0..length.len()).filter(|column| done[*column]) {
            let slack = reached - length[column];
            self.column_potential[column] -= slack;
            if let Some(row) = self.row_of[column] {
                self.row_potential[row] += slack;
            }
        }
    }

    fn augment(&mut self, start: usize, last: usize, before: &[Option<usize>]) {
        let mut column = last;
        while let Some(previous) = before[column] {
            self.row_of[column] = self.row_of[previous];
            column = previous;
        }
        self.row_of[column] = Some(start);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::assign;

    /// The greatest total gain, by trying everything.
    fn best(gains: &[f64], persons: usize, taken: &mut Vec<bool>) -> f64 {
        if gains.is_empty() {
            return 0.0;
        }
        let (first, rest) = gains.split_at(persons);
        let mut most = best(rest, persons, taken);
        for person in 0..persons {
            if !taken[person] && first[person] > 0.0 {
                taken[person] = true;
                most = most.max(first[person] + best(rest, persons, taken));
                taken[person] = false;
            }
        }
        most
    }

    proptest! {
        #[test]
        fn the_total_gain_is_that_of_the_best_of_all_assignments(
            persons in 1usize..6,
            faces in 0usize..6,
            values in prop::collection::vec(-3i32..9, 36),
        ) {
            let gains: Vec<f64> = values[..faces * persons].iter().map(|v| f64::from(*v) / 4.0).collect();
            let found = assign(&gains, persons);
            prop_assert_eq!(found.len(), faces);
            let mut taken = vec![false; persons];
            let mut total = 0.0;
            for (face, person) in found.iter().enumerate() {
                if let Some(person) = *person {
                    prop_assert!(!std::mem::replace(&mut taken[person], true), "once each");
                    prop_assert!(gains[face * persons + person] > 0.0);
                    total += gains[face * persons + person];
                }
            }
            prop_assert!((total - best(&gains, persons, &mut vec![false; persons])).abs() < 1e-9);
        }
    }

    #[test]
    fn a_greedy_choice_is_not_enough() {
        // The first face is nearest to person 0, but only the second face needs that person.
        assert_eq!(assign(&[5.0, 4.0, 4.0, 0.0], 2), [Some(1), Some(0)]);
        assert_eq!(assign(&[5.0, -1.0, 4.0, -1.0], 2), [Some(0), None]);
        assert_eq!(assign(&[], 3), []);
        assert_eq!(assign(&[], 0), []);
    }

    #[test]
    fn a_photo_of_200_faces_is_solved() {
        let mut value = 1u64;
        let mut next = || {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (value >> 33) as f64 / (1u64 << 31) as f64
        };
        let gains: Vec<f64> = (0..200 * 300).map(|_| next()).collect();
        let found = assign(&gains, 300);
        let mut persons: Vec<usize> = found.into_iter().flatten().collect();
        persons.sort_unstable();
        persons.dedup();
        assert_eq!(persons.len(), 200, "everyone gets a person of their own");
    }
}
