//! The licence of weights in a file or a folder, which networks that start from them inherit.

use std::path::Path;

use crate::description::ModelDescription;
use crate::folder::{DESCRIPTION, IN_RUN};
use crate::registry::entry::by_length_and_checksum;
use crate::registry::sha256_of;
use crate::{Licence, Result};

/// The licence of the weights at `path`: that of the description in the same model folder, else that of the registry's entry for
/// the file. `None` if neither is known.
///
/// # Errors        a description or a file that cannot be read
pub fn licence_of_weights(path: &Path) -> Result<Option<Licence>> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    for description in [folder.join(DESCRIPTION), folder.join(IN_RUN).join(DESCRIPTION)] {
        if description.is_file() {
            return Ok(ModelDescription::read(&description)?.licence());
        }
    }
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = fs_err::metadata(path)?.len();
    let entry = by_length_and_checksum(bytes, || sha256_of(path).map(|(sum, _)| sum).unwrap_or_default());
    Ok(entry.map(|entry| Licence { name: entry.licence.clone(), terms: entry.terms }))
}
