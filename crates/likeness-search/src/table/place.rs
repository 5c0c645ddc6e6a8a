//! Paths of photos: as text, and as stored in an embeddings file so that the file can be used from any folder.
//!
//! Bytes that are not UTF-8 are written as `%XX`, as in the names of photos.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use likeness_artifact::Destination;

use super::Row;
use crate::Result;

impl Row {
    /// The photo's path, relative to the current folder; `None` if the row has no path.
    ///
    /// A `%XX` in [`path`](Self::path) is decoded to a byte that is not UTF-8, unless a file with exactly that name exists.
    pub fn photo_path(&self) -> Option<PathBuf> {
        if self.path.is_empty() {
            return None;
        }
        let literal = Path::new(&self.path);
        match from_text(&self.path) {
            Some(decoded) if !literal.exists() => Some(decoded),
            _ => Some(literal.to_owned()),
        }
    }
}

/// The folder of an embeddings file; the paths in the file are relative to it.
pub(super) struct Places {
    /// The folder as the user named it; empty for the current folder.
    folder: PathBuf,
    /// The absolute folder, both as named and with symbolic links resolved. Empty if the file has no folder, such as stdout.
    absolute: Vec<PathBuf>,
}

impl Places {
    /// The folder of an embeddings file that is read from `path`.
    pub(super) fn of_file(path: &Path) -> Self {
        Self { folder: path.parent().unwrap_or(Path::new("")).to_owned(), absolute: Vec::new() }
    }

    /// The folder of an embeddings file that will be written to `path`.
    ///
    /// # Errors        `path` is a folder, or a loop of links → `Io`
    pub(super) fn of_output(path: &Path) -> Result<Self> {
        let Destination::File(target) = Destination::of(path)? else {
            return Ok(Self { folder: PathBuf::new(), absolute: Vec::new() });
        };
        let folder = target.parent().unwrap_or(Path::new("")).to_owned();
        let named = std::path::absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { &folder });
        let resolved = named.as_ref().ok().and_then(|named| fs_err::canonicalize(named).ok());
        Ok(Self { folder, absolute: named.ok().into_iter().chain(resolved).collect() })
    }

    /// Returns `row` with its path as stored: relative to the file's folder if the photo lies below it, otherwise absolute.
    pub(super) fn stored<'a>(&self, row: &'a Row) -> Cow<'a, Row> {
        match self.stored_path(&row.path) {
            Some(path) if path != row.path => Cow::Owned(Row { path, ..row.clone() }),
            _ => Cow::Borrowed(row),
        }
    }

    fn stored_path(&self, path: &str) -> Option<String> {
        if path.is_empty() {
            return None;
        }
        // The name of the current folder may not be UTF-8.
        let absolute = std::path::absolute(path).ok()?;
        let below = self.absolute.iter().find_map(|folder| absolute.strip_prefix(folder).ok());
        let is_below = |rest: &&Path| rest.components().all(|part| matches!(part, Component::Normal(_)));
        Some(to_text(below.filter(is_below).unwrap_or(&absolute)))
    }

    /// Converts the stored path of a row to a path that can be opened from the current folder.
    pub(super) fn resolve(&self, row: &mut Row) {
        if !row.path.is_empty() && Path::new(&row.path).is_relative() {
            row.path = self.below(&row.path);
        }
    }

    /// Joins `path` to the folder of the file.
    pub(super) fn below(&self, path: &str) -> String {
        if self.folder.as_os_str().is_empty() { path.to_owned() } else { to_text(&self.folder.join(path)) }
    }
}

/// Converts `path` to text. Bytes that are not UTF-8 become `%XX`.
fn to_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// Decodes the `%XX` that [`to_text`] wrote; `None` if the text contains no such encoded byte.
#[cfg(unix)]
fn from_text(text: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let (mut bytes, mut rest, mut decoded) = (Vec::new(), text.as_bytes(), false);
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| first == b'%').and_then(|d| std::str::from_utf8(d).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|byte| *byte >= 0x80);
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
        decoded |= byte.is_some();
    }
    decoded.then(|| PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn from_text(_: &str) -> Option<PathBuf> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(file: &Path, path: &Path) -> String {
        let row = Row { path: to_text(path), ..Row::new("a") };
        Places::of_output(file).unwrap().stored(&row).path.clone()
    }

    fn resolved(file: &Path, path: &str) -> String {
        let mut row = Row { path: path.to_owned(), ..Row::new("a") };
        Places::of_file(file).resolve(&mut row);
        row.path
    }

    #[test]
    fn photos_below_the_file_are_relative_to_it_and_others_absolute() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs_err::create_dir_all(root.join("sets")).unwrap();
        let file = root.join("sets/a.embeddings");
        assert_eq!(stored(&file, &root.join("sets/deep/1.jpg")), "deep/1.jpg");
        let outside = root.join("photos/1.jpg");
        assert_eq!(stored(&file, &outside), to_text(&outside));
        // A path that begins inside the folder and leaves it.
        let back = root.join("sets/../photos/1.jpg");
        assert_eq!(stored(&file, &back), to_text(&back));
        assert_eq!(stored(Path::new("-"), &outside), to_text(&outside));
        let here = std::env::current_dir().unwrap();
        assert_eq!(stored(Path::new("-"), Path::new("x/1.jpg")), to_text(&here.join("x/1.jpg")));
        assert_eq!(stored(Path::new("a.embeddings"), Path::new("x/1.jpg")), "x/1.jpg");
        assert_eq!(stored(&file, Path::new("")), "", "no path stays no path");
    }

    #[test]
    fn stored_paths_are_resolved_from_the_folder_of_the_file() {
        assert_eq!(resolved(Path::new("a.embeddings"), "x/1.jpg"), "x/1.jpg");
        assert_eq!(resolved(Path::new("../sets/a.embeddings"), "x/1.jpg"), "../sets/x/1.jpg");
        assert_eq!(resolved(Path::new("sets/a.embeddings"), "/x/1.jpg"), "/x/1.jpg");
        assert_eq!(resolved(Path::new("sets/a.embeddings"), ""), "");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_folder_is_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs_err::create_dir(&real).unwrap();
        fs_err::os::unix::fs::symlink(&real, &link).unwrap();
        for (through, photo) in [(&link, &link), (&link, &real), (&real, &real)] {
            assert_eq!(stored(&through.join("a.embeddings"), &photo.join("1.jpg")), "1.jpg");
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_can_be_opened() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let [odd, plain] = [&b"caf\xE9.jpg"[..], b"100%E9.jpg"]
            .map(|name| folder.path().join(std::ffi::OsStr::from_bytes(name)));
        fs_err::File::create(&plain).unwrap();
        if fs_err::File::create(&odd).is_err() {
            return; // The file system allows only UTF-8 names.
        }
        for path in [&odd, &plain] {
            let row = Row { path: to_text(path), ..Row::new("a") };
            assert_eq!(row.photo_path().as_ref(), Some(path));
        }
        assert_eq!(from_text("a%20b.jpg"), None, "an ASCII byte is never escaped");
        assert_eq!(from_text("a%+8b%"), None);
        assert_eq!(Row::new("a").photo_path(), None);
    }
}
