//! Columns of photos: from the manifest of a dataset, and from a CSV table that the user names.

use std::collections::HashMap;
use std::path::Path;

use likeness_data::dataset::Dataset;
use likeness_data::photos::display_name;
use likeness_search::{EmbeddingTable, Row};

use crate::{Result, invalid};

/// Columns of a dataset's manifest that say how a face was made, and not what a photo shows.
const TECHNICAL: [&str; 17] = [
    "path",
    "source",
    "identity",
    "split",
    "role",
    "sha256",
    "face_sha256",
    "width",
    "height",
    "box_left",
    "box_top",
    "box_width",
    "box_height",
    "landmarks",
    "score",
    "faces",
    "detector",
];

/// Fields that stand for no value.
const MISSING: [&str; 7] = ["", "na", "n/a", "nan", "null", "none", "unknown"];

/// A column with one value, or none, for each row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name of the column.
    pub name: String,
    /// The value of each row; empty fields are `None`.
    pub values: Vec<Option<String>>,
}

impl Column {
    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}

/// The columns of the rows of `table` in the manifest of the dataset `input`, without those that describe how the faces were
/// made. There are none if `input` is no dataset.
///
/// # Errors        a manifest that cannot be read
pub fn of_manifest(table: &EmbeddingTable, input: &Path) -> Result<Vec<Column>> {
    if !Dataset::is_at(input) {
        return Ok(Vec::new());
    }
    let file = Table::read(&input.join("manifest.csv"))?;
    let Some(key) = file.place("path") else { return Ok(Vec::new()) };
    let of_path: HashMap<String, usize> =
        file.keyed(key, |path| Some(display_name(&input.join(path)))).collect();
    let at = |row: &Row| of_path.get(&row.path).copied();
    let wanted = file.headers.iter().enumerate().filter(|(_, name)| !TECHNICAL.contains(&name.as_str()));
    Ok(wanted.map(|(column, _)| file.column(column, table, at)).filter(|column| !column.is_empty()).collect())
}

/// The columns of the CSV table at `path`, for the rows of `table`. Also returns the number of rows without a line.
///
/// The first column names the photo (its name, path, file name, or file name without extension) or the identity. Identities
/// that are numbers match whatever their leading zeros.
///
/// # Errors        a table that cannot be read, without a second column, or of whose lines none fits a row
pub fn of_file(table: &EmbeddingTable, path: &Path) -> Result<(Vec<Column>, usize)> {
    let file = Table::read(path)?;
    if file.headers.len() < 2 {
        return Err(invalid(
            format!(
                "{}: has one column, expected a name or an identity and at least one more",
                path.display()
            ),
            "separate columns by commas, with a header line",
        ));
    }
    let exact: HashMap<String, usize> = file.keyed(0, |key| Some(key.to_owned())).collect();
    let numbers: HashMap<String, usize> = file.keyed(0, unpadded).collect();
    let at =
        |row: &Row| keys(row).find_map(|key| exact.get(&key).copied()).or_else(|| by_number(row, &numbers));
    let without = table.rows().iter().filter(|row| at(row).is_none()).count();
    if without == table.len() {
        let first = table.rows().first().map(|row| row.name.clone()).unwrap_or_default();
        return Err(invalid(
            format!(
                "{}: no line names a photo or an identity of the data; its first column ({}) has {}, the first photo is {first}",
                path.display(),
                file.headers[0],
                file.records.first().and_then(|record| record.get(0)).unwrap_or("no line"),
            ),
            "put the name of the photo, or its identity, in the first column",
        ));
    }
    let columns = (1..file.headers.len()).map(|column| file.column(column, table, at));
    Ok((columns.filter(|column| !column.is_empty()).collect(), without))
}

/// The keys that a line may name a row by, the most specific first.
fn keys(row: &Row) -> impl Iterator<Item = String> {
    let of_path = |text: &str| {
        let path = Path::new(text);
        let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        [Some(text.to_owned()), part(path.file_name()), part(path.file_stem())]
    };
    let names = of_path(&row.name).into_iter().chain(of_path(&row.path)).flatten();
    names.filter(|key| !key.is_empty()).chain(row.identity.clone())
}

fn by_number(row: &Row, numbers: &HashMap<String, usize>) -> Option<usize> {
    numbers.get(&unpadded(row.identity.as_deref()?)?).copied()
}

/// A number without leading zeros; `None` if the text is no whole number.
fn unpadded(text: &str) -> Option<String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.trim_start_matches('0').to_owned())
}

/// A CSV table in memory.
struct Table {
    headers: Vec<String>,
    records: Vec<csv::StringRecord>,
}

impl Table {
    fn read(path: &Path) -> Result<Self> {
        let failed = |error: csv::Error| {
            invalid(
                format!("{}: {error}", path.display()),
                "save the table as CSV in UTF-8, with a header line",
            )
        };
        let file = fs_err::File::open(path)?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(file);
        let headers = reader.headers().map_err(failed)?.iter();
        let headers = headers.map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        let records = reader.records().collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self { headers, records })
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.headers.iter().position(|header| header == name)
    }

    /// The records by the key in `column`.
    fn keyed(
        &self,
        column: usize,
        key: impl Fn(&str) -> Option<String>,
    ) -> impl Iterator<Item = (String, usize)> {
        let field = move |record: &csv::StringRecord| record.get(column).map(str::to_owned);
        let records = self.records.iter().enumerate();
        records.filter_map(move |(at, record)| Some((key(&field(record)?)?, at)))
    }

    fn column(&self, column: usize, table: &EmbeddingTable, at: impl Fn(&Row) -> Option<usize>) -> Column {
        let value = |row: &Row| {
            let field = self.records[at(row)?].get(column)?;
            let is_missing = MISSING.iter().any(|word| field.eq_ignore_ascii_case(word));
            (!is_missing).then(|| field.to_owned())
        };
        Column { name: self.headers[column].clone(), values: table.rows().iter().map(value).collect() }
    }
}

#[cfg(test)]
mod tests {
    use likeness_search::{Distance, ModelTag};

    use super::*;

    fn table(rows: &[(&str, &str)]) -> EmbeddingTable {
        let row = |&(name, identity): &(&str, &str)| Row {
            identity: (!identity.is_empty()).then(|| identity.to_owned()),
            ..Row::new(name)
        };
        let tag = ModelTag::new("toy", "f", 1, Distance::Cosine);
        EmbeddingTable::new(tag, rows.iter().map(row).collect(), vec![1.0; rows.len()]).unwrap()
    }

    fn values(table: &EmbeddingTable, text: &str) -> Result<Vec<Column>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("columns.csv");
        fs_err::write(&path, text).unwrap();
        of_file(table, &path).map(|(columns, _)| columns)
    }

    #[test]
    fn lines_name_photos_or_identities() {
        let rows = table(&[("n/001_03.jpg", "001"), ("n/2_03.jpg", "2"), ("x.jpg", "")]);
        let texts = |text: &str| -> Vec<Option<String>> { values(&rows, text).unwrap().remove(0).values };
        let some = |values: [Option<&str>; 3]| values.map(|value| value.map(str::to_owned)).to_vec();
        assert_eq!(texts("id,age\n001,24\n002,38\n"), some([Some("24"), Some("38"), None]));
        assert_eq!(texts("\u{feff}photo , age\n2_03.jpg, 1\nx,2\n"), some([None, Some("1"), Some("2")]));
        assert_eq!(texts("photo,age\nn/001_03.jpg,NA\n2,9\n"), some([None, Some("9"), None]));
    }

    #[test]
    fn tables_that_fit_no_row_are_refused_with_an_example() {
        let rows = table(&[("a.jpg", "ann")]);
        let refused = values(&rows, "id,age\nbob,3\n").unwrap_err().to_string();
        assert!(refused.contains("bob") && refused.contains("a.jpg"), "{refused}");
        assert!(values(&rows, "id\nann\n").unwrap_err().to_string().contains("one column"));
        assert!(values(&rows, "").is_err());
        let empty = values(&rows, "id,age,note\nann,,x\n").unwrap();
        assert_eq!(empty.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["note"]);
    }
}
