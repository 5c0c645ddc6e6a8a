//! An embeddings file as its rows come: memory stays the same however many there are.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{ModelTag, Row, file};
use crate::atomic;
use crate::{Result, SearchError};

/// Bytes that are gathered before they go to a file.
const BUFFER_BYTES: usize = 1 << 18;

/// Writes an embeddings file row by row; there is no file until [`finish`](Self::finish).
///
/// Until then embeddings and rows wait in two files without a name beside it, which are gone with the process, however
/// that ends.
///
/// # Examples
///
/// ```
/// use likeness_search::{Distance, EmbeddingTable, EmbeddingWriter, ModelTag, Row};
///
/// let path = std::env::temp_dir().join(format!("{}.embeddings", std::process::id()));
/// let mut writer = EmbeddingWriter::create(&path, ModelTag::new("toy", "", 2, Distance::Cosine))?;
/// writer.push(&Row::new("a.jpg"), &[0.6, 0.8])?;
/// writer.finish()?;
/// assert_eq!(EmbeddingTable::load(&path)?.embedding(0), [0.6, 0.8]);
/// # std::fs::remove_file(path).ok();
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub struct EmbeddingWriter {
    model: ModelTag,
    count: u64,
    row_bytes: u64,
    embeddings: BufWriter<File>,
    rows: BufWriter<File>,
    path: PathBuf,
}

impl EmbeddingWriter {
    /// Begins the file that will be at `path`, of embeddings by `model`.
    ///
    /// # Errors        a dimension of 0 → `BadEmbeddings`; the folder cannot be written → `Io`, naming the file
    pub fn create(path: &Path, model: ModelTag) -> Result<Self> {
        model.check()?;
        let scratch = || atomic::scratch(path).map(|file| BufWriter::with_capacity(BUFFER_BYTES, file));
        let (embeddings, rows) = (scratch()?, scratch()?);
        Ok(Self { model, count: 0, row_bytes: 0, embeddings, rows, path: path.into() })
    }

    /// How many rows there are so far.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is no row yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a row.
    ///
    /// # Shapes        embedding: \[`model.dimension`\]
    /// # Errors        another length, a value that is not finite → `BadEmbeddings`; no space → `Io`, naming the file
    pub fn push(&mut self, row: &Row, embedding: &[f32]) -> Result<()> {
        if embedding.len() != self.model.dimension {
            return Err(SearchError::BadEmbeddings {
                reason: format!(
                    "{}: expected {} values, found {}",
                    row.name,
                    self.model.dimension,
                    embedding.len()
                ),
            });
        }
        row.check_values(embedding, "a finite number", |value| value.is_finite())?;
        self.write(row, embedding).map_err(|error| atomic::named(&self.path, error))
    }

    fn write(&mut self, row: &Row, embedding: &[f32]) -> std::io::Result<()> {
        for value in embedding {
            self.embeddings.write_all(&value.to_le_bytes())?;
        }
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        self.rows.write_all(&line)?;
        self.row_bytes += line.len() as u64;
        self.count += 1;
        Ok(())
    }

    /// Puts the file in its place.
    ///
    /// # Errors        no space, the rename is refused → `Io`, naming the file
    pub fn finish(self) -> Result<()> {
        let Self { model, count, row_bytes, embeddings, rows, path } = self;
        let header = file::header(&model, count, row_bytes);
        atomic::write(&path, |file| {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(&header)?;
            for part in [embeddings, rows] {
                let mut part = part.into_inner().map_err(std::io::IntoInnerError::into_error)?;
                part.seek(SeekFrom::Start(0))?;
                std::io::copy(&mut part, file)?;
            }
            Ok(())
        })
    }
}
