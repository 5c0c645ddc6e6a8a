//! `cargo xtask check`: everything that is checked without running the program.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{cargo, repository, run as run_program};
use crate::tools::{self, DENY, TYPOS, Tool};

/// What became of a check that did not fail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// Its program is missing and cannot be installed.
    LeftOut,
}

/// A check: its name, and what runs it.
type Check = (&'static str, fn() -> Result<Outcome>);

/// Quick ones first.
const CHECKS: [Check; 5] = [
    ("formatting", formatting),
    ("spelling", spelling),
    ("licences", dependencies),
    ("lints", lints),
    ("documentation", documentation),
];

/// Runs all checks, also after one has failed.
///
/// `gpu` adds type checks of the builds with GPU features, whose dependencies take many minutes to compile.
///
/// # Errors        a check failed, or was left out where `CI` is set; the error names all of them
pub(crate) fn run(gpu: bool) -> Result<()> {
    let gpu_checks: &[Check] = if gpu { &[("GPU types", gpu_types)] } else { &[] };
    let (mut failed, mut left_out) = (Vec::new(), Vec::new());
    for (name, check) in CHECKS.iter().chain(gpu_checks) {
        match check() {
            Ok(Outcome::Passed) => {}
            Ok(Outcome::LeftOut) => left_out.push(*name),
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    if !failed.is_empty() {
        bail!("{} of the checks failed:\n  {}", failed.len(), failed.join("\n  "));
    }
    match left_out.is_empty() {
        true => println!("all checks passed"),
        false => println!("all checks passed, but these were left out: {}", left_out.join(", ")),
    }
    Ok(())
}

fn formatting() -> Result<Outcome> {
    tools::ensure_component("fmt", "rustfmt")?;
    passes(&mut cargo(&["fmt", "--all", "--check"]))
}

fn spelling() -> Result<Outcome> {
    with_tool(&TYPOS, &[])
}

/// Licences, duplicate versions and sources of all dependencies, those of the GPU builds included.
///
/// Advisories are not checked. Their database is a Git repository outside the package registries, so machines that reach
/// only those cannot fetch it. It also changes every day: the same commit would pass today and fail tomorrow.
/// `cargo deny check advisories` checks them where the database can be fetched.
fn dependencies() -> Result<Outcome> {
    with_tool(&DENY, &["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
}

fn lints() -> Result<Outcome> {
    tools::ensure_component("clippy", "clippy")?;
    passes(&mut cargo(&["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn documentation() -> Result<Outcome> {
    let mut documentation = cargo(&["doc", "--release", "--workspace", "--no-deps"]);
    passes(documentation.env("RUSTDOCFLAGS", "-D warnings"))
}

fn gpu_types() -> Result<Outcome> {
    for feature in ["cuda", "wgpu"] {
        let mut check = cargo(&["check", "--release", "--package", "likeness-cli", "--features", feature]);
        // Burn's CUDA backend downloads LLVM when it is built, but not when only documentation or types are needed.
        run_program(check.env("DOCS_RS", "1"))?;
    }
    Ok(Outcome::Passed)
}

fn passes(command: &mut Command) -> Result<Outcome> {
    run_program(command).map(|()| Outcome::Passed)
}

/// Runs a tool in the repository. A tool that cannot be installed is an error in CI, and reported elsewhere.
fn with_tool(tool: &Tool, args: &[&str]) -> Result<Outcome> {
    match tools::find_or_install(tool) {
        Ok(file) => passes(Command::new(file).args(args).current_dir(repository())),
        Err(error) if std::env::var_os("CI").is_some() => Err(error),
        Err(error) => {
            eprintln!("LEFT OUT: {error:#}");
            Ok(Outcome::LeftOut)
        }
    }
}
