//! A table of photos: `path,label` and, if present, the columns of open-metric-learning and of our own manifest.
//!
//! | column (our name first) | meaning |
//! |---|---|
//! | `path`, `file`, `filename`, `image`, `image_path`, … | the photo, absolute or relative to the table's folder |
//! | `identity`, `label`, `person_id`, `person`, `subject`, … | the person in the picture; may be empty |
//! | `split`, or `partition`, `subset`, `set` | `train`, `validation`, `test`; CelebA's 0, 1, 2 in `partition` |
//! | `role`, or `is_query` and `is_gallery` | `query`, `gallery`, `both` |
//! | `domain`, `category` | the kind of image |
//! | `box_left box_top box_width box_height`, or `x_1 y_1 x_2 y_2` | the face's box in pixels |
//!
//! [`Columns`] lists all names. The separator (comma, semicolon or tab) is recognised from the first line.
//!
//! Reference: open-metric-learning, dataset format ("retrieval dataset").

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use ::csv::{ReaderBuilder, StringRecord};

use super::columns::{self, Columns};
use super::{Collection, Layout};
use crate::geometry::Rect;
use crate::photos::{self, Skipped};
use crate::sample::Split;
use crate::sample::{Role, Sample};
use crate::{DataError, Result};

/// Number of bytes that are read to find out whether a file is a table.
const LOOKED_AT_BYTES: u64 = 1 << 16;
/// File name extensions of tables.
const EXTENSIONS: [&str; 3] = ["csv", "tsv", "txt"];

/// Whether the file at `path` is a table of photos: a csv or tsv file by its extension, a txt file by a photo column in
/// its header.
pub fn is_table(path: &Path) -> bool {
    let has = |endings: &[&str]| {
        path.extension().is_some_and(|e| endings.iter().any(|ending| e.eq_ignore_ascii_case(ending)))
    };
    // An unreadable table counts too, so that its reader reports the problem.
    (has(&["csv", "tsv"]) && fs_err::metadata(path).is_ok_and(|m| m.is_file()))
        || columns_of(path).is_some_and(|columns| columns.path.is_some())
}

/// The columns of the file at `path`; `None` if it cannot be a table.
fn columns_of(path: &Path) -> Option<Columns> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    if !EXTENSIONS.contains(&extension.as_str()) || !fs_err::metadata(path).is_ok_and(|m| m.is_file()) {
        return None;
    }
    let mut start = Vec::new();
    fs_err::File::open(path).ok()?.take(LOOKED_AT_BYTES).read_to_end(&mut start).ok()?;
    if start.len() as u64 == LOOKED_AT_BYTES {
        // The last line may be incomplete.
        start.truncate(start.iter().rposition(|&b| b == b'\n')? + 1);
    }
    let (columns, ..) = Table::parse(path, start).ok()?;
    Some(columns)
}

/// The table of the collection at `root`: the file itself, or the only table in the folder with photos and identities.
///
/// Tables in the folder that are not used are added to `remarks`.
pub(super) fn table_of(root: &Path, remarks: &mut Vec<String>) -> Result<Option<PathBuf>> {
    if !root.is_dir() {
        return Ok(Some(root.to_owned()).filter(|p| is_table(p)));
    }
    let mut tables: Vec<(PathBuf, Columns)> = fs_err::read_dir(root)?
        .flatten()
        .map(|e| e.path())
        .filter(|p| !p.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b".")))
        .filter_map(|p| columns_of(&p).map(|columns| (p, columns)))
        .filter(|(_, columns)| columns.path.is_some())
        .collect();
    tables.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(manifest) = tables.iter().find(|(p, c)| p.ends_with("manifest.csv") && c.identity.is_some()) {
        return Ok(Some(manifest.0.clone()));
    }
    let (labelled, others): (Vec<_>, Vec<_>) = tables.into_iter().partition(|(_, c)| c.identity.is_some());
    for (table, columns) in others {
        remarks.push(format!(
            "{} is not used: it has no column of identities (expected {}; found {})",
            table.display(),
            columns::expected_identities(),
            columns.names.join(", ")
        ));
    }
    match labelled.as_slice() {
        [] => Ok(None),
        [(table, _)] => Ok(Some(table.clone())),
        several => {
            let names: Vec<_> = several.iter().map(|(p, _)| p.display().to_string()).collect();
            remarks.push(format!("{} are not used: name one of them to use it", names.join(", ")));
            Ok(None)
        }
    }
}

/// Reads the table at `table`.
///
/// # Errors
/// no table, no photo column, no identity column although other columns might contain it, a line that cannot be
/// parsed → [`DataError::BadTable`]; none of the photos exists → [`DataError::NothingFound`]
pub(super) fn read(table: &Path) -> Result<Collection> {
    let bad = |line, reason: String| DataError::BadTable { path: table.to_owned(), line, reason };
    let (columns, records) = Table::open(table)?;
    let path_column = check_columns(table, &columns)?;
    let folder = table.parent().unwrap_or(Path::new("")).to_owned();
    let mut collection =
        Collection { layout: Layout::Csv, samples: Vec::new(), skipped: Vec::new(), notes: Vec::new() };
    collection.notes.push(columns.as_note());
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut repeated = 0;
    for record in records {
        let line = record.position().map(|p| p.line());
        let path = record.get(path_column).map(str::trim).unwrap_or_default();
        if path.is_empty() {
            return Err(bad(line, "no path".to_owned()));
        }
        let sample = columns.sample(&record, &folder, path).map_err(|reason| bad(line, reason))?;
        match seen.get(path).map(|&at| &collection.samples[at]) {
            Some(earlier) if *earlier == sample => repeated += 1,
            Some(_) => {
                let reason = format!(
                    "occurs twice in the table with different values; line {} is ignored",
                    line.unwrap_or(0)
                );
                collection.skipped.push(Skipped::new(path, reason));
            }
            None => {
                seen.insert(path.to_owned(), collection.samples.len());
                collection.samples.push(sample);
            }
        }
    }
    if repeated > 0 {
        collection.notes.push(format!("{repeated} duplicate rows in {} are counted once", table.display()));
    }
    missing_files_are_skipped(&mut collection, table)?;
    Ok(collection)
}

/// The photos below `root`, except those below `except`, that `collection` does not list.
pub(super) fn unlisted(collection: &Collection, root: &Path, except: Option<&Path>) -> Result<Vec<Skipped>> {
    let canonical = |path: &Path| fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let listed: HashSet<PathBuf> = collection.samples.iter().map(|s| canonical(&s.path)).collect();
    let (found, _) = photos::find(&[root.to_owned()], except)?;
    let unlisted = found.into_iter().filter(|p| !listed.contains(&canonical(&p.path)));
    Ok(unlisted.map(|p| Skipped::new(p.name, "has no row in the table")).collect())
}

/// Checks that the table has the required columns; returns the index of the photo column.
fn check_columns(table: &Path, columns: &Columns) -> Result<usize> {
    let lacks = |what: &str, expected: &str| DataError::MissingColumn {
        path: table.to_owned(),
        what: what.to_owned(),
        expected: expected.to_owned(),
        found: columns.names.join(", "),
    };
    let path = columns.path.ok_or_else(|| lacks("the photo", columns::expected_paths()))?;
    if columns.identity.is_none() && !columns.unknown().is_empty() {
        return Err(lacks("the identity", columns::expected_identities()));
    }
    Ok(path)
}

/// The path of the photo `value` of a table in `folder`; a table from Windows has `\` as separator.
pub(super) fn photo_path(folder: &Path, value: &str) -> PathBuf {
    let path = folder.join(value);
    if value.contains('\\') && !path.exists() { folder.join(value.replace('\\', "/")) } else { path }
}

fn missing_files_are_skipped(collection: &mut Collection, table: &Path) -> Result<()> {
    let skipped = &mut collection.skipped;
    let listed = collection.samples.len();
    collection.samples.retain(|sample| {
        let there = sample.path.exists();
        if !there {
            skipped
                .push(Skipped::new(sample.name.clone(), "listed in the table, but there is no such photo"));
        }
        there
    });
    if !collection.samples.is_empty() {
        return Ok(());
    }
    let folder = table.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let first = skipped.first().map(|s| format!(" (first: {})", s.name)).unwrap_or_default();
    Err(DataError::NothingFound {
        path: table.to_owned(),
        reason: format!("none of the {listed} photos that it lists exists{first}"),
        hint: format!("paths in a table are relative to its folder, {}", folder.display()),
    })
}

/// Parsing of a table's text.
struct Table;

impl Table {
    /// Reads the columns and records of the table at `path`.
    fn open(path: &Path) -> Result<(Columns, Vec<StringRecord>)> {
        Self::parse(path, fs_err::read(path)?)
    }

    /// Parses the columns and records in `bytes`, the contents of the table at `path`.
    fn parse(path: &Path, bytes: Vec<u8>) -> Result<(Columns, Vec<StringRecord>)> {
        let bad = |line, reason: String| DataError::BadTable { path: path.to_owned(), line, reason };
        if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            return Err(bad(None, "the text is UTF-16, expected UTF-8".to_owned()));
        }
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).to_vec();
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter(&text)).flexible(false).from_reader(Cursor::new(text));
        let header = reader.headers().map_err(|e| bad(Some(1), e.to_string()))?.clone();
        let records = reader
            .records()
            .map(|record| record.map_err(|e| bad(e.position().map(|p| p.line()), e.to_string())))
            .collect::<Result<Vec<_>>>()?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok((Columns::of(&header, &records, folder), records))
    }
}

/// The separator of the table `text`: of comma, semicolon and tab the one with which the header has a photo column; if
/// several do, the one with the most columns.
fn delimiter(text: &[u8]) -> u8 {
    let header = |delimiter: u8| {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
        let header = reader.headers().cloned().unwrap_or_default();
        let named = Columns::of(&header, &[], Path::new("")).path.is_some();
        (named, header.len())
    };
    // `max_by_key` returns the last of several maxima, so the comma comes last.
    *[b'\t', b';', b','].iter().max_by_key(|&&d| header(d)).unwrap_or(&b',')
}

impl Columns {
    /// Converts a record to a sample; `path` is the photo's path relative to `folder`.
    fn sample(&self, record: &StringRecord, folder: &Path, path: &str) -> Result<Sample, String> {
        let text =
            |at: Option<usize>| at.and_then(|at| record.get(at)).map(str::trim).filter(|t| !t.is_empty());
        let name = path.replace('\\', "/");
        let mut sample = Sample::new(photo_path(folder, path), name, text(self.identity).map(str::to_owned));
        sample.split = match text(self.split) {
            None => None,
            Some("0") if self.split_is_numbered => Some(Split::Train),
            Some("1") if self.split_is_numbered => Some(Split::Validation),
            Some("2") if self.split_is_numbered => Some(Split::Test),
            Some(name) => Some(
                Split::from_name(name)
                    .ok_or_else(|| format!("expected the split train, validation or test, found {name}"))?,
            ),
        };
        sample.role = match text(self.role).map(str::to_ascii_lowercase).as_deref() {
            Some("query") => Some(Role::Query),
            Some("gallery") => Some(Role::Gallery),
            Some("both") => Some(Role::Both),
            Some(other) => return Err(format!("expected the role query, gallery or both, found {other}")),
            None => role(truth(text(self.is_query))?, truth(text(self.is_gallery))?),
        };
        sample.domain = text(self.domain).map(str::to_owned);
        let numbers = |columns: [Option<usize>; 4]| -> Result<Option<[f32; 4]>, String> {
            let mut values = [0.0; 4];
            for (value, at) in values.iter_mut().zip(columns) {
                let Some(text) = text(at) else { return Ok(None) };
                *value = text.parse().map_err(|_| format!("expected a box coordinate, found {text}"))?;
            }
            Ok(Some(values))
        };
        sample.face_box = match (numbers(self.extent_box)?, numbers(self.corner_box)?) {
            (Some([left, top, width, height]), _) => Some(Rect::new(left, top, width, height)),
            (None, Some([left, top, right, bottom])) => {
                Some(Rect::new(left, top, right - left, bottom - top))
            }
            (None, None) => None,
        };
        Ok(sample)
    }
}

/// Converts open-metric-learning's two columns to a role; photos with neither are training photos without a role.
fn role(is_query: Option<bool>, is_gallery: Option<bool>) -> Option<Role> {
    match (is_query.unwrap_or(false), is_gallery.unwrap_or(false)) {
        (true, true) => Some(Role::Both),
        (true, false) => Some(Role::Query),
        (false, true) => Some(Role::Gallery),
        (false, false) => None,
    }
}

fn truth(text: Option<&str>) -> Result<Option<bool>, String> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("none" | "nan") => Ok(None),
        Some("true" | "1" | "1.0" | "yes") => Ok(Some(true)),
        Some("false" | "0" | "0.0" | "no") => Ok(Some(false)),
        Some(other) => Err(format!("expected true or false, found {other}")),
    }
}
