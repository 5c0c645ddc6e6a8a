//! `likeness config`: shows the settings of environment variables and the configuration file.

use clap::CommandFactory as _;
use serde_json::json;

use super::{print_json, print_text};
use crate::Outcome;
use crate::args::{Args, ConfigAction, ShowConfigArgs};
use crate::config::{Config, ConfigError, Origin, Setting, file_place, prose_default};
use crate::failure::hinted;
use crate::print::{print_data, say, visible};

/// Runs the command. `config path` needs no valid settings.
pub(crate) fn run(action: ConfigAction, config: Result<Config, ConfigError>) -> anyhow::Result<Outcome> {
    match action {
        ConfigAction::Show(args) => show(&args, &config?),
        ConfigAction::Path(_) => path(),
    }?;
    Ok(Outcome::Done)
}

fn show(args: &ShowConfigArgs, config: &Config) -> anyhow::Result<()> {
    if args.json {
        let settings: Vec<_> = config.settings().iter().map(document).collect();
        return print_json(&json!({ "file": file_place(), "settings": settings }));
    }
    let command = Args::command();
    let lines: Vec<String> = config.settings().iter().map(|setting| line(setting, &command)).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (line, setting) in lines.iter().zip(config.settings()) {
        match args.origin {
            true => text.push_str(&format!("{line:width$}  # {}\n", visible(&setting.origin.to_string()))),
            false => text.push_str(&format!("{line}\n")),
        }
    }
    print_text(&text)
}

/// A setting as a line of the configuration file. A setting without a value is a comment.
fn line(setting: &Setting, command: &clap::Command) -> String {
    let name = setting.key.name;
    match setting.as_toml() {
        Some(value) => format!("{name} = {value}"),
        None => format!("# {name}: {}", prose_default(setting.key, command).as_deref().unwrap_or("not set")),
    }
}

/// A setting as `--json` prints it.
fn document(setting: &Setting) -> serde_json::Value {
    let (origin, source, line) = match &setting.origin {
        Origin::Default => ("default", None, None),
        Origin::Variable(name) => ("environment", Some(name.clone()), None),
        Origin::File { path, line } => ("file", Some(path.display().to_string()), Some(line)),
    };
    json!({
        "key": setting.key.name,
        "value": setting.as_json(),
        "origin": origin,
        "source": source,
        "line": line,
        "variable": setting.key.variable(),
    })
}

fn path() -> anyhow::Result<()> {
    let Some(path) = file_place() else {
        return Err(hinted(
            "there is no folder for a configuration file",
            "set HOME, or name the file with the variable LIKENESS_CONFIG",
        ));
    };
    print_data(&format!("{}\n", path.display()))?;
    if !path.exists() {
        say("the file does not exist; `likeness config --help` shows an example");
    }
    Ok(())
}
