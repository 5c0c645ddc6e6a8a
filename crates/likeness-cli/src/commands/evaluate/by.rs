//! `--by COLUMN`: a value for each image, from the embeddings themselves or from a dataset's manifest.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use likeness_data::dataset::Dataset;
use likeness_data::photos::display_name;
use likeness_search::{EmbeddingTable, EvaluationBy, Role, Row};

use crate::failure::hinted;

/// The value of `column` for each row of `table`, which comes from `input`.
pub(super) fn values(
    table: &EmbeddingTable,
    column: &str,
    input: &Path,
) -> anyhow::Result<Vec<Option<String>>> {
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
        column => Err(hinted(
            format!(
                "--by {column}: {} says domain, split and role of its images, and nothing else",
                input.display()
            ),
            "name a dataset, whose manifest has more columns",
        )),
    }
}

/// A column of the manifest by the faces' paths; empty fields are left out.
fn manifest_column(dataset: &Path, column: &str) -> anyhow::Result<HashMap<String, String>> {
    let path = dataset.join("manifest.csv");
    let mut reader = csv::Reader::from_path(&path).with_context(|| path.display().to_string())?;
    let headers = reader.headers()?.clone();
    let place = |name: &str| headers.iter().position(|header| header == name);
    let (Some(face), Some(value)) = (place("path"), place(column)) else {
        let known = headers.iter().collect::<Vec<_>>().join(", ");
        return Err(hinted(
            format!("--by {column}: no such column in {}", path.display()),
            format!("its columns are {known}"),
        ));
    };
    let mut values = HashMap::new();
    for record in reader.records() {
        let record = record.with_context(|| path.display().to_string())?;
        let field = |at: usize| record.get(at).unwrap_or_default();
        if !field(value).is_empty() {
            values.insert(display_name(&dataset.join(field(face))), field(value).to_owned());
        }
    }
    Ok(values)
}

/// The groups to be read.
pub(super) fn text(column: &str, by: &EvaluationBy) -> String {
    let widest =
        by.pairs.iter().map(|p| p.queries_of.chars().count().max(p.gallery_of.chars().count())).max();
    let width = widest.unwrap_or(0).max(7);
    let mut text = format!(
        "by {column}\n{:width$}  {:width$}  queries  top-1  top-5 top-10    mAP\n",
        "queries", "gallery"
    );
    for pair in &by.pairs {
        let _ = write!(text, "{:width$}  {:width$}  ", pair.queries_of, pair.gallery_of);
        let _ = match &pair.evaluation {
            Some(e) => {
                let [top1, top5, top10, map] = [e.top1, e.top5, e.top10, e.map].map(|share| 100.0 * share);
                writeln!(text, "{:7}  {top1:5.1}  {top5:5.1}  {top10:5.1}  {map:5.1}", e.queries)
            }
            None => writeln!(text, "      0  no image of the same identity"),
        };
    }
    for distance in &by.distances {
        let [one, other] = &distance.groups;
        let found = distance.proxy_a_distance.map_or("too few images".to_owned(), |d| format!("{d:.2} of 2"));
        let _ = writeln!(text, "proxy A-distance of {one} and {other}: {found}");
    }
    text
}
