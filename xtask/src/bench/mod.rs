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
mod retrieval;
mod sampling;
mod step;
mod training;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::process::build_likeness;
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
}

impl Bench {
    /// The Python of the peers.
    fn python(&self) -> Result<PathBuf> {
        python::environment(self.venv.as_deref())
    }
}

type Run = fn(&Bench) -> Result<Section>;

const ALL: [(&str, Run); 17] = [
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
];

/// Take hours, or what took hours.
const BY_NAME_ONLY: [&str; 4] = ["training", "drawn", "domains", "quantize"];

/// Train networks, once for each seed.
const WITHOUT_REPEATS: [&str; 3] = ["training", "drawn", "domains"];

/// Runs the command.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    let (mut repeats, mut venv, mut write, mut names) = (3, None, false, Vec::new());
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
            "--write" => write = true,
            name => names.push(name),
        }
    }
    if let Some(unknown) = names.iter().find(|name| ALL.iter().all(|(known, _)| known != *name)) {
        bail!("no such bench: {unknown}; known are {}", ALL.map(|(known, _)| known).join(", "));
    }
    let bench = Bench { likeness: build_likeness()?, repeats, venv };
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
