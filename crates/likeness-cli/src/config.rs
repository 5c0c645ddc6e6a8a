//! Defaults of flags that the user sets by environment variables and by a configuration file.
//!
//! A flag on the command line wins over the environment variable, which wins over the configuration file, which wins over the
//! built-in default. [`Config::load`] reads variables and file, and checks every value with the parser of its flag; [`flags`]
//! makes the values the defaults of the flags, so that commands and help see them like built-in defaults; [`file`] finds and
//! reads the file; [`error`] has the errors.

pub(crate) mod error;
mod file;
mod flags;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};

pub(crate) use error::ConfigError;
pub(crate) use flags::{is_default, with_switches};

/// The environment variable that names the configuration file.
pub(crate) const FILE_VARIABLE: &str = "LIKENESS_CONFIG";

/// Every setting, in the order of `config show`. A setting has the name of its flag.
const KEYS: [Key; 14] = [
    Key::new("model", Kind::NameOrFile),
    Key::new("detector", Kind::NameOrFile),
    Key::new("models", Kind::Path),
    Key::new("commercial", Kind::Switch),
    Key::new("flips", Kind::Switch),
    Key::new("cache", Kind::Path),
    Key::new("engine", Kind::Text),
    // The engine reads ORT_DYLIB_PATH itself.
    Key { read_elsewhere: Some("ORT_DYLIB_PATH"), ..Key::new("engine-library", Kind::Path) },
    Key::new("engine-device", Kind::Text),
    Key::new("device", Kind::Text),
    Key::new("threads", Kind::Number),
    Key::new("max-memory", Kind::Number),
    Key::new("max-width", Kind::Number),
    Key::new("max-height", Kind::Number),
];

/// The description of a setting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Name in the configuration file, and of the flag without `--`.
    pub(crate) name: &'static str,
    kind: Kind,
    /// A further environment variable of the same meaning, which another part of the program reads.
    read_elsewhere: Option<&'static str>,
}

/// The type of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A string.
    Text,
    /// A file or folder.
    Path,
    /// A name without a path separator, or the path of a file.
    NameOrFile,
    /// An integer.
    Number,
    /// A boolean; its flag has no value, or the value `true` or `false`.
    Switch,
}

impl Key {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, read_elsewhere: None }
    }

    /// The environment variable of the setting: `LIKENESS_ENGINE_LIBRARY` for `engine-library`.
    pub(crate) fn variable(&self) -> String {
        format!("LIKENESS_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The program.
    Default,
    /// This environment variable.
    Variable(String),
    /// This line of the configuration file.
    File { path: PathBuf, line: usize },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// The value of a setting, with its origin.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) key: &'static Key,
    /// `None` if the flag has no default value.
    pub(crate) value: Option<OsString>,
    pub(crate) origin: Origin,
}

impl Setting {
    /// The value as TOML writes it; `None` without a value.
    pub(crate) fn as_toml(&self) -> Option<String> {
        let value = self.value.as_ref()?.to_string_lossy();
        Some(match self.key.kind {
            Kind::Switch => flags::is_true(&value).to_string(),
            Kind::Number => value.into_owned(),
            Kind::Text | Kind::Path | Kind::NameOrFile => toml::Value::String(value.into_owned()).to_string(),
        })
    }

    /// The value as JSON; null without a value.
    pub(crate) fn as_json(&self) -> serde_json::Value {
        let Some(value) = &self.value else { return serde_json::Value::Null };
        let value = value.to_string_lossy();
        match self.key.kind {
            Kind::Switch => flags::is_true(&value).into(),
            // A number beyond 64 bits is in no flag's range.
            Kind::Number => value.parse::<u64>().map_or(serde_json::Value::Null, Into::into),
            Kind::Text | Kind::Path | Kind::NameOrFile => value.into(),
        }
    }
}

/// The settings, as environment and configuration file define them.
#[derive(Debug)]
pub(crate) struct Config {
    settings: Vec<Setting>,
}

impl Config {
    /// Reads the environment through `variable`, and the configuration file. `command` is the program's command line, which
    /// defines the built-in defaults and the parsers of values.
    ///
    /// # Errors        an unreadable file, an unknown setting, a value that the flag rejects
    pub(crate) fn load(
        command: &Command,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let known: Vec<&'static Key> = KEYS.iter().filter(|key| flags::is_known(key, command)).collect();
        let in_file = file::read(&known, &set)?;
        let mut settings = Vec::new();
        for key in known {
            let from_file = in_file.iter().find(|setting| setting.key == key).cloned();
            let setting = match (from_variable(key, &set)?, from_file) {
                (Some(setting), _) | (None, Some(setting)) => setting,
                (None, None) => {
                    let value = flags::built_in(key, command);
                    Setting { key, value, origin: Origin::Default }
                }
            };
            settings.push(setting);
        }
        // A wrong value in the file is an error even if a variable overrides it.
        for setting in settings.iter().chain(&in_file) {
            flags::check(setting, command)?;
        }
        Ok(Self { settings })
    }

    /// Every setting, in a fixed order.
    pub(crate) fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Makes the settings the defaults of the flags of `command` and of its subcommands.
    pub(crate) fn apply(&self, command: Command) -> Command {
        flags::with_defaults(with_switches(command), &self.settings)
    }

    /// The settings that apply to the parsed command: those from variables and the file whose flag the command has and the
    /// command line does not set.
    pub(crate) fn in_effect(&self, matches: &ArgMatches) -> Vec<Setting> {
        self.settings
            .iter()
            .filter(|setting| setting.origin != Origin::Default && is_default(setting.key.name, matches))
            .cloned()
            .collect()
    }
}

/// The setting that an environment variable defines.
fn from_variable(
    key: &'static Key,
    set: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<Setting>, ConfigError> {
    let names = std::iter::once(key.variable()).chain(key.read_elsewhere.map(str::to_owned));
    let Some((name, value)) = names.into_iter().find_map(|name| set(&name).map(|value| (name, value))) else {
        return Ok(None);
    };
    if key.kind != Kind::Path && value.to_str().is_none() {
        return Err(ConfigError::VariableNotUtf8 { name, value: value.to_string_lossy().into_owned() });
    }
    Ok(Some(Setting { key, value: Some(value), origin: Origin::Variable(name) }))
}

/// The place of the configuration file, which need not exist; `None` if the environment names no folder for it.
pub(crate) fn file_place() -> Option<PathBuf> {
    file::place(&|name| environment(name).filter(|value| !value.is_empty()))
}

/// The value of an environment variable of this process.
pub(crate) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The prose default of a setting without a value, such as `one per core`.
pub(crate) fn prose_default(key: &Key, command: &Command) -> Option<String> {
    flags::prose_default(key, command)
}

/// `path` below the home folder if it starts with `~/`, else below `base` if it is relative.
fn resolve(path: &str, base: &Path, home: Option<&OsStr>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => base.join(path),
    }
}

#[cfg(test)]
mod tests;
