//! `bench start`: time from the start of the program to the ranking of one photo against stored embeddings.

use std::process::Command;

use anyhow::{Context, Result};

use super::Peers;
use super::disk::{embed, some_photos};
use crate::bench::Bench;
use crate::bench::measure::{measure, median, time};
use crate::bench::report::Section;
use crate::process::{self, Scratch, output};

const PHOTOS: &str = "data/celeba/images";
/// Faces in the stored embeddings.
const GALLERY: usize = 1000;
/// Number of starts; the median is reported.
const STARTS: usize = 21;

/// Runs the bench.
pub(in crate::bench) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let peers = Peers::new(bench)?;
    let scratch = Scratch::new("start")?;
    let photos = scratch.join("photos");
    some_photos(&shared.join(PHOTOS), &photos, GALLERY)?;
    let mut names: Vec<_> = fs_err::read_dir(&photos)?.filter_map(|e| Some(e.ok()?.path())).collect();
    names.sort();
    let query = names.first().context("there are no photos")?;
    let mut rows = Vec::new();
    for (name, title) in [("resnet50", "ResNet50, 112 px"), ("mobilefacenet", "MobileFaceNet, 112 px")] {
        let gallery = scratch.join(&format!("{name}.embeddings"));
        output(embed(&bench.likeness, &peers, name, "auto").arg(&photos).arg("-o").arg(&gallery))?;
        for engine in ["auto", "rten", "onnxruntime"] {
            let start = || {
                let mut command = Command::new(&bench.likeness);
                command.arg("match").arg(query).arg(&gallery).arg("--model").arg(peers.graph(name));
                command
                    .args(["--input-size", "112", "--engine", engine, "-o"])
                    .arg(scratch.join("results.json"));
                command.env("ORT_DYLIB_PATH", &peers.library);
                command
            };
            time(&mut start())?;
            let seconds = (0..STARTS).map(|_| time(&mut start())).collect::<Result<Vec<_>>>()?;
            let fastest = seconds.iter().copied().fold(f64::INFINITY, f64::min);
            let usage = measure(&mut start())?;
            rows.push(vec![
                title.to_owned(),
                engine.to_owned(),
                format!("{:.0}", 1e3 * median(seconds)),
                format!("{:.0}", 1e3 * fastest),
                format!("{:.0}", 1e3 * usage.cpu_seconds),
                format!("{:.0} MiB", usage.peak_mib),
            ]);
        }
    }
    Ok(Section {
        page: "engines",
        title: "A cold start",
        about: format!(
            "`likeness match PHOTO EMBEDDINGS --model MODEL` with the stored embeddings of {GALLERY} faces, from the start of \
             the program to its end: the model is read, hashed and prepared, the photo is embedded and ranked. The model's \
             file is in the page cache; {STARTS} starts."
        ),
        columns: vec!["network", "engine", "ms, median", "ms, fastest", "CPU ms", "peak memory"],
        rows,
        remarks: Vec::new(),
    })
}
