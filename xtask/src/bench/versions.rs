//! `bench versions`: compares this build with an earlier one on the commands that users wait for, in alternation.
//!
//! `LIKENESS_BEFORE` is the path of the earlier program. Its examples must be in `examples/` beside it, as cargo builds them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::measure::{measure, median};
use super::pipeline::embed;
use super::report::Section;
use crate::process::{self, Scratch, cargo, output};

/// Environment variable with the path of the earlier program.
const BEFORE: &str = "LIKENESS_BEFORE";
const PHOTOS: &str = "data/celeba/images";
const FACES: &str = "data/att";
const EMBEDDER: &str = "weights/mobilefacenet-arcface-128d.onnx";
/// Seconds for each timing of an engine.
const SECONDS: &str = "2";
/// Batch size and threads.
const MODES: [&str; 2] = ["1x1", "32x2"];

/// Wall time and CPU time of one run, in any unit that both programs share.
type Took = [f64; 2];

/// Runs a command of the program given by its path.
type Run<'a> = Box<dyn Fn(&Path) -> Result<Took> + 'a>;

/// One command on both sides.
struct Case<'a> {
    name: String,
    run: Run<'a>,
    took: [Vec<Took>; 2],
}

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let before = PathBuf::from(std::env::var_os(BEFORE).with_context(|| format!("{BEFORE} is not set"))?);
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    process::run(&mut cargo(&["build", "--release", "--workspace", "--examples"]))?;
    let scratch = Scratch::new("versions")?;
    let programs = [before, bench.likeness.clone()];
    let mut cases = cases(&shared, &scratch);
    for _ in 0..bench.repeats {
        for case in &mut cases {
            for (program, took) in programs.iter().zip(&mut case.took) {
                took.push((case.run)(program).with_context(|| case.name.clone())?);
            }
        }
    }
    Ok(section(&cases, bench.repeats))
}

fn cases<'a>(shared: &'a Path, scratch: &'a Scratch) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    let mut add = |name: &str, run: Run<'a>| {
        cases.push(Case { name: name.to_owned(), run, took: [Vec::new(), Vec::new()] });
    };
    add(
        "pipeline: CelebA photos to embeddings",
        Box::new(|program| {
            let table = table_of(program, scratch);
            let _ = fs_err::remove_file(&table);
            timed(&mut embed(program, shared, &shared.join(PHOTOS), &table), &[])
        }),
    );
    add(
        "match: its embeddings within themselves",
        Box::new(|program| {
            let results = scratch.join("results.json");
            let mut command = Command::new(program);
            command.arg("match").arg(table_of(program, scratch)).arg("-o").arg(&results);
            timed(&mut command, &[&results])
        }),
    );
    add(
        "prepare: AT&T to a dataset",
        Box::new(|program| {
            let dataset = scratch.join("dataset");
            let mut command = Command::new(program);
            command.arg("prepare").arg(shared.join(FACES)).arg("-o").arg(&dataset);
            timed(&mut command, &[&dataset])
        }),
    );
    for mode in MODES {
        add(
            &format!("engines: MobileFaceNet, direct, {mode}"),
            Box::new(move |program| {
                let mut command = Command::new(program.with_file_name("examples").join("engine_speed"));
                command.arg(shared.join(EMBEDDER)).args(["direct", "112", SECONDS, mode]);
                let answer: Value = serde_json::from_str(output(&mut command)?.trim())?;
                let number = |key: &str| answer[key].as_f64().with_context(|| format!("no {key}"));
                Ok([number("p50_ms")?, number("cpu_ms")?])
            }),
        );
    }
    add(
        "rank: 1,252 queries, 1,252 images, 512 values",
        Box::new(|program| {
            let mut command = Command::new(program.with_file_name("examples").join("bench_rank"));
            timed(command.args(["1252", "1252", "512", "10", "15"]), &[])
        }),
    );
    cases
}

/// The embeddings file that a program writes in one case and reads in the next.
fn table_of(program: &Path, scratch: &Scratch) -> PathBuf {
    let name: String = program.display().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    scratch.join(&name).with_extension("embeddings")
}

/// Runs a command, then deletes its output.
fn timed(command: &mut Command, made: &[&Path]) -> Result<Took> {
    let usage = measure(command)?;
    for path in made {
        match path.is_dir() {
            true => fs_err::remove_dir_all(path)?,
            false => fs_err::remove_file(path)?,
        }
    }
    Ok([usage.seconds, usage.cpu_seconds])
}

fn section(cases: &[Case<'_>], repeats: usize) -> Section {
    let row = |case: &Case<'_>| {
        let of = |side: usize, what: usize| median(case.took[side].iter().map(|took| took[what]));
        let ratio = |what: usize| format!("{:.3}×", of(1, what) / of(0, what));
        vec![case.name.clone(), format!("{:.3}", of(0, 0)), format!("{:.3}", of(1, 0)), ratio(0), ratio(1)]
    };
    Section {
        page: "correctness",
        title: "This build compared with an earlier one",
        about: format!(
            "Both programs alternate in one run; medians of {repeats}. Commands in seconds, engines in milliseconds for each \
             call. Ratios above 1 are slower than before."
        ),
        columns: vec!["what", "before", "now", "wall time", "CPU time"],
        rows: cases.iter().map(row).collect(),
        remarks: vec![format!("`{BEFORE}` is the path of a program built from an earlier commit.")],
    }
}
