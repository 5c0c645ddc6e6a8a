//! Warns when a network is measured on photos that it was trained on.

use std::collections::BTreeSet;
use std::path::Path;

use likeness_model::trained_on::{Overlap, TrainedOn, list_of_file};
use likeness_search::{Row, TrainedOnPhoto};

use crate::Result;
use crate::context::Context;

/// The training photos of a model, used to mark the rows of photos.
pub(crate) struct Marks(Option<TrainedOn>);

impl Marks {
    /// Reads the training photos of the network `model`. They may be unknown.
    ///
    /// # Errors        a changed list of training photos; a file that cannot be read
    pub(crate) fn of(model: Option<&str>) -> Result<Self> {
        Ok(Self(model.map(|model| TrainedOn::beside(Path::new(model))).transpose()?.flatten()))
    }

    /// The mark of a row: that of its embeddings file, else that of the list of training photos.
    pub(crate) fn mark(&self, row: &Row) -> Option<TrainedOnPhoto> {
        let by_list = |trained_on: &TrainedOn| {
            if trained_on.has_photo(&row.sha256) {
                TrainedOnPhoto::Photo
            } else if row.identity.as_deref().is_some_and(|name| trained_on.has_identity(name)) {
                TrainedOnPhoto::Identity
            } else {
                TrainedOnPhoto::Nothing
            }
        };
        row.trained_on.or_else(|| self.0.as_ref().map(by_list))
    }
}

/// Copies the list of training photos of `model`, if it has one, to the model folder `folder` that was made from it.
///
/// # Errors        a changed list; a file that cannot be read or written
pub fn copy_list(model: &Path, folder: &Path) -> Result<()> {
    match TrainedOn::beside(model)? {
        Some(trained_on) => Ok(trained_on.write(folder)?),
        None => Ok(()),
    }
}

/// Copies the list of training photos of the network file `from`, if it has one, to its copy `to`.
///
/// # Errors        a changed list; a file that cannot be read or written
pub fn copy_list_of_file(from: &Path, to: &Path) -> Result<()> {
    match TrainedOn::beside(from)? {
        Some(trained_on) => Ok(trained_on.write_to(&list_of_file(to))?),
        None => Ok(()),
    }
}

/// Counts the photos and identities in `rows` that the model was trained on. Returns `None` if that is unknown. Reports an
/// overlap to the observer.
///
/// # Errors        a changed list of training photos; a file that cannot be read
pub fn overlap(model: Option<&str>, rows: &[Row], context: Context<'_>) -> Result<Option<Overlap>> {
    let marks = Marks::of(model)?;
    let (mut is_known, mut photos, mut identities) = (false, BTreeSet::new(), BTreeSet::new());
    for row in rows {
        let Some(mark) = marks.mark(row) else { continue };
        is_known = true;
        if mark == TrainedOnPhoto::Photo {
            photos.insert(row.sha256.as_str());
        }
        if mark != TrainedOnPhoto::Nothing {
            identities.extend(row.identity.as_deref());
        }
    }
    if !is_known {
        return Ok(None);
    }
    let found = Overlap { photos: photos.len(), identities: identities.len() };
    if found.photos > 0 {
        context.note(format!(
            "warning: the model was trained on {} of these photos, so the result says little about other photos",
            found.photos
        ));
        context.note(
            "hint: measure on photos that were held out, with --split validation or --split test, or on other people",
        );
    } else if found.identities > 0 {
        context.note(format!(
            "note: {} of these identities have names that the model was trained on; if they are the same people, results for \
             unknown people will be lower",
            found.identities
        ));
    }
    Ok(Some(found))
}
