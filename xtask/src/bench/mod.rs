//! `cargo xtask bench`: Likeness beside its Python peers, in one run on one machine, alternating.

mod detectors;
mod domains;
mod engines;
mod faces;
mod help;
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
mod training;
mod versions;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{build_likeness, output};
use crate::python;
use report::Section;

/// What a bench is given.
struct Bench {
    /// The program.
    likeness: PathBuf,
    /// Runs of each side, of which the median counts.
    repeats: usize,
    /// The Python environment's folder, if the user named one.
    venv: Option<String>,
    /// What networks are trained on, as `likeness train --device` has it.
    device: String,
}

impl Bench {
    /// The Python of the peers.
    fn python(&self) -> Result<PathBuf> {
        python::environment(self.venv.as_deref())
    }

    /// The collection `name` of `shared` as a dataset of aligned faces of 112 px, prepared once.
    fn faces(&self, shared: &Path, name: &str, dataset: PathBuf, how: &str) -> Result<PathBuf> {
        if !dataset.join("dataset.toml").exists() {
            let mut prepare = Command::new(&self.likeness);
            prepare.arg("prepare").arg(shared.join("data").join(name)).arg("-o").arg(&dataset);
            prepare.arg("--detector").arg(shared.join("weights/detectors/yunet_n_dynamic.onnx"));
            output(prepare.args(["--size", "112", "--no-face", "keep"]).args(how.split_whitespace()))?;
        }
        Ok(dataset)
    }

    /// `likeness train` on this device.
    fn train(&self) -> Command {
        let mut command = Command::new(&self.likeness);
        command.args(["train", "--device", &self.device]);
        command
    }

    /// `flags` of `likeness train` as this device takes them: other than the processor it has full precision alone.
    fn flags(&self, flags: &str) -> Vec<String> {
        let flags =
            if self.device == "cpu" { flags.to_owned() } else { flags.replace("--precision bf16", "") };
        flags.split_whitespace().map(str::to_owned).collect()
    }
}

/// Path, identity and split of each face that the manifest of `dataset` lists.
fn listed(dataset: &Path) -> Result<Vec<[String; 3]>> {
    let manifest = fs_err::read_to_string(dataset.join("manifest.csv"))?;
    let mut rows = manifest.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().context("the manifest is empty")?;
    let column =
        |name: &str| header.iter().position(|c| *c == name).with_context(|| format!("no column {name}"));
    let columns = [column("path")?, column("identity")?, column("split")?];
    Ok(rows.map(|row| columns.map(|at| row[at].to_owned())).collect())
}

/// What an environment variable names, divided by commas; everything where it is not set.
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

const ALL: [(&str, Run); 19] = [
    ("retrieval", retrieval::run),
    ("prepare", prepare::run),
    ("match", match_::run),
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
    ("drawn", domains::drawn),
    ("domains", domains::faces),
    ("restyled", restyled::run),
    ("versions", versions::run),
];

/// Take hours, or what took hours, or another build of the program.
const BY_NAME_ONLY: [&str; 6] = ["training", "drawn", "domains", "restyled", "quantize", "versions"];

/// Train networks, once for each seed.
const WITHOUT_REPEATS: [&str; 4] = ["training", "drawn", "domains", "restyled"];

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
                    .context("--repeats: expected a number from 1 on")?;
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
        bail!("no such bench: {unknown}; known are {}", ALL.map(|(known, _)| known).join(", "));
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
