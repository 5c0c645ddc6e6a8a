//! The slices of a report: by columns of the data and by what the photos show.

use std::collections::BTreeSet;
use std::path::PathBuf;

use likeness_report::evaluation::{Estimate, Slice, SliceValue, Slices};
use likeness_search::slice::{self, Column, SliceConfig, Value};
use likeness_search::{EmbeddingTable, RankingMeasure};

use super::Study;
use crate::columns::{self, Column as TextColumn};
use crate::context::Context;
use crate::facts::{self, Facts};
use crate::options::PhotoOptions;
use crate::{Result, invalid};

/// Columns of the data with more different texts are not used unless they are named.
const MOST_VALUES: usize = 20;
/// The share of photos that are least sharp, and of those that are most.
const LOWEST: f64 = 0.1;
/// The labels of the slices by sharpness.
const SHARPNESS: [&str; 3] = ["Sharpness, lowest 10 %", "Sharpness, middle 80 %", "Sharpness, highest 10 %"];
/// The word that asks for no slices.
const NONE: &str = "none";

/// The columns to slice by.
#[derive(Debug, Clone, Default)]
pub struct SliceOptions {
    /// Names of columns; none means all computed columns, and all columns of the data with few values. `none` means no column.
    pub columns: Vec<String>,
    /// CSV table with more columns.
    pub file: Option<PathBuf>,
}

/// A computed column: its name, the ends of its ranges, and the labels of the ranges and titles for an answer.
struct Computed {
    column: &'static str,
    /// Ranges begin at these values, ascending; the first range begins below all of them.
    cuts: &'static [f64],
    labels: &'static [&'static str],
    titles: &'static [&'static str],
}

/// The computed columns with fixed ranges. Sharpness depends on the data and is divided by its quantiles.
const COMPUTED: [Computed; 6] = [
    Computed {
        column: "face_size",
        cuts: &[80.0, 120.0],
        labels: &["Face < 80 px", "Face 80–120 px", "Face 120 px+"],
        titles: &["Faces smaller than 80 px", "Faces of 80 to 120 px", "Faces of 120 px or more"],
    },
    Computed {
        column: "brightness",
        cuts: &[70.0, 170.0],
        labels: &["Dark, mean < 70", "Brightness 70–170", "Bright, mean > 170"],
        titles: &["Dark faces", "Faces of medium brightness", "Bright faces"],
    },
    Computed {
        column: "yaw",
        cuts: &[15.0, 30.0],
        labels: &["Head turned < 15°", "Head turned 15–30°", "Head turned 30°+"],
        titles: &["Heads turned less than 15°", "Heads turned 15 to 30°", "Heads turned 30° or more"],
    },
    Computed {
        column: "roll",
        cuts: &[20.0],
        labels: &["Head tilted < 20°", "Head tilted 20°+"],
        titles: &["Heads tilted less than 20°", "Heads tilted 20° or more"],
    },
    Computed {
        column: "detector_score",
        cuts: &[0.8],
        labels: &["Detector score < 0.8", "Detector score 0.8+"],
        titles: &["Faces with a detector score below 0.8", "Faces with a detector score of 0.8 or more"],
    },
    Computed {
        column: "faces",
        cuts: &[1.5],
        labels: &["One face", "Several faces"],
        titles: &["Photos with one face", "Photos with several faces"],
    },
];

impl Computed {
    fn label(&self, value: f64) -> &'static str {
        // Poses are signed: left and right count alike.
        let value = value.abs();
        self.labels[self.cuts.iter().filter(|cut| value >= **cut).count()]
    }

    fn column(&self, facts: &[Facts]) -> Column {
        let labels = facts.iter().map(|facts| Some(self.label(facts.value(self.column)?)));
        Column::of_text(self.column, labels)
    }
}

/// The title of a slice in an answer: "Heads turned 30° or more".
fn title(column: &str, label: &str) -> Option<String> {
    let computed = COMPUTED.iter().find(|computed| computed.column == column)?;
    let at = computed.labels.iter().position(|known| *known == label)?;
    Some(computed.titles[at].to_owned())
}

/// The slices of all models.
///
/// # Errors        a column that does not exist; a table of columns that cannot be read
pub(super) fn slices(
    study: &Study,
    options: &SliceOptions,
    photos: &PhotoOptions,
    context: Context<'_>,
) -> Result<Slices> {
    let mut found = Slices::default();
    let columns = columns(study, options, &mut found.notes, photos, context)?;
    for (model, of) in study.models.iter().enumerate() {
        let config =
            SliceConfig { resamples: study.resamples, seed: study.options.seed, ..SliceConfig::default() };
        for slice in slice::slices(&columns, &of.evaluation.measures, &config)?.slices {
            let top1 = slice.measures.iter().find(|measure| measure.measure == RankingMeasure::Top1);
            let value = top1.map(|top1| SliceValue {
                model,
                top1: Estimate {
                    value: top1.estimate,
                    low: top1.interval.map(|interval| interval.low),
                    high: top1.interval.map(|interval| interval.high),
                },
            });
            add(&mut found.rows, &slice, value);
        }
    }
    // A slice of all queries says nothing.
    let queries = study.models[study.reference].evaluation.queries;
    found.rows.retain(|row| row.queries < queries);
    Ok(found)
}

/// Adds the value of a model to the row of its slice.
fn add(rows: &mut Vec<Slice>, slice: &slice::Slice, value: Option<SliceValue>) {
    let is_it = |row: &Slice| row.column == slice.column && (row.name == name(slice));
    let at = rows.iter().position(is_it).unwrap_or_else(|| {
        rows.push(Slice {
            name: name(slice),
            title: title(&slice.column, &slice.label),
            column: slice.column.clone(),
            queries: slice.queries,
            identities: slice.identities,
            values: Vec::new(),
        });
        rows.len() - 1
    });
    rows[at].values.extend(value);
}

/// The name of a slice: its label, with the column where the label alone does not say it.
fn name(slice: &slice::Slice) -> String {
    match facts::COLUMNS.contains(&slice.column.as_str()) {
        true => slice.label.clone(),
        false => format!("{}: {}", slice.column, slice.label),
    }
}

/// The columns to slice by.
fn columns(
    study: &Study,
    options: &SliceOptions,
    notes: &mut Vec<String>,
    photos: &PhotoOptions,
    context: Context<'_>,
) -> Result<Vec<Column>> {
    if options.columns.iter().any(|column| column == NONE) {
        return Ok(Vec::new());
    }
    let table = study.table();
    let mut texts = columns::of_manifest(table, &study.data)?;
    if let Some(file) = &options.file {
        let (more, without) = columns::of_file(table, file)?;
        if without > 0 {
            notes.push(format!("{without} photos have no line in {}.", file.display()));
        }
        texts.extend(more);
    }
    let is_named = |name: &str| options.columns.iter().any(|column| column == name);
    let all = options.columns.is_empty();
    let mut chosen: Vec<Column> = Vec::new();
    for text in texts.iter().filter(|text| all || is_named(&text.name)) {
        let column = Column::of_text(&text.name, text.values.iter().map(Option::as_deref));
        match all && column.numbers().is_none() && distinct(text) > MOST_VALUES {
            true => notes.push(format!(
                "Column {} has {} different values; name it with --slice to use it.",
                text.name,
                distinct(text)
            )),
            false => chosen.push(column),
        }
    }
    let wanted = |column: &str| all || is_named(column);
    if facts::COLUMNS.iter().any(|column| wanted(column)) {
        chosen.extend(computed(table, study, photos, context)?.into_iter().filter(|c| wanted(&c.name)));
    }
    let known = |name: &String| chosen.iter().any(|column| column.name == *name);
    if let Some(unknown) = options.columns.iter().find(|name| !known(name)) {
        let names = texts.iter().map(|text| text.name.as_str()).chain(facts::COLUMNS);
        return Err(invalid(
            format!("--slice {unknown}: no such column, or it has no value"),
            format!("the columns are {}", names.collect::<Vec<_>>().join(", ")),
        ));
    }
    Ok(chosen)
}

fn distinct(column: &TextColumn) -> usize {
    column.values.iter().flatten().collect::<BTreeSet<_>>().len()
}

/// The columns that are computed of the photos; those without a value are left out.
fn computed(
    table: &EmbeddingTable,
    study: &Study,
    photos: &PhotoOptions,
    context: Context<'_>,
) -> Result<Vec<Column>> {
    if table.rows().iter().all(|row| row.path.is_empty()) {
        return Ok(Vec::new());
    }
    let facts = facts::of(table, &study.data, photos, context)?;
    let all = COMPUTED.iter().map(|computed| computed.column(&facts)).chain([sharpness(&facts)]);
    let has_value = |column: &Column| {
        column.values.iter().flatten().any(|value| !matches!(value, Value::Text(t) if t.is_empty()))
    };
    Ok(all.filter(has_value).collect())
}

/// The column of sharpness, by its quantiles.
fn sharpness(facts: &[Facts]) -> Column {
    let values: Vec<Option<f64>> = facts.iter().map(|facts| facts.value("sharpness")).collect();
    let mut sorted: Vec<f64> = values.iter().copied().flatten().collect();
    sorted.sort_by(f64::total_cmp);
    let quantile = |share: f64| sorted.get((share * sorted.len() as f64) as usize).copied();
    let cuts = quantile(LOWEST).zip(quantile(1.0 - LOWEST));
    let label = |value: f64| {
        let (low, high) = cuts?;
        Some(match value {
            value if value < low => SHARPNESS[0],
            value if value < high => SHARPNESS[1],
            _ => SHARPNESS[2],
        })
    };
    Column::of_text("sharpness", values.into_iter().map(|value| label(value?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_labels_and_titles() {
        for computed in &COMPUTED {
            assert_eq!(computed.labels.len(), computed.cuts.len() + 1, "{}", computed.column);
            assert_eq!(computed.titles.len(), computed.labels.len(), "{}", computed.column);
            assert!(facts::COLUMNS.contains(&computed.column), "{}", computed.column);
        }
        let yaw = &COMPUTED[2];
        assert_eq!(
            [-31.0, 0.0, 29.9].map(|value| yaw.label(value)),
            ["Head turned 30°+", "Head turned < 15°", "Head turned 15–30°"]
        );
        assert_eq!(title("yaw", "Head turned 30°+").as_deref(), Some("Heads turned 30° or more"));
        assert_eq!(title("age", "30"), None);
    }
}
