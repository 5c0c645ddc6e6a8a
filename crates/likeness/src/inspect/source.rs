//! Reads what is inspected: the photos of a folder or table, the faces of a dataset, or the rows of an embeddings file.

use std::path::{Path, PathBuf};

use likeness_data::dataset::Dataset;
use likeness_data::photos::Skipped;
use likeness_data::source::{self, Layout};
use likeness_search::TableKind;

use crate::Result;
use crate::context::Context;

/// The kind of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Photos of a folder or a table, or one photo.
    Photos,
    /// Faces of a dataset.
    Faces,
    /// Rows of an embeddings file.
    Embeddings,
}

/// A picture to check.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The photo's name in its collection.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) identity: Option<String>,
    pub(super) split: Option<String>,
    /// The checksum and the size of the photo of a dataset's face, and the number of faces in it.
    pub(super) photo: Option<(String, (u32, u32), Option<usize>)>,
}

/// What is inspected.
pub(super) struct Source {
    pub(super) kind: Kind,
    /// The pictures; `None` for embeddings.
    pub(super) items: Option<Vec<Item>>,
    /// Files that were skipped.
    pub(super) skipped: Vec<Skipped>,
}

/// Reads `input`.
///
/// # Errors        an input that cannot be read
pub(super) fn read(input: &Path, layout: Layout, context: Context<'_>) -> Result<Source> {
    if Dataset::is_at(input) {
        let dataset = Dataset::open(input)?;
        let item = |face: &likeness_data::manifest::Face| Item {
            name: face.source.clone(),
            path: dataset.path_of(face),
            identity: face.identity.clone(),
            split: Some(face.split.name().to_owned()),
            photo: Some((face.sha256.clone(), (face.width, face.height), face.faces)),
        };
        let items = dataset.faces.iter().map(item).collect();
        return Ok(Source { kind: Kind::Faces, items: Some(items), skipped: Vec::new() });
    }
    if input.is_file() && TableKind::of(input) != TableKind::Other {
        return Ok(Source { kind: Kind::Embeddings, items: None, skipped: Vec::new() });
    }
    let collection = source::read(input, layout, None)?;
    collection.notes.iter().for_each(|note| context.note(note));
    let item = |sample: likeness_data::sample::Sample| Item {
        name: sample.name,
        path: sample.path,
        identity: sample.identity,
        split: sample.split.map(|split| split.name().to_owned()),
        photo: None,
    };
    let items = collection.samples.into_iter().map(item).collect();
    Ok(Source { kind: Kind::Photos, items: Some(items), skipped: collection.skipped })
}
