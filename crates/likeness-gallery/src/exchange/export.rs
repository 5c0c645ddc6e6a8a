//! Exports the faces of a gallery with their embeddings, in the format that another program reads.

use std::io::{Read, Result as IoResult, Seek, SeekFrom};
use std::path::Path;

use likeness_search::{EmbeddingTable, EmbeddingWriter, ModelTag};

use super::{
    Column, ExchangeError, FaceRow, Table, TableFault, Values, face_csv, npz, parquet, write_faces,
    write_npz, write_parquet,
};

/// The number of rows in a batch.
const BATCH_ROWS: usize = 8192;
/// Number of bytes at the end of a Parquet file that are searched for the writer's name.
const FOOTER_BYTES: u64 = 4096;

/// A format of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// An embeddings file of this program, which is a safetensors file.
    Safetensors,
    /// NumPy's archive of arrays.
    Npz,
    /// Apache Parquet.
    Parquet,
    /// CSV, without the embeddings.
    Csv,
}

impl ExportFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Safetensors, Self::Npz, Self::Parquet, Self::Csv];

    /// The name for flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Npz => "npz",
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }

    /// The format of a file name, by its extension; `None` if the extension is another one.
    ///
    /// # Examples
    ///
    /// ```
    /// use likeness_gallery::exchange::ExportFormat;
    ///
    /// assert_eq!(ExportFormat::of("faces.parquet".as_ref()), Some(ExportFormat::Parquet));
    /// assert_eq!(ExportFormat::of("faces.embeddings".as_ref()), Some(ExportFormat::Safetensors));
    /// ```
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "embeddings" => Some(Self::Safetensors),
            extension => Self::ALL.into_iter().find(|format| format.name() == extension),
        }
    }

    /// Whether the existing file at `path` is empty, or an export of this program in this format.
    ///
    /// Such a file may be replaced without asking.
    ///
    /// # Errors        the file cannot be read
    pub fn is_ours(self, path: &Path) -> IoResult<bool> {
        let mut file = fs_err::File::open(path)?;
        let length = file.metadata()?.len();
        let mut end = || -> IoResult<Vec<u8>> {
            let mut end = Vec::new();
            file.seek(SeekFrom::Start(length.saturating_sub(FOOTER_BYTES)))?;
            file.by_ref().take(FOOTER_BYTES).read_to_end(&mut end)?;
            Ok(end)
        };
        Ok(length == 0
            || match self {
                Self::Safetensors => EmbeddingTable::is_ours(path)?,
                Self::Npz => end()?.ends_with(npz::MARK.as_bytes()),
                Self::Parquet => {
                    // The writer's name is the last field of the footer, before its end, length and the magic number.
                    let end = end()?;
                    let footer = &end[..end.len().saturating_sub(1 + size_of::<u32>() + 4)];
                    end.ends_with(b"PAR1") && footer.ends_with(parquet::CREATED_BY.as_bytes())
                }
                Self::Csv => {
                    let header = face_csv::header();
                    let mut start = Vec::new();
                    fs_err::File::open(path)?.take(header.len() as u64).read_to_end(&mut start)?;
                    start == header.as_bytes()
                }
            })
    }
}

/// Writes `faces` with their embeddings by `model` to `path`. Returns the number of faces.
///
/// | format | faces | embeddings | read by |
/// |---|---|---|---|
/// | safetensors | one JSON object a line | `embeddings` | `likeness match`, safetensors |
/// | npz | an array for each column; photos are `paths`, people are `labels` | `embeddings` | `likeness match`, NumPy |
/// | Parquet | a column each | `embedding`, a list | pandas, polars, DuckDB |
/// | CSV | a column each | none | `likeness people import`, spreadsheets |
///
/// safetensors stores photo, index, box, person and SHA-256; the other formats store all values of [`FaceRow`].
///
/// # Shapes        each embedding: \[`model.dimension`\]
/// # Conventions   faces are read one after another, so memory does not grow with the embeddings
/// # Errors        an embedding of another dimension, values that the format cannot store → `BadTable`, `Search`; errors of
///   `faces`; the file cannot be written → `Io`, naming it. An existing file is then left as it was
pub fn export<E: From<ExchangeError>>(
    path: &Path,
    format: ExportFormat,
    model: &ModelTag,
    faces: impl IntoIterator<Item = Result<(FaceRow, Vec<f32>), E>>,
) -> Result<u64, E> {
    let mut count = 0;
    let faces = faces.into_iter().inspect(|face| count += u64::from(face.is_ok()));
    let facts = facts(model);
    match format {
        ExportFormat::Safetensors => export_safetensors(path, model, faces)?,
        ExportFormat::Npz => write_npz(path, &facts, Batches::new(path, faces, model, ["paths", "labels"]))?,
        ExportFormat::Parquet => {
            write_parquet(path, &facts, Batches::new(path, faces, model, ["photo", "person"]))?
        }
        ExportFormat::Csv => {
            let rows = faces.map(|face| face.map(|(row, _)| row)).collect::<Result<Vec<FaceRow>, E>>()?;
            write_faces(path, &rows)?;
        }
    }
    Ok(count)
}

fn export_safetensors<E: From<ExchangeError>>(
    path: &Path,
    model: &ModelTag,
    faces: impl Iterator<Item = Result<(FaceRow, Vec<f32>), E>>,
) -> Result<(), E> {
    let failed = |error| E::from(ExchangeError::Search(error));
    let mut writer = EmbeddingWriter::create(path, model.clone()).map_err(failed)?;
    for face in faces {
        let (row, embedding) = face?;
        writer.push(&(&row).into(), &embedding).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}

/// Facts about the model, which npz and Parquet files store beside the table.
fn facts(model: &ModelTag) -> [(&'static str, String); 3] {
    [
        ("model_name", model.name.clone()),
        ("model_fingerprint", model.fingerprint.clone()),
        ("model_distance", model.distance.to_string()),
    ]
}

/// Groups faces into tables. The first one exists even without faces, so that a file has all columns.
struct Batches<'m, I> {
    path: &'m Path,
    faces: I,
    model: &'m ModelTag,
    /// The names of the columns of photos and people.
    names: [&'static str; 2],
    started: bool,
}

impl<'m, I> Batches<'m, I> {
    fn new(path: &'m Path, faces: I, model: &'m ModelTag, names: [&'static str; 2]) -> Self {
        Self { path, faces, model, names, started: false }
    }
}

impl<E: From<ExchangeError>, I: Iterator<Item = Result<(FaceRow, Vec<f32>), E>>> Iterator for Batches<'_, I> {
    type Item = Result<Table, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut rows, mut embeddings) = (Vec::new(), Vec::new());
        while rows.len() < BATCH_ROWS {
            let Some(face) = self.faces.next() else { break };
            match face.and_then(|(row, embedding)| Ok((row, self.checked(embedding)?))) {
                Ok((row, embedding)) => {
                    rows.push(row);
                    embeddings.extend(embedding);
                }
                Err(error) => return Some(Err(error)),
            }
        }
        if std::mem::replace(&mut self.started, true) && rows.is_empty() {
            return None;
        }
        Some(Ok(Table { columns: columns(&rows, self.names), embeddings, dimension: self.model.dimension }))
    }
}

impl<I> Batches<'_, I> {
    fn checked<E: From<ExchangeError>>(&self, embedding: Vec<f32>) -> Result<Vec<f32>, E> {
        match embedding.len() == self.model.dimension {
            true => Ok(embedding),
            false => {
                let (expected, found) = (self.model.dimension, embedding.len());
                Err(TableFault::OtherDimension { expected, found }.of(self.path).into())
            }
        }
    }
}

/// The columns of `rows`. Those of photos and people have the names `names`.
fn columns(rows: &[FaceRow], [photo, person]: [&str; 2]) -> Vec<Column> {
    let column = |name: &str, values| Column { name: name.to_owned(), values };
    let integers =
        |value: &dyn Fn(&FaceRow) -> Option<i64>| Values::Integers(rows.iter().map(value).collect());
    let numbers = |value: &dyn Fn(&FaceRow) -> Option<f64>| Values::Numbers(rows.iter().map(value).collect());
    let texts = |value: &dyn Fn(&FaceRow) -> Option<String>| Values::Texts(rows.iter().map(value).collect());
    let side = |side: usize| integers(&|row| row.face_box.map(|sides| i64::from(sides[side])));
    vec![
        column(photo, texts(&|row| Some(row.photo.clone()))),
        column("face", integers(&|row| row.face.map(i64::from))),
        column("left", side(0)),
        column("top", side(1)),
        column("width", side(2)),
        column("height", side(3)),
        column(person, texts(&|row| row.person.clone())),
        column("origin", texts(&|row| row.origin.map(|origin| origin.name().to_owned()))),
        column("distance", numbers(&|row| row.distance)),
        column("quality", numbers(&|row| row.quality)),
        column("born", texts(&|row| row.born.clone())),
        column("sha256", texts(&|row| row.sha256.clone())),
    ]
}
