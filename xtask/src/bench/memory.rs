//! `bench memory`: peak memory of embedding a collection that is long enough to show leaks.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::measure::measure;
use super::pipeline::embed;
use super::report::Section;
use crate::process::{self, Scratch};

/// Small photos, so that 100,000 of them take minutes.
const PHOTOS: &str = "data/att";
/// Number of photos in each run; all are links to the small ones.
const COUNTS: [usize; 3] = [1_000, 10_000, 100_000];

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let scratch = Scratch::new("memory")?;
    let mut rows = Vec::new();
    for count in COUNTS {
        let photos = links(&shared.join(PHOTOS), count, &scratch)?;
        let output = scratch.join("embeddings");
        let usage = measure(&mut embed(&bench.likeness, &shared, &photos, &output))?;
        rows.push(vec![
            count.to_string(),
            format!("{:.0} MiB", usage.peak_mib),
            format!("{:.0}", count as f64 / usage.seconds),
            format!("{:.1}", 1000.0 * usage.cpu_seconds / count as f64),
            format!("{:.0} MiB", fs_err::metadata(&output)?.len() as f64 / f64::from(1 << 20)),
        ]);
    }
    Ok(Section {
        page: "faces",
        title: "Memory of long runs",
        about: "AT&T's 400 photos, repeated as links, from photo to embedding with two threads. Rows are written at once; only the \
                sorted list of file names grows with the number of photos."
            .to_owned(),
        columns: vec!["photos", "peak memory", "photos/s", "CPU ms per photo", "file written"],
        rows,
        remarks: Vec::new(),
    })
}

/// Creates a folder with `count` links to the photos, in turn.
fn links(photos: &Path, count: usize, scratch: &Scratch) -> Result<PathBuf> {
    let folder = scratch.join(&format!("photos{count}"));
    fs_err::create_dir_all(&folder)?;
    let mut names = Vec::new();
    for folder in fs_err::read_dir(photos)? {
        let folder = folder?.path();
        if folder.is_dir() {
            for photo in fs_err::read_dir(folder)? {
                names.push(photo?.path());
            }
        }
    }
    names.retain(|name| name.extension().is_some_and(|e| e == "pgm"));
    names.sort();
    ensure!(!names.is_empty(), "no photos");
    for i in 0..count {
        super::prepare::link(&names[i % names.len()], &folder.join(format!("{i:06}.pgm")))?;
    }
    Ok(folder)
}
