//! Reads tables of embeddings in Parquet, as pandas, polars and pyarrow write them.
//!
//! | column | content |
//! |---|---|
//! | `path`, `file`, `filename`, `photo`, `image` or `name` (optional) | the photo: text |
//! | `identity`, `label`, `person`, `labels`, `identities` or `target` (optional) | the person: text or whole numbers |
//! | `embedding`, `embeddings`, `encoding`, `encodings`, `vector` or `features`, or the only column of lists | lists of numbers of equal length, or a structure of numbers |
//! | without such a column: `e0`, `e1`, … as in a text table | the values: numbers, or numbers as text |
//! | without such a group: all other columns of floats, at least 8 | the values |
//!
//! A missing embedding stands for a photo without a face, as a row of zeros does in other files. Types, compressions (snappy,
//! gzip, zstd) and encodings are those of the crate `parquet`.

use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};
use ::parquet::schema::types::Type;

use super::csv::{IDENTITIES, MIN_COLUMNS, NAMES, PATHS, QUOTED, is_coordinate, is_index, numbered};
use super::{Fault, Located, Parts};
use crate::Result;

/// The first and the last bytes of a file.
pub(super) const SIGNATURE: &[u8] = b"PAR1";

/// Names of the column of embeddings, in order of preference.
const EMBEDDINGS: [&str; 6] = ["embedding", "embeddings", "encoding", "encodings", "vector", "features"];
/// Further names of the column of identities.
const LABELS: [&str; 3] = ["labels", "identities", "target"];
/// Number of columns that a message lists.
const LISTED: usize = 12;
/// The most values of a file: 8 GiB.
const MAX_VALUES: u64 = 1 << 31;
/// Values of a file of any length; more must be in proportion to it.
const SMALL_VALUES: u64 = 1 << 24;
/// The most values for each byte of a longer file, so that a small file cannot fill the memory.
const MAX_VALUES_PER_BYTE: u64 = 256;

/// Where the values of a row are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// In one column of lists or structures.
    Column(usize),
    /// In several columns, by position among the values.
    Columns(Vec<usize>),
}

/// The meaning of the columns of a file, by index in its schema.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    path: Option<usize>,
    name: Option<usize>,
    identity: Option<usize>,
    source: Source,
}

/// The type of a column, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Float,
    Integer,
    Text,
    /// A list of numbers, or a structure of numbers.
    Numbers,
    Other,
}

impl Kind {
    fn of(column: &Type) -> Self {
        if column.is_primitive() {
            return Self::of_primitive(column);
        }
        let is_number = |column: &Type| {
            column.is_primitive() && matches!(Self::of_primitive(column), Self::Float | Self::Integer)
        };
        let info = column.get_basic_info();
        let is_list = info.converted_type() == ConvertedType::LIST
            || matches!(info.logical_type_ref(), Some(LogicalType::List));
        let fields = column.get_fields();
        let inner = |field: &Type| match field.is_primitive() {
            true => is_number(field),
            false => matches!(field.get_fields(), [only] if is_number(only)),
        };
        match (is_list, fields) {
            (true, [only]) if inner(only) => Self::Numbers,
            (false, fields) if fields.len() >= MIN_COLUMNS && fields.iter().all(|field| is_number(field)) => {
                Self::Numbers
            }
            _ => Self::Other,
        }
    }

    fn of_primitive(column: &Type) -> Self {
        let info = column.get_basic_info();
        let is_text = info.converted_type() == ConvertedType::UTF8
            || matches!(info.logical_type_ref(), Some(LogicalType::String));
        let is_half = matches!(info.logical_type_ref(), Some(LogicalType::Float16));
        match column.get_physical_type() {
            Physical::FLOAT | Physical::DOUBLE => Self::Float,
            Physical::FIXED_LEN_BYTE_ARRAY if is_half => Self::Float,
            Physical::INT32 | Physical::INT64 if is_whole(info.converted_type()) => Self::Integer,
            Physical::BYTE_ARRAY if is_text => Self::Text,
            _ => Self::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Float => "floats",
            Self::Integer => "integers",
            Self::Text => "text",
            Self::Numbers => "lists of numbers",
            Self::Other => "another type",
        }
    }
}

/// Whether an integer is a plain one, not a date, a time or a decimal number.
fn is_whole(converted: ConvertedType) -> bool {
    use ConvertedType as C;
    matches!(
        converted,
        C::NONE
            | C::INT_8
            | C::INT_16
            | C::INT_32
            | C::INT_64
            | C::UINT_8
            | C::UINT_16
            | C::UINT_32
            | C::UINT_64
    )
}

/// Reads the table at `path`.
///
/// # Errors        the file cannot be opened → `Io`; anything else → `BadForeignFile`
pub(super) fn read(path: &Path) -> Result<Parts> {
    let (file, _) = fs_err::File::open(path)?.into_parts();
    let length = file.metadata()?.len();
    // The decoder checks most of its input, but may panic on a damaged file.
    let read = std::panic::catch_unwind(|| read_file(file, length));
    let read = read.unwrap_or_else(|_| Err(bad("the decoder failed")));
    read.map_err(|fault| Located::from(fault).of_file(path))
}

fn bad(reason: impl std::fmt::Display) -> Fault {
    Fault::BadParquet { reason: reason.to_string() }
}

fn read_file(file: std::fs::File, length: u64) -> Result<Parts, Fault> {
    let reader = SerializedFileReader::new(file).map_err(|error| bad(reason(&error)))?;
    let metadata = reader.metadata().file_metadata();
    let schema = metadata.schema();
    let columns = Columns::of(schema)?;
    let mut kept: Vec<usize> = match &columns.source {
        Source::Column(column) => vec![*column],
        Source::Columns(columns) => columns.clone(),
    };
    kept.extend([columns.path, columns.name, columns.identity].into_iter().flatten());
    kept.sort_unstable();
    let fields = kept.iter().map(|&column| Arc::clone(&schema.get_fields()[column])).collect();
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build().map_err(bad)?;
    let place = |column: usize| kept.iter().position(|&kept| kept == column);
    let mut table = Reading {
        path: columns.path.and_then(place),
        name: columns.name.and_then(place),
        identity: columns.identity.and_then(place),
        source: match columns.source {
            Source::Column(column) => Source::Column(place(column).unwrap_or_default()),
            Source::Columns(columns) => Source::Columns(columns.into_iter().filter_map(place).collect()),
        },
        limit: MAX_VALUES.min(SMALL_VALUES.max(length.saturating_mul(MAX_VALUES_PER_BYTE))),
        rows: 0,
        without_embedding: 0,
        parts: Parts {
            dimension: 0,
            values: Vec::new(),
            names: columns.name.map(|_| Vec::new()),
            paths: columns.path.map(|_| Vec::new()),
            identities: columns.identity.map(|_| Vec::new()),
        },
    };
    check_size(declared_values(&reader, &table.value_columns(&kept), schema), table.limit)?;
    for row in reader.get_row_iter(Some(projection)).map_err(bad)? {
        table.push(&row.map_err(|error| bad(reason(&error)))?)?;
    }
    if table.parts.dimension == 0 {
        return Err(Fault::Empty);
    }
    Ok(table.parts)
}

/// The number of values that the footer declares for the columns of embeddings.
fn declared_values(reader: &SerializedFileReader<std::fs::File>, columns: &[usize], schema: &Type) -> u64 {
    let names: Vec<&str> = columns.iter().map(|&column| schema.get_fields()[column].name()).collect();
    let is_value = |part: Option<&String>| part.is_some_and(|part| names.contains(&part.as_str()));
    let chunks = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
    let values = chunks.filter(|chunk| is_value(chunk.column_path().parts().first()));
    values.fold(0, |sum, chunk| sum.saturating_add(u64::try_from(chunk.num_values()).unwrap_or(u64::MAX)))
}

/// The message of the decoder without its prefix.
fn reason(error: &ParquetError) -> String {
    match error {
        ParquetError::General(reason) | ParquetError::NYI(reason) | ParquetError::EOF(reason) => {
            reason.clone()
        }
        error => error.to_string(),
    }
}

impl Columns {
    fn of(schema: &Type) -> Result<Self, Fault> {
        let fields = schema.get_fields();
        let names: Vec<String> = fields.iter().map(|field| field.name().trim().to_lowercase()).collect();
        let kinds: Vec<Kind> = fields.iter().map(|field| Kind::of(field)).collect();
        let place = |known: &[&str], allowed: &[Kind]| {
            known.iter().find_map(|known| {
                (0..names.len()).find(|&at| names[at] == *known && allowed.contains(&kinds[at]))
            })
        };
        let labels = [&IDENTITIES[..], &LABELS[..]].concat();
        let (path, name) = (place(&PATHS, &[Kind::Text]), place(&NAMES, &[Kind::Text, Kind::Integer]));
        let identity = place(&labels, &[Kind::Text, Kind::Integer, Kind::Float]);
        let source = source(&names, &kinds, [path, name, identity])?;
        Ok(Self { path, name, identity, source })
    }
}

/// Where the values are.
fn source(names: &[String], kinds: &[Kind], known: [Option<usize>; 3]) -> Result<Source, Fault> {
    let lists: Vec<usize> = (0..kinds.len()).filter(|&at| kinds[at] == Kind::Numbers).collect();
    let named = EMBEDDINGS.iter().find_map(|name| lists.iter().find(|&&at| names[at] == *name));
    match (named, &lists[..]) {
        (Some(&at), _) | (None, &[at]) => return Ok(Source::Column(at)),
        (None, []) => {}
        (None, several) => {
            let several: Vec<&str> = several.iter().take(LISTED).map(|&at| names[at].as_str()).collect();
            return Err(Fault::SeveralMatrices { found: several.join(", ") });
        }
    }
    let is_value = |at: &usize| kinds[*at] != Kind::Other;
    if let Some(columns) = numbered(names).filter(|columns| columns.iter().all(is_value)) {
        return Ok(Source::Columns(columns));
    }
    let is_float = |&at: &usize| {
        kinds[at] == Kind::Float
            && !known.contains(&Some(at))
            && !is_index(&names[at])
            && !is_coordinate(&names[at])
    };
    let floats: Vec<usize> = (0..kinds.len()).filter(is_float).collect();
    if floats.len() >= MIN_COLUMNS {
        return Ok(Source::Columns(floats));
    }
    let listed: Vec<String> = names
        .iter()
        .zip(kinds)
        .take(LISTED)
        .map(|(name, kind)| format!("{name} ({})", kind.name()))
        .collect();
    let more = names.len().saturating_sub(LISTED);
    let found = match (listed.is_empty(), more) {
        (true, _) => "no columns".to_owned(),
        (false, 0) => listed.join(", "),
        (false, more) => format!("{} and {more} more", listed.join(", ")),
    };
    Err(Fault::OtherColumns { expected: MIN_COLUMNS, found })
}

/// A table that is read row by row; columns are numbered within the projection.
struct Reading {
    path: Option<usize>,
    name: Option<usize>,
    identity: Option<usize>,
    source: Source,
    /// The most values.
    limit: u64,
    rows: usize,
    /// Rows before the first embedding, whose length is not known yet.
    without_embedding: usize,
    parts: Parts,
}

impl Reading {
    /// The columns of the values in the schema, of which `kept` are read.
    fn value_columns(&self, kept: &[usize]) -> Vec<usize> {
        match &self.source {
            Source::Column(column) => vec![kept[*column]],
            Source::Columns(columns) => columns.iter().map(|&column| kept[column]).collect(),
        }
    }

    fn push(&mut self, row: &Row) -> Result<(), Fault> {
        self.rows += 1;
        let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
        let entry = self.rows;
        for (texts, column) in [
            (&mut self.parts.paths, self.path),
            (&mut self.parts.names, self.name),
            (&mut self.parts.identities, self.identity),
        ] {
            if let (Some(texts), Some(column)) = (texts, column) {
                texts.push(text(fields[column]).ok_or(Fault::BadText { entry })?);
            }
        }
        let source = self.source.clone();
        match source {
            Source::Column(column) => match fields[column] {
                Field::Null => self.push_values(&[]),
                Field::ListInternal(list) => self.push_values(&list.elements().iter().collect::<Vec<_>>()),
                Field::Group(group) => {
                    self.push_values(&group.get_column_iter().map(|(_, field)| field).collect::<Vec<_>>())
                }
                _ => Err(bad(format_args!("row {entry}: expected a list of numbers"))),
            },
            Source::Columns(columns) => {
                let values: Vec<&Field> = columns.iter().map(|&column| fields[column]).collect();
                let is_missing = values.iter().all(|field| matches!(field, Field::Null));
                self.push_values(if is_missing { &[] } else { &values })
            }
        }
    }

    /// Adds the values of a row; none stand for a missing embedding.
    fn push_values(&mut self, fields: &[&Field]) -> Result<(), Fault> {
        let Parts { dimension, values, .. } = &mut self.parts;
        let row = self.rows;
        if fields.is_empty() && *dimension == 0 {
            self.without_embedding += 1;
            return Ok(());
        }
        if *dimension == 0 {
            *dimension = fields.len();
            let missing = self.without_embedding as u64;
            check_size(missing.saturating_mul(fields.len() as u64), self.limit)?;
            values.resize(self.without_embedding * *dimension, 0.0);
        }
        check_size((values.len() + *dimension) as u64, self.limit)?;
        if fields.is_empty() {
            values.resize(values.len() + *dimension, 0.0);
            return Ok(());
        }
        if fields.len() != *dimension {
            return Err(Fault::BadRowLength { row, expected: *dimension, found: fields.len() });
        }
        for (at, field) in fields.iter().enumerate() {
            values.push(number(field, row, at + 1)?);
        }
        Ok(())
    }
}

fn check_size(values: u64, limit: u64) -> Result<(), Fault> {
    if values <= limit { Ok(()) } else { Err(Fault::TooManyValues { limit }) }
}

/// A name or label; empty if it is missing. `None` for another type.
fn text(field: &Field) -> Option<String> {
    Some(match field {
        Field::Null => String::new(),
        Field::Str(text) => text.trim().to_owned(),
        Field::Byte(v) => v.to_string(),
        Field::Short(v) => v.to_string(),
        Field::Int(v) => v.to_string(),
        Field::Long(v) => v.to_string(),
        Field::UByte(v) => v.to_string(),
        Field::UShort(v) => v.to_string(),
        Field::UInt(v) => v.to_string(),
        Field::ULong(v) => v.to_string(),
        // pandas stores whole numbers with missing values as floats.
        Field::Float(v) if v.is_nan() => String::new(),
        Field::Double(v) if v.is_nan() => String::new(),
        Field::Float(v) => v.to_string(),
        Field::Double(v) => v.to_string(),
        _ => return None,
    })
}

/// A value of an embedding.
fn number(field: &Field, row: usize, column: usize) -> Result<f32, Fault> {
    let value = match field {
        Field::Float16(v) => v.to_f32(),
        Field::Float(v) => *v,
        Field::Double(v) => *v as f32,
        Field::Byte(v) => f32::from(*v),
        Field::Short(v) => f32::from(*v),
        Field::Int(v) => *v as f32,
        Field::Long(v) => *v as f32,
        Field::UByte(v) => f32::from(*v),
        Field::UShort(v) => f32::from(*v),
        Field::UInt(v) => *v as f32,
        Field::ULong(v) => *v as f32,
        Field::Str(text) => text.trim().parse().map_err(|_| {
            let found = text.chars().take(QUOTED).collect();
            Fault::NotNumberInRow { row, column, found }
        })?,
        Field::Null => return Err(Fault::NotFinite { row, column, found: "nothing".to_owned() }),
        other => return Err(Fault::NotFinite { row, column, found: other.to_string() }),
    };
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Fault::NotFinite { row, column, found: field.to_string() })
    }
}
