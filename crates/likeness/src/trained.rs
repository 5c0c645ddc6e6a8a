//! Warns when a network is measured on photos that it was trained on.

use std::collections::BTreeSet;
use std::path::Path;

use likeness_model::trained_on::{Overlap, TrainedOn, list_of_file};
use likeness_search::{Row, TrainedOnPhoto};

use crate::Result;
use crate::context::Context;

/// What a model was trained on, put into the rows of photos.
pub(crate) struct Marks(Option<TrainedOn>);

impl Marks {
    /// Those of the network `model`; none where its training photos are not known.
    ///
    /// # Errors        a list of training photos that was altered; the disk
    pub(crate) fn of(model: Option<&str>) -> Result<Self> {
        Ok(Self(model.map(|model| TrainedOn::beside(Path::new(model))).transpose()?.flatten()))
    }

    /// The mark of a row: that of its embeddings file, else what the list says.
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

/// Puts the list of training photos of `model`, where there is one, beside the network in `folder` that was made of it.
///
/// # Errors        a list that was altered; the disk
pub fn copy_list(model: &Path, folder: &Path) -> Result<()> {
    match TrainedOn::beside(model)? {
        Some(trained_on) => Ok(trained_on.write(folder)?),
        None => Ok(()),
    }
}

/// Puts the list of training photos of the network `from`, where there is one, beside its copy `to`.
///
/// # Errors        a list that was altered; the disk
pub fn copy_list_of_file(from: &Path, to: &Path) -> Result<()> {
    match TrainedOn::beside(from)? {
        Some(trained_on) => Ok(trained_on.write_to(&list_of_file(to))?),
        None => Ok(()),
    }
}

/// How many of the photos in `rows` their model was trained on; `None` where that is not known. An overlap is reported on
/// stderr.
///
/// # Errors        a list of training photos that was altered; the disk
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
