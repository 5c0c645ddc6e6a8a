//! `curves.svg` and `curves.png` of a training run.

use std::path::Path;

use crate::Result;
use crate::chart::{Chart, Marks, Series, write};

/// What an epoch measured.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochMetrics {
    /// The epoch, counted from 1.
    pub epoch: u32,
    /// The phase of the run, such as `cosface`.
    pub phase: String,
    /// Mean loss of the epoch.
    pub loss: f64,
    /// Share of the training images that the classifier gets right.
    pub train_top1: Option<f64>,
    /// Share of the validation images whose nearest neighbour is of the same identity.
    pub validation_top1: Option<f64>,
}

/// Draws the curves of a run into `folder`.
///
/// # Errors        the chart cannot be drawn; the disk
pub fn draw(epochs: &[EpochMetrics], folder: &Path) -> Result<()> {
    write(&charts(epochs), folder, "curves")
}

/// Accuracy and loss; the loss alone where there is neither a classifier nor a validation.
fn charts(records: &[EpochMetrics]) -> Vec<Chart> {
    let charts = [accuracy(records), loss(records)];
    charts.into_iter().filter(|chart| !chart.series.is_empty()).collect()
}

fn accuracy(records: &[EpochMetrics]) -> Chart {
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
fn loss(records: &[EpochMetrics]) -> Chart {
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

fn line(name: &str, records: &[EpochMetrics], value: impl Fn(&EpochMetrics) -> Option<f64>) -> Series {
    let points = records.iter().filter_map(|r| Some((f64::from(r.epoch), value(r)?))).collect();
    Series { name: name.to_owned(), points, muted: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: u32, phase: &str, top1: Option<f64>) -> EpochMetrics {
        EpochMetrics { epoch, phase: phase.to_owned(), loss: 2.0, train_top1: top1, validation_top1: None }
    }

    #[test]
    fn there_is_no_chart_of_an_accuracy_that_nothing_tells() {
        let titles = |records: &[EpochMetrics]| -> Vec<String> {
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
