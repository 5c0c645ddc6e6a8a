//! Progress on stderr: a bar with rate and remaining time on a terminal, one line for each finished stage otherwise.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use likeness::{Context, Observer, Stage, Unit};
use likeness_data::photos::Skipped;

use crate::print::{is_terminal, say, say_list};

/// Characters of the bar itself; the line is cut at the terminal's width.
const BAR_WIDTH: usize = 20;

/// Shows the reports of operations on stderr.
pub(crate) struct Terminal;

impl Terminal {
    /// The context of operations that report to the terminal and end when `stop` is raised.
    pub(crate) fn context(stop: &AtomicBool) -> Context<'_> {
        Context::new(&Self, stop)
    }
}

impl Observer for Terminal {
    fn note(&self, line: &str) {
        say(line);
    }

    fn list(&self, heading: &str, photos: &[Skipped]) {
        say_list(heading, photos, None);
    }

    fn stage(&self, name: &'static str, unit: Unit) -> Box<dyn Stage + '_> {
        Box::new(Progress::new(name, unit))
    }
}

impl Stage for Progress {
    fn show(&self, done: usize, total: usize) {
        Progress::show(self, done, total);
    }

    fn end(self: Box<Self>, count: usize, what: &str) {
        Progress::end(*self, count, what);
    }
}

/// The progress of one stage.
pub(crate) struct Progress {
    bar: ProgressBar,
    stage: &'static str,
    unit: Unit,
    started: Instant,
}

impl Progress {
    /// Begins a stage that counts photos, queries and the like; nothing is shown before the first step.
    pub(crate) fn begin(stage: &'static str) -> Self {
        Self::new(stage, Unit::Items)
    }

    /// Begins a stage that counts bytes.
    pub(crate) fn bytes(stage: &'static str) -> Self {
        Self::new(stage, Unit::Bytes)
    }

    fn new(stage: &'static str, unit: Unit) -> Self {
        let bar = if is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        // The message is cut where the terminal ends, so that no line wraps.
        if let Ok(style) = ProgressStyle::with_template("{prefix:>8} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(stage);
        Self { bar, stage, unit, started: Instant::now() }
    }

    /// Shows that `done` of `total` are finished.
    pub(crate) fn show(&self, done: usize, total: usize) {
        // Workers may report out of order.
        if self.bar.is_hidden() || (done as u64) < self.bar.position() {
            return;
        }
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(line(done, total, self.started.elapsed().as_secs_f64(), self.unit));
    }

    /// Ends the stage with one line: how many, how fast.
    pub(crate) fn end(self, count: usize, unit: &str) {
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        let per_second = count as f64 / seconds.max(1e-6);
        let stage = self.stage;
        match self.unit {
            _ if count == 0 => say(format!("{stage}: 0 {unit} in {seconds:.1} s")),
            Unit::Items => {
                say(format!("{stage}: {count} {unit} in {seconds:.1} s, {per_second:.0} {unit}/s"))
            }
            Unit::Bytes => {
                let (size, rate) = (HumanBytes(count as u64), HumanBytes(per_second as u64));
                say(format!("{stage}: {size} in {seconds:.1} s, {rate}/s"));
            }
        }
    }
}

/// A bar with count, rate and remaining time.
fn line(done: usize, total: usize, seconds: f64, unit: Unit) -> String {
    let share = done as f64 / total.max(1) as f64;
    let filled = ((share * BAR_WIDTH as f64) as usize).min(BAR_WIDTH);
    let bar = format!("{}{}", "=".repeat(filled), " ".repeat(BAR_WIDTH - filled));
    let per_second = done as f64 / seconds.max(1e-6);
    let left = if done == 0 {
        String::new()
    } else {
        format!(", {} left", duration((total - done.min(total)) as f64 / per_second))
    };
    match unit {
        Unit::Items => format!("{done}/{total} [{bar}] {}/s{left}", rate(per_second)),
        Unit::Bytes => {
            let bytes = |value: f64| HumanBytes(value as u64).to_string();
            format!("{}/{} [{bar}] {}/s{left}", bytes(done as f64), bytes(total as f64), bytes(per_second))
        }
    }
}

/// A rate, with one decimal below 10 and none above.
fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.1}") } else { format!("{per_second:.0}") }
}

/// A duration in its two largest units.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_short_and_has_units() {
        assert_eq!(
            line(100, 400, 3.0, Unit::Items),
            format!("100/400 [{}{}] 33/s, 9 s left", "=".repeat(5), " ".repeat(15))
        );
        assert!(line(1, 3, 0.7, Unit::Items).contains("] 1.4/s, 1 s left"));
        assert!(line(0, 0, 0.0, Unit::Items).starts_with("0/0 ["));
        let bytes = line(3 << 20, 12 << 20, 1.5, Unit::Bytes);
        assert!(
            bytes.starts_with("3.00 MiB/12.00 MiB [") && bytes.ends_with("] 2.00 MiB/s, 5 s left"),
            "{bytes}"
        );
        assert!(line(500, 400, 1.0, Unit::Items).ends_with(", 0 s left"), "more than planned");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        assert_eq!([3.4, 75.0, 7_322.0].map(duration), ["3 s", "1 min 15 s", "2 h 2 min"]);
    }
}
