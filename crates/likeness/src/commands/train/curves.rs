//! `curves.svg` and `curves.png` of a run, from its history.

use std::path::Path;

use likeness_search::chart::{Chart, Marks, Series, write};
use likeness_train::train::history::{EpochRecord, read};

/// Draws the curves of the run in `folder`.
pub(super) fn draw(folder: &Path) -> anyhow::Result<()> {
    let records = read(&folder.join("history.jsonl"))?;
    Ok(write(&[accuracy(&records), loss(&records)], folder, "curves")?)
}

fn accuracy(records: &[EpochRecord]) -> Chart {
    let series = [
        line("training, by the classifier", records, |r| r.train_top1),
        line("validation, by search", records, |r| r.validation_top1),
    ];
    Chart {
        title: "Top-1 accuracy".into(),
        x_label: "epoch".into(),
        y_label: "share".into(),
        y_range: Some((0.0, 1.0)),
        marks: Marks::Lines,
        series: series.into_iter().filter(|s| !s.points.is_empty()).collect(),
    }
}

/// A line for each phase: losses of two kinds are not comparable.
fn loss(records: &[EpochRecord]) -> Chart {
    let mut phases: Vec<&str> = records.iter().map(|r| r.phase.as_str()).collect();
    phases.dedup();
    let series =
        phases.into_iter().map(|phase| line(phase, records, |r| (r.phase == phase).then_some(r.loss)));
    Chart {
        title: "Training loss".into(),
        x_label: "epoch".into(),
        y_label: "mean of an epoch".into(),
        y_range: None,
        marks: Marks::Lines,
        series: series.collect(),
    }
}

fn line(name: &str, records: &[EpochRecord], value: impl Fn(&EpochRecord) -> Option<f64>) -> Series {
    let points = records.iter().filter_map(|r| Some((f64::from(r.epoch), value(r)?))).collect();
    Series { name: name.to_owned(), points, muted: false }
}
