//! Writes an evaluation report of invented numbers, to look at the page: `report.html`, `report.md`, `report.json`.
//!
//! ```text
//! cargo run --release -p likeness-report --example evaluation_report -- /tmp/report
//! ```

// The files are to be looked at once; a partial one does no harm.
#![allow(clippy::disallowed_methods)]

mod curves;
mod sample;
mod tables;

use std::path::PathBuf;

use fs_err as fs;
use likeness_report::evaluation::{html, json, markdown};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("report"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    let report = sample::report();
    fs::write(folder.join("report.html"), html(&report))?;
    fs::write(folder.join("report.md"), markdown(&report))?;
    fs::write(folder.join("report.json"), json(&report))
}
