//! Removing photos, checking and copying a gallery.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use likeness_data::decode::PhotoReader;
use likeness_gallery::catalogue::{Filter, Photo, PhotoFile, PhotoState, ReadCatalogue, WriteCatalogue};
use likeness_gallery::{Gallery, PhotoId};

use super::list;
use super::selector::absolute_paths;
use crate::context::Context;
use crate::{Result, invalid};

/// Removes photos by their paths, or those of a folder, or those that match. Returns their number.
///
/// # Errors        a path that the gallery does not have; a gallery that cannot be written to
pub fn remove(gallery: &mut Gallery, places: &[PathBuf], filter: Option<&Filter>) -> Result<usize> {
    let mut chosen: Vec<PhotoId> = match filter {
        Some(_) => gallery.catalogue().photos(filter)?.into_iter().map(|photo| photo.id).collect(),
        None => Vec::new(),
    };
    let files = all_files(gallery)?;
    for place in places {
        let wanted = absolute_paths(place);
        let is_wanted = |path: &str| {
            wanted.iter().any(|wanted| {
                path.strip_prefix(wanted.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let found: Vec<PhotoId> =
            files.iter().filter(|(path, _)| is_wanted(path)).map(|(_, photo)| *photo).collect();
        if found.is_empty() {
            return Err(invalid(
                format!("{}: the gallery has no such photo", place.display()),
                "list its photos with `likeness gallery list`",
            ));
        }
        chosen.extend(found);
    }
    chosen.sort_unstable();
    chosen.dedup();
    gallery.catalogue_mut().remove_photos(&chosen)?;
    list::reassign(gallery)?;
    Ok(chosen.len())
}

/// The absolute paths of all files, with their photos.
pub(crate) fn all_files(gallery: &Gallery) -> Result<Vec<(String, PhotoId)>> {
    let mut all = Vec::new();
    for root in gallery.catalogue().roots()? {
        let files: HashMap<String, PhotoFile> = gallery.catalogue().files(root.id)?;
        all.extend(files.into_values().map(|file| (format!("{}/{}", root.path, file.file.path), file.photo)));
    }
    Ok(all)
}

/// Everything that is wrong with a gallery, a line each. With `photos`, every photo is read again.
///
/// # Errors        a gallery that cannot be read at all
pub fn verify(gallery: &mut Gallery, photos: bool, context: Context<'_>) -> Result<Vec<String>> {
    let mut faults = gallery.catalogue().verify()?;
    if faults.is_empty()
        && let Some(model) = gallery.model()?
    {
        let codes = gallery.ready_codes(&model)?;
        let state_len = codes.len();
        let items = gallery.catalogue().vector_state(model.id)?.items.len();
        if state_len != items {
            faults.push(format!("the codes have {state_len} rows, the catalogue {items} embeddings"));
        }
    }
    if photos {
        faults.extend(changed_photos(gallery, context)?);
    }
    Ok(faults)
}

/// Photos whose files have another content than the gallery knows.
fn changed_photos(gallery: &Gallery, context: Context<'_>) -> Result<Vec<String>> {
    let known: HashMap<PhotoId, Photo> =
        gallery.catalogue().photos(None)?.into_iter().map(|photo| (photo.id, photo)).collect();
    let reader = PhotoReader::default();
    let files = all_files(gallery)?;
    let progress = context.stage("verify");
    let mut faults = Vec::new();
    for (done, (path, photo)) in files.iter().enumerate() {
        if context.is_stopped() {
            return Err(invalid("interrupted", "run the same command again"));
        }
        let expected = known.get(photo).filter(|photo| photo.state == PhotoState::Present);
        match reader.hash(Path::new(path)) {
            Ok(found) if expected.is_none_or(|photo| photo.sha256 == found) => {}
            Ok(_) => {
                faults.push(format!("{path}: its content changed; `likeness gallery sync` reads it again"))
            }
            Err(error) => faults.push(format!("{path}: {}", error.reason())),
        }
        progress.show(done + 1, files.len());
    }
    progress.end(files.len(), "files");
    Ok(faults)
}

/// Copies the gallery to `path`, as it is at one moment.
///
/// # Errors        a file that cannot be written
pub fn backup(gallery: &Gallery, path: &Path) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let copied = gallery.catalogue().copy_to(&temporary).map_err(Into::into).and_then(|()| {
        fs_err::rename(&temporary, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        likeness_artifact::sync_folder(folder.unwrap_or(Path::new(".")))?;
        Ok(())
    });
    let _ = fs_err::remove_file(&temporary);
    copied
}
