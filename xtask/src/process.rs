//! Runs programs: prints each command line, and turns a failure into an error.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask is in the repository").to_owned()
}

/// A cargo command in the repository, by the toolchain that built xtask.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(repository());
    command
}

/// Runs `command` to its end. Its output goes where ours goes.
///
/// # Errors        it cannot be started, or its exit status is not 0
pub(crate) fn run(command: &mut Command) -> Result<()> {
    eprintln!("$ {}", shown(command));
    let status = command.status().with_context(|| format!("{} does not start", shown(command)))?;
    ensure!(status.success(), "{} ended with {status}", shown(command));
    Ok(())
}

/// Runs `command` and returns what it printed to stdout.
///
/// # Errors        as [`run`], with the end of its stderr
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{} does not start", shown(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}: {}", shown(command), output.status, stderr.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no text", shown(command)))
}

/// Builds the program and returns its path.
pub(crate) fn build_likeness() -> Result<PathBuf> {
    // The whole workspace, as for the tests: a single package has other features, and Burn would be built again.
    run(&mut cargo(&["build", "--release", "--workspace", "--bin", "likeness"]))?;
    Ok(target()?.join("release").join(format!("likeness{}", std::env::consts::EXE_SUFFIX)))
}

/// The folder that cargo builds into.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(PathBuf::from(target))
}

/// The folder with the data that is not in the repository: `LIKENESS_SHARED`, or `../shared` beside the repository.
///
/// # Errors        `LIKENESS_SHARED` is set but names no folder
pub(crate) fn shared() -> Result<Option<PathBuf>> {
    match std::env::var_os("LIKENESS_SHARED") {
        Some(named) => {
            let folder =
                fs_err::canonicalize(PathBuf::from(named)).context("LIKENESS_SHARED names no folder")?;
            Ok(Some(folder))
        }
        None => Ok(fs_err::canonicalize(repository().join("../shared")).ok()),
    }
}

/// A folder for the files of one run, deleted when the value is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An empty folder in the system's temporary folder.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("likeness-{name}-{}", std::process::id()));
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        fs_err::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// A path below it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs_err::remove_dir_all(&self.0) {
            eprintln!("note: {error}");
        }
    }
}

/// The command line, with the name of the program instead of its path.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
