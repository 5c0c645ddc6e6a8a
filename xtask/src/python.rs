//! The Python environments in the user's cache folder: one of the reference libraries, one of vector indexes, one of the tools
//! that make the built-in models. The versions are in their requirements files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{output, repository, run};

/// Name of the file that marks an environment as ours: we may install into it.
const OURS: &str = "made-by-likeness";

/// Prints every version in the requirements file that differs from the installed one.
const COMPARE: &str = "
import sys
from importlib.metadata import version, PackageNotFoundError
for line in open(sys.argv[1]):
    name, _, pin = line.strip().partition('==')
    try:
        found = version(name) if name else pin
    except PackageNotFoundError:
        found = 'nothing'
    if found != pin:
        print(f'{name}: expected {pin}, found {found}')
";

/// The Python program of the reference libraries' environment in `folder`, which is created if it is missing.
///
/// # Errors        as [`installed`]
pub(crate) fn environment(folder: Option<&str>) -> Result<PathBuf> {
    let folder = match folder {
        Some(folder) => PathBuf::from(folder),
        None => cache()?.join("python"),
    };
    installed(&folder, "xtask/python/requirements.txt")
}

/// The Python program of the environment in `folder` with the vector indexes that are compared with ours; it is created if
/// it is missing.
///
/// # Errors        as [`installed`]
pub(crate) fn index_environment(folder: Option<&str>) -> Result<PathBuf> {
    let folder = match folder {
        Some(folder) => PathBuf::from(folder),
        None => cache()?.join("python-index"),
    };
    installed(&folder, "xtask/python/index.txt")
}

/// The Python program of the environment for metric libraries: `folder`, or our own environment, which is created if it is missing.
///
/// # Errors        as [`installed`]
pub(crate) fn evaluation_environment(folder: Option<&str>) -> Result<PathBuf> {
    let folder = match folder {
        Some(folder) => PathBuf::from(folder),
        None => cache()?.join("python-evaluation"),
    };
    installed(&folder, "xtask/python/evaluation.txt")
}

/// The Python program of the environment that makes the built-in models.
///
/// # Errors        as [`installed`]
pub(crate) fn weights_environment() -> Result<PathBuf> {
    installed(&cache()?.join("python-weights"), "xtask/weights/requirements.txt")
}

/// The Python program of the environment in `folder` with the versions in the repository's file `requirements`.
///
/// We never install into an environment that we did not create.
///
/// # Errors        no Python; the installation failed; an environment that is not ours has other versions
fn installed(folder: &Path, requirements: &str) -> Result<PathBuf> {
    let python = folder.join("bin").join("python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        fs_err::write(folder.join(OURS), "")?;
    }
    let pins = repository().join(requirements);
    let differences = compare(&python, &pins)?;
    if differences.is_empty() {
        return Ok(python);
    }
    if !folder.join(OURS).exists() {
        bail!("{}: other versions than in {requirements}:\n{differences}", folder.display());
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&pins))?;
    let differences = compare(&python, &pins)?;
    match differences.is_empty() {
        true => Ok(python),
        false => bail!("{}: other versions after the installation:\n{differences}", folder.display()),
    }
}

fn compare(python: &Path, pins: &Path) -> Result<String> {
    output(Command::new(python).args(["-c", COMPARE]).arg(pins))
}

/// Our folder in the user's cache folder.
///
/// # Errors        neither `XDG_CACHE_HOME` nor `HOME` is set
pub(crate) fn cache() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = cache.or_else(home).context("no cache folder: neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(cache.join("likeness"))
}
