//! Progress of a training run: a live line on a terminal, otherwise one line per epoch. Draws the curves after each epoch.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use likeness_train::loader::Batch;
use likeness_train::train::history::EpochRecord;
use likeness_train::train::{Observer, StepReport};

use crate::print::say;

/// Shows the progress of one run.
pub(crate) struct Watcher<'a> {
    run: PathBuf,
    epochs: u32,
    stop: &'a AtomicBool,
    bar: ProgressBar,
    records: Vec<EpochRecord>,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(run: &Path, epochs: u32, stop: &'a AtomicBool) -> Self {
        let bar = ProgressBar::new(0);
        let template = "{prefix} [{bar:24}] {pos}/{len} {msg}, {eta} left of the epoch";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { run: run.to_owned(), epochs, stop, bar, records: Vec::new() }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
        // A run that had already ended may have curves of an older program, or none.
        if self.records.is_empty() && self.run.join("history.jsonl").exists() {
            self.draw();
        }
    }

    fn draw(&self) {
        if let Err(error) = likeness::train::draw_curves(&self.run) {
            self.line(format!("the curves could not be drawn: {error}"));
        }
    }

    /// Prints a line above the bar.
    fn line(&self, text: impl std::fmt::Display) {
        self.bar.suspend(|| say(text));
    }
}

impl Observer for Watcher<'_> {
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        self.bar.set_length(report.batches);
        self.bar.set_prefix(format!("{} {}/{}", report.phase, report.epoch, report.epochs));
        self.bar.set_message(message(report));
        self.bar.set_position(report.batch);
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn on_epoch(&mut self, record: &EpochRecord) {
        self.bar.reset();
        self.line(epoch_line(record, self.epochs));
        if record.skipped > 0 {
            self.line(format!("warning: skipped {} unreadable faces", record.skipped));
        }
        self.records.push(record.clone());
        self.draw();
    }

    fn say(&mut self, message: String) {
        self.line(message);
    }

    fn broken_batch(&mut self, batch: &Batch) {
        let path = self.run.join("broken-batch.json");
        let document = serde_json::json!({ "faces": batch.faces, "labels": batch.labels });
        let text = document.to_string();
        match likeness_artifact::write(&path, |file| file.write_all(text.as_bytes())) {
            Ok(()) => self.line(format!("the batch is listed in {}", path.display())),
            Err(error) => self.line(format!("the batch could not be listed: {error}")),
        }
    }
}

fn message(report: &StepReport) -> String {
    let mut text = format!("loss {:.3}", report.loss);
    if let Some(share) = report.train_top1 {
        text += &format!(", accuracy {:.1} %", 100.0 * share);
    }
    if let Some(share) = report.active_triplets {
        text += &format!(", active {:.0} %", 100.0 * share);
    }
    text + &format!(", {:.1} images/s", report.images_per_second)
}

fn epoch_line(record: &EpochRecord, epochs: u32) -> String {
    let mut text = format!("{} {}/{epochs}: loss {:.4}", record.phase, record.epoch, record.loss);
    if let Some(share) = record.train_top1 {
        text += &format!(", accuracy {:.1} %", 100.0 * share);
    }
    if let Some(share) = record.active_triplets {
        text += &format!(", active triplets {:.0} %", 100.0 * share);
    }
    if let Some(top1) = record.validation_top1 {
        text += &format!(", validation top-1 {:.1} %", 100.0 * top1);
    }
    let waiting = 100.0 * record.waiting_seconds / record.seconds.max(1e-9);
    text + &format!(
        ", {:.0} s, {:.1} images/s, {waiting:.1} % waiting for data",
        record.seconds,
        record.images as f64 / record.seconds.max(1e-9)
    )
}
