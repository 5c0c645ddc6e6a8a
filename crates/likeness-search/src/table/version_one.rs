//! Converts rows of embeddings files of version 1 to version 2.

use std::collections::HashSet;
use std::path::Path;

use super::Row;
use super::place::Places;

/// Number of rows whose photos are looked up to find the folder that relative paths start from.
const PROBED: usize = 32;

/// Numbers the faces of a photo, and resolves paths so that they can be opened from the current folder.
pub(super) fn upgrade(rows: &mut [Row], places: &Places) {
    number_faces(rows);
    resolve_paths(rows, places);
}

/// Recognises the rows `a.jpg`, `a.jpg#2`, `a.jpg#3` as three faces of the photo `a.jpg`.
///
/// A name such as `a.jpg#3` counts as a face only if rows for the photo's earlier faces exist too.
fn number_faces(rows: &mut [Row]) {
    let mut seen: HashSet<(String, u32)> = HashSet::new();
    for row in rows {
        let numbered = row.name.rsplit_once('#').and_then(|(photo, digits)| {
            let nth: u32 = digits.parse().ok().filter(|nth: &u32| *nth >= 2 && nth.to_string() == digits)?;
            let face = (photo.to_owned(), nth - 1);
            seen.contains(&(photo.to_owned(), nth - 2)).then_some(face)
        });
        let (name, face) = numbered.unwrap_or_else(|| (row.name.clone(), 0));
        seen.insert((name.clone(), face));
        (row.name, row.face) = (name, face);
    }
}

/// Resolves relative paths from the current folder if the photos exist there, otherwise from the file's folder.
fn resolve_paths(rows: &mut [Row], places: &Places) {
    let is_relative = |row: &&Row| !row.path.is_empty() && Path::new(&row.path).is_relative();
    let probes = || rows.iter().filter(is_relative).take(PROBED);
    let exists =
        |path: &str| Row { path: path.to_owned(), ..Row::default() }.photo_path().is_some_and(|p| p.exists());
    let found_here = probes().any(|row| exists(&row.path));
    if !found_here && probes().any(|row| exists(&places.below(&row.path))) {
        rows.iter_mut().for_each(|row| places.resolve(row));
    }
}
