//! The program `likeness`: finds pictures of the same person, or of the same thing, in a collection.
//!
//! The operations are in the library `likeness`. [`args`] defines the flags and converts them to options; [`commands`] has one
//! file per command; [`config`] reads defaults of flags from the environment and the configuration file; [`mod@print`] is the only module that prints; [`output`] checks which files may be written;
//! [`signals`] handles Ctrl-C. Data goes to stdout, everything else to stderr.
// Tests write files of every kind.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod args;
mod commands;
mod config;
mod failure;
mod output;
mod print;
mod progress;
mod signals;
mod today;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

use config::{Config, ConfigError};

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
    let config = Config::load(&args::Args::command(), &config::environment);
    let (args, matches) = match parse(config.as_ref().ok()) {
        Ok(parsed) => parsed,
        Err(code) => return ExitCode::from(code),
    };
    let settings = config.as_ref().map_or_else(|_| Vec::new(), |config| config.in_effect(&matches));
    ExitCode::from(match run(args.command, config) {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Missed) => 1,
        #[cfg(feature = "train")]
        Ok(Outcome::Interrupted) => signals::exit_code().unwrap_or(FAILED),
        Err(error) => {
            failure::print(&error, &settings);
            // A command that a signal stopped half-way returns an error.
            signals::exit_code().unwrap_or(FAILED)
        }
    })
}

/// Runs the command. Invalid settings are an error of every command but `config path`.
fn run(command: args::Command, config: Result<Config, ConfigError>) -> anyhow::Result<Outcome> {
    if let args::Command::Config(args) = command {
        return commands::config::run(args.action, config);
    }
    config?;
    let stop = signals::listen();
    match command {
        args::Command::Find(args) => commands::find::run(args, stop),
        args::Command::Identify(args) => commands::identify::run(args, stop),
        args::Command::Gallery(args) => commands::gallery::run(args.action, stop),
        args::Command::Search(args) => commands::search::run(args, stop),
        args::Command::People(args) => commands::people::run(args, stop),
        args::Command::Prepare(args) => commands::prepare::run(args, stop),
        args::Command::Inspect(args) => commands::inspect::run(args, stop),
        #[cfg(feature = "train")]
        args::Command::Train(args) => commands::train::run(*args, stop),
        args::Command::Adapt(args) => commands::adapt::run(*args, stop),
        args::Command::Detect(args) => commands::detect::run(args, stop),
        args::Command::Embed(args) => commands::embed::run(args, stop),
        args::Command::Match(args) => commands::match_::run(args, stop),
        args::Command::Evaluate(args) => commands::evaluate::run(args, stop),
        args::Command::Compare(args) => commands::compare::run(args, stop),
        args::Command::Calibrate(args) => commands::calibrate::run(args, stop),
        args::Command::Report(args) => commands::report::run(args, stop),
        args::Command::Models(args) => commands::models::run(args, stop),
        args::Command::Demo(args) => commands::demo::run(args, stop),
        // Handled above, without settings.
        args::Command::Config(_) => Ok(Outcome::Done),
    }
}

/// Parses the command line, with the settings of `config` as defaults. Returns the exit code for help, version and errors.
fn parse(config: Option<&Config>) -> Result<(args::Args, ArgMatches), u8> {
    let command = args::Args::command();
    let command = config.map_or_else(|| config::with_switches(command.clone()), |c| c.apply(command.clone()));
    let matches = command.clone().try_get_matches().map_err(|error| usage(&error, &command))?;
    match args::Args::from_arg_matches(&matches) {
        Ok(mut args) => {
            if let Some(model) = args.command.model_mut() {
                model.is_default = config::is_default("model", &matches);
                model.settings.engine_is_default = config::is_default("engine", &matches);
            }
            if let args::Command::Gallery(gallery) = &mut args.command
                && let Some(reading) = gallery.action.reading_mut()
            {
                reading.model_is_default = config::is_default("model", &matches);
            }
            Ok((args, matches))
        }
        Err(error) => Err(usage(&error, &command)),
    }
}

/// Prints the help, version or error of clap for `command`. Returns the exit code.
fn usage(error: &clap::Error, command: &clap::Command) -> u8 {
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
    if let Err(error) = command.clone().try_get_matches_from(visible) {
        let _ = error.print();
    }
    FAILED
}
