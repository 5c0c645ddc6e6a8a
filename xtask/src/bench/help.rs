//! `bench help`: time of `likeness --help`.

use std::process::Command;

use anyhow::Result;

use super::Bench;
use super::measure::{median, time};
use super::report::Section;

const RUNS: usize = 50;

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let once = || time(Command::new(&bench.likeness).arg("--help"));
    once()?;
    let seconds = (0..RUNS).map(|_| once()).collect::<Result<Vec<_>>>()?;
    let milliseconds = median(seconds) * 1e3;
    Ok(Section {
        page: "first-loop",
        title: "Start",
        about: format!("`likeness --help`, {RUNS} runs."),
        columns: vec!["median"],
        rows: vec![vec![format!("{milliseconds:.1} ms")]],
        remarks: Vec::new(),
    })
}
