//! Names the people in photos by known faces.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use likeness_data::photos::Skipped;
use likeness_search::{Distance, RankConfig, Row, rank};

use crate::context::Context;
use crate::loader::{Loader, Standing};
use crate::{Result, invalid};

/// Options of [`identify`].
#[derive(Debug, Clone, Default)]
pub struct IdentifyOptions {
    /// Largest distance from a known face; `None` means the model's threshold for the same person.
    pub tolerance: Option<f32>,
    /// Distance between embeddings; `None` means the distance of the model.
    pub distance: Option<Distance>,
}

/// A face in a photo, and who it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Identified {
    /// The photo, and the box of the face.
    pub row: Row,
    /// The person's name; `None` for an unknown person.
    pub name: Option<String>,
    /// Distance from the nearest known face.
    pub distance: Option<f32>,
}

/// The result of [`identify`].
#[derive(Debug, Clone)]
pub struct Identification {
    /// Number of known people.
    pub people: usize,
    /// Number of known faces.
    pub known: usize,
    /// The largest distance at which a face gets a name.
    pub tolerance: f32,
    /// The photos in order: their path, and their faces. A photo without a face has none.
    pub photos: Vec<(String, Vec<Identified>)>,
    /// Photos that could not be read, with the reasons.
    pub skipped: Vec<Skipped>,
}

/// Names every face of the photos `unknown` by its nearest face in `known`.
///
/// A known photo in a folder of its own below `known` has the name of that folder. Otherwise its name is that of the file without
/// the extension.
///
/// # Errors        inputs that cannot be read; no known face; a model without thresholds if no tolerance is given
pub fn identify(
    loader: &Loader<'_>,
    known: &Path,
    unknown: &[PathBuf],
    options: &IdentifyOptions,
    context: Context<'_>,
) -> Result<Identification> {
    let known_faces = loader.load(std::slice::from_ref(&known.to_owned()), None)?.table;
    let names: Vec<String> = known_faces.rows().iter().map(|row| name_of(known, row)).collect();
    let model = known_faces.model();
    let distance = options.distance.unwrap_or(model.distance);
    let threshold = model.thresholds.limits().filter(|_| distance == model.distance).map(|(same, _)| same);
    let Some(tolerance) = options.tolerance.or(threshold) else {
        return Err(invalid(
            format!("{}: the model has no threshold for the distance {distance}", model.name),
            "give the largest distance of the same person with --tolerance",
        ));
    };
    let queries = loader.load_queries(unknown)?;
    let progress = context.stage("match");
    let config = RankConfig { k: Some(1), allow_self: true };
    let rankings = rank(&queries.table, &known_faces, distance, &config)?;
    progress.end(queries.table.len(), "faces");
    let mut faces = queries.table.rows().iter().zip(rankings.iter()).peekable();
    let (mut photos, mut skipped) = (Vec::with_capacity(queries.photos.len()), Vec::new());
    for photo in &queries.photos {
        let mut found = Vec::new();
        while let Some((row, ranking)) = faces.next_if(|(row, _)| row.name == photo.name) {
            let nearest = ranking.hits().first();
            let name = nearest
                .filter(|hit| hit.distance <= tolerance)
                .map(|hit| names[hit.gallery_id.index()].clone());
            found.push(Identified { row: row.clone(), name, distance: nearest.map(|hit| hit.distance) });
        }
        match photo.standing {
            Standing::Embedded => photos.push((photo.path.clone(), found)),
            Standing::WithoutFace => photos.push((photo.path.clone(), Vec::new())),
            Standing::Unreadable => skipped.push(Skipped::new(&photo.name, &photo.reason)),
        }
    }
    Ok(Identification {
        people: names.iter().collect::<HashSet<_>>().len(),
        known: known_faces.len(),
        tolerance,
        photos,
        skipped,
    })
}

/// The name of the person on a known photo.
fn name_of(known: &Path, row: &Row) -> String {
    let path = PathBuf::from(&row.name);
    let below = path.strip_prefix(known).unwrap_or(&path);
    let folder = below.parent().and_then(Path::file_name).filter(|_| known.is_dir());
    let stem = || below.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match (&row.identity, folder) {
        (Some(identity), _) if !known.is_dir() => identity.clone(),
        (_, Some(folder)) => folder.to_string_lossy().into_owned(),
        (Some(_), None) | (None, None) => stem(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_the_folder_or_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let known = folder.path();
        let name = |name: &str| name_of(known, &Row::new(name));
        assert_eq!(name("Anna Müller.jpg"), "Anna Müller");
        assert_eq!(name("Anna/1.jpg"), "Anna");
        assert_eq!(name("family/Anna/1.jpg"), "Anna");
        assert_eq!(name("a.b.jpg"), "a.b");
        let labelled = Row { identity: Some("Anna".to_owned()), ..Row::new("1.jpg") };
        assert_eq!(name_of(&known.join("known.embeddings"), &labelled), "Anna");
    }
}
