//! The groups of an evaluation: one value per image, from the embeddings file or from the manifest of a dataset.

use std::collections::HashMap;
use std::path::Path;

use likeness_data::dataset::Dataset;
use likeness_data::photos::display_name;
use likeness_search::{EmbeddingTable, Role, Row};

use crate::{Result, invalid};

/// The value of `column` for each row of `table`, which comes from `input`.
pub(crate) fn values(table: &EmbeddingTable, column: &str, input: &Path) -> Result<Vec<Option<String>>> {
    let role = |row: &Row| match row.role {
        Role::Query => "query",
        Role::Gallery => "gallery",
        Role::Both => "both",
    };
    let of = |value: &dyn Fn(&Row) -> Option<String>| table.rows().iter().map(value).collect();
    match column {
        "domain" => Ok(of(&|row| row.domain.clone())),
        "split" => Ok(of(&|row| row.split.clone())),
        "role" => Ok(of(&|row| Some(role(row).to_owned()))),
        column if Dataset::is_at(input) => {
            let known = manifest_column(input, column)?;
            Ok(of(&|row| known.get(&row.path).cloned()))
        }
        column => Err(invalid(
            format!("--by {column}: {} only has the columns domain, split and role", input.display()),
            "name a dataset, whose manifest has more columns",
        )),
    }
}

/// Reads a column of the manifest, keyed by the paths of the faces. Empty fields are omitted.
fn manifest_column(dataset: &Path, column: &str) -> Result<HashMap<String, String>> {
    let path = dataset.join("manifest.csv");
    let failed = |error: csv::Error| std::io::Error::other(format!("{}: {error}", path.display()));
    let mut reader = csv::Reader::from_path(&path).map_err(failed)?;
    let headers = reader.headers().map_err(failed)?.clone();
    let place = |name: &str| headers.iter().position(|header| header == name);
    let (Some(face), Some(value)) = (place("path"), place(column)) else {
        let known = headers.iter().collect::<Vec<_>>().join(", ");
        return Err(invalid(
            format!("--by {column}: no such column in {}", path.display()),
            format!("its columns are {known}"),
        ));
    };
    let mut values = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let field = |at: usize| record.get(at).unwrap_or_default();
        if !field(value).is_empty() {
            values.insert(display_name(&dataset.join(field(face))), field(value).to_owned());
        }
    }
    Ok(values)
}
