//! Finds photos: expands files and folders to a list of photo paths in natural order.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::heif;
use crate::kind::{self, Kind};
use crate::{DataError, Result};

/// A skipped photo or table row, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The photo, or the row that names it.
    pub name: String,
    /// Why it was skipped.
    pub reason: String,
}

impl Skipped {
    /// Records a photo skipped for `reason`.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

/// A photo on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoPath {
    /// The photo's path.
    pub path: PathBuf,
    /// The photo's path relative to the searched folder, with `/` as separator; the file name for a single file.
    pub name: String,
}

/// File name extensions that are recognised as photos in a folder. A file given explicitly may have any name.
///
/// Files without an extension, or with one that does not determine the content, are recognised by their content.
pub const EXTENSIONS: [&str; 17] = [
    "jpg", "jpeg", "jpe", "png", "webp", "heic", "heif", "hif", "avif", "pgm", "ppm", "pbm", "pnm", "bmp",
    "gif", "tif", "tiff",
];

/// Finds the photos in `inputs`, which may be files and folders; folders are searched recursively.
///
/// Symbolic links are followed. Hidden files and folders, and everything below `except`, are ignored. Pictures and videos in
/// unsupported formats (JPEG XL, raw files, …; HEIC and AVIF without libheif) are [`Skipped`] with the remedy; other files are
/// ignored.
///
/// # Conventions   each folder's photos are in natural order of their names (`2.jpg` before `10.jpg`)
/// # Errors        an input does not exist → [`DataError::NothingFound`]; unreadable files in a folder are `Skipped` instead
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

/// As [`find`], but finding no photo is an error.
///
/// # Errors        the errors of [`find`]; no photo → [`DataError::NothingFound`]
pub fn find_some(inputs: &[PathBuf], except: Option<&Path>) -> Result<(Vec<PhotoPath>, Vec<Skipped>)> {
    let (photos, skipped) = find(inputs, except)?;
    if photos.is_empty() {
        let path = inputs.first().cloned().unwrap_or_default();
        let Some(group) = grouped(&skipped).into_iter().next() else {
            return Err(DataError::NothingFound {
                path,
                reason: "no photo in it".to_owned(),
                hint: format!("photos are recognised by their extension: {}", EXTENSIONS.join(", ")),
            });
        };
        return Err(DataError::NothingFound {
            path,
            reason: format!("no photo in it that can be read; {group}"),
            hint: "convert the photos to JPEG or PNG".to_owned(),
        });
    }
    Ok((photos, skipped))
}

/// All items that were skipped for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedGroup<'a> {
    /// The common reason.
    pub reason: &'a str,
    /// The names of the skipped items, in order.
    pub names: Vec<&'a str>,
}

impl std::fmt::Display for SkippedGroup<'_> {
    /// Formats the first names, the number of others, and the reason: `a.mov, b.mov and 3 more: videos cannot be read`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 3;
        let shown = self.names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        match self.names.len().saturating_sub(SHOWN) {
            0 => write!(f, "{shown}: {}", self.reason),
            rest => write!(f, "{shown} and {rest} more: {}", self.reason),
        }
    }
}

/// Groups `skipped` by reason, largest group first, so that a list of thousands stays readable.
pub fn grouped(skipped: &[Skipped]) -> Vec<SkippedGroup<'_>> {
    let mut groups: Vec<SkippedGroup<'_>> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    for skip in skipped {
        let index = *at.entry(&skip.reason).or_insert_with(|| {
            groups.push(SkippedGroup { reason: &skip.reason, names: Vec::new() });
            groups.len() - 1
        });
        groups[index].names.push(&skip.name);
    }
    // The sort is stable: groups of equal size keep their order.
    groups.sort_by_key(|group| std::cmp::Reverse(group.names.len()));
    groups
}

fn find_below(root: &Path, except: Option<&Path>, skipped: &mut Vec<Skipped>) -> Vec<PhotoPath> {
    let mut found = Vec::new();
    let mut datasets = Vec::new();
    let walk = WalkDir::new(root).follow_links(true).into_iter().filter_entry(|entry| {
        let hidden = entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
        let excepted = entry.file_type().is_dir()
            && except.is_some_and(|e| fs_err::canonicalize(entry.path()).is_ok_and(|p| p == e));
        let is_dataset = entry.depth() > 0 && entry.file_type().is_dir() && kind::is_dataset(entry.path());
        if is_dataset && !excepted {
            datasets.push(entry.path().to_owned());
        }
        !hidden && !excepted && !is_dataset
    });
    for entry in walk {
        match entry {
            Ok(entry) if !entry.file_type().is_dir() => {
                let name = display_name(entry.path().strip_prefix(root).unwrap_or(entry.path()));
                match judge(entry.path(), entry.file_type().is_file()) {
                    Verdict::Photo => found.push(PhotoPath { name, path: entry.into_path() }),
                    Verdict::Unreadable(reason) => skipped.push(Skipped::new(name, reason)),
                    Verdict::Other => {}
                }
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
    for dataset in datasets {
        let name = display_name(dataset.strip_prefix(root).unwrap_or(&dataset));
        skipped.push(Skipped::new(name, "a Likeness dataset, not photos; name it explicitly to use it"));
    }
    found
}

/// The result of judging a file in a folder.
enum Verdict {
    Photo,
    /// A picture that cannot be read, with the reason.
    Unreadable(String),
    /// Not a picture.
    Other,
}

/// Judges a file by its extension and, if that does not decide, by its first bytes. Only regular files are opened.
fn judge(path: &Path, is_regular: bool) -> Verdict {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let heif = extension.as_deref().and_then(kind::heif_extension);
    if heif.is_none() && has_photo_extension(path) {
        let is_drawn = is_regular && is_png(path) && kind::is_drawn(path);
        return match is_drawn {
            true => Verdict::Unreadable("a picture that Likeness drew, not a photo".to_owned()),
            false => Verdict::Photo,
        };
    }
    let by_name = extension.as_deref().and_then(kind::unreadable_extension);
    let is_known = by_name.is_some() || heif.is_some() || kind::says_nothing(extension.as_deref());
    if !is_regular || !is_known {
        return Verdict::Other;
    }
    match (kind::of_file(path), by_name) {
        // Raw files of many cameras are TIFF files that begin with a small preview.
        (Ok(Kind::Tiff), Some(format)) => Verdict::Unreadable(format.reason().to_owned()),
        (Ok(Kind::Picture | Kind::Tiff), _) => Verdict::Photo,
        (Ok(Kind::Heif(format)), _) => match heif::missing_decoder(format) {
            None => Verdict::Photo,
            Some(missing) => Verdict::Unreadable(missing.reason(format)),
        },
        // Its reader tells what the file contains instead of a photo.
        (Ok(Kind::Other), None) if heif.is_some() => Verdict::Photo,
        (Ok(Kind::Unreadable(format)), None) => Verdict::Unreadable(format.reason().to_owned()),
        (_, Some(format)) => Verdict::Unreadable(format.reason().to_owned()),
        (Ok(Kind::Other), None) => Verdict::Other,
        (Err(error), None) => Verdict::Unreadable(error.to_string()),
    }
}

fn is_png(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
}

/// Whether a file name has the extension of a photo.
pub(crate) fn has_photo_extension(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

/// `path` as text with `/` as separator. Bytes that are not UTF-8 are written as `%XX`, so that different names stay
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

/// Compares names in natural order: sequences of digits by value, other characters by code point; a total order.
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
    use crate::heif::HeifFormat;
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
    fn files_without_a_useful_extension_are_judged_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let jpeg = b"\xFF\xD8\xFF\xE0 and so on".as_slice();
        let video = b"\0\0\0\x18ftypmp42\0\0\0\0".as_slice();
        for (name, content) in [
            ("plain", jpeg),
            ("photo.jpg_large", jpeg),
            ("IMG_1.mp4", video),
            ("IMG_2.MP4", video),
            ("renamed.heic", jpeg),
            ("damaged.heic", b"no picture"),
            ("IMG_3", video),
            ("raw.dng", b"II*\0\x08\0\0\0".as_slice()),
            ("README", b"read me"),
            ("list.txt", jpeg),
            (".hidden", jpeg),
            ("text.jpg", b"no picture"),
            ("clip.mov", b"\0\0\0\x14ftypqt  "),
        ] {
            likeness_artifact::write(&folder.path().join(name), |f| std::io::Write::write_all(f, content))
                .unwrap();
        }
        let (photos, skipped) = find(&[folder.path().to_owned()], None).unwrap();
        let names: Vec<_> = photos.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["damaged.heic", "photo.jpg_large", "plain", "renamed.heic", "text.jpg"]);
        let groups: Vec<_> = grouped(&skipped).iter().map(ToString::to_string).collect();
        assert_eq!(groups.len(), 2, "{groups:?}");
        assert!(groups[0].contains(" and 1 more: videos cannot be read"), "{groups:?}");
        assert_eq!(skipped.len(), 5);
    }

    #[test]
    fn a_folder_of_unreadable_photos_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..5 {
            let path = folder.path().join(format!("{n}.jxl"));
            likeness_artifact::write(&path, |f| std::io::Write::write_all(f, b"\xFF\x0A\xFA\x1F")).unwrap();
        }
        let message = find_some(&[folder.path().to_owned()], None).unwrap_err().to_string();
        assert!(message.contains("and 2 more: JPEG XL cannot be read"), "{message}");
    }

    #[test]
    fn heic_and_avif_are_photos_where_libheif_decodes_them() {
        let folder = tempfile::tempdir().unwrap();
        for (name, brand) in [("a.heic", "heic"), ("b.AVIF", "avif"), ("c.jpg_large", "heic"), ("d", "avif")]
        {
            let start = format!("\0\0\0\x18ftyp{brand}\0\0\0\0");
            fs_err::write(folder.path().join(name), start).unwrap();
        }
        let (photos, skipped) = find(&[folder.path().to_owned()], None).unwrap();
        assert_eq!(photos.len() + skipped.len(), 4);
        for (names, format) in
            [(["a.heic", "c.jpg_large"], HeifFormat::Heic), (["b.AVIF", "d"], HeifFormat::Avif)]
        {
            for name in names {
                let reason = skipped.iter().find(|s| s.name == name).map(|s| s.reason.clone());
                assert_eq!(reason, heif::missing_decoder(format).map(|m| m.reason(format)), "{name}");
            }
        }
    }

    #[test]
    fn a_missing_input_is_named() {
        let error = find(&["no/such/photo.jpg".into()], None).unwrap_err();
        assert_eq!(error.to_string(), "no/such/photo.jpg: no such file or folder");
        assert!(error.hint().is_some());
    }

    #[test]
    fn an_empty_folder_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let error = find_some(&[folder.path().to_owned()], None).unwrap_err();
        assert!(matches!(error, DataError::NothingFound { .. }));
        assert!(error.hint().unwrap().contains("jpg"));
    }
}
