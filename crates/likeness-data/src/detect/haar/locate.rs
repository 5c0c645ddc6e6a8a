//! Where OpenCV leaves its cascade files on this machine.

use std::path::{Path, PathBuf};

use crate::{DataError, Result};

/// The folders that packages of OpenCV install to, the likelier first.
const FOLDERS: [&str; 8] = [
    "/usr/share/opencv4/haarcascades",
    "/usr/share/opencv/haarcascades",
    "/usr/local/share/opencv4/haarcascades",
    "/usr/local/share/opencv/haarcascades",
    "/opt/homebrew/share/opencv4/haarcascades",
    "/opt/homebrew/opt/opencv/share/opencv4/haarcascades",
    "/home/linuxbrew/.linuxbrew/share/opencv4/haarcascades",
    "/opt/local/share/opencv4/haarcascades",
];

/// The cascade file of this name (`haarcascade_frontalface_default.xml`) where an OpenCV package put it.
///
/// # Errors
/// [`DataError::NothingFound`] when no package did; its hint says which one to install.
pub fn find_cascade(name: &str) -> Result<PathBuf> {
    find_cascade_in(FOLDERS.iter().map(Path::new), name)
}

/// The file `name` in the first of `folders` that has it.
///
/// # Errors
/// [`DataError::NothingFound`] when none has.
pub fn find_cascade_in<'a>(folders: impl IntoIterator<Item = &'a Path>, name: &str) -> Result<PathBuf> {
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| DataError::NothingFound {
        path: PathBuf::from(name),
        reason: "no such cascade where OpenCV installs its data".into(),
        hint: "name the XML file itself, or install OpenCV's: `apt-get install opencv-data` on Debian and Ubuntu, \
               `dnf install opencv-data` on Fedora, `brew install opencv` on macOS"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_with_the_file_wins() {
        let (empty, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [empty.path(), full.path()];
        let error = find_cascade_in(folders, "face.xml").unwrap_err();
        assert!(error.to_string().starts_with("face.xml: "), "{error}");
        assert!(error.hint().unwrap().contains("apt-get install opencv-data"));
        fs_err::write(full.path().join("face.xml"), "").unwrap();
        assert_eq!(find_cascade_in(folders, "face.xml").unwrap(), full.path().join("face.xml"));
    }
}
