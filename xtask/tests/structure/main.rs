//! The structure of the workspace: which crates may depend on which, and no circles between the modules of a crate.
//!
//! `dependencies` compares `cargo metadata` with the design. `circles` reads the sources: `source` lists what a file
//! declares and names, `graph` resolves the names to files.

mod circles;
mod dependencies;
mod graph;
mod source;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The workspace's packages, as `cargo metadata` describes them.
fn packages() -> Result<Vec<Value>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array_mut().context("cargo metadata lists no packages")?;
    ensure!(!packages.is_empty(), "cargo metadata lists no packages");
    Ok(std::mem::take(packages))
}

/// A text field of a JSON object; empty where it is absent.
fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

/// The elements of an array field; none where it is absent.
fn list<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    object[field].as_array().into_iter().flatten()
}
