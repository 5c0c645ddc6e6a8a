//! A table of photos: `path,label` and, where there, the columns of open-metric-learning and of our own manifest.
//!
//! | column (first name ours) | meaning |
//! |---|---|
//! | `path`, `file`, `filename`, `image` | the photo, absolute or from the table's folder |
//! | `identity`, `label` | whose picture it is; may be empty |
//! | `split` | `train`, `validation`, `test` |
//! | `role`, or `is_query` and `is_gallery` | `query`, `gallery`, `both` |
//! | `domain`, `category` | where it comes from |
//! | `box_left box_top box_width box_height`, or `x_1 y_1 x_2 y_2` | the face in pixels |
//!
//! Comma, semicolon and tab are told from the first line.
//!
//! Reference: open-metric-learning, dataset format ("retrieval dataset").

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ::csv::{ReaderBuilder, StringRecord};

use super::{Collection, Layout, Role, Sample};
use crate::geometry::Rect;
use crate::photos::Skipped;
use crate::split::Split;
use crate::{DataError, Result};

const PATH: [&str; 5] = ["path", "file", "filename", "image", "image_path"];
const IDENTITY: [&str; 2] = ["identity", "label"];

/// The table of the collection at `root`: the file itself, or the one table in the folder that has the columns.
pub(super) fn table_of(root: &Path) -> Result<Option<PathBuf>> {
    if !root.is_dir() {
        return Ok(Some(root.to_owned()).filter(|p| is_table(p)));
    }
    let mut tables: Vec<PathBuf> =
        fs_err::read_dir(root)?.flatten().map(|e| e.path()).filter(|p| is_table(p)).collect();
    tables.sort();
    let manifest = tables.iter().find(|p| p.ends_with("manifest.csv")).cloned();
    Ok(manifest.or(if tables.len() == 1 { tables.pop() } else { None }))
}

fn is_table(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_ascii_lowercase());
    extension.is_some_and(|e| e == "csv" || e == "tsv")
        && path.is_file()
        && Columns::open(path).is_ok_and(|(columns, _)| columns.path.is_some() && columns.identity.is_some())
}

/// Reads the collection at `root`.
pub(super) fn read(root: &Path) -> Result<Collection> {
    let table = if root.is_dir() { table_of(root)? } else { Some(root.to_owned()) };
    let table = table.ok_or_else(|| DataError::NothingFound {
        path: root.to_owned(),
        reason: "not exactly one table with a path and a label column in it".to_owned(),
        hint: "name the table itself".to_owned(),
    })?;
    let bad = |line, reason: String| DataError::BadTable { path: table.clone(), line, reason };
    let (columns, mut reader) = Columns::open(&table)?;
    let path_column = columns.path.ok_or_else(|| {
        bad(Some(1), format!("no column for the photo (one of {}); found {}", PATH.join(", "), columns.found))
    })?;
    let folder = table.parent().unwrap_or(Path::new("")).to_owned();
    let mut collection =
        Collection { layout: Layout::Csv, samples: Vec::new(), skipped: Vec::new(), notes: Vec::new() };
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut repeated = 0;
    for record in reader.records() {
        let record = record.map_err(|e| bad(e.position().map(|p| p.line()), e.to_string()))?;
        let line = record.position().map(|p| p.line());
        let path = record.get(path_column).unwrap_or_default();
        if path.is_empty() {
            return Err(bad(line, "no path".to_owned()));
        }
        let sample = columns.sample(&record, &folder, path).map_err(|reason| bad(line, reason))?;
        match seen.get(path).map(|&at| &collection.samples[at]) {
            Some(earlier) if *earlier == sample => repeated += 1,
            Some(_) => {
                let reason = format!(
                    "stands twice in the table with different columns; line {} is not used",
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
        collection.notes.push(format!("{repeated} rows of {} stand twice and count once", table.display()));
    }
    missing_files_are_skipped(&mut collection);
    Ok(collection)
}

fn missing_files_are_skipped(collection: &mut Collection) {
    let skipped = &mut collection.skipped;
    collection.samples.retain(|sample| {
        let there = sample.path.exists();
        if !there {
            skipped
                .push(Skipped::new(sample.name.clone(), "listed in the table, but there is no such photo"));
        }
        there
    });
}

/// Where each known column stands.
#[derive(Debug, Default)]
struct Columns {
    path: Option<usize>,
    identity: Option<usize>,
    split: Option<usize>,
    role: Option<usize>,
    is_query: Option<usize>,
    is_gallery: Option<usize>,
    domain: Option<usize>,
    extent_box: [Option<usize>; 4],
    corner_box: [Option<usize>; 4],
    found: String,
}

impl Columns {
    fn open(table: &Path) -> Result<(Self, ::csv::Reader<std::io::Cursor<Vec<u8>>>)> {
        let bytes = fs_err::read(table)?;
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).to_vec();
        let first_line = text.split(|&b| b == b'\n').next().unwrap_or_default();
        let count = |d: u8| first_line.iter().filter(|&&b| b == d).count();
        let delimiter = *[b',', b';', b'\t'].iter().rev().max_by_key(|&&d| count(d)).unwrap_or(&b',');
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).flexible(false).from_reader(std::io::Cursor::new(text));
        let header = reader.headers().map_err(|e| DataError::BadTable {
            path: table.to_owned(),
            line: Some(1),
            reason: e.to_string(),
        })?;
        let at = |names: &[&str]| {
            names.iter().find_map(|name| header.iter().position(|h| h.trim().eq_ignore_ascii_case(name)))
        };
        let columns = Self {
            path: at(&PATH),
            identity: at(&IDENTITY),
            split: at(&["split"]),
            role: at(&["role"]),
            is_query: at(&["is_query"]),
            is_gallery: at(&["is_gallery"]),
            domain: at(&["domain", "category"]),
            extent_box: ["box_left", "box_top", "box_width", "box_height"].map(|n| at(&[n])),
            corner_box: ["x_1", "y_1", "x_2", "y_2"].map(|n| at(&[n])),
            found: header.iter().collect::<Vec<_>>().join(", "),
        };
        Ok((columns, reader))
    }

    fn sample(&self, record: &StringRecord, folder: &Path, path: &str) -> Result<Sample, String> {
        let text =
            |at: Option<usize>| at.and_then(|at| record.get(at)).map(str::trim).filter(|t| !t.is_empty());
        let name = path.replace('\\', "/");
        let mut sample = Sample::new(folder.join(path), name, text(self.identity).map(str::to_owned));
        sample.split = match text(self.split) {
            None => None,
            Some(name) => Some(
                Split::from_name(name)
                    .ok_or_else(|| format!("expected the split train, validation or test, found {name}"))?,
            ),
        };
        sample.role = match text(self.role) {
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

/// A role from open-metric-learning's two columns; photos that are neither are training photos without a role.
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
