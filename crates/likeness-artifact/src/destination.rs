//! Resolves the output path that a user gave: stdout, a device or pipe, or a regular file.

use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Component, Path, PathBuf};

/// Maximum number of symbolic links that are followed before a chain counts as a loop, as on Linux.
const MAX_LINKS: usize = 40;

/// The kind of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The process's standard output: `-` or `/dev/stdout`.
    Stdout,
    /// A device, a pipe, a socket or an open file of a process: it is opened and written, never replaced.
    Through(PathBuf),
    /// A regular file, existing or not, with symbolic links resolved: it is replaced atomically.
    File(PathBuf),
}

impl Destination {
    /// Determines the kind of the output `path`.
    ///
    /// # Errors        `path` is a folder, or a loop of symbolic links; the message names `path`
    pub fn of(path: &Path) -> Result<Self> {
        if path == Path::new("-") || path == Path::new("/dev/stdout") {
            return Ok(Self::Stdout);
        }
        let mut target = path.to_owned();
        for _ in 0..MAX_LINKS {
            if is_open_file(&target) {
                return Ok(Self::Through(path.to_owned()));
            }
            match fs_err::symlink_metadata(&target) {
                Ok(found) if found.is_symlink() => {
                    let link = fs_err::read_link(&target)?;
                    target = crate::write::folder_of(&target).join(link);
                }
                Ok(found) if found.is_dir() => {
                    let reason = format!("{}: is a folder, expected a file", path.display());
                    return Err(Error::new(ErrorKind::IsADirectory, reason));
                }
                Ok(found) if found.is_file() => return Ok(Self::File(target)),
                Ok(_) => return Ok(Self::Through(target)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::File(target)),
                Err(error) => return Err(error),
            }
        }
        let reason = format!("{}: too many levels of symbolic links", path.display());
        Err(Error::new(ErrorKind::InvalidInput, reason))
    }

    /// Runs `fill` with the process's standard output.
    ///
    /// # Errors        the errors of `fill`; a reader that closed the pipe is not an error
    #[allow(clippy::disallowed_methods)] // data on stdout, not a message
    pub fn fill_stdout(fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        match fill(&mut stdout).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Error::new(error.kind(), format!("stdout: cannot be written: {error}"))),
            Ok(()) => Ok(()),
        }
    }
}

/// Whether `path` names an open file of a process, such as `/dev/fd/63` or `/proc/self/fd/1`.
///
/// The target of such a path must not be replaced by a rename, because the process has the old file open.
fn is_open_file(path: &Path) -> bool {
    let mut parts = path.components();
    let two = (parts.next(), parts.next().map(Component::as_os_str));
    if two.0 != Some(Component::RootDir) {
        return false;
    }
    let third = parts.next().map(Component::as_os_str);
    match two.1 {
        Some(dev) if dev == "dev" => third.is_some_and(|name| name == "fd" || name == "stderr"),
        Some(proc) => proc == "proc",
        None => false,
    }
}

/// Whether two paths refer to the same existing file, directly or through symbolic or hard links.
pub fn same_file(a: &Path, b: &Path) -> bool {
    let (Ok(at), Ok(bt)) = (fs_err::metadata(a), fs_err::metadata(b)) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (at.dev(), at.ino()) == (bt.dev(), bt.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (at, bt);
        matches!((fs_err::canonicalize(a), fs_err::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_stdout_and_a_name_with_a_dash_is_a_file() {
        for path in ["-", "/dev/stdout"] {
            assert_eq!(Destination::of(Path::new(path)).unwrap(), Destination::Stdout);
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["--", "-x", "./-"] {
            let path = folder.path().join(name);
            assert_eq!(Destination::of(&path).unwrap(), Destination::File(path));
        }
    }

    #[test]
    fn a_folder_is_no_destination() {
        let folder = tempfile::tempdir().unwrap();
        let error = Destination::of(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
    }

    #[cfg(unix)]
    #[test]
    fn open_files_and_devices_are_written_through() {
        for path in ["/dev/null", "/dev/fd/1", "/proc/self/fd/2"] {
            let through = Destination::of(Path::new(path)).unwrap();
            assert!(matches!(through, Destination::Through(_)), "{path}: {through:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn hard_and_symbolic_links_are_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            crate::write(&at(name), |file| file.write_all(b"x")).unwrap();
        }
        fs_err::hard_link(at("a"), at("hard")).unwrap();
        std::os::unix::fs::symlink(at("a"), at("soft")).unwrap();
        assert!(same_file(&at("a"), &at("hard")) && same_file(&at("soft"), &at("a")));
        assert!(!same_file(&at("a"), &at("b")) && !same_file(&at("a"), &at("absent")));
    }
}
