//! Creates a gallery.

use std::path::Path;

use likeness_gallery::Gallery;
use likeness_gallery::catalogue::ItemKind;

use crate::Result;

/// Creates an empty gallery at `path`. It gets its model with its first photos.
///
/// # Errors        a file that exists; a folder that does not, or cannot be written to
pub fn create(path: &Path, kind: ItemKind) -> Result<Gallery> {
    Ok(Gallery::create(path, kind)?)
}
