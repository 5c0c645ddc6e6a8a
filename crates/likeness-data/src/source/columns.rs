//! The columns of a table: photo, identity, and optional facts.
//!
//! Column names are compared without case, blanks, hyphens and underscores: `Person ID`, `person-id` and `person_id` are
//! the same.

use std::path::Path;

use ::csv::StringRecord;

use crate::sample::Split;

/// Names of the photo column.
const PATH: [&str; 21] = [
    "path",
    "file",
    "filename",
    "filepath",
    "image",
    "imagepath",
    "imagefile",
    "imagename",
    "imagefilename",
    "img",
    "imgpath",
    "imgname",
    "imgfile",
    "photo",
    "photopath",
    "photofile",
    "picture",
    "picturepath",
    "relpath",
    "relativepath",
    "fname",
];
/// Names of the identity column.
const IDENTITY: [&str; 22] = [
    "identity",
    "label",
    "identityid",
    "personid",
    "person",
    "personname",
    "pid",
    "subject",
    "subjectid",
    "subjectname",
    "individual",
    "individualid",
    "celebrity",
    "celebrityid",
    "who",
    "identityname",
    "classid",
    "classname",
    "class",
    "labelid",
    "labelname",
    "labels",
];
/// Names that are taken for the photo column only if the values are files.
const MAYBE_PATH: [&str; 6] = ["imageid", "imgid", "photoid", "fileid", "name", "id"];
/// Names that are taken for the identity column only if no name of [`IDENTITY`] occurs.
const MAYBE_IDENTITY: [&str; 4] = ["name", "fullname", "target", "id"];
/// Number of records that are inspected to find out what a column contains.
const LOOKED_AT: usize = 200;

/// The index of each known column.
#[derive(Debug, Default, Clone)]
pub(super) struct Columns {
    pub(super) path: Option<usize>,
    pub(super) identity: Option<usize>,
    pub(super) split: Option<usize>,
    /// Whether the split's values are CelebA's 0, 1 and 2.
    pub(super) split_is_numbered: bool,
    pub(super) role: Option<usize>,
    pub(super) is_query: Option<usize>,
    pub(super) is_gallery: Option<usize>,
    pub(super) domain: Option<usize>,
    pub(super) extent_box: [Option<usize>; 4],
    pub(super) corner_box: [Option<usize>; 4],
    /// The names of all columns, as written in the table.
    pub(super) names: Vec<String>,
}

impl Columns {
    /// Finds the columns in `header`; `records` are the table's first records, with paths relative to `folder`.
    pub(super) fn of(header: &StringRecord, records: &[StringRecord], folder: &Path) -> Self {
        let names: Vec<String> = header.iter().map(|h| h.trim().to_owned()).collect();
        let plain: Vec<String> = names.iter().map(|n| as_plain(n)).collect();
        let at = |known: &[&str]| known.iter().find_map(|k| plain.iter().position(|h| h == k));
        let named = |name: &str| at(&[&*as_plain(name)]);
        let records = &records[..records.len().min(LOOKED_AT)];
        let holds_files = |column: usize| {
            let values: Vec<&str> = records.iter().filter_map(|r| r.get(column)).collect();
            let files = values.iter().filter(|v| is_file_name(v, folder)).count();
            files > 0 && files * 2 >= values.len()
        };
        let path = at(&PATH).or_else(|| {
            let mut maybe = MAYBE_PATH.iter().filter_map(|k| plain.iter().position(|h| h == k));
            maybe.find(|&column| holds_files(column))
        });
        let identity = at(&IDENTITY).or_else(|| {
            let maybe = MAYBE_IDENTITY.iter().filter_map(|k| plain.iter().position(|h| h == k));
            let mut maybe = maybe.filter(|&column| Some(column) != path && !holds_files(column));
            maybe.find(|&column| plain[column] != "id" || repeats(column, records))
        });
        let splits = |name: &str, is_split: &dyn Fn(&str) -> bool| {
            let holds_splits = |column: &usize| {
                let mut values =
                    records.iter().filter_map(|r| r.get(*column)).filter(|v| !v.trim().is_empty());
                values.all(|v| is_split(v.trim()))
            };
            named(name).filter(holds_splits)
        };
        let by_name = |value: &str| Split::from_name(value).is_some();
        let numbered = splits("partition", &|value| matches!(value, "0" | "1" | "2"));
        let split = named("split").or_else(|| {
            ["partition", "subset", "set"].iter().find_map(|name| splits(name, &by_name)).or(numbered)
        });
        Self {
            path,
            identity,
            split,
            split_is_numbered: split.is_some() && split == numbered,
            role: named("role"),
            is_query: named("is_query"),
            is_gallery: named("is_gallery"),
            domain: named("domain").or(named("category")),
            extent_box: ["box_left", "box_top", "box_width", "box_height"].map(named),
            corner_box: ["x_1", "y_1", "x_2", "y_2"].map(named),
            names,
        }
    }

    /// The names of the columns that are not recognised.
    pub(super) fn unknown(&self) -> Vec<&str> {
        let known =
            [self.path, self.identity, self.split, self.role, self.is_query, self.is_gallery, self.domain];
        let known: Vec<usize> =
            known.iter().chain(&self.extent_box).chain(&self.corner_box).copied().flatten().collect();
        (0..self.names.len()).filter(|at| !known.contains(at)).map(|at| self.names[at].as_str()).collect()
    }

    /// A note on which columns contain the photo and the identity, for the user to check.
    pub(super) fn as_note(&self) -> String {
        let name = |at: Option<usize>| at.and_then(|at| self.names.get(at)).map_or("", String::as_str);
        match self.identity {
            Some(_) => {
                format!("photos from the column {}, identities from {}", name(self.path), name(self.identity))
            }
            None => format!("photos from the column {}, no column of identities", name(self.path)),
        }
    }
}

/// The names of photo columns that messages list.
pub(super) fn expected_paths() -> &'static str {
    "path, file, filename, image, image_path or photo"
}

/// The names of identity columns that messages list.
pub(super) fn expected_identities() -> &'static str {
    "identity, label, person_id, person, subject or name"
}

/// A column name without case, blanks, hyphens and underscores.
fn as_plain(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether a value is a photo's file: it has the extension of a photo, or such a file exists.
fn is_file_name(value: &str, folder: &Path) -> bool {
    let value = value.trim();
    crate::photos::has_photo_extension(Path::new(value))
        || (!value.is_empty() && super::csv::photo_path(folder, value).is_file())
}

/// Whether a value of the column occurs in more than one record.
fn repeats(column: usize, records: &[StringRecord]) -> bool {
    let mut seen = std::collections::HashSet::new();
    records.iter().filter_map(|r| r.get(column)).any(|value| !seen.insert(value.trim()))
}
