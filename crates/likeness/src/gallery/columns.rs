//! Further columns of photos, from a table.

use std::collections::HashMap;
use std::path::Path;

use likeness_data::photos::Skipped;
use likeness_gallery::catalogue::WriteCatalogue;
use likeness_gallery::{Gallery, PhotoId};

use super::maintain::all_files;
use super::selector::absolute_paths;
use crate::{Result, invalid};

/// Names of the column with the photo's path.
const PATH: [&str; 4] = ["photo", "path", "file", "filename"];

/// Stores the columns of the CSV table at `path` with the photos that its rows name, so that conditions can use them. Returns the
/// number of photos, and the rows whose photo the gallery does not have.
///
/// A path is relative to the table's folder or to the current one. Empty values are not stored; later tables replace earlier values.
///
/// # Errors        a table that cannot be read, or has no column with paths; a gallery that cannot be written to
pub fn store_columns(gallery: &mut Gallery, path: &Path) -> Result<(usize, Vec<Skipped>)> {
    let broken = |error: csv::Error| {
        invalid(format!("{}: {error}", path.display()), "give a CSV table with a header line in UTF-8")
    };
    let mut table = csv::Reader::from_reader(fs_err::File::open(path)?);
    let header = table.headers().map_err(broken)?.clone();
    let is_path = |name: &str| PATH.contains(&name.trim().to_lowercase().as_str());
    let Some(place) = header.iter().position(is_path) else {
        return Err(invalid(
            format!("{}: no column photo or path", path.display()),
            "name the column with the photos' paths photo",
        ));
    };
    let photos: HashMap<String, PhotoId> = all_files(gallery)?.into_iter().collect();
    let folder = path.parent().unwrap_or(Path::new("."));
    let (mut stored, mut skipped) = (0, Vec::new());
    for row in table.records() {
        let row = row.map_err(broken)?;
        let name = row.get(place).unwrap_or_default();
        let paths = [folder.join(name), Path::new(name).to_owned()];
        let found = paths.iter().flat_map(|path| absolute_paths(path)).find_map(|path| photos.get(&path));
        let Some(photo) = found else {
            skipped.push(Skipped::new(name, "the gallery has no such photo"));
            continue;
        };
        let values: Vec<(String, String)> = header
            .iter()
            .zip(&row)
            .enumerate()
            .filter(|(at, (_, value))| *at != place && !value.is_empty())
            .map(|(_, (name, value))| (name.trim().to_owned(), value.to_owned()))
            .collect();
        gallery.catalogue_mut().put_attributes(*photo, &values)?;
        stored += 1;
    }
    Ok((stored, skipped))
}
