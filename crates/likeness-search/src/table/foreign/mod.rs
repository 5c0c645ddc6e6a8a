//! Embeddings that other programs saved, such as the encodings of Python's `face_recognition`.
//!
//! | file | content |
//! |---|---|
//! | `.npy` | a float array of the shape \[n, d\] or \[d\]; names in the text file `NAME.names.txt` or `NAME.txt` beside it |
//! | `.npz` | the arrays `embeddings` or `encodings`, and optionally `names`, `paths` or `files`, and `labels`, `identities` or `ids` |
//! | `.parquet` | a column of lists of numbers, or at least 8 columns of numbers; optionally columns of names and identities |
//! | `.csv`, `.tsv` | one line for each face: name, optionally identity, and at least 8 columns of decimal numbers |
//!
//! Such a file does not name its model. Its [`ModelTag`] is [external](ModelTag::is_external): embeddings of equal dimension
//! from two such files can be compared, and the caller tells the user that nothing proves that one model made both.
//!
//! The distance is Euclidean, the one of `face_recognition` and dlib, whose embeddings have no unit length. If all embeddings
//! have unit length, it is the cosine distance, as for this program's networks; both give the same ranking then.
//!
//! Rows with one name are faces of one photo. A row of zeros stands for a photo without a face and becomes a skipped photo.

mod csv;
mod names;
mod npy;
mod npy_header;
mod npz;
mod parquet;

use std::collections::HashMap;
use std::io::BufReader;
use std::path::Path;

use super::place::Places;
use super::{EmbeddingTable, ModelTag, Row, SkippedRow};
use crate::distance::cosine::squared_norm;
use crate::{Distance, Result, SearchError};

use crate::ForeignFault as Fault;

/// The largest deviation of a unit embedding's squared length from 1; 16-bit floats deviate by less.
const UNIT_TOLERANCE: f64 = 1e-2;
/// The reason why a row of zeros has no embedding.
const ALL_ZERO: &str = "its embedding is all zeros";

/// The format of a file of embeddings by another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignFormat {
    /// An array in NumPy's format.
    Npy,
    /// An archive of NumPy arrays.
    Npz,
    /// A table in Apache Parquet's format.
    Parquet,
    /// A table of numbers as text, separated by commas, semicolons or tabs.
    Csv,
}

impl ForeignFormat {
    /// The format of the file at `path`, which begins with `start`; `None` if it holds no embeddings by another program.
    ///
    /// Arrays, archives and Parquet files are recognised by their content or by their endings, so that a damaged file is
    /// reported as one. A table counts only if its lines have at least 8 columns of decimal numbers.
    pub(super) fn of(path: &Path, start: &[u8]) -> Option<Self> {
        let has_ending = |ending: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
        if start.starts_with(npy::SIGNATURE) || has_ending("npy") {
            Some(Self::Npy)
        } else if npz::is_archive(start) || has_ending("npz") {
            Some(Self::Npz)
        } else if start.starts_with(parquet::SIGNATURE) || has_ending("parquet") {
            Some(Self::Parquet)
        } else if ["csv", "tsv"].into_iter().any(has_ending) && csv::is_table(path) {
            Some(Self::Csv)
        } else {
            None
        }
    }
}

/// The contents of a file.
struct Parts {
    dimension: usize,
    /// n × dimension values, row-major.
    values: Vec<f32>,
    names: Option<Vec<String>>,
    paths: Option<Vec<String>>,
    identities: Option<Vec<String>>,
}

/// A fault, and the part of the file that has it.
struct Located {
    /// Empty, or ends with a colon and a blank.
    part: String,
    fault: Fault,
}

impl From<Fault> for Located {
    fn from(fault: Fault) -> Self {
        Self { part: String::new(), fault }
    }
}

impl Located {
    fn of_file(self, path: &Path) -> SearchError {
        SearchError::BadForeignFile { path: path.to_owned(), part: self.part, fault: self.fault }
    }
}

/// Reads the embeddings of the file at `path`. Returns remarks for the user, too.
///
/// # Errors        the file cannot be read → `Io`; its content is rejected → `BadForeignFile`
pub(super) fn load(path: &Path, format: ForeignFormat) -> Result<(EmbeddingTable, Vec<String>)> {
    let parts = match format {
        ForeignFormat::Npy => read_npy(path)?,
        ForeignFormat::Npz => npz::read(path)?,
        ForeignFormat::Parquet => parquet::read(path)?,
        ForeignFormat::Csv => csv::read(path)?,
    };
    into_table(path, parts)
}

fn read_npy(path: &Path) -> Result<Parts> {
    let mut file = BufReader::new(fs_err::File::open(path)?);
    let read = npy::read_header(&mut file).and_then(|header| npy::read_matrix(&header, &mut file));
    let npy::Matrix { dimension, values } = read.map_err(|fault| Located::from(fault).of_file(path))?;
    Ok(Parts { dimension, values, names: None, paths: None, identities: None })
}

/// The table of the parts of the file at `path`, with remarks for the user.
fn into_table(path: &Path, mut parts: Parts) -> Result<(EmbeddingTable, Vec<String>)> {
    let mut notes = Vec::new();
    let count = parts.values.len() / parts.dimension;
    if parts.names.is_none() && parts.paths.is_none() {
        parts.names = names::read_beside(path, count)?;
        if parts.names.is_none() {
            notes.push(format!(
                "{}: its rows have no names and are numbered; to name them, write one name per line to {}",
                path.display(),
                path.with_extension("txt").display()
            ));
        }
    }
    let rows = rows_of(path, &mut parts, count)?;
    let (rows, skipped) = keep_nonzero(rows, &mut parts);
    if rows.is_empty() {
        return Err(Located::from(Fault::Empty).of_file(path));
    }
    let model = ModelTag::external(parts.dimension, distance_of(&parts.values, parts.dimension));
    notes.push(format!(
        "{}: {} embeddings of {} values by an unnamed model; they can be compared with other such files of {} values \
         ({} distance, unless --distance selects another)",
        path.display(),
        rows.len(),
        parts.dimension,
        parts.dimension,
        model.distance.name()
    ));
    Ok((EmbeddingTable::new(model, rows, parts.values)?.with_skipped(skipped), notes))
}

/// Numbers the faces of each name. Rows of zeros are removed, with their values, and returned as skipped photos.
fn keep_nonzero(rows: Vec<Row>, parts: &mut Parts) -> (Vec<Row>, Vec<SkippedRow>) {
    let (mut kept, mut skipped) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut faces: HashMap<String, u32> = HashMap::new();
    for (at, mut row) in rows.into_iter().enumerate() {
        let from = at * parts.dimension;
        if parts.values[from..from + parts.dimension].iter().all(|&value| value == 0.0) {
            skipped.push(SkippedRow { reason: ALL_ZERO.to_owned(), row });
            continue;
        }
        let face = faces.entry(row.name.clone()).or_default();
        row.face = *face;
        *face += 1;
        parts.values.copy_within(from..from + parts.dimension, kept.len() * parts.dimension);
        kept.push(row);
    }
    parts.values.truncate(kept.len() * parts.dimension);
    (kept, skipped)
}

/// Cosine if all embeddings have unit length, otherwise Euclidean.
fn distance_of(values: &[f32], dimension: usize) -> Distance {
    let is_unit = |embedding: &[f32]| (squared_norm(embedding) - 1.0).abs() < UNIT_TOLERANCE;
    if values.chunks_exact(dimension).all(is_unit) { Distance::Cosine } else { Distance::Euclidean }
}

/// One row for each embedding. A photo's path is stored if the file states paths, or if its name is that of a file.
fn rows_of(path: &Path, parts: &mut Parts, count: usize) -> Result<Vec<Row>> {
    let places = Places::of_file(path);
    let (names, paths) = (parts.names.take(), parts.paths.take());
    let are_paths = paths.is_some();
    let photos = paths.or_else(|| names.clone()).unwrap_or_else(|| names::numbered(count));
    let names = names.unwrap_or_else(|| photos.clone());
    let identities = parts.identities.take().unwrap_or_else(|| vec![String::new(); count]);
    let mut rows = Vec::with_capacity(count);
    for ((name, photo), identity) in names.into_iter().zip(photos).zip(identities) {
        if name.is_empty() {
            return Err(Located::from(Fault::NoName { entry: rows.len() + 1 }).of_file(path));
        }
        let mut row = Row { path: photo, ..Row::new(name) };
        row.identity = Some(identity).filter(|identity| !identity.is_empty());
        places.resolve(&mut row);
        if !are_paths && !Path::new(&row.path).is_file() {
            row.path.clear();
        }
        rows.push(row);
    }
    Ok(rows)
}
