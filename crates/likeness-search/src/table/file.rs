//! The embeddings file: a safetensors file that any tool for that format can open.
//!
//! ```text
//! 8 bytes        length of the header, little-endian u64
//! header         JSON: "__metadata__" {format, format_version, model, fingerprint, dimension, distance,
//!                crate_version, sha256}, then name, type, shape and place of each tensor; padded with spaces to 8 bytes
//! "embeddings"   F32 [n, dimension], little-endian, row-major
//! "rows"         U8 [bytes], one JSON object per line: n lines for the embeddings, then one for each photo without an
//!                embedding, with the reason: {"skipped": "no face found", "row": {…}}
//! ```
//!
//! Equal tables give equal bytes. The checksum covers every byte:
//!
//! ```text
//! sha256 = SHA-256( SHA-256(embeddings) ‖ SHA-256(rows) ‖ length ‖ header with 64 zeros in place of the sha256 digits )
//! ```
//!
//! Rows store a photo's path relative to the file's folder if the photo lies below it, and absolute otherwise.
//!
//! Version 1 can still be read. It has no checksum, stores paths relative to the folder that the program ran in, and numbers
//! the faces of a photo in the rows' names (`a.jpg`, `a.jpg#2`).

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::header::{self, Checksum, Facts, MAX_HEADER_BYTES};
use super::place::Places;
use super::{EmbeddingTable, EmbeddingWriter, Row, SkippedRow, TableKind, foreign, kind, version_one};
use crate::{Result, SearchError};

impl EmbeddingTable {
    /// Writes the table to `path`: atomically if it is a file, directly if it is a device, a pipe or stdout (`-`).
    ///
    /// # Errors        the file cannot be written → `Io`, naming it
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut writer = EmbeddingWriter::create(path, self.model.clone())?;
        for (row, embedding) in self.rows.iter().zip(self.embeddings.chunks_exact(self.model.dimension)) {
            writer.push(row, embedding)?;
        }
        self.skipped.iter().for_each(|skipped| writer.skip(skipped));
        writer.finish()
    }

    /// Reads the table that [`save`](Self::save) wrote to `path`, or embeddings that another program saved.
    ///
    /// The paths of the rows are resolved, so that they can be opened from the current folder.
    ///
    /// # Errors        the file cannot be read → `Io`; it was written by this program and changed afterwards →
    ///   `DamagedFile`; it is not an embeddings file, or has an unknown version → `BadFile`; it was written by another
    ///   program and cannot be read → `BadForeignFile`
    pub fn load(path: &Path) -> Result<Self> {
        Self::load_with_notes(path).map(|(table, _)| table)
    }

    /// Reads a table as [`load`](Self::load) does. Returns remarks for the user, too: those on embeddings by another program,
    /// which name neither their model nor always their photos.
    ///
    /// # Errors        those of [`load`](Self::load)
    pub fn load_with_notes(path: &Path) -> Result<(Self, Vec<String>)> {
        match TableKind::of(path) {
            TableKind::Foreign(format) => foreign::load(path, format),
            _ => Ok((Self::load_own(path)?, Vec::new())),
        }
    }

    fn load_own(path: &Path) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        read(&bytes, &Places::of_file(path)).map_err(|reason| {
            let path = path.to_owned();
            match reason {
                Refused::Damaged(reason) => SearchError::DamagedFile { path, reason },
                // An unreadable header does not show whether we wrote the file; the marks do.
                Refused::Unreadable(reason) if kind::has_marks(&path, &bytes) => {
                    SearchError::DamagedFile { path, reason }
                }
                Refused::Unreadable(reason) | Refused::Other(reason) => SearchError::BadFile { path, reason },
            }
        })
    }
}

/// The reason why a file is rejected.
enum Refused {
    /// We wrote the file, and it was changed afterwards.
    Damaged(String),
    /// The file cannot be parsed.
    Unreadable(String),
    /// The file has another format or an unknown version.
    Other(String),
}

fn read(bytes: &[u8], places: &Places) -> Result<EmbeddingTable, Refused> {
    let length = bytes.first_chunk().map(|&length| u64::from_le_bytes(length));
    if length.is_some_and(|length| length > MAX_HEADER_BYTES) {
        return Err(Refused::Unreadable("not an embeddings file: its header is too long".into()));
    }
    let unreadable = |error| Refused::Unreadable(format!("not an embeddings file: {error}"));
    let (header_bytes, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let version = header::version(&header).map_err(Refused::Unreadable)?;
    let has_checksum = header::has_checksum(&header, version).map_err(Refused::Other)?;
    let embeddings = tensors.tensor("embeddings").map_err(unreadable)?;
    let rows = tensors.tensor("rows").map_err(unreadable)?;
    let start = &bytes[..size_of::<u64>() + header_bytes];
    let verified = || if has_checksum { verify(start, embeddings.data(), rows.data()) } else { Ok(()) };
    let parsed = || {
        let facts = header::facts(&header)?;
        Ok((read_embeddings(&embeddings, &facts)?, read_rows(&rows, facts.count)?, facts))
    };
    let (verified, parsed) = rayon::join(verified, parsed);
    verified.map_err(Refused::Damaged)?;
    let (embeddings, (mut rows, mut skipped), facts): (Vec<f32>, Lines, Facts) =
        parsed.map_err(Refused::Damaged)?;
    if has_checksum {
        rows.iter_mut().for_each(|row| places.resolve(row));
        skipped.iter_mut().for_each(|skipped| places.resolve(&mut skipped.row));
    } else {
        version_one::upgrade(&mut rows, places);
    }
    EmbeddingTable::new(facts.model, rows, embeddings)
        .map(|table| table.with_skipped(skipped))
        .map_err(|error| Refused::Damaged(error.to_string()))
}

/// The parsed lines of "rows": rows with an embedding, and skipped photos.
type Lines = (Vec<Row>, Vec<SkippedRow>);

fn verify(start: &[u8], embeddings: &[u8], rows: &[u8]) -> Result<(), String> {
    use sha2::Digest;
    let mut checksum = Checksum::default();
    checksum.embeddings.update(embeddings);
    checksum.rows.update(rows);
    checksum.verify(start)
}

fn read_embeddings(tensor: &TensorView<'_>, facts: &Facts) -> Result<Vec<f32>, String> {
    expect_type(tensor.dtype(), Dtype::F32, "embeddings")?;
    let dimension = facts.model.dimension;
    if tensor.shape() != [facts.count, dimension] {
        return Err(format!("embeddings: expected the shape [n, {dimension}], found {:?}", tensor.shape()));
    }
    let (values, _) = tensor.data().as_chunks();
    Ok(values.iter().map(|&value| f32::from_le_bytes(value)).collect())
}

fn expect_type(found: Dtype, expected: Dtype, tensor: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{tensor}: expected {expected:?}, found {found:?}")) }
}

fn read_rows(tensor: &TensorView<'_>, count: usize) -> Result<Lines, String> {
    expect_type(tensor.dtype(), Dtype::U8, "rows")?;
    let lines = tensor.data().strip_suffix(b"\n").unwrap_or(tensor.data());
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    if !lines.is_empty() {
        for (index, line) in lines.split(|&byte| byte == b'\n').enumerate() {
            let parsed = match index < count {
                true => serde_json::from_slice(line).map(|row| rows.push(row)),
                false => serde_json::from_slice(line).map(|photo| skipped.push(photo)),
            };
            parsed.map_err(|error| format!("row {} of {count} cannot be parsed: {error}", index + 1))?;
        }
    }
    if rows.len() == count {
        Ok((rows, skipped))
    } else {
        Err(format!("expected {count} rows, one for each embedding, found {}", rows.len()))
    }
}
