//! Settings as defaults of command-line flags.

use std::ffi::OsString;

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{ConfigError, KEYS, Key, Kind, Origin, Setting};
use crate::print::visible;

/// Start of the part of a flag's help that describes its default in words.
const PROSE: &str = " [default: ";

/// Whether a command of this build has the flag of `key`. The training device is known to a build without training, too, so
/// that one configuration file serves both.
pub(super) fn is_known(key: &Key, command: &Command) -> bool {
    key.name == "device" || !args_of(key, command).is_empty()
}

/// The flag of `key` in `command` and in all subcommands.
fn args_of<'a>(key: &Key, command: &'a Command) -> Vec<&'a Arg> {
    let own = command.get_arguments().filter(|arg| arg.get_long() == Some(key.name));
    own.chain(command.get_subcommands().flat_map(|command| args_of(key, command))).collect()
}

/// The built-in default value of a setting. A hidden default stands for something that the help describes in words.
pub(super) fn built_in(key: &Key, command: &Command) -> Option<OsString> {
    let args = args_of(key, command);
    if key.kind == Kind::Switch {
        return Some("false".into());
    }
    let shown = args.iter().filter(|arg| !arg.is_hide_default_value_set());
    shown.flat_map(|arg| arg.get_default_values()).next().map(|value| value.to_os_string())
}

/// The default that the help of the flag describes in words.
pub(super) fn prose_default(key: &Key, command: &Command) -> Option<String> {
    args_of(key, command).iter().find_map(|arg| {
        let help = arg.get_help()?.to_string();
        let (_, prose) = help.strip_suffix(']')?.rsplit_once(PROSE)?;
        Some(prose.to_owned())
    })
}

/// Checks the value of `setting` with the parser of each flag of its name.
pub(super) fn check(setting: &Setting, command: &Command) -> Result<(), ConfigError> {
    let Some(value) = &setting.value else { return Ok(()) };
    if setting.origin == Origin::Default || is_read_elsewhere(setting) {
        return Ok(());
    }
    for arg in args_of(setting.key, command) {
        let parser = match setting.key.kind {
            Kind::Switch => BoolishValueParser::new().into(),
            _ => arg.get_value_parser().clone(),
        };
        let flag = Arg::new("value").long("value").action(ArgAction::Set).value_parser(parser);
        let mut assigned = OsString::from("--value=");
        assigned.push(value);
        let only = Command::new("check").arg(flag).no_binary_name(true);
        if let Err(error) = only.try_get_matches_from([assigned]) {
            return Err(ConfigError::Invalid {
                origin: setting.origin.clone(),
                key: setting.key.name,
                value: match &setting.origin {
                    Origin::Variable(_) => value.to_string_lossy().into_owned(),
                    _ => setting.as_toml().unwrap_or_default(),
                },
                reason: reason(setting.key, &error),
            });
        }
    }
    Ok(())
}

/// The reason in an error of a value's parser.
fn reason(key: &Key, error: &clap::Error) -> String {
    if key.kind == Kind::Switch {
        return "expected true or false".to_owned();
    }
    match (error.kind(), error.get(ContextKind::ValidValue), std::error::Error::source(error)) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(names)), _) if !names.is_empty() => {
            format!("expected one of {}", names.join(", "))
        }
        (_, _, Some(source)) => source.to_string(),
        _ => "the value cannot be parsed".to_owned(),
    }
}

/// Whether another part of the program reads the variable that defines `setting`.
fn is_read_elsewhere(setting: &Setting) -> bool {
    matches!(&setting.origin, Origin::Variable(name) if Some(name.as_str()) == setting.key.read_elsewhere)
}

/// Lets the flags of boolean settings have a value: `--flips=false` overrides a setting.
pub(crate) fn with_switches(command: Command) -> Command {
    let is_switch = |arg: &Arg| {
        let named = |key: &Key| key.kind == Kind::Switch && arg.get_long() == Some(key.name);
        KEYS.iter().any(named)
    };
    command
        .mut_args(|arg| match is_switch(&arg) {
            true => arg
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_value("false")
                .default_missing_value("true")
                .value_name("BOOL")
                .value_parser(BoolishValueParser::new())
                .hide_default_value(true)
                .hide_possible_values(true),
            false => arg,
        })
        .mut_subcommands(with_switches)
}

/// Makes the settings that have an origin outside the program the defaults of the flags of `command` and its subcommands.
pub(super) fn with_defaults(command: Command, settings: &[Setting]) -> Command {
    let of = |arg: &Arg| {
        let named = settings.iter().find(|setting| arg.get_long() == Some(setting.key.name));
        named.filter(|setting| setting.origin != Origin::Default && !is_read_elsewhere(setting))
    };
    command
        .mut_args(|arg| match of(&arg) {
            Some(setting) => with_default(arg, setting),
            None => arg,
        })
        .mut_subcommands(|command| with_defaults(command, settings))
}

/// Makes the setting the default of `arg`. The help names value and origin.
fn with_default(arg: Arg, setting: &Setting) -> Arg {
    let Some(value) = &setting.value else { return arg };
    let default = format!("{PROSE}{}, from {}]", value.to_string_lossy(), setting.origin);
    let described = |help: String| {
        let start = match help.ends_with(']') {
            true => help.rsplit_once(PROSE).map_or(help.as_str(), |(start, _)| start),
            false => &help,
        };
        format!("{start}{}", visible(&default))
    };
    let (short, long) = (arg.get_help(), arg.get_long_help());
    let (short, long) = (short.map(|help| help.to_string()), long.map(|help| help.to_string()));
    let arg = arg.default_value(value.clone()).hide_default_value(true);
    let arg = match short {
        Some(help) => arg.help(described(help)),
        None => arg,
    };
    match long {
        Some(help) => arg.long_help(described(help)),
        None => arg,
    }
}

/// Whether the parsed command has the flag `name` with a value that the command line does not set.
pub(crate) fn is_default(name: &str, matches: &ArgMatches) -> bool {
    let mut innermost = matches;
    while let Some((_, below)) = innermost.subcommand() {
        innermost = below;
    }
    // The id of a flag is its name with underscores.
    let id = name.replace('-', "_");
    let has = innermost.ids().any(|found| found.as_str() == id);
    has && innermost.value_source(&id) == Some(ValueSource::DefaultValue)
}

/// Whether the value of a boolean setting is true, in any of the spellings that its flag accepts.
pub(super) fn is_true(value: &str) -> bool {
    ["y", "yes", "t", "true", "on", "1"].contains(&value.to_lowercase().as_str())
}
