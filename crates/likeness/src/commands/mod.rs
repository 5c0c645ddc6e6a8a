//! One file a command.

pub(crate) mod demo;
pub(crate) mod detect;
pub(crate) mod embed;
pub(crate) mod evaluate;
pub(crate) mod match_;
pub(crate) mod models;
pub(crate) mod prepare;

use anyhow::Context;

/// Prints one JSON document to stdout.
#[allow(clippy::print_stdout)]
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value).context("cannot write the answer as JSON")?);
    Ok(())
}
