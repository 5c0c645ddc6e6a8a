//! Files that are whole or absent: written under a temporary name in the same folder, then renamed.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err::File;

use crate::Result;

/// Writes `path` through `fill`; nothing is left behind, and an older file stays as it was, when anything fails.
///
/// # Errors
/// [`DataError::Io`](crate::DataError::Io), naming the file.
pub(crate) fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}-{number}.part", std::process::id()));
    let written = File::create(&part).and_then(|file| {
        let mut writer = BufWriter::new(file);
        fill(&mut writer).and_then(|()| writer.flush()).map_err(|e| named(path, e))
    });
    let renamed = written.and_then(|()| fs_err::rename(&part, path));
    if renamed.is_err() {
        let _ = fs_err::remove_file(&part); // the first error is the one to tell
    }
    Ok(renamed?)
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomically(&path, |f| f.write_all(b"old")).unwrap();
        let failed = write_atomically(&path, |f| f.write_all(b"new").and(Err(io::Error::other("no more"))));
        assert!(failed.unwrap_err().to_string().contains("a.txt"));
        assert_eq!(fs_err::read(&path).unwrap(), b"old");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write_atomically(Path::new("no-such-folder/a.txt"), |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("no-such-folder"), "{error}");
    }
}
