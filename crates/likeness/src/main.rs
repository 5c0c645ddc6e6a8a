//! `likeness`: finds pictures of the same person, or the same thing, in a collection.
//!
//! This crate is glue: [`args`] holds the flags, [`commands`] one file a command, [`input`] turns what a user names
//! into embeddings, [`grid`] and [`submit`] serve `match`. Data goes to stdout, everything else to stderr.

mod args;
mod burn_engine;
mod commands;
mod detector;
mod failure;
mod grid;
mod input;
mod interrupt;
mod preview;
mod progress;
mod submit;

use std::process::ExitCode;

use clap::Parser;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Done; exit code 0.
    Done,
    /// Ran, but a threshold that was asked for was missed; exit code 1.
    Missed,
    /// Stopped by a signal after the work in hand; exit code 130.
    Interrupted,
}

fn main() -> ExitCode {
    let args = args::Args::parse();
    let stop = interrupt::listen();
    let result = match args.command {
        args::Command::Prepare(args) => commands::prepare::run(args, stop),
        args::Command::Train(args) => commands::train::run(*args, stop),
        args::Command::Detect(args) => commands::detect::run(args, stop),
        args::Command::Embed(args) => commands::embed::run(args, stop),
        args::Command::Match(args) => commands::match_::run(args, stop),
        args::Command::Evaluate(args) => commands::evaluate::run(args, stop),
        args::Command::Models(args) => commands::models::run(args, stop),
        args::Command::Demo(args) => commands::demo::run(args, stop),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Missed) => ExitCode::from(1),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) => {
            failure::print(&error);
            ExitCode::from(2)
        }
    }
}
