//! The program `likeness`: finds pictures of the same person, or of the same thing, in a collection.
//!
//! The operations are in the library `likeness`. [`args`] defines the flags and converts them to options; [`commands`] has one
//! file per command; [`mod@print`] is the only module that prints; [`output`] checks which files may be written;
//! [`signals`] handles Ctrl-C. Data goes to stdout, everything else to stderr.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod args;
mod commands;
mod failure;
mod output;
mod print;
mod progress;
mod signals;

use std::process::ExitCode;

use clap::Parser;

/// The outcome of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The command succeeded; exit code 0.
    Done,
    /// The command succeeded, but a requested threshold was missed; exit code 1.
    Missed,
    /// The command was stopped by a signal and kept its finished work; exit code 128 plus the number of the signal.
    #[cfg(feature = "train")]
    Interrupted,
}

/// Exit code of a command that failed.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return ExitCode::from(usage(&error)),
    };
    let stop = signals::listen();
    let result = match args.command {
        args::Command::Find(args) => commands::find::run(args, stop),
        args::Command::Identify(args) => commands::identify::run(args, stop),
        args::Command::Prepare(args) => commands::prepare::run(args, stop),
        #[cfg(feature = "train")]
        args::Command::Train(args) => commands::train::run(*args, stop),
        args::Command::Detect(args) => commands::detect::run(args, stop),
        args::Command::Embed(args) => commands::embed::run(args, stop),
        args::Command::Match(args) => commands::match_::run(args, stop),
        args::Command::Evaluate(args) => commands::evaluate::run(args, stop),
        args::Command::Models(args) => commands::models::run(args, stop),
        args::Command::Demo(args) => commands::demo::run(args, stop),
    };
    ExitCode::from(match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Missed) => 1,
        #[cfg(feature = "train")]
        Ok(Outcome::Interrupted) => signals::exit_code().unwrap_or(FAILED),
        Err(error) => {
            failure::print(&error);
            // A command that a signal stopped half-way returns an error.
            signals::exit_code().unwrap_or(FAILED)
        }
    })
}

/// Prints the help, version or error of clap. Returns the exit code.
fn usage(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // Help and version; a closed stdout is no error.
        let _ = error.print();
        return 0;
    }
    let args: Vec<_> = std::env::args_os().collect();
    if args.iter().all(|arg| print::visible(&arg.to_string_lossy()) == arg.to_string_lossy()) {
        let _ = error.print();
        return FAILED;
    }
    // Prints the same message, with control characters of the arguments as escapes.
    let visible = args.iter().map(|arg| print::visible(&arg.to_string_lossy()).into_owned());
    if let Err(error) = args::Args::try_parse_from(visible) {
        let _ = error.print();
    }
    FAILED
}
