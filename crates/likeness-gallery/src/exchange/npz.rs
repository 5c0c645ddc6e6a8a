//! Writes a table as NumPy's archive of arrays: a zip file with one entry `NAME.npy` for each array (NEP 1, format version 1.0).
//!
//! | column | array |
//! |---|---|
//! | embeddings | `embeddings.npy`, `<f4`, [n, dimension] |
//! | integers | `NAME.npy`, `<i8`; if values are missing, they are 0, and `NAME_present.npy`, `|b1`, is false |
//! | numbers | `NAME.npy`, `<f8`; missing values are NaN |
//! | texts | `NAME.npy`, `<U` of the longest text; missing values are empty |
//!
//! Entries are stored without compression, because embeddings do not shrink, and so that they can be mapped into memory.

use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use zip::ZipWriter;
use zip::write::{SimpleFileOptions, StreamWriter};

use super::table::{Stop, write_file};
use super::{Column, ExchangeError, Table, TableFault, Values};

/// The comment of the archive, by which our files are recognised.
pub(super) const MARK: &str = "written by Likeness";
/// The largest size of an array of texts.
const MAX_TEXT_BYTES: u64 = 4 << 30;
/// Headers have a multiple of so many bytes, so that arrays are aligned.
const ALIGNMENT: usize = 64;

/// Writes `batches` of rows to the npz file `path`. Embeddings are written to disk as they come, columns are kept in memory.
///
/// `facts` become arrays of one text each, such as the model's name.
///
/// # Errors        columns that differ in length or between batches, texts too long for an array → `BadTable`; errors of the
///   batches; the file cannot be written → `Io`, naming it
pub fn write_npz<E: From<ExchangeError>>(
    path: &Path,
    facts: &[(&str, String)],
    batches: impl IntoIterator<Item = Result<Table, E>>,
) -> Result<(), E> {
    let fault = |fault: TableFault| E::from(fault.of(path));
    let output = |error: std::io::Error| E::from(ExchangeError::from(error));
    let mut embeddings = BufWriter::new(likeness_artifact::scratch(path).map_err(output)?);
    let mut all: Option<Table> = None;
    let mut rows = 0;
    for batch in batches {
        let mut batch = batch?;
        batch.check().map_err(fault)?;
        rows += batch.len();
        for value in std::mem::take(&mut batch.embeddings) {
            embeddings.write_all(&value.to_le_bytes()).map_err(output)?;
        }
        match &mut all {
            None => all = Some(batch),
            Some(all) => {
                all.check_same(&batch).map_err(fault)?;
                for (column, more) in all.columns.iter_mut().zip(batch.columns) {
                    column.values.append(more.values);
                }
            }
        }
    }
    let mut table = all.unwrap_or_default();
    table.columns.extend(facts.iter().map(|(name, text)| Column {
        name: (*name).to_owned(),
        values: Values::Texts(vec![Some(text.clone())]),
    }));
    table.columns.iter().try_for_each(check_texts).map_err(fault)?;
    let mut embeddings = embeddings.into_inner().map_err(|error| output(error.into_error()))?;
    embeddings.seek(SeekFrom::Start(0)).map_err(output)?;
    write_file(path, |file| {
        let archive = Archive(ZipWriter::new_stream(file));
        archive.write(&table, rows, &mut BufReader::new(embeddings)).map_err(Stop::Output)
    })
}

fn check_texts(column: &Column) -> Result<(), TableFault> {
    let Values::Texts(texts) = &column.values else { return Ok(()) };
    let (rows, longest) = (texts.len(), longest(texts));
    match (rows as u64).checked_mul((longest * size_of::<u32>()) as u64) {
        Some(bytes) if bytes <= MAX_TEXT_BYTES => Ok(()),
        _ => Err(TableFault::TooLong { column: column.name.clone(), rows, longest }),
    }
}

/// The number of characters of the longest text; at least 1, as NumPy has no empty strings.
fn longest(texts: &[Option<String>]) -> usize {
    texts.iter().flatten().map(|text| text.chars().count()).max().unwrap_or(0).max(1)
}

struct Archive<W: Write>(ZipWriter<StreamWriter<W>>);

impl<W: Write> Archive<W> {
    fn write(mut self, table: &Table, rows: usize, embeddings: &mut dyn Read) -> std::io::Result<()> {
        if table.dimension > 0 {
            self.start("embeddings", "<f4", &format!("({rows}, {})", table.dimension))?;
            std::io::copy(embeddings, &mut self.0)?;
        }
        for column in &table.columns {
            self.write_column(column)?;
        }
        self.0.set_comment(MARK)?;
        self.0.finish()?.into_inner().flush()
    }

    fn write_column(&mut self, Column { name, values }: &Column) -> std::io::Result<()> {
        let shape = format!("({},)", values.len());
        match values {
            Values::Integers(values) => {
                self.start(name, "<i8", &shape)?;
                for value in values {
                    self.0.write_all(&value.unwrap_or(0).to_le_bytes())?;
                }
                if values.iter().any(Option::is_none) {
                    self.start(&format!("{name}_present"), "|b1", &shape)?;
                    let present: Vec<u8> = values.iter().map(|value| u8::from(value.is_some())).collect();
                    self.0.write_all(&present)?;
                }
                Ok(())
            }
            Values::Numbers(values) => {
                self.start(name, "<f8", &shape)?;
                values.iter().try_for_each(|value| self.0.write_all(&value.unwrap_or(f64::NAN).to_le_bytes()))
            }
            Values::Texts(texts) => {
                let longest = longest(texts);
                self.start(name, &format!("<U{longest}"), &shape)?;
                let mut padded = Vec::with_capacity(longest * size_of::<u32>());
                for text in texts {
                    padded.clear();
                    let characters = text.iter().flat_map(|text| text.chars());
                    padded.extend(characters.flat_map(|character| u32::from(character).to_le_bytes()));
                    padded.resize(longest * size_of::<u32>(), 0);
                    self.0.write_all(&padded)?;
                }
                Ok(())
            }
        }
    }

    /// Starts the entry of an array and writes its header.
    fn start(&mut self, name: &str, kind: &str, shape: &str) -> std::io::Result<()> {
        let options = SimpleFileOptions::default();
        let options = options.compression_method(zip::CompressionMethod::Stored).large_file(true);
        self.0.start_file(format!("{name}.npy"), options)?;
        let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
        let start = b"\x93NUMPY\x01\x00";
        let length = (start.len() + size_of::<u16>() + header.len() + 1).next_multiple_of(ALIGNMENT);
        let length = length - start.len() - size_of::<u16>();
        header += &" ".repeat(length - 1 - header.len());
        header.push('\n');
        self.0.write_all(start)?;
        self.0.write_all(&(length as u16).to_le_bytes())?;
        self.0.write_all(header.as_bytes())
    }
}
