//! `cargo xtask test`: every test and the README's commands, from a fresh machine on.
//!
//! The output ends with cargo's own `test result:` lines; whatever fails makes the exit status non-zero.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{self, cargo, succeeds};
use crate::readme;

/// A program that the tests need, and the Debian packages it comes from.
struct Needed {
    program: &'static str,
    packages: &'static [&'static str],
}

/// What a Rust toolchain does not bring: a compiler and linker for C.
const NEEDED: [Needed; 1] = [Needed { program: "cc", packages: &["gcc", "libc6-dev"] }];

/// Runs the command.
pub(crate) fn run() -> Result<()> {
    for missing in ensure(&NEEDED) {
        eprintln!("MISSING: {missing}");
    }
    let mut failed = Vec::new();
    if let Err(error) = readme::check() {
        eprintln!("FAILED: {error:#}");
        failed.push(format!("{error:#}"));
    }
    if let Err(error) = tests() {
        failed.push(format!("{error:#}"));
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("{}", failed.join("\n")),
    }
}

/// The variable that names ONNX Runtime's library, and what the tests that load it have in their names.
const LIBRARY: (&str, &str) = ("ORT_DYLIB_PATH", "with_onnxruntime");

/// Every unit, integration and documentation test; those on real data and on ONNX Runtime where these are there.
fn tests() -> Result<()> {
    let test = || cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
    let (variable, name) = LIBRARY;
    let library = std::env::var_os(variable).is_some();
    if !library {
        eprintln!("{variable} is not set: the tests that load ONNX Runtime are left out");
    }
    match process::shared()? {
        Some(folder) => {
            eprintln!("LIKENESS_SHARED is there: the tests that need it run too");
            let mut test = test();
            test.env("LIKENESS_SHARED", folder).args(["--", "--include-ignored"]);
            process::run(if library { &mut test } else { test.args(["--skip", name]) })
        }
        None => {
            eprintln!(
                "LIKENESS_SHARED is not set and ../shared is not there: the tests that need it are reported as ignored"
            );
            process::run(&mut test())?;
            if library { process::run(test().args([name, "--", "--ignored"])) } else { Ok(()) }
        }
    }
}

/// Installs what is missing where that is possible; says of the rest why it is missing.
fn ensure(needed: &[Needed]) -> Vec<String> {
    let mut missing = Vec::new();
    for need in needed.iter().filter(|need| !is_there(need.program)) {
        let packages = need.packages.join(" ");
        match install(need.packages) {
            Ok(()) if is_there(need.program) => {}
            Ok(()) => missing.push(format!("{} is missing although {packages} is installed", need.program)),
            Err(error) => {
                missing.push(format!("{} ({packages}) could not be installed: {error:#}", need.program))
            }
        }
    }
    missing
}

fn is_there(program: &str) -> bool {
    succeeds(Command::new(program).arg("--version"))
}

/// # Errors        not root, no apt-get, or apt-get's own
fn install(packages: &[&str]) -> Result<()> {
    if !is_there("apt-get") {
        bail!("there is no apt-get");
    }
    if process::output(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("only root may; try: sudo apt-get install {}", packages.join(" "));
    }
    process::run(Command::new("apt-get").args(["update", "-qq"]))?;
    let quiet = ["install", "-y", "-qq", "--no-install-recommends"];
    process::run(Command::new("apt-get").args(quiet).args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}
