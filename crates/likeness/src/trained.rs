//! Warns when a network is measured on photos that it was trained on.

use std::path::Path;

use likeness_search::Row;
use likeness_train::train::{Overlap, TrainedOn};

use crate::print::say;

/// Whether it is known what the network `model` was trained on.
pub(crate) fn is_known(model: Option<&str>) -> bool {
    model.is_some_and(|model| matches!(TrainedOn::beside(Path::new(model)), Ok(Some(_))))
}

/// Puts the list of training photos of `model`, where there is one, beside the network in `folder` that was made of it.
///
/// # Errors        a list that was altered; the disk
pub(crate) fn copy_list(model: &Path, folder: &Path) -> anyhow::Result<()> {
    match TrainedOn::beside(model)? {
        Some(trained_on) => Ok(trained_on.write(folder)?),
        None => Ok(()),
    }
}

/// How many of the photos in `rows` the network `model` was trained on; `None` where that is not known. An overlap is
/// reported on stderr.
///
/// # Errors        a list of training photos that was altered; the disk
pub(crate) fn overlap(model: Option<&str>, rows: &[Row]) -> anyhow::Result<Option<Overlap>> {
    let Some(trained_on) = model.map(|model| TrainedOn::beside(Path::new(model))).transpose()?.flatten()
    else {
        return Ok(None);
    };
    let photos = rows.iter().map(|row| row.sha256.as_str());
    let found = trained_on.overlap(photos, rows.iter().filter_map(|row| row.identity.as_deref()));
    if found.photos > 0 {
        say(format!(
            "warning: the model was trained on {} of these photos, so the result says little about other photos",
            found.photos
        ));
        say(
            "hint: measure on photos that were held out, with --split validation or --split test, or on other people",
        );
    } else if found.identities > 0 {
        say(format!(
            "note: {} of these identities have names that the model was trained on; if they are the same people, results for \
             unknown people will be lower",
            found.identities
        ));
    }
    Ok(Some(found))
}
