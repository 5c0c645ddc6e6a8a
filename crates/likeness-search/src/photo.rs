//! Which rows of a table are faces of one photo.

use std::collections::{HashMap, HashSet};

use crate::{EmbeddingTable, Row};

/// For each row the number of its photo, counted from 0 in order of first appearance.
pub(crate) struct Photos {
    of_row: Vec<usize>,
    count: usize,
}

impl Photos {
    /// Rows of one name are the faces of one photo.
    ///
    /// Two photos may have the same name, in two folders for instance. A face number that occurs twice under a name shows
    /// that. Rows of that name are then told apart by path and content, and are photos of their own where both are unknown.
    pub(crate) fn of(table: &EmbeddingTable) -> Self {
        let shared = shared_names(table.rows());
        let mut numbers: HashMap<Key<'_>, usize> = HashMap::with_capacity(table.len());
        let mut of_row = Vec::with_capacity(table.len());
        for (index, row) in table.rows().iter().enumerate() {
            let next = numbers.len();
            let key = if shared.contains(row.name.as_str()) {
                Key::told_apart(row, index)
            } else {
                Key::of_name(row)
            };
            of_row.push(*numbers.entry(key).or_insert(next));
        }
        Self { of_row, count: numbers.len() }
    }

    /// The photo of a row.
    pub(crate) fn of_row(&self, row: usize) -> usize {
        self.of_row[row]
    }

    /// How many photos there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether each row is a photo of its own.
    pub(crate) fn are_rows(&self) -> bool {
        self.count == self.of_row.len()
    }

    /// How many rows each photo has.
    pub(crate) fn face_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.count];
        self.of_row.iter().for_each(|&photo| counts[photo] += 1);
        counts
    }

    /// The rows of each photo, ascending.
    pub(crate) fn rows(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.count];
        for (row, &photo) in self.of_row.iter().enumerate() {
            rows[photo].push(row);
        }
        rows
    }
}

/// What the rows of one photo have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    name: &'a str,
    path: &'a str,
    sha256: &'a str,
    /// Set where nothing else tells two photos from each other.
    row: Option<usize>,
}

impl<'a> Key<'a> {
    fn of_name(row: &'a Row) -> Self {
        Self { name: &row.name, path: "", sha256: "", row: None }
    }

    fn told_apart(row: &'a Row, index: usize) -> Self {
        let is_unknown = row.path.is_empty() && row.sha256.is_empty();
        Self { name: &row.name, path: &row.path, sha256: &row.sha256, row: is_unknown.then_some(index) }
    }
}

/// Names under which a face number occurs twice.
fn shared_names(rows: &[Row]) -> HashSet<&str> {
    let mut faces: HashSet<(&str, u32)> = HashSet::with_capacity(rows.len());
    rows.iter().filter(|row| !faces.insert((&row.name, row.face))).map(|row| row.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Distance, ModelTag};

    fn photos(rows: Vec<Row>) -> Vec<usize> {
        let values = vec![0.0; rows.len()];
        let table = EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Cosine), rows, values).unwrap();
        Photos::of(&table).of_row
    }

    fn row(name: &str, face: u32, path: &str) -> Row {
        Row { face, path: path.into(), ..Row::new(name) }
    }

    #[test]
    fn faces_of_one_name_are_one_photo() {
        let rows = vec![row("a", 0, ""), row("b", 0, ""), row("a", 1, ""), row("b", 4, "elsewhere")];
        assert_eq!(photos(rows), [0, 1, 0, 1]);
    }

    #[test]
    fn two_photos_of_one_name_are_told_apart() {
        let rows = vec![row("a", 0, "x/a"), row("a", 0, "y/a"), row("a", 1, "x/a"), row("a", 1, "y/a")];
        assert_eq!(photos(rows), [0, 1, 0, 1]);
        let unknown = vec![row("a", 0, ""), row("a", 0, ""), row("b", 0, ""), row("a", 0, "")];
        assert_eq!(photos(unknown), [0, 1, 2, 3]);
        let of_content = |sha256: &str| Row { sha256: sha256.into(), ..Row::new("a") };
        assert_eq!(photos(vec![of_content("p"), of_content("q"), of_content("p")]), [0, 1, 0]);
        assert_eq!(photos(Vec::new()), [0; 0]);
    }
}
