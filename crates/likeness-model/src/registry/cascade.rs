//! Finds the cascade files that OpenCV packages install.

use std::path::{Path, PathBuf};

/// The folders that OpenCV packages install to, the most common first.
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

/// Finds a cascade file by name (`haarcascade_frontalface_default.xml`) in the folders of OpenCV packages.
pub(super) fn find_cascade(name: &str) -> Option<PathBuf> {
    find_cascade_in(FOLDERS.iter().map(Path::new), name)
}

/// The file `name` in the first of `folders` that contains it.
fn find_cascade_in<'a>(folders: impl IntoIterator<Item = &'a Path>, name: &str) -> Option<PathBuf> {
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_with_the_file_wins() {
        let (empty, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [empty.path(), full.path()];
        assert_eq!(find_cascade_in(folders, "face.xml"), None);
        fs_err::write(full.path().join("face.xml"), "").unwrap();
        assert_eq!(find_cascade_in(folders, "face.xml"), Some(full.path().join("face.xml")));
    }
}
