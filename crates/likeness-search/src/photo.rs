//! Groups the rows of a table by photo.

use std::collections::{HashMap, HashSet};

use crate::{EmbeddingTable, Row};

/// For each row, the index of its photo; photos are numbered from 0 in order of first appearance.
pub(crate) struct Photos {
    of_row: Vec<usize>,
    count: usize,
}

impl Photos {
    /// Groups the rows of `table`: rows with the same name are faces of one photo.
    ///
    /// Two photos may have the same name, for instance in two folders. This is detected when a face number occurs twice under
    /// a name. Rows of such a name are grouped by path and content hash, and each is its own photo if both are unknown.
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

    /// The index of the photo that a row belongs to.
    pub(crate) fn of_row(&self, row: usize) -> usize {
        self.of_row[row]
    }

    /// The number of photos.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether every row is a separate photo.
    pub(crate) fn are_rows(&self) -> bool {
        self.count == self.of_row.len()
    }

    /// The number of rows of each photo.
    pub(crate) fn face_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.count];
        self.of_row.iter().for_each(|&photo| counts[photo] += 1);
        counts
    }

    /// The rows of each photo, in ascending order.
    pub(crate) fn rows(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.count];
        for (row, &photo) in self.of_row.iter().enumerate() {
            rows[photo].push(row);
        }
        rows
    }
}

/// The values that are equal for all rows of one photo.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    name: &'a str,
    path: &'a str,
    sha256: &'a str,
    /// The row index, set if nothing else distinguishes two photos.
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

/// Names under which a face number occurs more than once.
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
