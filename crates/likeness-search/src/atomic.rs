//! Files that appear whole or not at all: written beside their final place, then renamed over it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{Result, SearchError};

/// Writes a file through `fill`, so that a reader of `path` sees the old content or the new, never a part.
///
/// The temporary file lies in the same folder and takes the permissions any new file there would have.
///
/// # Errors        the folder cannot be written, `fill` fails, the rename is refused → `Io`, naming the file
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
) -> Result<()> {
    let name = |error: std::io::Error| named(path, error);
    let temporary = create_beside(path).map_err(name)?;
    let mut writer = BufWriter::with_capacity(1 << 20, temporary.as_file());
    fill(&mut writer).and_then(|()| writer.flush()).map_err(name)?;
    drop(writer);
    temporary.as_file().sync_all().map_err(name)?;
    temporary.persist(path).map_err(|refused| name(refused.error))?;
    Ok(())
}

/// A file without a name in the folder of `path`, gone with the process.
///
/// # Errors        the folder cannot be written → `Io`, naming `path`
pub(crate) fn scratch(path: &Path) -> Result<File> {
    tempfile::tempfile_in(folder_of(path)).map_err(|error| named(path, error))
}

/// `source` as what keeps the file at `path` from being written.
pub(crate) fn named(path: &Path, source: std::io::Error) -> SearchError {
    std::io::Error::new(source.kind(), format!("{}: cannot be written: {source}", path.display())).into()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn create_beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".likeness-").suffix(".partial");
    #[cfg(unix)]
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666); // the umask takes its share
    #[cfg(unix)]
    builder.permissions(permissions);
    builder.tempfile_in(folder_of(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.txt");
        write(&path, |w| w.write_all(b"old")).unwrap();
        let failed = write(&path, |w| {
            w.write_all(b"half of the ne")?;
            Err(std::io::Error::other("the disk is full"))
        });
        assert!(failed.unwrap_err().to_string().contains("kept.txt"));
        assert_eq!(fs_err::read(&path).unwrap(), b"old");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_has_the_permissions_of_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write(&ours, |w| w.write_all(b"x")).unwrap();
        fs_err::write(&plain, b"x").unwrap();
        let mode = |path| fs_err::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(ours), mode(plain));
    }
}
