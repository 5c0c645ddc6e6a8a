//! `cargo xtask check`: everything that is judged without running the program.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{self, cargo, succeeds};

/// Runs every check, the others too when one fails, and names those that failed.
pub(crate) fn run() -> Result<()> {
    let mut failed = Vec::new();
    for mut step in steps() {
        if let Err(error) = process::run(&mut step) {
            failed.push(format!("{error:#}"));
        }
    }
    if !failed.is_empty() {
        bail!("{} of the checks failed:\n  {}", failed.len(), failed.join("\n  "));
    }
    println!("all checks passed");
    Ok(())
}

fn steps() -> Vec<Command> {
    let mut documentation = cargo(&["doc", "--release", "--no-deps", "--workspace"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    let lints = ["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
    // Burn's CUDA backend fetches LLVM when it is built, but not where only documentation or types are looked at.
    let gpu = |feature| {
        let mut check = cargo(&["check", "--release", "--package", "likeness-cli", "--features", feature]);
        check.env("DOCS_RS", "1");
        check
    };
    let mut steps = vec![cargo(&["fmt", "--all", "--check"]), cargo(&lints), documentation];
    steps.extend(["cuda", "wgpu"].map(gpu));
    steps.extend(spelling());
    steps.extend(dependencies());
    steps
}

fn spelling() -> Option<Command> {
    if !succeeds(Command::new("typos").arg("--version")) {
        left_out("spelling", "cargo install typos-cli --locked");
        return None;
    }
    let mut typos = Command::new("typos");
    typos.current_dir(process::repository());
    Some(typos)
}

fn dependencies() -> Vec<Command> {
    if !succeeds(&mut cargo(&["deny", "--version"])) {
        left_out("licences, bans, sources and advisories", "cargo install cargo-deny --locked");
        return Vec::new();
    }
    let mut steps = vec![cargo(&["deny", "check", "licenses", "bans", "sources"])];
    if succeeds(&mut cargo(&["deny", "fetch", "db"])) {
        steps.push(cargo(&["deny", "check", "--disable-fetch", "advisories"]));
    } else {
        eprintln!("LEFT OUT: advisories; their database cannot be reached");
    }
    steps
}

fn left_out(what: &str, install: &str) {
    eprintln!("LEFT OUT: {what}; the program is not installed. To have it: {install}");
}
