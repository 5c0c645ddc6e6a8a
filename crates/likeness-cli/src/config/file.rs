//! Finds and reads the configuration file: TOML, one line for each setting.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{ConfigError, FILE_VARIABLE, Key, Kind, Origin, Setting, resolve};

/// Maximum size of a configuration file. It has a line for each setting, and comments.
const LIMIT_BYTES: u64 = 1 << 20;

/// Looks an environment variable up; an empty one is not set.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The place of the configuration file: that of `LIKENESS_CONFIG`, else the folder for users' settings on this system
/// (XDG Base Directory Specification, Application Support on macOS, the local application data on Windows).
pub(super) fn place(set: Lookup) -> Option<PathBuf> {
    if let Some(named) = set(FILE_VARIABLE) {
        return Some(named.into());
    }
    let absolute = |name: &str| set(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = if cfg!(windows) {
        set("LOCALAPPDATA").map(PathBuf::from)
    } else {
        // The specification requires relative paths to be ignored.
        absolute("XDG_CONFIG_HOME").or_else(|| {
            let below = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
            absolute("HOME").map(|home| home.join(below))
        })
    };
    folder.map(|folder| folder.join("likeness").join("config.toml"))
}

/// The settings in the configuration file; none if the file does not exist and `LIKENESS_CONFIG` does not name it.
///
/// # Errors        a file that is missing, unreadable or no TOML, a key that is not in `known`, a value of another type
pub(super) fn read(known: &[&'static Key], set: Lookup) -> Result<Vec<Setting>, ConfigError> {
    let Some(path) = place(set) else { return Ok(Vec::new()) };
    let Some(bytes) = contents(&path, set(FILE_VARIABLE).is_some())? else { return Ok(Vec::new()) };
    let text = match str::from_utf8(&bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            return Err(ConfigError::FileNotUtf8 { path, line });
        }
    };
    let file = File { path: &path, text, home: set(if cfg!(windows) { "USERPROFILE" } else { "HOME" }) };
    file.settings(known)
}

/// The bytes of the file at `path`; `None` if there is none and it is not `required`.
fn contents(path: &Path, required: bool) -> Result<Option<Vec<u8>>, ConfigError> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    if path.is_dir() {
        return Err(ConfigError::Folder { path: path.to_owned() });
    }
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => {
            return if required { Err(ConfigError::Missing { path: path.to_owned() }) } else { Ok(None) };
        }
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    file.take(LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LIMIT_BYTES {
        true => Err(ConfigError::TooLarge { path: path.to_owned(), limit_bytes: LIMIT_BYTES }),
        false => Ok(Some(bytes)),
    }
}

/// The text of a configuration file.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    /// The user's home folder, for which `~/` stands.
    home: Option<OsString>,
}

impl File<'_> {
    fn settings(&self, known: &[&'static Key]) -> Result<Vec<Setting>, ConfigError> {
        let table = DeTable::parse(self.text).map_err(|error| ConfigError::Syntax {
            path: self.path.to_owned(),
            line: self.line(error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        })?;
        let mut settings = Vec::new();
        for (name, value) in table.get_ref() {
            let line = self.line(name.span().start);
            let Some(key) = known.iter().find(|key| key.name == name.get_ref().as_ref()) else {
                return Err(self.unknown(name.get_ref(), value.get_ref(), line, known));
            };
            let value = Some(self.value(key, value.get_ref(), line)?);
            settings.push(Setting { key, value, origin: Origin::File { path: self.path.to_owned(), line } });
        }
        Ok(settings)
    }

    /// The number of the line at `offset`, counted from 1.
    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    /// The value of `key` as text, as its flag expects it.
    fn value(&self, key: &'static Key, value: &DeValue, line: usize) -> Result<OsString, ConfigError> {
        let base = || self.path.parent().unwrap_or(Path::new(""));
        let located = |text: &str| resolve(text, base(), self.home.as_deref()).into_os_string();
        match (key.kind, value) {
            (Kind::Switch, DeValue::Boolean(on)) => Ok(on.to_string().into()),
            (Kind::Number, DeValue::Integer(number)) => {
                let decimal = i128::from_str_radix(number.as_str(), number.radix());
                Ok(decimal.map_or_else(|_| number.to_string(), |decimal| decimal.to_string()).into())
            }
            (Kind::Text | Kind::Path | Kind::NameOrFile, DeValue::String(text)) if text.is_empty() => {
                Err(self.wrong_type(key, "an empty string", line))
            }
            (Kind::Text, DeValue::String(text)) => Ok(text.as_ref().into()),
            (Kind::NameOrFile, DeValue::String(text)) if !text.contains(std::path::is_separator) => {
                Ok(text.as_ref().into())
            }
            (Kind::Path | Kind::NameOrFile, DeValue::String(text)) => Ok(located(text)),
            (_, other) => Err(self.wrong_type(key, &with_article(other.type_str()), line)),
        }
    }

    fn wrong_type(&self, key: &'static Key, found: &str, line: usize) -> ConfigError {
        let (expected, example) = match key.kind {
            Kind::Switch => ("true or false", "true"),
            Kind::Number => ("an integer", "1000"),
            Kind::Text => ("a string", "\"…\""),
            Kind::Path => ("a path as a string", "'…'"),
            Kind::NameOrFile => ("a name or a path as a string", "'…'"),
        };
        ConfigError::WrongType {
            path: self.path.to_owned(),
            line,
            key: key.name,
            expected,
            found: found.to_owned(),
            hint: format!("write a line like `{} = {example}`, or remove the line", key.name),
        }
    }

    fn unknown(&self, name: &str, value: &DeValue, line: usize, known: &[&'static Key]) -> ConfigError {
        let names: Vec<_> = known.iter().map(|key| key.name).collect();
        let start = if value.is_table() { "settings are in no section; " } else { "" };
        ConfigError::UnknownKey {
            path: self.path.to_owned(),
            line,
            key: toml::Value::String(name.to_owned()).to_string(),
            hint: format!("{start}the settings are {}", names.join(", ")),
        }
    }
}

/// The name of a TOML type with its article.
fn with_article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}
