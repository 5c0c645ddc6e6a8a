//! Finding photos: files and folders enter, photo paths in natural order leave.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::{DataError, Result};

/// Something that was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The photo, or the row that names it.
    pub name: String,
    /// Why it was passed over.
    pub reason: String,
}

impl Skipped {
    /// A photo passed over for `reason`.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

/// A photo on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoPath {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder that was asked for, with `/` between parts; the file name for a single file.
    pub name: String,
}

/// File name extensions that a folder is searched for; a file named by itself is taken whatever its name.
pub const EXTENSIONS: [&str; 13] =
    ["jpg", "jpeg", "jpe", "png", "webp", "pgm", "ppm", "pbm", "pnm", "bmp", "gif", "tif", "tiff"];

/// The photos in `inputs`, files and folders mixed; folders are searched with everything below them.
///
/// Symbolic links are followed. Hidden files and folders, and anything below `except`, are left out.
///
/// # Conventions   each folder's photos in natural order of their names (`2.jpg` before `10.jpg`)
/// # Errors        an input that does not exist → [`DataError::NothingFound`]; what cannot be read below a folder is `Skipped`
pub fn find(inputs: &[PathBuf], except: Option<&Path>) -> Result<(Vec<PhotoPath>, Vec<Skipped>)> {
    let except = except.and_then(|p| fs_err::canonicalize(p).ok());
    let (mut photos, mut skipped) = (Vec::new(), Vec::new());
    for input in inputs {
        if fs_err::metadata(input).map_err(|e| DataError::unreadable(input, e))?.is_dir() {
            fs_err::read_dir(input)?;
            let mut found = find_below(input, except.as_deref(), &mut skipped);
            found.sort_by(|a, b| natural_order(&a.name, &b.name));
            photos.append(&mut found);
        } else {
            let name = input.file_name().map_or_else(String::new, |n| display_name(Path::new(n)));
            photos.push(PhotoPath { path: input.clone(), name });
        }
    }
    Ok((photos, skipped))
}

/// As [`find`], but nothing found is an error.
///
/// # Errors        those of [`find`]; no photo → [`DataError::NothingFound`]
pub fn find_some(inputs: &[PathBuf], except: Option<&Path>) -> Result<(Vec<PhotoPath>, Vec<Skipped>)> {
    let (photos, skipped) = find(inputs, except)?;
    if photos.is_empty() {
        return Err(DataError::NothingFound {
            path: inputs.first().cloned().unwrap_or_default(),
            reason: "no photo in it".to_owned(),
            hint: format!("photos are recognised by their extension: {}", EXTENSIONS.join(", ")),
        });
    }
    Ok((photos, skipped))
}

fn find_below(root: &Path, except: Option<&Path>, skipped: &mut Vec<Skipped>) -> Vec<PhotoPath> {
    let mut found = Vec::new();
    let walk = WalkDir::new(root).follow_links(true).into_iter().filter_entry(|entry| {
        let hidden = entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
        let excepted = entry.file_type().is_dir()
            && except.is_some_and(|e| fs_err::canonicalize(entry.path()).is_ok_and(|p| p == e));
        !hidden && !excepted
    });
    for entry in walk {
        match entry {
            Ok(entry) if !entry.file_type().is_dir() && has_photo_extension(entry.path()) => {
                let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
                found.push(PhotoPath { name: display_name(below), path: entry.into_path() });
            }
            Ok(_) => {}
            Err(error) => {
                let name = error.path().map_or_else(String::new, display_name);
                let reason = match (error.loop_ancestor(), error.io_error()) {
                    (Some(ancestor), _) => format!("a symbolic link loop back to {}", ancestor.display()),
                    (None, Some(io)) => io.to_string(),
                    (None, None) => error.to_string(),
                };
                skipped.push(Skipped::new(name, reason));
            }
        }
    }
    found
}

/// Whether a file's name ends like a photo's and the file is not hidden.
pub(crate) fn has_photo_extension(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

/// `path` as text with `/` between parts; bytes that are not UTF-8 stand as `%XX`, so that different names stay
/// different.
pub fn display_name(path: &Path) -> String {
    let mut name = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        name.push_str(chunk.valid());
        for byte in chunk.invalid() {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if std::path::MAIN_SEPARATOR == '/' { name } else { name.replace(std::path::MAIN_SEPARATOR, "/") }
}

/// Compares names as people count: runs of digits by their value, the rest by character; a total order.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        let (Some(first_a), Some(first_b)) = (rest_a.chars().next(), rest_b.chars().next()) else {
            return rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b));
        };
        if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (digits_a, digits_b) = (leading_digits(rest_a), leading_digits(rest_b));
            let (value_a, value_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
            let by_value = value_a.len().cmp(&value_b.len()).then_with(|| value_a.cmp(value_b));
            if by_value != Ordering::Equal {
                return by_value;
            }
            (rest_a, rest_b) = (&rest_a[digits_a.len()..], &rest_b[digits_b.len()..]);
        } else if first_a != first_b {
            return first_a.cmp(&first_b);
        } else {
            (rest_a, rest_b) = (&rest_a[first_a.len_utf8()..], &rest_b[first_b.len_utf8()..]);
        }
    }
}

fn leading_digits(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_sort_by_value() {
        let mut names = ["s1/10.pgm", "s10/1.pgm", "s1/2.pgm", "s2/1.pgm", "s1/02.pgm"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["s1/02.pgm", "s1/2.pgm", "s1/10.pgm", "s2/1.pgm", "s10/1.pgm"]);
    }

    proptest! {
        #[test]
        fn natural_order_is_total(a in "[a0-9é]{0,6}", b in "[a0-9é]{0,6}", c in "[a0-9é]{0,6}") {
            prop_assert_eq!(natural_order(&a, &b), natural_order(&b, &a).reverse());
            prop_assert_eq!(natural_order(&a, &b) == Ordering::Equal, a == b);
            if natural_order(&a, &b).is_le() && natural_order(&b, &c).is_le() {
                prop_assert!(natural_order(&a, &c).is_le());
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_are_escaped() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"caf\xE9/1.jpg");
        assert_eq!(display_name(Path::new(name)), "caf%E9/1.jpg");
    }

    #[test]
    fn an_empty_folder_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let error = find_some(&[folder.path().to_owned()], None).unwrap_err();
        assert!(matches!(error, DataError::NothingFound { .. }));
        assert!(error.hint().unwrap().contains("jpg"));
    }
}
