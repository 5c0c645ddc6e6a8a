//! The Python environment of the references: outside the repository, with the versions that `requirements.txt` pins.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{output, repository, run};

/// Says that we made an environment and may install into it.
const OURS: &str = "made-by-likeness";

/// Prints the pins of the file named first that are not installed so.
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

/// The Python of the environment in `folder`, made and filled when it is missing.
///
/// An environment that we did not make is used as it is, and never installed into.
///
/// # Errors        no Python; no way to install; another's environment with other versions
pub(crate) fn environment(folder: Option<&str>) -> Result<PathBuf> {
    let folder = folder.map_or_else(default_folder, |f| Ok(PathBuf::from(f)))?;
    let python = folder.join("bin").join("python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        fs_err::write(folder.join(OURS), "")?;
    }
    let pins = repository().join("xtask/python/requirements.txt");
    let differences = compare(&python, &pins)?;
    if differences.is_empty() {
        return Ok(python);
    }
    if !folder.join(OURS).exists() {
        bail!("{}: not the versions we compare with:\n{differences}", folder.display());
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&pins))?;
    let differences = compare(&python, &pins)?;
    match differences.is_empty() {
        true => Ok(python),
        false => bail!("{}: after installing still\n{differences}", folder.display()),
    }
}

fn compare(python: &Path, pins: &Path) -> Result<String> {
    output(Command::new(python).args(["-c", COMPARE]).arg(pins))
}

fn default_folder() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache =
        cache.or_else(home).context("no HOME to make a Python environment in; name one with --venv")?;
    Ok(cache.join("likeness").join("python"))
}
