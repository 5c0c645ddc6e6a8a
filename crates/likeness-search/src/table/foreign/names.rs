//! Names of the rows of a file without names: a text file beside it, or the rows' numbers.

use std::path::{Path, PathBuf};

use super::{Fault, Located};
use crate::Result;

/// The endings of the text file beside `NAME.npy`, in order of preference.
const ENDINGS: [&str; 2] = ["names.txt", "txt"];

/// The text file with the names of the rows of the file at `path`, if there is one.
fn beside(path: &Path) -> Option<PathBuf> {
    ENDINGS.iter().map(|ending| path.with_extension(ending)).find(|names| names.is_file())
}

/// Reads the text file beside `path`: one name in each line. `None` if there is no such file.
///
/// # Errors        the file cannot be read → `Io`; another number of lines than `count`, an empty line, text that is not
///   UTF-8 → `BadForeignFile`, naming the text file
pub(super) fn read_beside(path: &Path, count: usize) -> Result<Option<Vec<String>>> {
    let Some(file) = beside(path) else { return Ok(None) };
    let bytes = fs_err::read(&file)?;
    let names = parse(&bytes, count).map_err(|fault| Located::from(fault).of_file(&file))?;
    Ok(Some(names))
}

fn parse(bytes: &[u8], expected: usize) -> Result<Vec<String>, Fault> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let lines = text.split(|&byte| byte == b'\n').enumerate();
    let lines = lines.map(|(at, line)| match std::str::from_utf8(line).map(str::trim) {
        Err(_) => Err(Fault::BadText { entry: at + 1 }),
        Ok("") => Err(Fault::NoName { entry: at + 1 }),
        Ok(name) => Ok(name.to_owned()),
    });
    let names = lines.collect::<Result<Vec<String>, Fault>>()?;
    match names.len() {
        found if found == expected => Ok(names),
        found => Err(Fault::BadCount { expected, found }),
    }
}

/// The names of `count` rows without names: `row 0001`, `row 0002`, …
pub(super) fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|row| format!("row {row:04}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_name() {
        let names = |bytes: &[u8]| parse(bytes, 2);
        let expected = Ok(vec!["a.jpg".to_owned(), "Zo\u{eb} B".to_owned()]);
        for text in ["a.jpg\nZo\u{eb} B\n", "a.jpg\nZo\u{eb} B", "\u{feff}a.jpg\r\nZo\u{eb} B\r\n"] {
            assert_eq!(names(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(names(b"a\nb\nc\n"), Err(Fault::BadCount { expected: 2, found: 3 }));
        assert_eq!(names(b"a\n\nb\n"), Err(Fault::NoName { entry: 2 }));
        assert_eq!(names(b"a\n\xE9\n"), Err(Fault::BadText { entry: 2 }));
        assert_eq!(names(b""), Err(Fault::NoName { entry: 1 }));
        assert_eq!(numbered(2), ["row 0001", "row 0002"]);
    }
}
