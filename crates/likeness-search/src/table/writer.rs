//! Writes an embeddings file row by row in constant memory.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::Digest;

use super::header::{self, Checksum};
use super::place::Places;
use super::{ModelTag, Row, SkippedRow};
use crate::{Result, SearchError};

/// Number of bytes that are buffered before they are written to a file.
const BUFFER_BYTES: usize = 1 << 18;

/// Writes an embeddings file row by row. The file appears only when [`finish`](Self::finish) is called.
///
/// Until then, embeddings and rows are kept in two unnamed temporary files. They are in the folder of the output, or in the
/// folder for temporary files if the output is a device, a pipe or stdout (`-`). They disappear when the process ends.
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
    checksum: Checksum,
    embeddings: BufWriter<File>,
    rows: BufWriter<File>,
    /// Photos without an embedding; their lines follow those of the embeddings.
    skipped: Vec<SkippedRow>,
    /// Buffer for the bytes of one embedding or row.
    bytes: Vec<u8>,
    path: PathBuf,
    places: Places,
}

impl EmbeddingWriter {
    /// Prepares to write embeddings by `model` to `path`.
    ///
    /// # Errors        a dimension of 0 → `BadEmbeddings`; the folder cannot be written → `Io`, naming the file
    pub fn create(path: &Path, model: ModelTag) -> Result<Self> {
        model.check()?;
        let scratch =
            || likeness_artifact::scratch(path).map(|file| BufWriter::with_capacity(BUFFER_BYTES, file));
        Ok(Self {
            model,
            count: 0,
            row_bytes: 0,
            checksum: Checksum::default(),
            embeddings: scratch()?,
            rows: scratch()?,
            skipped: Vec::new(),
            bytes: Vec::new(),
            path: path.into(),
            places: Places::of_output(path)?,
        })
    }

    /// The number of rows written so far.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether no row has been written yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a row.
    ///
    /// # Shapes        embedding: \[`model.dimension`\]
    /// # Errors        a wrong number of values, a value that is not finite → `BadEmbeddings`; no space → `Io`, naming the file
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
        self.write(row, embedding).map_err(|error| {
            let reason = format!("{}: cannot be written: {error}", self.path.display());
            std::io::Error::new(error.kind(), reason).into()
        })
    }

    /// Records a photo for which no embedding could be computed.
    pub fn skip(&mut self, skipped: &SkippedRow) {
        let row = self.places.stored(&skipped.row).into_owned();
        self.skipped.push(SkippedRow { row, ..skipped.clone() });
    }

    fn write(&mut self, row: &Row, embedding: &[f32]) -> std::io::Result<()> {
        self.bytes.clear();
        self.bytes.extend(embedding.iter().flat_map(|value| value.to_le_bytes()));
        self.checksum.embeddings.update(&self.bytes);
        self.embeddings.write_all(&self.bytes)?;
        self.bytes.clear();
        serde_json::to_writer(&mut self.bytes, self.places.stored(row).as_ref())?;
        self.write_line()?;
        self.count += 1;
        Ok(())
    }

    /// Ends the line in `bytes` and appends it to the rows.
    fn write_line(&mut self) -> std::io::Result<()> {
        self.bytes.push(b'\n');
        self.checksum.rows.update(&self.bytes);
        self.rows.write_all(&self.bytes)?;
        self.row_bytes += self.bytes.len() as u64;
        Ok(())
    }

    /// Writes the output file.
    ///
    /// # Errors        no space, the rename is refused → `Io`, naming the file
    pub fn finish(mut self) -> Result<()> {
        for skipped in std::mem::take(&mut self.skipped) {
            self.bytes.clear();
            serde_json::to_writer(&mut self.bytes, &skipped).map_err(std::io::Error::from)?;
            self.write_line()?;
        }
        let Self { model, count, row_bytes, checksum, embeddings, rows, path, .. } = self;
        let start = header::write(&model, count, row_bytes, checksum);
        likeness_artifact::write(&path, |file| {
            file.write_all(&start)?;
            for part in [embeddings, rows] {
                let mut part = part.into_inner().map_err(std::io::IntoInnerError::into_error)?;
                part.seek(SeekFrom::Start(0))?;
                std::io::copy(&mut part, file)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}
