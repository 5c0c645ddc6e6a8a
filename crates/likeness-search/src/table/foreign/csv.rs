//! Reads tables of embeddings as text: one line for each face.
//!
//! With a header, these columns are read:
//!
//! | column | content |
//! |---|---|
//! | `path`, `file`, `filename`, `photo`, `image` or `name` (optional) | the photo |
//! | `identity`, `label` or `person` (optional) | the person |
//! | `e0`, `e1`, … or `0`, `1`, … or `dim_0`, `dim_1`, … | the values: the largest group of columns with one prefix and consecutive numbers |
//! | without such a group: all other columns | the values, if every one of them is a number |
//!
//! Without a header, a line is `name,v1,v2,…` or `name,identity,v1,v2,…` or only numbers.
//!
//! A table of photos has numbers too: boxes, landmarks, attributes. A table holds embeddings only if half of its first lines
//! have at least 8 values with a decimal point or an exponent, and columns named as coordinates do not count.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use ::csv::{ByteRecord, ReaderBuilder};

use super::{Fault, Located, Parts};
use crate::{Result, SearchError};

/// Number of bytes that are read to find out whether a table holds embeddings.
const SEARCHED_BYTES: u64 = 1 << 20;
/// Number of lines with values that are examined for this.
const SEARCHED_LINES: usize = 8;
/// The smallest number of columns of embeddings.
pub(super) const MIN_COLUMNS: usize = 8;
/// Number of characters of a cell that a message quotes.
pub(super) const QUOTED: usize = 20;

pub(super) const PATHS: [&str; 5] = ["path", "file", "filename", "photo", "image"];
pub(super) const NAMES: [&str; 1] = ["name"];
pub(super) const IDENTITIES: [&str; 3] = ["identity", "label", "person"];

/// The meaning of a table's columns.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    delimiter: u8,
    has_header: bool,
    path: Option<usize>,
    name: Option<usize>,
    identity: Option<usize>,
    values: Vec<usize>,
    /// Number of cells in each line.
    cells: usize,
}

/// Whether the file at `path` is a table of embeddings.
pub(super) fn is_table(path: &Path) -> bool {
    let columns = || -> std::io::Result<Option<Columns>> {
        let mut start = Vec::new();
        fs_err::File::open(path)?.take(SEARCHED_BYTES).read_to_end(&mut start)?;
        if start.len() as u64 == SEARCHED_BYTES {
            // The last line may be incomplete.
            start.truncate(start.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1));
        }
        Ok(Columns::of(&start))
    };
    columns().is_ok_and(|columns| columns.is_some())
}

/// Reads the table at `path`.
///
/// # Errors        the file cannot be read → `Io`; a line with another number of cells, a cell that is no number, text that is
///   not UTF-8 → `BadForeignFile`, with the line
pub(super) fn read(path: &Path) -> Result<Parts> {
    let bytes = fs_err::read(path)?;
    parse(&bytes).map_err(|fault| -> SearchError { Located::from(fault).of_file(path) })
}

fn parse(bytes: &[u8]) -> Result<Parts, Fault> {
    let columns = Columns::of(bytes).ok_or(Fault::NoColumns { expected: MIN_COLUMNS })?;
    let mut parts = Parts {
        dimension: columns.values.len(),
        values: Vec::new(),
        names: columns.name.map(|_| Vec::new()),
        paths: columns.path.map(|_| Vec::new()),
        identities: columns.identity.map(|_| Vec::new()),
    };
    for record in records(bytes, columns.delimiter).skip(usize::from(columns.has_header)) {
        let record = record?;
        let line = record.position().map_or(0, ::csv::Position::line);
        if record.len() != columns.cells {
            return Err(Fault::BadLine { line, expected: columns.cells, found: record.len() });
        }
        let row = parts.values.len() / parts.dimension + 1;
        for (at, &column) in columns.values.iter().enumerate() {
            parts.values.push(value(&record[column], line, (row, at + 1))?);
        }
        for (texts, column) in [
            (&mut parts.names, columns.name),
            (&mut parts.paths, columns.path),
            (&mut parts.identities, columns.identity),
        ] {
            if let (Some(texts), Some(column)) = (texts, column) {
                let text = std::str::from_utf8(&record[column]).map_err(|_| Fault::BadText { entry: row })?;
                texts.push(text.trim().to_owned());
            }
        }
    }
    Ok(parts)
}

fn value(cell: &[u8], line: u64, (row, column): (usize, usize)) -> Result<f32, Fault> {
    let text = std::str::from_utf8(cell).map(str::trim).unwrap_or_default();
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(Fault::NotFinite { row, column, found: text.to_owned() }),
        Err(_) => {
            let found = String::from_utf8_lossy(cell).chars().take(QUOTED).collect();
            Err(Fault::NotNumber { line, found })
        }
    }
}

/// The lines of a table, those of a header included.
fn records(bytes: &[u8], delimiter: u8) -> impl Iterator<Item = Result<ByteRecord, Fault>> + '_ {
    let reader =
        ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(bytes);
    reader.into_byte_records().map(|record| record.map_err(|e| Fault::BadArchive { reason: e.to_string() }))
}

impl Columns {
    /// The columns of the table that begins with `start`; `None` if it holds no embeddings.
    fn of(start: &[u8]) -> Option<Self> {
        let first_line = start.split(|&byte| byte == b'\n').next()?;
        let count = |delimiter: u8| first_line.iter().filter(|&&byte| byte == delimiter).count();
        let delimiter = *b"\t;,".iter().max_by_key(|&&delimiter| count(delimiter))?;
        let lines: Vec<ByteRecord> =
            records(start, delimiter).take(1 + SEARCHED_LINES).collect::<Result<_, _>>().ok()?;
        let (first, rest) = lines.split_first()?;
        let has_header = decimals(first.iter()) < MIN_COLUMNS;
        let columns = match has_header {
            true => Self::of_header(first, rest.first()?)?,
            false => Self::of_line(first)?,
        };
        let examined = if has_header { rest } else { &lines[..] };
        let holds_values = |line: &ByteRecord| {
            decimals(columns.values.iter().filter_map(|&column| line.get(column))) >= MIN_COLUMNS
        };
        let holding = examined.iter().filter(|line| holds_values(line)).count();
        // A damaged line is reported when the table is read.
        (2 * holding >= examined.len()).then_some(Self { delimiter, has_header, ..columns })
    }

    /// The columns of a table with the header `header`, and the first line after it.
    fn of_header(header: &ByteRecord, line: &ByteRecord) -> Option<Self> {
        let names: Vec<String> =
            header.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_lowercase()).collect();
        let place = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let (path, name, identity) = (place(&PATHS), place(&NAMES), place(&IDENTITIES));
        let is_known = |column: usize| [path, name, identity].contains(&Some(column));
        let values = numbered(&names).or_else(|| {
            let is_value = |&column: &usize| !is_known(column) && !is_index(&names[column]);
            let values: Vec<usize> = (0..names.len()).filter(is_value).collect();
            let is_number = |&column: &usize| line.get(column).is_some_and(|cell| number(cell).is_some());
            let are_numbers =
                values.iter().all(|column| is_number(column) && !is_coordinate(&names[*column]));
            are_numbers.then_some(values)
        })?;
        Some(Self { delimiter: 0, has_header: true, path, name, identity, values, cells: names.len() })
    }

    /// The columns of a table without a header: text before the numbers is a name and optionally an identity. A whole number
    /// before decimal numbers is a name, too.
    fn of_line(line: &ByteRecord) -> Option<Self> {
        let is_text = |cell: &[u8]| number(cell).is_none();
        let mut texts = line.iter().take_while(|cell| is_text(cell)).count();
        if texts == 0
            && line.get(0).is_some_and(|cell| !is_decimal(cell))
            && decimals(line.iter()) == line.len() - 1
        {
            texts = 1;
        }
        let values: Vec<usize> = (texts..line.len()).collect();
        let identity = (texts == 2).then_some(1);
        (texts <= 2).then_some(Self {
            delimiter: 0,
            has_header: false,
            path: None,
            name: (texts > 0).then_some(0),
            identity,
            values,
            cells: line.len(),
        })
    }
}

/// The largest group of columns with one prefix and consecutive numbers from 0 or 1, by number.
pub(super) fn numbered(names: &[String]) -> Option<Vec<usize>> {
    let mut groups: HashMap<&str, Vec<(usize, usize)>> = HashMap::new();
    for (column, name) in names.iter().enumerate() {
        let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if let Ok(number) = name[prefix.len()..].parse() {
            groups.entry(prefix).or_default().push((number, column));
        }
    }
    let mut largest = groups.into_values().max_by_key(Vec::len)?;
    largest.sort_unstable();
    let start = largest.first()?.0;
    let is_consecutive = largest.iter().enumerate().all(|(at, &(number, _))| number == start + at);
    (start <= 1 && is_consecutive && largest.len() >= MIN_COLUMNS)
        .then(|| largest.into_iter().map(|(_, column)| column).collect())
}

/// Whether a column holds the number of the line, as in tables by pandas.
pub(super) fn is_index(name: &str) -> bool {
    name.is_empty() || name == "index" || name.starts_with("unnamed")
}

/// Whether a column holds a coordinate of a box or landmark.
pub(super) fn is_coordinate(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let endings = ["_x", "_y", "_left", "_top", "_width", "_height", "_right", "_bottom"];
    ["x", "y"].contains(&name) || endings.iter().any(|ending| name.ends_with(ending))
}

/// Number of cells that are decimal numbers.
fn decimals<'a>(cells: impl Iterator<Item = &'a [u8]>) -> usize {
    cells.filter(|cell| is_decimal(cell)).count()
}

/// Whether a cell is a number with a decimal point or an exponent, or no finite number.
fn is_decimal(cell: &[u8]) -> bool {
    number(cell).is_some_and(|value| !value.is_finite() || cell.iter().any(|byte| b".eE".contains(byte)))
}

fn number(cell: &[u8]) -> Option<f64> {
    std::str::from_utf8(cell).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = "0.1,-0.2,0.3,1e-3,0.5,0,0.7,0.8,-.9";

    fn columns(text: &str) -> Option<Columns> {
        Columns::of(text.as_bytes())
    }

    #[test]
    fn lines_without_a_header() {
        let found = columns(&format!("ann,{VALUES}\nbob,{VALUES}\n")).unwrap();
        assert_eq!((found.name, found.identity, found.values.len()), (Some(0), None, 9));
        let found = columns(&format!("a.jpg,ann,{VALUES}")).unwrap();
        assert_eq!((found.name, found.identity, found.values[0]), (Some(0), Some(1), 2));
        let found = columns(VALUES).unwrap();
        assert_eq!((found.name, found.values.len()), (None, 9));
        let found = columns(&format!("7,{}", VALUES.replace(",0,", ",0.0,"))).unwrap();
        assert_eq!((found.name, found.values.len()), (Some(0), 9));
        assert_eq!(columns(&format!("ann\t{}", VALUES.replace(',', "\t"))).unwrap().delimiter, b'\t');
        assert_eq!(columns(&format!("a,b,c,{VALUES}")), None);
    }

    #[test]
    fn columns_of_a_header() {
        let header = |names: &str, line: &str| columns(&format!("{names}\n{line}\n"));
        let (e, n): (Vec<_>, Vec<_>) = (0..9).map(|i| (format!("e{i}"), i.to_string())).unzip();
        let found = header(&format!("label,path,{}", e.join(",")), &format!("ann,a.jpg,{VALUES}")).unwrap();
        assert_eq!((found.path, found.identity, found.name, found.values.len()), (Some(1), Some(0), None, 9));
        let found = header(&format!(",{}", n.join(",")), &format!("0,{VALUES}")).unwrap();
        assert_eq!((found.path, found.name, found.values[0]), (None, None, 1));
        // Values are in the order of their numbers.
        let mut shuffled = e.clone();
        shuffled.swap(0, 8);
        let found = header(&format!("{},note", shuffled.join(",")), &format!("{VALUES},hello")).unwrap();
        assert_eq!((found.values[0], found.values[8], found.cells), (8, 0, 10));
        let found = header("Name,a,b,c,d,e,f,g,h,i", &format!("ann,{VALUES}")).unwrap();
        assert_eq!((found.name, found.values.len()), (Some(0), 9));
    }

    #[test]
    fn tables_of_photos_hold_no_embeddings() {
        let attributes = ["1"; 40].join(",");
        let names: Vec<String> = (0..40).map(|i| format!("is_{i}")).collect();
        let landmarks =
            "left_eye_x,left_eye_y,right_eye_x,right_eye_y,nose_x,nose_y,mouth_x,mouth_y,chin_x,chin_y";
        for table in [
            "path,label\na.jpg,ann\n".to_owned(),
            "path,label\n0.1,0.2\n".to_owned(),
            format!("image_id,{}\n000001.jpg,{attributes}\n", names.join(",")),
            format!("path,{landmarks}\na.jpg,{}\n", ["1.5"; 10].join(",")),
            format!("path,note,a,b,c,d,e,f,g,h,i\na.jpg,hello,{VALUES}\n"),
            "name,0.1,0.2,0.3\n".to_owned(),
            String::new(),
            "\n\n".to_owned(),
        ] {
            assert_eq!(columns(&table), None, "{table}");
        }
    }

    #[test]
    fn faults_name_the_line() {
        let fault =
            |second: &str| parse(format!("ann,{VALUES}\n{second}\n").as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(fault(&format!("bob,{VALUES},0.1")), Fault::BadLine { line: 2, expected: 10, found: 11 });
        let text = fault(&format!("bob,{}", VALUES.replace("0.3", "zero")));
        assert_eq!(text, Fault::NotNumber { line: 2, found: "zero".into() });
        for bad in ["nan", "inf", "1e99"] {
            let found = fault(&format!("bob,{}", VALUES.replace("0.3", bad)));
            assert_eq!(found, Fault::NotFinite { row: 2, column: 3, found: bad.into() });
        }
        let bytes = [format!("ann,{VALUES}\n").as_bytes(), b"Zo\xEB,", VALUES.as_bytes()].concat();
        assert_eq!(parse(&bytes).map(|_| ()), Err(Fault::BadText { entry: 2 }));
    }
}
