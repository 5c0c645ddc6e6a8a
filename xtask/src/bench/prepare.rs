//! `bench prepare`: compares `likeness prepare` with a Pillow loop in two processes; also peak memory on a ten times larger
//! collection.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::measure::{Usage, measure, median};
use super::report::Section;
use crate::process::{Scratch, repository, shared};

const LABELS: &str = "identity_CelebA.txt";
const TIMES: usize = 10;
/// Memory limit for a collection of any size.
const MEMORY_MIB: f64 = 300.0;

/// A program that prepares the collection, and its measurements.
struct Side {
    name: &'static str,
    /// zlib level of the peer; `None` for our own program.
    level: Option<&'static str>,
    runs: Vec<Usage>,
    bytes: u64,
}

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let collection =
        shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?.join("data/celeba");
    let images = labelled(&collection)?.len();
    let python = bench.python()?;
    let scratch = Scratch::new("prepare")?;
    let side = |name, level| Side { name, level, runs: Vec::new(), bytes: 0 };
    let mut sides = [
        side("Likeness", None),
        side("Pillow, PNG as it comes", Some("-1")),
        side("Pillow, `compress_level=1`", Some("1")),
    ];
    for _ in 0..bench.repeats {
        for side in &mut sides {
            let output = scratch.join("output");
            let mut command = match side.level {
                None => ours(&bench.likeness, &collection, &output, "224"),
                Some(level) => peer(&python, &collection, &output, level),
            };
            side.runs.push(measure(&mut command)?);
            let faces = output.join("faces");
            ensure!(count(&faces)?.0 == images, "{}: expected {images} faces", side.name);
            side.bytes = count(&faces)?.1;
            fs_err::remove_dir_all(&output)?;
        }
    }
    let large = large_collection(&bench.likeness, &collection, &scratch)?;
    Ok(section(&sides, images, large))
}

fn ours(likeness: &Path, collection: &Path, output: &Path, size: &str) -> Command {
    let mut command = Command::new(likeness);
    command.arg("prepare").arg(collection).arg("-o").arg(output);
    command.args(["--layout", "celeba", "--threads", "2", "--size", size]);
    command
}

fn peer(python: &Path, collection: &Path, output: &Path, level: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(repository().join("xtask/peers/prepare.py")).arg(collection).arg(output).arg(level);
    command
}

/// Number of photos and the measurement, for the collection with every photo linked ten times.
fn large_collection(likeness: &Path, collection: &Path, scratch: &Scratch) -> Result<(usize, Usage)> {
    let folder = scratch.join("large");
    fs_err::create_dir_all(folder.join("images"))?;
    let mut labels = String::new();
    for copy in 0..TIMES {
        for (name, identity) in labelled(collection)? {
            let photo = collection.join("images").join(&name);
            link(&photo, &folder.join("images").join(format!("{copy}{name}")))?;
            labels += &format!("{copy}{name} {identity}\n");
        }
    }
    let photos = labels.lines().count();
    fs_err::write(folder.join(LABELS), labels)?;
    let output = scratch.join("output");
    let usage = measure(&mut ours(likeness, &folder, &output, "32"))?;
    ensure!(count(&output.join("faces"))?.0 == photos, "expected {photos} faces");
    Ok((photos, usage))
}

/// Creates a hard link, or a symbolic link across file systems.
pub(super) fn link(photo: &Path, name: &Path) -> Result<()> {
    if fs_err::hard_link(photo, name).is_err() {
        #[cfg(unix)]
        fs_err::os::unix::fs::symlink(photo, name)?;
        #[cfg(not(unix))]
        fs_err::copy(photo, name).map(drop)?;
    }
    Ok(())
}

fn labelled(collection: &Path) -> Result<Vec<(String, String)>> {
    let text = fs_err::read_to_string(collection.join(LABELS))?;
    let pair = |line: &str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.trim().to_owned()));
    Ok(text.lines().filter_map(pair).collect())
}

/// The number of files in a folder, and their total size in bytes.
fn count(folder: &Path) -> Result<(usize, u64)> {
    let mut sum = (0, 0);
    for entry in fs_err::read_dir(folder)? {
        let file: PathBuf = entry?.path();
        sum = (sum.0 + 1, sum.1 + fs_err::metadata(file)?.len());
    }
    Ok(sum)
}

fn section(sides: &[Side], images: usize, (photos, large): (usize, Usage)) -> Section {
    let of = |side: &Side, what: fn(&Usage) -> f64| median(side.runs.iter().map(what));
    let ours = of(&sides[0], |u| u.seconds);
    let row = |side: &Side| {
        let seconds = of(side, |u| u.seconds);
        let peak =
            side.level.map_or_else(|| format!("{:.0} MiB", of(side, |u| u.peak_mib)), |_| "—".to_owned());
        vec![
            side.name.to_owned(),
            format!("{:.0}", images as f64 / seconds),
            format!("{:.2}×", seconds / ours),
            format!("{:.1} s", of(side, |u| u.cpu_seconds)),
            peak,
            format!("{:.1} MB", side.bytes as f64 / 1e6),
        ]
    };
    let verdict = if large.peak_mib < MEMORY_MIB { "below" } else { "NOT below" };
    Section {
        page: "first-loop",
        title: "Prepare",
        about: format!(
            "{images} photos of CelebA: read, centre square, bicubic to 224×224, PNG, labels. Two threads alternate with two \
             processes of Pillow."
        ),
        columns: vec!["", "images/s", "Likeness is faster by", "CPU", "peak memory", "faces"],
        rows: sides.iter().map(row).collect(),
        remarks: vec![format!(
            "A ten times larger collection ({photos} photos, as links; faces of 32×32): peak memory {:.0} MiB, {verdict} \
             {MEMORY_MIB:.0}; {:.0} images/s.",
            large.peak_mib,
            photos as f64 / large.seconds
        )],
    }
}
