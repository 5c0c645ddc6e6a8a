//! One file a command.

pub(crate) mod demo;
pub(crate) mod detect;
pub(crate) mod embed;
pub(crate) mod evaluate;
pub(crate) mod match_;
pub(crate) mod models;
pub(crate) mod prepare;
pub(crate) mod train;

use std::io::Write;

use anyhow::Context;

/// Prints one JSON document to stdout.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print_text(&(serde_json::to_string_pretty(value).context("cannot write the answer as JSON")? + "\n"))
}

/// Prints `text` to stdout; a reader that has seen enough and closed the pipe is no error.
pub(crate) fn print_text(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}
