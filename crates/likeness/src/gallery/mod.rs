//! Galleries: photos, people and decisions in one file, kept up to date with folders.
//!
//! [`Gallery::create`] makes a gallery, [`add`](sync::add) and [`sync`](sync::sync) fill it, [`search`](search::search)
//! finds photos of the people or things in a query, [`people`] lists and names people, and [`migrate`] changes the model.

pub mod columns;
pub mod exchange;
pub mod explained;
pub mod groups;
pub mod index;
mod ingest;
pub mod labelled;
pub mod list;
pub mod maintain;
pub mod migrate;
pub mod people;
pub mod search;
pub mod selector;
pub mod sync;

use std::path::Path;

use likeness_gallery::catalogue::{ItemKind, ReadCatalogue, StoredModel};
use likeness_gallery::{Gallery, GalleryError};

use crate::loader::Loader;
use crate::options::{ModelChoice, PhotoOptions};
use crate::{Result, invalid};

pub use ingest::Ingested;

/// The options of a model that a gallery stores.
pub(crate) fn choice(model: &StoredModel, options: &ModelChoice) -> ModelChoice {
    ModelChoice { model: Some(model.source.clone()), is_default: false, ..options.clone() }
}

/// The photo options for a gallery: all faces, found by the detector that the gallery uses.
pub(crate) fn photo_options(model: &StoredModel, options: &PhotoOptions) -> PhotoOptions {
    let mut options = options.clone();
    options.detection.detector =
        if model.detector.is_empty() { "none".into() } else { model.detector.clone() };
    options.detection.cut.faces = likeness_data::cut::KeepFaces::All;
    options
}

/// Fails if `loader` opens another network than the one that made the embeddings of the gallery.
///
/// # Errors        another fingerprint; a model that cannot be opened
pub(crate) fn check_model(gallery: &Gallery, model: &StoredModel, loader: &Loader<'_>) -> Result<()> {
    let spec = loader.embedder()?.spec();
    if spec.fingerprint == model.tag.fingerprint {
        return Ok(());
    }
    let short = |fingerprint: &str| fingerprint.get(..12).unwrap_or(fingerprint).to_owned();
    Err(invalid(
        format!(
            "{}: its embeddings come from the model {} ({}), but {} is now {}",
            gallery.catalogue().path().display(),
            model.tag.name,
            short(&model.tag.fingerprint),
            model.source,
            short(&spec.fingerprint)
        ),
        "restore that file, or embed the photos with the new model: likeness gallery migrate --model FILE",
    ))
}

/// Opens a gallery for writing, or for reading if `is_writable` is false.
///
/// # Errors        as [`Gallery::open`]
pub fn open(path: &Path, is_writable: bool) -> Result<Gallery> {
    Ok(if is_writable { Gallery::open(path)? } else { Gallery::open_read_only(path)? })
}

/// What the items of a gallery are called.
pub fn noun(gallery: &Gallery) -> Result<&'static str, GalleryError> {
    Ok(match gallery.catalogue().info()?.kind {
        ItemKind::Faces => "faces",
        ItemKind::Pictures => "pictures",
    })
}
