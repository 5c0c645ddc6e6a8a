//! `curves.svg` and `curves.png` of a run, from its history.

use std::path::Path;

use likeness_report::chart::{Chart, Marks, Series, write};
use likeness_train::train::history::{EpochRecord, read};

/// Draws the curves of the run in `folder`.
pub(super) fn draw(folder: &Path) -> anyhow::Result<()> {
    Ok(write(&charts(&read(&folder.join("history.jsonl"))?), folder, "curves")?)
}

/// Accuracy and loss; the loss alone where there is neither a classifier nor a validation.
fn charts(records: &[EpochRecord]) -> Vec<Chart> {
    let charts = [accuracy(records), loss(records)];
    charts.into_iter().filter(|chart| !chart.series.is_empty()).collect()
}

fn accuracy(records: &[EpochRecord]) -> Chart {
    let series = [
        line("training, by the classifier", records, |r| r.train_top1),
        line("validation, by search", records, |r| r.validation_top1),
    ];
    Chart {
        title: "Top-1 accuracy".into(),
        x_label: "epoch".into(),
        y_label: "share of images".into(),
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
        y_label: "mean of each epoch".into(),
        y_range: None,
        marks: Marks::Lines,
        series: series.collect(),
    }
}

fn line(name: &str, records: &[EpochRecord], value: impl Fn(&EpochRecord) -> Option<f64>) -> Series {
    let points = records.iter().filter_map(|r| Some((f64::from(r.epoch), value(r)?))).collect();
    Series { name: name.to_owned(), points, muted: false }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn record(epoch: u32, phase: &str, top1: Option<f64>) -> EpochRecord {
        serde_json::from_value(serde_json::json!({
            "epoch": epoch, "phase": phase, "loss": 2.0, "first_loss": 3.0, "train_top1": top1,
            "batches_without_triplets": 0, "learning_rate": 0.1, "gradient_norm": 1.0, "images": 8, "skipped": 0,
            "seconds": 1.0, "waiting_seconds": 0.0,
            "distances": { "positive": vec![0; 20], "negative": vec![0; 20], "spread": 1.0 }
        }))
        .unwrap()
    }

    #[test]
    fn there_is_no_chart_of_an_accuracy_that_nothing_tells() {
        let titles = |records: &[EpochRecord]| -> Vec<String> {
            charts(records).into_iter().map(|chart| chart.title).collect()
        };
        let teacher = [record(1, "teacher", None), record(2, "teacher", None)];
        assert_eq!(titles(&teacher), ["Training loss"]);
        let both = [record(1, "cosface", Some(0.5)), record(2, "triplet", None)];
        assert_eq!(titles(&both), ["Top-1 accuracy", "Training loss"]);
        let phases: Vec<_> = charts(&both).remove(1).series.into_iter().map(|series| series.name).collect();
        assert_eq!(phases, ["cosface", "triplet"]);
    }
}
