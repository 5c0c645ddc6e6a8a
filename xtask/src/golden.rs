//! `cargo xtask golden`: regenerates the expected values of the golden tests and reports which files changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{repository, run as run_program};
use crate::python;

/// Runs the command.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    let venv = match args {
        [] => None,
        ["--venv", folder] => Some(*folder),
        _ => bail!("expected golden [--venv DIR]"),
    };
    let python = python::environment(venv)?;
    let mut changed = 0;
    for case in cases()? {
        let before = contents(&case)?;
        let mut generate = Command::new(&python);
        generate.arg("generate.py").current_dir(&case).env("PYTHONDONTWRITEBYTECODE", "1");
        run_program(&mut generate)?;
        changed += report(&case, &before, &contents(&case)?);
    }
    println!("{changed} files changed");
    Ok(())
}

/// The folders `crates/*/tests/golden/*` that contain a generator, sorted.
fn cases() -> Result<Vec<PathBuf>> {
    let mut cases = Vec::new();
    for package in folders(&repository().join("crates"))? {
        let golden = package.join("tests/golden");
        if golden.is_dir() {
            cases.extend(folders(&golden)?.into_iter().filter(|case| case.join("generate.py").is_file()));
        }
    }
    Ok(cases)
}

fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(parent)? {
        found.push(entry?.path());
    }
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}

fn contents(case: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs_err::read_dir(case)? {
        let path = entry?.path();
        if path.is_file() {
            files.insert(path.clone(), fs_err::read(&path)?);
        }
    }
    Ok(files)
}

/// Prints the files that changed or are new, and returns their number.
fn report(case: &Path, before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> usize {
    let root = repository();
    let changed: Vec<_> = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).collect();
    for (path, _) in &changed {
        let word = if before.contains_key(*path) { "changed" } else { "new" };
        println!("{word}    {}", path.strip_prefix(&root).unwrap_or(path).display());
    }
    if changed.is_empty() {
        println!("the same   {}", case.strip_prefix(&root).unwrap_or(case).display());
    }
    changed.len()
}
