//! Atomic writes for the crates that do not use `likeness-artifact` themselves.

use std::io::Write;
use std::path::Path;

use crate::Result;

/// Writes `path` through `write`, whole or not at all; see [`likeness_artifact::write`].
///
/// # Errors        the disk's, naming the file
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    Ok(likeness_artifact::write(path, write)?)
}
