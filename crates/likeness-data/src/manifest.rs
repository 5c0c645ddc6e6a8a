//! `manifest.csv`: one row for each face of a dataset.
//!
//! | column | meaning |
//! |---|---|
//! | `path` | the face's file, relative to the dataset's folder |
//! | `source` | the photo's name in its collection |
//! | `identity` | the person in the picture; empty if unknown |
//! | `domain` | the kind of image; optional |
//! | `split` | `train`, `validation`, `test` |
//! | `role` | `query`, `gallery`, `both` |
//! | `sha256` | SHA-256 of the photo's file |
//! | `width`, `height` | size of the upright photo, in pixels |
//! | `box_left` … `box_height` | the face's box in pixels of the photo; empty without detection |
//! | `landmarks` | five `x y` pairs, separated by spaces, in pixels of the photo; optional |
//! | `detector`, `score` | the detector that found the face, and its score |
//! | `faces` | number of faces found in the photo; empty without detection |
//! | `face_sha256` | SHA-256 of the face's file; empty in datasets of earlier versions |
//! | further columns | the photo's [`Attributes`], such as CelebA's `Male` |

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attributes::Attributes;
use crate::geometry::{Landmarks, Point, Rect};
use crate::sample::Role;
use crate::sample::Split;
use crate::{DataError, Result};

/// A face of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// The face's file, relative to the dataset's folder, with `/` as separator.
    pub path: String,
    /// The photo's name in its collection.
    pub source: String,
    /// The person in the picture; `None` if unknown.
    pub identity: Option<String>,
    /// The kind of image, such as photographs or renderings.
    pub domain: Option<String>,
    /// The part of the dataset that the face belongs to.
    pub split: Split,
    /// Whether the face is a query, part of the gallery, or both.
    pub role: Role,
    /// SHA-256 of the photo's file, in hexadecimal.
    pub sha256: String,
    /// Width of the upright photo in pixels.
    pub width: u32,
    /// Height of the upright photo in pixels.
    pub height: u32,
    /// The face's box in the photo; `None` without detection.
    pub face_box: Option<Rect>,
    /// The face's landmarks in the photo, if known.
    pub landmarks: Option<Landmarks>,
    /// The detector that found the face.
    pub detector: Option<String>,
    /// The detector's score, on its own scale.
    pub score: Option<f32>,
    /// Number of faces that the detector found in the photo.
    pub faces: Option<usize>,
    /// SHA-256 of the face's file, in hexadecimal; `None` in datasets of earlier versions.
    pub face_sha256: Option<String>,
    /// Further columns of the photo's collection, such as CelebA's `Male`.
    pub attributes: Attributes,
}

/// The names of the columns that every manifest has, in the order of [`Row`]'s fields.
pub(crate) const COLUMNS: [&str; 18] = [
    "path",
    "source",
    "identity",
    "domain",
    "split",
    "role",
    "sha256",
    "width",
    "height",
    "box_left",
    "box_top",
    "box_width",
    "box_height",
    "landmarks",
    "detector",
    "score",
    "faces",
    "face_sha256",
];

/// One row of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    path: String,
    source: String,
    identity: Option<String>,
    domain: Option<String>,
    split: Split,
    role: Role,
    sha256: String,
    width: u32,
    height: u32,
    box_left: Option<f32>,
    box_top: Option<f32>,
    box_width: Option<f32>,
    box_height: Option<f32>,
    landmarks: Option<String>,
    detector: Option<String>,
    score: Option<f32>,
    #[serde(default)]
    faces: Option<usize>,
    #[serde(default)]
    face_sha256: Option<String>,
}

/// The contents of a manifest for `faces`.
///
/// # Errors        a row that cannot be written as CSV
pub fn text(faces: &[Face]) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    if faces.is_empty() {
        let header = ["path", "source", "identity", "split", "role", "sha256"];
        writer.write_record(header).map_err(std::io::Error::from)?;
    }
    let attributes = attribute_names(faces);
    if !faces.is_empty() {
        writer.write_record(COLUMNS.iter().chain(&attributes)).map_err(std::io::Error::from)?;
    }
    for face in faces {
        let values: Vec<&str> = if face.attributes.names() == attributes {
            face.attributes.iter().map(|(_, value)| value).collect()
        } else {
            attributes.iter().map(|name| face.attributes.get(name).unwrap_or_default()).collect()
        };
        writer.serialize((Row::from(face.clone()), values)).map_err(std::io::Error::from)?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

/// The names of the attributes of `faces`, in the order of their first use.
fn attribute_names(faces: &[Face]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let mut last: Option<&Attributes> = None;
    for attributes in faces.iter().map(|face| &face.attributes) {
        if !last.is_some_and(|last| attributes.same_names(last)) {
            last = Some(attributes);
            for name in attributes.names() {
                if !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
        }
    }
    names
}

/// Writes `faces` as a manifest.
///
/// # Errors        the file cannot be written → [`DataError::Io`], naming it
pub fn write(path: &Path, faces: &[Face]) -> Result<()> {
    let text = text(faces)?;
    Ok(likeness_artifact::write(path, |file| file.write_all(&text))?)
}

/// Reads the manifest at `path`.
///
/// # Errors        a line that cannot be parsed → [`DataError::BadTable`] with its number
pub fn read(path: &Path) -> Result<Vec<Face>> {
    parse(path, &fs_err::read(path)?)
}

/// Parses `text`, the contents of the manifest at `path`.
///
/// # Errors        a line that cannot be parsed → [`DataError::BadTable`] with its number
pub fn parse(path: &Path, text: &[u8]) -> Result<Vec<Face>> {
    let bad = |line, reason| DataError::BadTable { path: path.to_owned(), line, reason };
    let mut reader = csv::Reader::from_reader(text);
    let unreadable = |e: csv::Error| bad(e.position().map(|p| p.line()), e.to_string());
    let headers = reader.headers().map_err(unreadable)?.clone();
    let further: Vec<usize> = (0..headers.len()).filter(|&at| !COLUMNS.contains(&&headers[at])).collect();
    let names: Arc<[String]> = further.iter().map(|&at| headers[at].to_owned()).collect();
    let mut faces = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let row: Row = record.deserialize(Some(&headers)).map_err(unreadable)?;
        let name = row.path.clone();
        let mut face = Face::try_from(row).map_err(|reason| bad(None, format!("{name}: {reason}")))?;
        face.attributes = Attributes::new(&names, further.iter().filter_map(|&at| record.get(at)));
        faces.push(face);
    }
    Ok(faces)
}

impl From<Face> for Row {
    fn from(face: Face) -> Self {
        let text = |landmarks: Landmarks| landmarks.map(|p| format!("{} {}", p.x, p.y)).join(" ");
        Self {
            path: face.path,
            source: face.source,
            identity: face.identity,
            domain: face.domain,
            split: face.split,
            role: face.role,
            sha256: face.sha256,
            width: face.width,
            height: face.height,
            box_left: face.face_box.map(|b| b.left),
            box_top: face.face_box.map(|b| b.top),
            box_width: face.face_box.map(|b| b.width),
            box_height: face.face_box.map(|b| b.height),
            landmarks: face.landmarks.map(text),
            detector: face.detector,
            score: face.score,
            faces: face.faces,
            face_sha256: face.face_sha256,
        }
    }
}

impl TryFrom<Row> for Face {
    type Error = String;

    fn try_from(row: Row) -> Result<Self, String> {
        let face_box = match (row.box_left, row.box_top, row.box_width, row.box_height) {
            (Some(left), Some(top), Some(width), Some(height)) => Some(Rect::new(left, top, width, height)),
            (None, None, None, None) => None,
            _ => return Err("a box needs all of box_left, box_top, box_width and box_height".to_owned()),
        };
        Ok(Self {
            path: row.path,
            source: row.source,
            identity: row.identity,
            domain: row.domain,
            split: row.split,
            role: row.role,
            sha256: row.sha256,
            width: row.width,
            height: row.height,
            face_box,
            landmarks: row.landmarks.as_deref().map(parse_landmarks).transpose()?,
            detector: row.detector,
            score: row.score,
            faces: row.faces,
            face_sha256: row.face_sha256,
            attributes: Attributes::default(),
        })
    }
}

/// Landmarks from ten numbers separated by spaces.
pub(crate) fn parse_landmarks(text: &str) -> Result<Landmarks, String> {
    let numbers: Vec<f32> = text.split_whitespace().map_while(|n| n.parse().ok()).collect();
    let numbers: [f32; 10] =
        numbers.try_into().map_err(|_| format!("expected ten landmark coordinates, found `{text}`"))?;
    Ok(std::array::from_fn(|i| Point { x: numbers[2 * i], y: numbers[2 * i + 1] }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn face() -> impl Strategy<Value = Face> {
        let text = "[a-zA-Zé ,\"/_.0-9-]{1,12}";
        let name =
            (text, text, proptest::option::of("[a-z,\" é]{0,3}[a-z]"), proptest::option::of("[a-z]{1,4}"));
        let place = proptest::option::of((any::<i16>(), any::<i16>(), 1u16..99, 1u16..99));
        (name, place, 0u8..3, 0u8..3, any::<bool>()).prop_map(
            |((path, source, identity, domain), place, split, role, scored)| {
                let face_box = place.map(|(l, t, w, h)| {
                    Rect::new(f32::from(l) / 8.0, f32::from(t) / 3.0, f32::from(w) / 7.0, f32::from(h))
                });
                Face {
                    path,
                    source,
                    identity,
                    domain,
                    split: [Split::Train, Split::Validation, Split::Test][usize::from(split)],
                    role: [Role::Query, Role::Gallery, Role::Both][usize::from(role)],
                    sha256: "ab".repeat(32),
                    width: 640,
                    height: 480,
                    face_box,
                    landmarks: face_box.map(|b| [b.centre(); 5]),
                    detector: scored.then(|| "haar".to_owned()),
                    score: scored.then_some(0.1),
                    faces: scored.then_some(3),
                    face_sha256: scored.then(|| "cd".repeat(32)),
                    attributes: match split {
                        0 => Attributes::default(),
                        _ => Attributes::new(&["Male", "a,b"].map(str::to_owned).into(), ["1", "x \"y\""]),
                    },
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_written_is_read(faces in proptest::collection::vec(face(), 0..8)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("manifest.csv");
            write(&path, &faces).unwrap();
            prop_assert_eq!(read(&path).unwrap(), faces);
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.csv");
        let header = "path,source,identity,domain,split,role,sha256,width,height,box_left,box_top,box_width,box_height,landmarks,detector,score";
        fs_err::write(
            &path,
            format!("{header}\na,b,c,,train,both,,1,1,,,,,,,\na,b,c,,nowhere,both,,1,1,,,,,,,\n"),
        )
        .unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("manifest.csv:3") && message.contains("nowhere"), "{message}");
    }
}
