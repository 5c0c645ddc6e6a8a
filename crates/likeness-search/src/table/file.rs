//! The embeddings file: one safetensors file that any tool for that format can open.
//!
//! ```text
//! 8 bytes        length of the header, little-endian u64
//! header         JSON: "__metadata__" {format, format_version, model, fingerprint, dimension, distance,
//!                crate_version}, then name, type, shape and place of each tensor; padded with spaces to 8 bytes
//! "embeddings"   F32 [n, dimension], little-endian, row-major
//! "rows"         U8 [bytes], one JSON object a line, n lines
//! ```
//!
//! The same table gives the same bytes.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, SafeTensors};
use serde_json::json;

use super::{EmbeddingTable, EmbeddingWriter, ModelTag, Row};
use crate::{Result, SearchError};

const FORMAT: &str = "likeness-embeddings";
const FORMAT_VERSION: &str = "1";
/// Our headers take a few hundred bytes; a longer one is another file or an attack.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// The header of a table of `count` embeddings by `model` whose rows take `row_bytes`, padded to 8 bytes.
pub(super) fn header(model: &ModelTag, count: u64, row_bytes: u64) -> Vec<u8> {
    let vector_bytes = count * (model.dimension * size_of::<f32>()) as u64;
    let header = json!({
        "__metadata__": {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "model": model.name,
            "fingerprint": model.fingerprint,
            "dimension": model.dimension.to_string(),
            "distance": model.distance.name(),
            "crate_version": env!("CARGO_PKG_VERSION"),
        },
        "embeddings": {
            "dtype": "F32",
            "shape": [count, model.dimension],
            "data_offsets": [0, vector_bytes],
        },
        "rows": {
            "dtype": "U8",
            "shape": [row_bytes],
            "data_offsets": [vector_bytes, vector_bytes + row_bytes],
        },
    });
    let mut header = header.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    header
}

impl EmbeddingTable {
    /// Writes the table to `path`, whole or not at all.
    ///
    /// # Errors        the file cannot be written → `Io`, naming it
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut writer = EmbeddingWriter::create(path, self.model.clone())?;
        for (row, embedding) in self.rows.iter().zip(self.embeddings.chunks_exact(self.model.dimension)) {
            writer.push(row, embedding)?;
        }
        writer.finish()
    }

    /// Reads the table that [`save`](Self::save) wrote to `path`.
    ///
    /// # Errors        the file cannot be read → `Io`; it is cut short, of another format or version, its shapes
    ///   or rows do not fit, a value is not finite → `BadFile`, naming it
    pub fn load(path: &Path) -> Result<Self> {
        read(&fs_err::read(path)?).map_err(|reason| SearchError::BadFile { path: path.into(), reason })
    }
}

/// Whether `path` is an embeddings file, of any version, judged by its header alone.
///
/// Whatever cannot be opened or read is none.
pub fn is_embeddings_file(path: &Path) -> bool {
    let Ok(mut file) = fs_err::File::open(path) else { return false };
    let mut length = [0; 8];
    if file.read_exact(&mut length).is_err() || u64::from_le_bytes(length) > MAX_HEADER_BYTES {
        return false;
    }
    let mut header = Vec::new();
    let complete = file.take(u64::from_le_bytes(length)).read_to_end(&mut header);
    let parsed = complete.ok().and_then(|_| serde_json::from_slice::<serde_json::Value>(&header).ok());
    parsed.is_some_and(|header| header["__metadata__"]["format"] == FORMAT)
}

fn read(bytes: &[u8]) -> Result<EmbeddingTable, String> {
    let length = bytes.first_chunk().map(|&length| u64::from_le_bytes(length));
    if length.is_some_and(|length| length > MAX_HEADER_BYTES) {
        return Err("not an embeddings file: its header is too long".into());
    }
    let damaged = |error| format!("not an embeddings file, or damaged: {error}");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (model, count) = read_model(&header)?;
    let embeddings = tensors.tensor("embeddings").map_err(damaged)?;
    expect_type(embeddings.dtype(), Dtype::F32, "embeddings")?;
    if embeddings.shape() != [count, model.dimension] {
        return Err(format!(
            "embeddings: expected the shape [n, {}], found {:?}",
            model.dimension,
            embeddings.shape()
        ));
    }
    let rows = tensors.tensor("rows").map_err(damaged)?;
    expect_type(rows.dtype(), Dtype::U8, "rows")?;
    let rows = read_rows(rows.data(), count)?;
    let (values, _) = embeddings.data().as_chunks();
    let values = values.iter().map(|&value| f32::from_le_bytes(value)).collect();
    EmbeddingTable::new(model, rows, values).map_err(|error| error.to_string())
}

/// The model, and how many rows the file says it has.
fn read_model(header: &Metadata) -> Result<(ModelTag, usize), String> {
    let empty = HashMap::new();
    let fields = header.metadata().as_ref().unwrap_or(&empty);
    let field = |name: &str| {
        fields.get(name).ok_or_else(|| format!("not an embeddings file: its header has no {name}"))
    };
    let format = field("format")?;
    if format != FORMAT {
        return Err(format!("not an embeddings file: expected the format {FORMAT}, found {format}"));
    }
    let version = field("format_version")?;
    if version != FORMAT_VERSION {
        return Err(format!(
            "expected format version {FORMAT_VERSION}, found {version}; \
             embed the photos again, or open the file with the version of likeness that wrote it"
        ));
    }
    let dimension = field("dimension")?;
    let dimension =
        dimension.parse().map_err(|_| format!("dimension: expected a whole number, found {dimension}"))?;
    let distance = field("distance")?.parse().map_err(|error: SearchError| error.to_string())?;
    let count = header.info("embeddings").and_then(|info| info.shape.first().copied());
    let count =
        count.ok_or_else(|| "embeddings: expected the shape [n, dimension], found none".to_owned())?;
    Ok((ModelTag::new(field("model")?, field("fingerprint")?, dimension, distance), count))
}

fn expect_type(found: Dtype, expected: Dtype, tensor: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{tensor}: expected {expected:?}, found {found:?}")) }
}

fn read_rows(bytes: &[u8], count: usize) -> Result<Vec<Row>, String> {
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut rows = Vec::new();
    if !lines.is_empty() {
        for (index, line) in lines.split(|&byte| byte == b'\n').enumerate() {
            let row: Row = serde_json::from_slice(line)
                .map_err(|error| format!("row {} of {count} does not read: {error}", index + 1))?;
            rows.push(row);
        }
    }
    if rows.len() == count {
        Ok(rows)
    } else {
        Err(format!("expected {count} rows, one an embedding, found {}", rows.len()))
    }
}
