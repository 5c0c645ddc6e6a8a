//! One picture under two identities, and pictures or identities in two splits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::Row;

/// A picture that has two or more identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The rows of the picture.
    pub rows: Vec<usize>,
    /// Their identities, in the order of the names.
    pub identities: Vec<String>,
}

/// Groups of rows with the same content by their SHA-256, each of at least two rows, in the order of their first rows.
///
/// # Conventions   rows without a checksum are in no group; faces of one photo are one row, the first
/// # Examples
/// ```
/// use likeness_search::{Row, label::equal_pictures};
/// let row = |name: &str, sha256: &str| Row { sha256: sha256.to_owned(), ..Row::new(name) };
/// let rows = [row("a.jpg", "77"), row("b.jpg", "77"), row("c.jpg", ""), row("d.jpg", "")];
/// assert_eq!(equal_pictures(&rows), [[0, 1]]);
/// ```
pub fn equal_pictures(rows: &[Row]) -> Vec<Vec<usize>> {
    let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.sha256.is_empty() && row.face == 0) {
        groups.entry(&row.sha256).or_default().push(at);
    }
    let mut groups: Vec<_> = groups.into_values().filter(|rows| rows.len() > 1).collect();
    groups.sort_unstable();
    groups
}

/// The groups of rows with one picture that have several identities.
///
/// `pictures` are groups of rows that show the same picture, such as those of [`equal_pictures`]. Rows without an identity count for
/// none.
pub fn conflicts(rows: &[Row], pictures: &[Vec<usize>]) -> Vec<Conflict> {
    let found = pictures.iter().filter_map(|group| {
        let known = group.iter().copied().filter(|row| rows[*row].identity.is_some());
        let known: Vec<usize> = known.collect();
        let names: BTreeSet<&str> = known.iter().filter_map(|row| rows[*row].identity.as_deref()).collect();
        let identities = names.iter().map(|name| (*name).to_owned()).collect();
        (names.len() > 1).then_some(Conflict { rows: known, identities })
    });
    found.collect()
}

/// An identity in several splits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentityLeak {
    /// The identity.
    pub identity: String,
    /// Its splits, in the order of the names.
    pub splits: Vec<String>,
    /// Its rows.
    pub rows: Vec<usize>,
}

/// What several splits have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Leaks {
    /// Groups of rows with one picture in several splits.
    pub pictures: Vec<Vec<usize>>,
    /// Identities in several splits. Empty if most identities are: then the images of each identity were split.
    pub identities: Vec<IdentityLeak>,
    /// Whether the splits have disjoint identities but for [`identities`](Self::identities).
    pub is_by_identity: bool,
}

/// Finds pictures and identities in several splits.
///
/// # Conventions   rows without a split are left out; if at least half of the identities with two images are in several splits,
/// the split is one of images, for which only pictures leak
pub fn leaks(rows: &[Row], pictures: &[Vec<usize>]) -> Leaks {
    let split = |row: &usize| rows[*row].split.as_deref();
    let crossing = |group: &[usize]| group.iter().filter_map(split).collect::<BTreeSet<_>>().len() > 1;
    let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        if let (Some(identity), Some(_)) = (&row.identity, &row.split) {
            of.entry(identity).or_default().push(at);
        }
    }
    let splittable = of.values().filter(|rows| rows.len() > 1).count();
    let several: Vec<_> = of.iter().filter(|(_, rows)| crossing(rows)).collect();
    let is_by_identity = 2 * several.len() < splittable;
    let leak = |(identity, rows): (&&str, &Vec<usize>)| IdentityLeak {
        identity: (*identity).to_owned(),
        splits: rows
            .iter()
            .filter_map(split)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        rows: rows.clone(),
    };
    Leaks {
        pictures: pictures.iter().filter(|group| crossing(group)).cloned().collect(),
        identities: if is_by_identity { several.into_iter().map(leak).collect() } else { Vec::new() },
        is_by_identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, sha256: &str, identity: &str, split: &str) -> Row {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Row { sha256: sha256.to_owned(), identity: text(identity), split: text(split), ..Row::new(name) }
    }

    #[test]
    fn one_picture_under_two_names_is_a_conflict_and_under_one_a_duplicate() {
        let rows = [
            row("a", "1", "Ann", ""),
            row("b", "1", "Bob", ""),
            row("c", "2", "Ann", ""),
            row("d", "2", "Ann", ""),
            row("e", "1", "", ""),
        ];
        let groups = equal_pictures(&rows);
        assert_eq!(groups, [vec![0, 1, 4], vec![2, 3]]);
        let found = conflicts(&rows, &groups);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].rows.clone(), found[0].identities.join(" ")),
            (vec![0, 1], "Ann Bob".to_owned())
        );
    }

    #[test]
    fn faces_of_a_photo_are_one_picture() {
        let mut rows = [row("a", "1", "Ann", ""), row("a", "1", "Bob", "")];
        rows[1].face = 1;
        assert!(equal_pictures(&rows).is_empty());
    }

    #[test]
    fn identities_leak_only_between_disjoint_splits() {
        let mut rows = vec![row("x", "9", "Eve", "train"), row("y", "9", "Eve", "test")];
        for (n, split) in [(0, "train"), (1, "train"), (2, "test")] {
            rows.extend([row("p", "", &format!("p{n}"), split), row("q", "", &format!("p{n}"), split)]);
        }
        let found = leaks(&rows, &equal_pictures(&rows));
        assert!(found.is_by_identity);
        assert_eq!(found.pictures, [[0, 1]]);
        assert_eq!(found.identities[0].splits, ["test", "train"]);
        // The images of each person are split: nothing but the picture leaks.
        for (at, row) in rows.iter_mut().enumerate() {
            row.split = Some(if at % 2 == 0 { "train" } else { "test" }.to_owned());
        }
        let found = leaks(&rows, &equal_pictures(&rows));
        assert!(!found.is_by_identity && found.identities.is_empty() && found.pictures.len() == 1);
        assert_eq!(leaks(&[], &[]), Leaks::default());
    }
}
