//! Locks that prevent two processes from working in the same folder.

use std::fs::TryLockError;
use std::io::Error;
use std::path::{Path, PathBuf};

/// Name of the lock file. It is never removed, because two processes could then lock different files.
pub const LOCK_FILE: &str = ".likeness.lock";

/// An exclusive lock on a folder, held until the value is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: fs_err::File,
}

/// Why a folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error("{}: another process is working in this folder", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
    },
    /// The lock file cannot be opened or locked; the source names it.
    #[error(transparent)]
    Io(#[from] Error),
}

impl FolderLock {
    /// Locks `folder`, which must exist.
    ///
    /// # Errors        another process holds it → [`LockError::Held`]; the folder cannot be written → [`LockError::Io`]
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(LOCK_FILE);
        let file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
        match file.file().try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) => {
                Err(Error::new(error.kind(), format!("{}: cannot be locked: {error}", folder.display()))
                    .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::acquire(folder.path()).unwrap();
        assert!(matches!(FolderLock::acquire(folder.path()), Err(LockError::Held { .. })));
        drop(first);
        FolderLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = FolderLock::acquire(&folder.path().join("absent")).unwrap_err();
        assert!(matches!(&error, LockError::Io(_)) && error.to_string().contains("absent"), "{error}");
    }
}
