//! `bench disk`: photos on disk to embeddings on disk, compared with a Python loop that runs the same network.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Peers;
use crate::bench::Bench;
use crate::bench::measure::{Usage, measure, median};
use crate::bench::report::Section;
use crate::process::{self, Scratch};

const PHOTOS: &str = "data/celeba/images";
/// Photos in one run.
const COUNT: usize = 500;
/// A network of `networks.py` at 112 px, and its name in the table.
const NETWORKS: [(&str, &str); 2] =
    [("resnet50", "ResNet50, 112 px"), ("mobilefacenet", "MobileFaceNet, 112 px")];

/// Runs the bench.
pub(in crate::bench) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let peers = Peers::new(bench)?;
    let scratch = Scratch::new("disk")?;
    let photos = scratch.join("photos");
    some_photos(&shared.join(PHOTOS), &photos, COUNT)?;
    let mut rows = Vec::new();
    for (name, title) in NETWORKS {
        let ours = ["auto", "onnxruntime"].map(|engine| (format!("Likeness, {engine}"), engine, true));
        let theirs = [("onnxruntime", "Python onnxruntime"), ("eager", "PyTorch eager")];
        let theirs = theirs.map(|(runtime, label)| (label.to_owned(), runtime, false));
        let sides: Vec<_> = ours.into_iter().chain(theirs).collect();
        let mut usages: Vec<Vec<Usage>> = vec![Vec::new(); sides.len()];
        for _ in 0..bench.repeats {
            for ((_, engine, ours), usages) in sides.iter().zip(&mut usages) {
                let mut command = match ours {
                    true => embed(&bench.likeness, &peers, name, engine),
                    false => peers.command("embed.py"),
                };
                match ours {
                    true => command.arg(&photos).arg("-o").arg(scratch.join("ours")),
                    false => command
                        .arg(&photos)
                        .arg(peers.graph(name))
                        .args([name, engine, "112"])
                        .arg(scratch.join("theirs.npy")),
                };
                usages.push(measure(&mut command)?);
            }
        }
        let of = |usages: &[Usage], what: fn(&Usage) -> f64| median(usages.iter().map(what));
        let reference = of(&usages[0], |u| u.seconds);
        for ((label, ..), usages) in sides.iter().zip(&usages) {
            let seconds = of(usages, |u| u.seconds);
            rows.push(vec![
                title.to_owned(),
                label.clone(),
                format!("{:.1}", COUNT as f64 / seconds),
                format!("{:.2}×", seconds / reference),
                format!("{:.1}", 1e3 * of(usages, |u| u.cpu_seconds) / COUNT as f64),
                format!("{:.0} MiB", of(usages, |u| u.peak_mib)),
            ]);
        }
    }
    Ok(Section {
        page: "engines",
        title: "Photos on disk to embeddings on disk",
        about: format!(
            "{COUNT} of CelebA's photos, 178×218 JPEG: decode, centre square, scale to 112 px, network, one file. `likeness \
             embed` alternates with `xtask/peers/embed.py`, a loop with Pillow and batches of 32. Start and model loading \
             included."
        ),
        columns: vec!["network", "", "photos/s", "Likeness is faster by", "CPU ms per photo", "peak memory"],
        rows,
        remarks: Vec::new(),
    })
}

/// `likeness embed` with the network `name`, without input and output.
pub(super) fn embed(likeness: &Path, peers: &Peers, name: &str, engine: &str) -> Command {
    let mut command = Command::new(likeness);
    command.arg("embed").arg("--model").arg(peers.graph(name)).args([
        "--input-size",
        "112",
        "--engine",
        engine,
    ]);
    command.env("ORT_DYLIB_PATH", &peers.library);
    command
}

/// Links the first `count` photos of `from` into a new folder.
pub(super) fn some_photos(from: &Path, folder: &Path, count: usize) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let mut names: Vec<_> = fs_err::read_dir(from)?.filter_map(|e| Some(e.ok()?.path())).collect();
    names.sort();
    for photo in names.iter().take(count) {
        crate::bench::prepare::link(photo, &folder.join(photo.file_name().unwrap_or_default()))?;
    }
    Ok(())
}
