//! `cargo xtask test`: every test, and the README's commands.
//!
//! The output ends with cargo's own `test result:` lines. Any failure makes the exit status non-zero.

use anyhow::{Result, bail};

use crate::heif;
use crate::process::{self, cargo};
use crate::readme;

/// Runs the command; the tests run also if the README's commands fail.
///
/// # Errors        everything that failed
pub(crate) fn run() -> Result<()> {
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

/// The environment variable with the path of ONNX Runtime's library, and a part of the name of each test that loads it.
const LIBRARY: (&str, &str) = ("ORT_DYLIB_PATH", "with_onnxruntime");

/// A part of the name of each test that needs what `cargo xtask weights` makes.
const WEIGHTS: &str = "with_weights";

/// Runs every unit, integration and documentation test. Tests that need real data or ONNX Runtime run where these exist.
fn tests() -> Result<()> {
    let test = || cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
    let has_heif = heif::is_installed();
    let (variable, name) = LIBRARY;
    let library = std::env::var_os(variable).is_some();
    if !library {
        eprintln!("{variable} is not set: tests that load ONNX Runtime are skipped");
    }
    match process::shared()? {
        Some(folder) => {
            eprintln!("running also the tests that need LIKENESS_SHARED, with {}", folder.display());
            let mut test = test();
            test.env("LIKENESS_SHARED", folder).args(["--", "--include-ignored", "--skip", WEIGHTS]);
            if !library {
                test.args(["--skip", name]);
            }
            if !has_heif {
                test.args(["--skip", heif::TESTS]);
            }
            process::run(&mut test)
        }
        None => {
            eprintln!(
                "LIKENESS_SHARED is not set and ../shared does not exist: tests that need it are reported as ignored"
            );
            process::run(&mut test())?;
            if has_heif {
                process::run(test().args([heif::TESTS, "--", "--ignored"]))?;
            }
            if library { process::run(test().args([name, "--", "--ignored"])) } else { Ok(()) }
        }
    }
}
