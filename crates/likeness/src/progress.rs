//! Progress on stderr: a bar with rate and time left on a terminal, one line a stage otherwise.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of one stage.
pub(crate) struct Progress {
    bar: ProgressBar,
    stage: &'static str,
    started: Instant,
}

impl Progress {
    /// Begins a stage; nothing is shown before the first step.
    pub(crate) fn begin(stage: &'static str) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = "{prefix:>10} [{bar:32}] {pos}/{len} {per_sec:>12}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(stage);
        Self { bar, stage, started: Instant::now() }
    }

    /// Shows that `done` of `total` are finished.
    pub(crate) fn show(&self, done: usize, total: usize) {
        if self.bar.length() != Some(total as u64) {
            self.bar.set_length(total as u64);
        }
        // Workers may report out of order.
        if done as u64 > self.bar.position() {
            self.bar.set_position(done as u64);
        }
    }

    /// Ends the stage with one line: how many, how fast.
    pub(crate) fn end(self, count: usize, unit: &str) {
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = if count > 0 {
            format!(", {:.0} {unit}/s", count as f64 / seconds.max(1e-6))
        } else {
            String::new()
        };
        say(format!("{}: {count} {unit} in {seconds:.1} s{rate}", self.stage));
    }
}

/// Says one line on stderr.
pub(crate) fn say(line: impl std::fmt::Display) {
    // Nobody listening on stderr is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says what was passed over: the count and the first reasons.
pub(crate) fn say_skipped(skipped: &[likeness_data::photos::Skipped], where_all: Option<&str>) {
    const SHOWN: usize = 10;
    if skipped.is_empty() {
        return;
    }
    say(format!("skipped {}:", skipped.len()));
    for skip in skipped.iter().take(SHOWN) {
        say(format!("  {}: {}", skip.name, skip.reason));
    }
    if skipped.len() > SHOWN {
        let rest = skipped.len() - SHOWN;
        say(format!(
            "  … and {rest} more{}",
            where_all.map(|w| format!(", all listed in {w}")).unwrap_or_default()
        ));
    }
}
