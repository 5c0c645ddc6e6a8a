//! Files that appear whole or not at all: written beside their place, then renamed.

use crate::error::{Result, TrainError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file with all of its content on the disk, but not yet under its name.
#[derive(Debug)]
pub(crate) struct Unfinished {
    file: NamedTempFile,
    path: PathBuf,
}

impl Unfinished {
    /// Writes what will be `path` through `fill`.
    ///
    /// # Errors        the disk → [`TrainError::Io`], naming the file
    pub(crate) fn write(
        path: &Path,
        fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<Self> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".likeness-").suffix(".tmp");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // the umask takes its share
        let file = builder.tempfile_in(folder).map_err(|error| named(path, &error))?;
        let mut buffered = BufWriter::with_capacity(1 << 20, file.as_file());
        fill(&mut buffered).and_then(|()| buffered.flush()).map_err(|error| named(path, &error))?;
        drop(buffered);
        file.as_file().sync_all().map_err(|error| named(path, &error))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Gives the file its name.
    pub(crate) fn persist(self) -> Result<()> {
        let Self { file, path } = self;
        file.persist(&path).map_err(|refused| named(&path, &refused.error))?;
        Ok(())
    }
}

fn named(path: &Path, error: &std::io::Error) -> TrainError {
    TrainError::Io(std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
