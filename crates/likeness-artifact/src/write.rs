//! Atomic writes: a temporary file in the same folder, synced, then renamed.
//!
//! After [`write`] returns, the content survives a power loss: the file is synced before the rename, and the folder
//! after it. A replaced file keeps its permissions. Symbolic links are followed, so the link is kept and its target is
//! replaced. Devices, pipes and sockets cannot be replaced: they are opened and written.
// This module implements the functions that `clippy.toml` forbids elsewhere.
#![allow(clippy::disallowed_methods)]

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Destination;

/// Prefix of the names of temporary files, by which files left by a killed process are found.
pub const TEMPORARY_PREFIX: &str = ".likeness-";
/// Suffix of the names of temporary files.
const TEMPORARY_SUFFIX: &str = ".tmp";
const BUFFER_BYTES: usize = 1 << 18;

/// Whether a file name is that of a temporary file of this program.
pub fn is_temporary(file_name: &str) -> bool {
    file_name.starts_with(TEMPORARY_PREFIX) && file_name.ends_with(TEMPORARY_SUFFIX)
}

/// Writes the content produced by `fill` to `path`: a reader sees either the old or the new content.
///
/// # Errors        the folder cannot be written, `fill` fails, the rename is refused; the message names `path`
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    match Destination::of(path)? {
        Destination::File(target) => Pending::write(&target, fill)?.persist(),
        Destination::Through(target) => write_through(&target, fill),
        Destination::Stdout => Destination::fill_stdout(fill),
    }
}

/// A file that is written and synced under a temporary name.
///
/// Dropping it removes the temporary file. To replace related files together, write them all and then persist them all.
#[derive(Debug)]
pub struct Pending {
    file: NamedTempFile,
    path: PathBuf,
}

impl Pending {
    /// Writes and syncs the content of the future regular file `path`.
    ///
    /// # Errors        the folder cannot be written or `fill` fails; the message names `path`
    pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Self> {
        let named = |error: Error| named(path, error);
        let file = create_beside(path).map_err(named)?;
        let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, file.as_file());
        fill(&mut buffered).and_then(|()| buffered.flush()).map_err(named)?;
        drop(buffered);
        file.as_file().sync_all().map_err(named)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Renames the file to its final name and syncs the folder.
    ///
    /// # Errors        the rename is refused; the message names the file
    pub fn persist(self) -> Result<()> {
        let Self { file, path } = self;
        file.persist(&path).map_err(|refused| named(&path, refused.error))?;
        sync_folder(folder_of(&path))
    }
}

/// Writes `content` to the regular file `path`, atomically for readers and if the process is killed. It survives a power loss
/// only after [`sync_files`].
///
/// # Errors        the folder cannot be written or the rename is refused; the message names `path`
pub fn write_unsynced(path: &Path, content: &[u8]) -> Result<()> {
    let named = |error: Error| named(path, error);
    let mut file = create_beside(path).map_err(named)?;
    file.as_file_mut().write_all(content).map_err(named)?;
    file.persist(path).map_err(|refused| named(refused.error))?;
    Ok(())
}

/// Syncs `files`, all below `folder` and written by [`write_unsynced`], so that they survive a power loss.
///
/// On Linux one call syncs the file system of `folder`, which takes a fraction of the time of one call for each file.
///
/// # Errors        the sync fails; the message names the folder or the file
pub fn sync_files(folder: &Path, files: &[PathBuf]) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        let opened = fs_err::File::open(folder)?;
        match rustix::fs::syncfs(opened.file()) {
            Ok(()) => return Ok(()),
            // Some sandboxes do not support the system call.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM | rustix::io::Errno::OPNOTSUPP) => {}
            Err(error) => return Err(named(folder, error.into())),
        }
    }
    let mut folders = std::collections::BTreeSet::from([folder]);
    for path in files {
        fs_err::File::open(path)?.sync_all()?;
        folders.insert(folder_of(path));
    }
    folders.into_iter().try_for_each(sync_folder)
}

/// Creates an unnamed file that disappears with the process, in the folder of `path`. For stdout and devices it is in the
/// folder for temporary files.
///
/// # Errors        the folder cannot be written; the message names `path`
pub fn scratch(path: &Path) -> Result<File> {
    match Destination::of(path)? {
        Destination::File(target) => tempfile::tempfile_in(folder_of(&target)),
        Destination::Through(_) | Destination::Stdout => tempfile::tempfile(),
    }
    .map_err(|error| named(path, error))
}

/// Makes renames and removals in `folder` durable. File systems that cannot sync a folder are ignored.
///
/// # Errors        the sync fails; the message names the folder
pub fn sync_folder(folder: &Path) -> Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match fs_err::File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        // A folder that may be written but not read cannot be opened for a sync.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

/// Writes to an output that is not a regular file.
fn write_through(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let named = |error: Error| named(path, error);
    let file = fs_err::OpenOptions::new().append(true).open(path).map_err(named)?;
    let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, file);
    fill(&mut buffered).and_then(|()| buffered.flush()).map_err(named)
}

/// The parent folder of `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates a temporary file beside `path`, with the permissions of the existing file, or of any new file.
fn create_beside(path: &Path) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX).suffix(TEMPORARY_SUFFIX);
    #[cfg(unix)]
    // The umask applies to a new file.
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder_of(path))?;
    #[cfg(unix)]
    if let Ok(before) = fs_err::metadata(path) {
        file.as_file().set_permissions(before.permissions())?;
    }
    Ok(file)
}

/// Adds `path` to the message of `error`.
fn named(path: &Path, error: Error) -> Error {
    Error::new(error.kind(), format!("{}: cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name =
            |entry: Result<fs_err::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = fs_err::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write(&path, |file| file.write_all(b"old")).unwrap();
        let failed = write(&path, |file| {
            file.write_all(b"half of the ne")?;
            Err(Error::other("the disk broke"))
        });
        assert!(failed.unwrap_err().to_string().contains("a.txt: cannot be written: the disk broke"));
        assert_eq!(fs_err::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_pending_file_has_no_name_until_it_is_persisted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let pending = Pending::write(&path, |file| file.write_all(b"x")).unwrap();
        assert!(names(folder.path()).iter().all(|name| is_temporary(name)));
        drop(pending);
        assert!(names(folder.path()).is_empty());
        Pending::write(&path, |file| file.write_all(b"y")).unwrap().persist().unwrap();
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn unsynced_files_are_whole_and_can_be_synced_together() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        for path in &paths {
            write_unsynced(path, b"old").unwrap();
            write_unsynced(path, b"new").unwrap();
        }
        sync_files(folder.path(), &paths).unwrap();
        assert_eq!(names(folder.path()), ["a", "b"]);
        assert_eq!(fs_err::read(&paths[0]).unwrap(), b"new");
        assert!(sync_files(&folder.path().join("absent"), &[]).is_err());
        assert!(write_unsynced(&folder.path().join("absent/a"), b"x").is_err());
    }

    #[cfg(unix)]
    mod unix {
        use super::*;
        use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

        fn mode(path: &Path) -> u32 {
            fs_err::metadata(path).unwrap().permissions().mode() & 0o7777
        }

        #[test]
        fn a_new_file_has_the_mode_of_any_other_and_a_replaced_one_keeps_its_own() {
            let folder = tempfile::tempdir().unwrap();
            let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
            write(&ours, |file| file.write_all(b"x")).unwrap();
            #[allow(clippy::disallowed_methods)]
            fs_err::write(&plain, b"x").unwrap();
            assert_eq!(mode(&ours), mode(&plain));
            for kept in [0o600, 0o640, 0o664] {
                fs_err::set_permissions(&ours, std::fs::Permissions::from_mode(kept)).unwrap();
                write(&ours, |file| file.write_all(b"y")).unwrap();
                assert_eq!(mode(&ours), kept);
            }
        }

        #[test]
        fn a_link_stays_and_its_target_is_replaced() {
            let folder = tempfile::tempdir().unwrap();
            fs_err::create_dir(folder.path().join("deep")).unwrap();
            let (target, link) = (folder.path().join("deep/target"), folder.path().join("link"));
            symlink("deep/target", &link).unwrap();
            for content in ["created through a dangling link", "replaced"] {
                write(&link, |file| file.write_all(content.as_bytes())).unwrap();
                assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
                assert!(!fs_err::symlink_metadata(&target).unwrap().is_symlink());
                assert_eq!(fs_err::read_to_string(&target).unwrap(), content);
            }
            assert_eq!(names(&folder.path().join("deep")), ["target"]);
        }

        #[test]
        fn a_loop_of_links_is_an_error() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("loop");
            symlink("loop", &path).unwrap();
            assert!(write(&path, |file| file.write_all(b"x")).is_err());
            assert!(fs_err::symlink_metadata(&path).unwrap().is_symlink());
        }

        #[test]
        fn a_pipe_is_written_through() {
            let folder = tempfile::tempdir().unwrap();
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let reader = std::thread::spawn({
                let pipe = pipe.clone();
                move || fs_err::read(pipe).unwrap()
            });
            write(&pipe, |file| file.write_all(b"through the pipe")).unwrap();
            assert_eq!(reader.join().unwrap(), b"through the pipe");
            assert!(fs_err::metadata(&pipe).unwrap().file_type().is_fifo());
        }

        /// Creates a character device in `folder`, so that a failing test cannot replace a device of the machine; `None`
        /// if that is not allowed.
        fn device(folder: &Path, name: &str, minor: &str) -> Option<PathBuf> {
            let path = folder.join(name);
            let made =
                std::process::Command::new("mknod").arg(&path).args(["c", "1", minor]).output().ok()?;
            let may = made.status.success() && fs_err::OpenOptions::new().append(true).open(&path).is_ok();
            may.then_some(path)
        }

        #[test]
        fn a_device_stays_a_device() {
            let folder = tempfile::tempdir().unwrap();
            let is_device = |path: &Path| fs_err::metadata(path).unwrap().file_type().is_char_device();
            // Like /dev/null and /dev/full.
            if let Some(null) = device(folder.path(), "null", "3") {
                write(&null, |file| file.write_all(b"x")).unwrap();
                assert!(is_device(&null));
            }
            if let Some(full) = device(folder.path(), "full", "7") {
                let error = write(&full, |file| file.write_all(b"x")).unwrap_err();
                assert!(error.to_string().contains("full: cannot be written"), "{error}");
                assert!(is_device(&full));
            }
        }
    }
}
