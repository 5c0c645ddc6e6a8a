//! Writes a table as Parquet (Apache Parquet format 2.12): uncompressed, plain encoding, one page for each column of a row group.
//!
//! | column | Parquet | pandas, polars, DuckDB |
//! |---|---|---|
//! | integers | optional INT64 | integers, missing values |
//! | numbers | optional DOUBLE | floats, missing values |
//! | texts | optional BYTE_ARRAY, STRING | strings, missing values |
//! | embeddings | required LIST of required FLOAT, `embedding.list.element` | lists of equal lengths |
//!
//! ```text
//! "PAR1"
//! for each batch, for each column:
//!   page header     Thrift: sizes, number of values, encodings
//!   page            repetition levels (embeddings), definition levels, values
//! footer            Thrift: schema, place of each column, facts about the model
//! 4 bytes           length of the footer, little-endian
//! "PAR1"
//! ```
//!
//! The crate `parquet` would do the same and takes 50 s of CPU time to compile.

mod thrift;

use std::io::Write;
use std::path::Path;

use self::thrift::{Structure, varint};
use super::table::{Stop, write_file};
use super::{Column, ExchangeError, Table, TableFault, Values};

const MAGIC: &[u8] = b"PAR1";
/// The writer's name in the footer, by which our files are recognised. Without a version, so that equal tables give equal bytes.
pub(super) const CREATED_BY: &str = "likeness";
/// The name of the column of embeddings.
const EMBEDDING: &str = "embedding";

// Numbers of Parquet's enumerations, from parquet.thrift.
const DATA_PAGE: i32 = 0;
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const UNCOMPRESSED: i32 = 0;
const REQUIRED: i32 = 0;
const OPTIONAL: i32 = 1;
const REPEATED: i32 = 2;
const UTF8: i32 = 0;
const LIST: i32 = 3;
const INT64: i32 = 2;
const FLOAT: i32 = 4;
const DOUBLE: i32 = 5;
const BYTE_ARRAY: i32 = 6;

/// Writes `batches` of rows to the Parquet file `path`, one row group for each batch. `facts` are stored beside the table.
///
/// Memory for one batch is needed. Batches of 8,192 rows are a good size.
///
/// # Errors        columns that differ in length or between batches, a column above 2 GiB → `BadTable`; errors of the
///   batches; the file cannot be written → `Io`, naming it
pub fn write_parquet<E: From<ExchangeError>>(
    path: &Path,
    facts: &[(&str, String)],
    batches: impl IntoIterator<Item = Result<Table, E>>,
) -> Result<(), E> {
    let fault = |fault: TableFault| Stop::Rows(E::from(fault.of(path)));
    write_file(path, |file| {
        let mut output = Output { file, at: 0 };
        output.write(MAGIC)?;
        let (mut first, mut groups, mut rows) = (None, Vec::new(), 0);
        for batch in batches {
            let mut batch = batch.map_err(Stop::Rows)?;
            batch.check().map_err(fault)?;
            let first = first.get_or_insert_with(|| schema_of(&batch));
            first.check_same(&batch).map_err(fault)?;
            if !batch.is_empty() {
                rows += batch.len() as i64;
                let chunks = chunks(&mut batch).map_err(fault)?;
                groups.push(output.write_group(chunks, batch.len())?);
            }
        }
        let footer = footer(&first.unwrap_or_default(), rows, groups, facts);
        output.write(&footer)?;
        output.write(&(footer.len() as u32).to_le_bytes())?;
        Ok(output.write(MAGIC)?)
    })
}

/// The columns of `table` without their values.
fn schema_of(table: &Table) -> Table {
    let empty = |values: &Values| match values {
        Values::Integers(_) => Values::Integers(Vec::new()),
        Values::Numbers(_) => Values::Numbers(Vec::new()),
        Values::Texts(_) => Values::Texts(Vec::new()),
    };
    let columns = table.columns.iter();
    let columns = columns.map(|column| Column { name: column.name.clone(), values: empty(&column.values) });
    Table { columns: columns.collect(), embeddings: Vec::new(), dimension: table.dimension }
}

/// The page of one column of a row group.
struct Chunk {
    path: Vec<String>,
    kind: i32,
    values: usize,
    page: Vec<u8>,
}

/// The pages of a batch. Its embeddings are released.
fn chunks(batch: &mut Table) -> Result<Vec<Chunk>, TableFault> {
    let mut chunks: Vec<Chunk> = batch.columns.iter().map(column).collect();
    if batch.dimension > 0 {
        chunks.push(embeddings(&std::mem::take(&mut batch.embeddings), batch.dimension));
    }
    let is_large = |chunk: &&Chunk| i32::try_from(chunk.page.len()).is_err();
    match chunks.iter().find(is_large) {
        None => Ok(chunks),
        Some(chunk) => Err(TableFault::TooLarge { column: chunk.path[0].clone() }),
    }
}

fn column(column: &Column) -> Chunk {
    let (kind, page) = match &column.values {
        Values::Integers(values) => (INT64, optional(values, |page, value| page.extend(value.to_le_bytes()))),
        Values::Numbers(values) => (DOUBLE, optional(values, |page, value| page.extend(value.to_le_bytes()))),
        Values::Texts(values) => {
            let write = |page: &mut Vec<u8>, text: &String| {
                page.extend((text.len() as u32).to_le_bytes());
                page.extend_from_slice(text.as_bytes());
            };
            (BYTE_ARRAY, optional(values, write))
        }
    };
    Chunk { path: vec![column.name.clone()], kind, values: column.values.len(), page }
}

/// The page of an optional column: definition levels, then the values that are present.
fn optional<T>(values: &[Option<T>], write: impl Fn(&mut Vec<u8>, &T)) -> Vec<u8> {
    let mut page = levels(values.iter().map(Option::is_some));
    values.iter().flatten().for_each(|value| write(&mut page, value));
    page
}

/// The page of embeddings: an embedding starts at repetition level 0 and continues at level 1.
fn embeddings(values: &[f32], dimension: usize) -> Chunk {
    let mut page = levels((0..values.len()).map(|index| index % dimension != 0));
    page.extend(levels(std::iter::repeat_n(true, values.len())));
    page.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let path = [EMBEDDING, "list", "element"].map(str::to_owned).to_vec();
    Chunk { path, kind: FLOAT, values: values.len(), page }
}

/// Levels of 0 and 1 as runs: the length of a run in bits 1 and up of an integer, then the level. The number of bytes comes first.
fn levels(mut levels: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<u32>()];
    let mut run = levels.next().map(|level| (level, 1_u64));
    while let Some((level, length)) = run {
        match levels.next() {
            Some(next) if next == level => run = Some((level, length + 1)),
            next => {
                varint(&mut bytes, length << 1);
                bytes.push(u8::from(level));
                run = next.map(|next| (next, 1));
            }
        }
    }
    let length = (bytes.len() - size_of::<u32>()) as u32;
    bytes[..size_of::<u32>()].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// The file, with the number of bytes written.
struct Output<'f> {
    file: &'f mut dyn Write,
    at: i64,
}

impl Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.at += bytes.len() as i64;
        self.file.write_all(bytes)
    }

    /// Writes a row group. Returns its description for the footer.
    fn write_group(&mut self, chunks: Vec<Chunk>, rows: usize) -> std::io::Result<Structure> {
        let start = self.at;
        let mut columns = Vec::new();
        for Chunk { path, kind, values, page } in chunks {
            let (offset, size) = (self.at, page.len() as i32);
            let data = Structure::default().i32(1, values as i32).i32(2, PLAIN).i32(3, RLE).i32(4, RLE);
            let header = Structure::default().i32(1, DATA_PAGE).i32(2, size).i32(3, size).structure(5, data);
            self.write(&header.finish())?;
            self.write(&page)?;
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let size = self.at - offset;
            let facts = Structure::default().i32(1, kind).i32s(2, &[PLAIN, RLE]).texts(3, &path);
            let facts =
                facts.i32(4, UNCOMPRESSED).i64(5, values as i64).i64(6, size).i64(7, size).i64(9, offset);
            columns.push(Structure::default().i64(2, 0).structure(3, facts));
        }
        Ok(Structure::default().structures(1, columns).i64(2, self.at - start).i64(3, rows as i64))
    }
}

fn footer(schema: &Table, rows: i64, groups: Vec<Structure>, facts: &[(&str, String)]) -> Vec<u8> {
    let columns = schema.columns.len() + usize::from(schema.dimension > 0);
    let mut elements = vec![Structure::default().text(4, "schema").i32(5, columns as i32)];
    elements.extend(schema.columns.iter().map(|Column { name, values }| match values {
        Values::Integers(_) => Structure::default().i32(1, INT64).i32(3, OPTIONAL).text(4, name),
        Values::Numbers(_) => Structure::default().i32(1, DOUBLE).i32(3, OPTIONAL).text(4, name),
        Values::Texts(_) => {
            let element = Structure::default().i32(1, BYTE_ARRAY).i32(3, OPTIONAL).text(4, name);
            let is_string = Structure::default().structure(1, Structure::default());
            element.i32(6, UTF8).structure(10, is_string)
        }
    }));
    if schema.dimension > 0 {
        let is_list = Structure::default().structure(3, Structure::default());
        let list = Structure::default().i32(3, REQUIRED).text(4, EMBEDDING).i32(5, 1);
        elements.push(list.i32(6, LIST).structure(10, is_list));
        elements.push(Structure::default().i32(3, REPEATED).text(4, "list").i32(5, 1));
        elements.push(Structure::default().i32(1, FLOAT).i32(3, REQUIRED).text(4, "element"));
    }
    let facts = facts.iter().map(|(key, value)| Structure::default().text(1, key).text(2, value)).collect();
    let file = Structure::default().i32(1, 1).structures(2, elements).i64(3, rows).structures(4, groups);
    file.structures(5, facts).text(6, CREATED_BY).finish()
}
