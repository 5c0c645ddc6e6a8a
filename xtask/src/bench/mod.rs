//! `cargo xtask bench`: compares Likeness with its Python peers, in alternation, in one run on one machine.

mod cluster;
mod detectors;
mod domains;
mod engines;
mod evaluation;
mod faces;
mod help;
mod index;
mod match_;
mod measure;
mod memory;
mod pipeline;
mod prepare;
mod quantize;
mod report;
mod restyled;
mod retrieval;
mod sampling;
mod step;
mod table2;
mod training;
mod versions;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{build_likeness, output};
use crate::python;
use report::Section;

/// The settings of a bench.
struct Bench {
    /// The program.
    likeness: PathBuf,
    /// Repetitions of each side; the median is reported.
    repeats: usize,
    /// The Python environment's folder, if the user named one.
    venv: Option<String>,
    /// Device to train on, a value of `likeness train --device`.
    device: String,
}

impl Bench {
    /// The Python interpreter for the peers.
    fn python(&self) -> Result<PathBuf> {
        python::environment(self.venv.as_deref())
    }

    /// A dataset of the collection `name` in `shared`, with aligned faces of 112 px; prepared once.
    fn faces(&self, shared: &Path, name: &str, dataset: PathBuf, how: &str) -> Result<PathBuf> {
        if !dataset.join("dataset.toml").exists() {
            let mut prepare = Command::new(&self.likeness);
            prepare.arg("prepare").arg(shared.join("data").join(name)).arg("-o").arg(&dataset);
            prepare.arg("--detector").arg(shared.join("weights/detectors/yunet_n_dynamic.onnx"));
            output(prepare.args(["--size", "112", "--no-face", "keep"]).args(how.split_whitespace()))?;
        }
        Ok(dataset)
    }

    /// The command `likeness train` on this device.
    fn train(&self) -> Command {
        let mut command = Command::new(&self.likeness);
        command.args(["train", "--device", &self.device]);
        command
    }

    /// The flags of `likeness train` that this device supports: bf16 exists on the CPU only.
    fn flags(&self, flags: &str) -> Vec<String> {
        let flags =
            if self.device == "cpu" { flags.to_owned() } else { flags.replace("--precision bf16", "") };
        flags.split_whitespace().map(str::to_owned).collect()
    }
}

/// Path, identity and split of each face in the manifest of `dataset`.
fn listed(dataset: &Path) -> Result<Vec<[String; 3]>> {
    let manifest = fs_err::read_to_string(dataset.join("manifest.csv"))?;
    let mut rows = manifest.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().context("the manifest is empty")?;
    let column =
        |name: &str| header.iter().position(|c| *c == name).with_context(|| format!("no column {name}"));
    let columns = [column("path")?, column("identity")?, column("split")?];
    Ok(rows.map(|row| columns.map(|at| row[at].to_owned())).collect())
}

/// The names in an environment variable, separated by commas; all names if it is not set.
struct Chosen(Option<String>);

impl Chosen {
    fn from_environment(variable: &str) -> Self {
        Self(std::env::var(variable).ok())
    }

    fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.split(',').any(|chosen| chosen == name))
    }
}

type Run = fn(&Bench) -> Result<Section>;

const ALL: [(&str, Run); 25] = [
    ("retrieval", retrieval::run),
    ("prepare", prepare::run),
    ("match", match_::run),
    ("index", index::run),
    ("cluster", cluster::run),
    ("help", help::run),
    ("sampling", sampling::run),
    ("detectors", detectors::run),
    ("faces", faces::run),
    ("pipeline", pipeline::run),
    ("memory", memory::run),
    ("engines", engines::run),
    ("disk", engines::disk),
    ("start", engines::start),
    ("step", step::run),
    ("quantize", quantize::run),
    ("training", training::run),
    ("table2", table2::run),
    ("drawn", domains::drawn),
    ("domains", domains::faces),
    ("restyled", restyled::run),
    ("evaluation", evaluation::run),
    ("ranking", evaluation::ranking),
    ("pairs", evaluation::pairs),
    ("versions", versions::run),
];

/// Benches that take hours, or need the results of such a bench, or need another build of the program.
const BY_NAME_ONLY: [&str; 7] =
    ["training", "table2", "drawn", "domains", "restyled", "quantize", "versions"];

/// Benches that train networks, once for each seed, or whose results do not vary.
const WITHOUT_REPEATS: [&str; 7] =
    ["training", "table2", "drawn", "domains", "restyled", "cluster", "evaluation"];

/// Runs the command.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    let (mut repeats, mut venv, mut write, mut names) = (3, None, false, Vec::new());
    let (mut device, mut program) = ("cpu".to_owned(), None);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match *word {
            "--venv" => venv = Some((*words.next().context("--venv: expected a folder")?).to_owned()),
            "--repeats" => {
                repeats = words
                    .next()
                    .and_then(|n| n.parse().ok())
                    .filter(|&n| n > 0)
                    .context("--repeats: expected a number of at least 1")?;
            }
            "--device" => {
                device = (*words.next().context("--device: expected cpu, cuda or wgpu")?).to_owned();
            }
            "--program" => program = Some(PathBuf::from(words.next().context("--program: expected a file")?)),
            "--write" => write = true,
            name => names.push(name),
        }
    }
    if let Some(unknown) = names.iter().find(|name| ALL.iter().all(|(known, _)| known != *name)) {
        bail!("no such bench: {unknown}; expected one of {}", ALL.map(|(known, _)| known).join(", "));
    }
    let likeness = match program {
        Some(program) => fs_err::canonicalize(program)?,
        None => build_likeness()?,
    };
    let bench = Bench { likeness, repeats, venv, device };
    let wanted = |name: &&str| names.contains(name) || (names.is_empty() && !BY_NAME_ONLY.contains(name));
    for (name, run) in ALL.iter().filter(|(name, _)| wanted(name)) {
        eprintln!("== {name}");
        let section = run(&bench)?;
        let text = section.markdown(name, (!WITHOUT_REPEATS.contains(name)).then_some(repeats));
        println!("{text}");
        if write {
            report::write(name, section.page, &text)?;
        }
    }
    Ok(())
}
