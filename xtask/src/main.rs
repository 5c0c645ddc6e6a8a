//! The developers' gate: `cargo xtask check | test | golden | bench`.
//!
//! Each command lies in a file of its own; `process` runs programs, `python` keeps the reference environment.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod bench;
mod check;
mod golden;
mod process;
mod python;
mod readme;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  check                      formatting, lints, documentation, spelling, licences
  test                       every test, and the README's commands; what CI runs
  golden [--venv DIR]        makes the expected values of the golden tests again, with Python
  bench [NAME…] [OPTIONS]    measures; without a name everything but training, which takes hours and goes on where it was
      --venv DIR             Python environment [default: one in the user's cache folder]
      --repeats N            repetitions, of which the median counts [default: 3]
      --device DEVICE        what the benches that train do it on: cpu, cuda or wgpu [default: cpu]
      --program FILE         measures this program instead of building one
      --write                writes the tables into docs/results/

Benches: retrieval, prepare, match, help, sampling, detectors, faces, pipeline, memory,
engines, disk, start, step, quantize, training, drawn, domains, restyled, versions
(beside the earlier program that LIKENESS_BEFORE names).";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check::run(),
        ["test"] => test::run(),
        ["golden", rest @ ..] => golden::run(rest),
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
