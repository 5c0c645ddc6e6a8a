//! Parsing of CelebA's list files: the authors' `.txt` files and Kaggle's `.csv` files.
//!
//! A `.txt` file has the number of rows, a line with the names of the values, and rows with blanks between the fields.
//! `identity_CelebA.txt` and `list_eval_partition.txt` have rows only. A `.csv` file has a header that begins with `image_id`.

use std::borrow::Cow;
use std::path::Path;

use crate::photos::{display_name, has_photo_extension};
use crate::{DataError, Result};

/// The name of the file column.
const FILE_COLUMN: &str = "image_id";

/// A list file in memory: one row of values for each file name.
pub(super) struct List<'a> {
    path: &'a Path,
    text: String,
    is_csv: bool,
    head: Head,
}

/// The lines before the rows.
#[derive(Debug, Default)]
struct Head {
    /// Number of lines before the first row.
    lines: usize,
    /// Number of rows that the file states; `None` if it states none.
    stated: Option<usize>,
    /// The names of the values; empty in a file without a header.
    columns: Vec<String>,
}

impl<'a> List<'a> {
    /// Reads the file at `path` and parses its header.
    ///
    /// # Errors        UTF-16 text, a csv header that does not begin with `image_id` → [`DataError::BadTable`]
    pub(super) fn open(path: &'a Path) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        let bad = |line, reason: String| DataError::BadTable { path: path.to_owned(), line, reason };
        if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            return Err(bad(None, "the text is UTF-16, expected UTF-8".to_owned()));
        }
        let text =
            String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes)).into_owned();
        let is_csv = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
        let mut list = Self { path, text, is_csv, head: Head::default() };
        list.head = list.parse_head().map_err(|(line, reason)| bad(Some(line), reason))?;
        Ok(list)
    }

    /// The names of the values; empty in a file without a header.
    pub(super) fn columns(&self) -> &[String] {
        &self.head.columns
    }

    /// Parses the lines before the rows. An error has a line number.
    fn parse_head(&self) -> Result<Head, (u64, String)> {
        let mut lines = self.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let Some((at, first)) = lines.next() else { return Ok(Head::default()) };
        let fields = self.fields(first);
        let names = |fields: &[&str]| fields.iter().map(|name| (*name).to_owned()).collect();
        let is_file_column = |name: &str| name.eq_ignore_ascii_case(FILE_COLUMN);
        match fields[..] {
            [name, ref values @ ..] if is_file_column(name) => {
                Ok(Head { lines: at + 1, stated: None, columns: names(values) })
            }
            _ if self.is_csv => Err((
                at as u64 + 1,
                format!("expected a header that begins with `{FILE_COLUMN},`, found `{}`", shown(first)),
            )),
            [count] if count.parse::<usize>().is_ok() => {
                let mut head = Head { lines: at + 1, stated: count.parse().ok(), columns: Vec::new() };
                if let Some((at, header)) = lines.next() {
                    let fields = self.fields(header);
                    let first = fields.first().copied().unwrap_or_default();
                    if !has_photo_extension(Path::new(first)) {
                        head.lines = at + 1;
                        head.columns = names(&fields[usize::from(is_file_column(first))..]);
                    }
                }
                Ok(head)
            }
            _ => Ok(Head::default()),
        }
    }

    /// Checks that the names of the values, if the file has any, are `expected`; case is ignored.
    pub(super) fn expect_columns(&self, expected: &[&str]) -> Result<()> {
        let same = self.head.columns.len() == expected.len()
            && self.head.columns.iter().zip(expected).all(|(found, name)| found.eq_ignore_ascii_case(name));
        if self.head.columns.is_empty() || same {
            return Ok(());
        }
        Err(DataError::MissingColumn {
            path: self.path.to_owned(),
            what: "each value of the list".to_owned(),
            expected: expected.join(", "),
            found: self.head.columns.join(", "),
        })
    }

    /// Calls `row` with the file name and the `count` values of each line that is not blank. Returns a note if the file states
    /// another number of rows.
    ///
    /// # Errors        another number of values, an error of `row` → [`DataError::BadTable`] with the line number
    pub(super) fn each(
        &self,
        count: usize,
        mut row: impl FnMut(&str, &[&str]) -> Result<(), String>,
    ) -> Result<Option<String>> {
        let mut rows = 0;
        for (number, line) in self.text.lines().enumerate().skip(self.head.lines) {
            let fields = self.fields(line);
            let Some((file, values)) = fields.split_first().filter(|_| !line.trim().is_empty()) else {
                continue;
            };
            let checked = match (values.len() == count, count) {
                (true, _) => row(file, values),
                (false, 1) => Err(format!("expected two fields (`file value`), found {}", fields.len())),
                (false, _) => Err(format!(
                    "expected {} fields (file and {count} values), found {}",
                    count + 1,
                    fields.len()
                )),
            };
            checked.map_err(|reason| DataError::BadTable {
                path: self.path.to_owned(),
                line: Some(number as u64 + 1),
                reason,
            })?;
            rows += 1;
        }
        let other = self.head.stated.filter(|stated| *stated != rows);
        Ok(other.map(|stated| {
            format!(
                "{} has {rows} rows, its first line says {stated} (copy the file again if it is truncated)",
                display_name(self.path)
            )
        }))
    }

    /// The fields of `line`, without blanks and quotes around them.
    fn fields<'t>(&self, line: &'t str) -> Vec<&'t str> {
        match self.is_csv {
            true => line.split(',').map(|field| field.trim().trim_matches('"')).collect(),
            false => line.split_whitespace().collect(),
        }
    }
}

/// The beginning of `line`, for a message.
fn shown(line: &str) -> Cow<'_, str> {
    const SHOWN: usize = 60;
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &line[..end])),
        None => Cow::Borrowed(line),
    }
}

/// A finite number of a row.
pub(super) fn number(text: &str) -> Result<f32, String> {
    let value = text.parse::<f32>().ok().filter(|value| value.is_finite());
    value.ok_or_else(|| format!("expected a number, found {text}"))
}
