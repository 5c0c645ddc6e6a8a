//! The folder of a run: one process at a time uses it, and it holds nothing else.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use likeness_artifact::{FolderLock, LOCK_FILE, LockError, is_temporary};

use super::{checkpoint, history};
use crate::{Result, TrainError};

/// File of the resolved settings, which the program writes first.
pub const CARD: &str = "run.toml";
/// File with one line for each epoch.
pub const HISTORY: &str = "history.jsonl";
/// File of the teacher's embeddings.
pub const TEACHER: &str = "teacher.embeddings";
/// The model that a run starts from, if it is a built-in one.
pub const START: &str = "start";
/// File names by which a run's folder is recognised.
const MARKS: [&str; 7] =
    [CARD, HISTORY, TEACHER, START, checkpoint::FOLDER, checkpoint::PREVIOUS, checkpoint::UNFINISHED];

/// The folder of a run, locked for this process until the value is dropped.
///
/// A folder that [`RunFolder::open`] created is removed on drop if nothing was written.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Folders that were created, outermost first.
    made: Vec<PathBuf>,
    lock: Option<FolderLock>,
}

/// The state of the run in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// There is no run.
    Vacant,
    /// A run that ended before its first epoch was complete; another may replace it.
    Unstarted,
    /// A run with an epoch or a checkpoint, which another must not replace.
    Begun,
}

impl RunFolder {
    /// Locks the folder at `path`, and creates it if it is missing.
    ///
    /// # Errors        a file, or a folder that holds something else → [`TrainError::NotARun`]; another process uses it →
    /// [`TrainError::Lock`]; the file system
    pub fn open(path: &Path) -> Result<Self> {
        let not_a_run = |found| TrainError::NotARun { path: path.to_owned(), found };
        let made = match fs_err::metadata(path) {
            Ok(found) if !found.is_dir() => return Err(not_a_run("is a file")),
            Ok(_) if !is_vacant_or_run(path)? => return Err(not_a_run("holds other files")),
            Ok(_) => Vec::new(),
            Err(error) if error.kind() == ErrorKind::NotFound => make(path)?,
            Err(error) => return Err(error.into()),
        };
        let mut this = Self { path: path.to_owned(), made, lock: None };
        match FolderLock::acquire(path) {
            Ok(lock) => this.lock = Some(lock),
            Err(error) => {
                // Only the process that holds the lock may remove the folder.
                if matches!(error, LockError::Held { .. }) {
                    this.made.clear();
                }
                return Err(error.into());
            }
        }
        // Between opening and locking, another process may have removed the folder that it had created.
        if !path.join(LOCK_FILE).exists() {
            return Err(LockError::Held { path: path.to_owned() }.into());
        }
        Ok(this)
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state of the run.
    ///
    /// # Errors        the disk → [`TrainError::Io`]
    pub fn state(&self) -> Result<RunState> {
        let is_there = |name: &&str| self.path.join(name).exists();
        let begun = [checkpoint::FOLDER, checkpoint::PREVIOUS].iter().any(is_there)
            || history::has_lines(&self.path.join(HISTORY))?;
        Ok(match MARKS.iter().any(is_there) {
            _ if begun => RunState::Begun,
            true => RunState::Unstarted,
            false => RunState::Vacant,
        })
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.made.is_empty() || !matches!(entries(&self.path).as_deref(), Ok([])) {
            return;
        }
        // A folder that cannot be removed stays, empty.
        if fs_err::remove_file(self.path.join(LOCK_FILE)).is_ok() {
            let _ = self.made.iter().rev().try_for_each(fs_err::remove_dir);
        }
    }
}

/// Creates `path` and the folders above it. Returns those that were missing, outermost first.
fn make(path: &Path) -> Result<Vec<PathBuf>> {
    let absent = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists());
    let mut absent: Vec<PathBuf> = absent.map(Path::to_owned).collect();
    absent.reverse();
    fs_err::create_dir_all(path)?;
    Ok(absent)
}

/// The names of the files in a folder, without the lock and temporary files.
fn entries(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != LOCK_FILE && !is_temporary(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn is_vacant_or_run(folder: &Path) -> Result<bool> {
    let names = entries(folder)?;
    Ok(names.is_empty() || names.iter().any(|name| MARKS.contains(&name.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_made_for_nothing_is_removed_with_those_above_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        drop(RunFolder::open(&path).unwrap());
        assert!(!place.path().join("a").exists());
        let folder = RunFolder::open(&path).unwrap();
        fs_err::write(path.join(CARD), "x").unwrap();
        drop(folder);
        assert!(path.join(CARD).exists());
        let empty = place.path().join("empty");
        fs_err::create_dir(&empty).unwrap();
        drop(RunFolder::open(&empty).unwrap());
        assert!(empty.exists(), "a folder of the user's stays");
    }

    #[test]
    fn two_do_not_work_in_one_folder() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run");
        let first = RunFolder::open(&path).unwrap();
        let refused = RunFolder::open(&path).unwrap_err();
        assert!(matches!(refused, TrainError::Lock(LockError::Held { .. })), "{refused}");
        assert!(path.join(LOCK_FILE).exists(), "the refused one removes nothing");
        drop(first);
        RunFolder::open(&path).unwrap();
    }

    #[test]
    fn files_and_folders_of_others_are_refused_and_left_as_they_are() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("notes");
        fs_err::write(&path, "mine").unwrap();
        for (path, found) in [(path.as_path(), "is a file"), (place.path(), "holds other files")] {
            let refused = RunFolder::open(path).unwrap_err();
            assert!(refused.to_string().contains(found), "{refused}");
        }
        assert_eq!(entries(place.path()).unwrap(), ["notes"]);
        assert!(!place.path().join(LOCK_FILE).exists());
    }

    #[test]
    fn a_run_is_begun_once_it_has_an_epoch() {
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::open(place.path()).unwrap();
        assert_eq!(folder.state().unwrap(), RunState::Vacant);
        fs_err::write(place.path().join(CARD), "").unwrap();
        fs_err::write(place.path().join(HISTORY), "").unwrap();
        assert_eq!(folder.state().unwrap(), RunState::Unstarted);
        fs_err::create_dir(place.path().join(checkpoint::FOLDER)).unwrap();
        assert_eq!(folder.state().unwrap(), RunState::Begun);
    }
}
