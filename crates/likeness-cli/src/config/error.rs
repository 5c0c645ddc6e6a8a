//! Errors of environment variables and of the configuration file.

use std::path::PathBuf;

use super::Origin;

/// What is wrong with an environment variable or with the configuration file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file that LIKENESS_CONFIG names does not exist.
    #[error("{}: no such configuration file", path.display())]
    Missing { path: PathBuf },
    /// The place of the configuration file is a folder.
    #[error("{}: expected a configuration file, found a folder", path.display())]
    Folder { path: PathBuf },
    /// The configuration file cannot be read; the cause names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The configuration file exceeds the size limit.
    #[error("{}: expected a configuration file of at most {limit_bytes} bytes, found more", path.display())]
    TooLarge { path: PathBuf, limit_bytes: u64 },
    /// The configuration file is not UTF-8.
    #[error("{}:{line}: not valid UTF-8", path.display())]
    FileNotUtf8 { path: PathBuf, line: usize },
    /// The configuration file is not TOML.
    #[error("{}:{line}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, message: String },
    /// A key of the configuration file is no setting.
    #[error("{}:{line}: unknown setting {key}", path.display())]
    UnknownKey { path: PathBuf, line: usize, key: String, hint: String },
    /// A value in the configuration file has another type than the setting.
    #[error("{}:{line}: {key}: expected {expected}, found {found}", path.display())]
    WrongType {
        path: PathBuf,
        line: usize,
        key: &'static str,
        expected: &'static str,
        found: String,
        hint: String,
    },
    /// A value is not UTF-8, and the setting is no path.
    #[error("{name}={value}: not valid UTF-8")]
    VariableNotUtf8 { name: String, value: String },
    /// The parser of the flag rejects the value.
    #[error("{}: {reason}", assignment(origin, key, value))]
    Invalid { origin: Origin, key: &'static str, value: String, reason: String },
}

/// The place that sets a value: `LIKENESS_ENGINE=foo`, or `config.toml:3: engine = foo`.
fn assignment(origin: &Origin, key: &str, value: &str) -> String {
    match origin {
        Origin::Variable(name) => format!("{name}={value}"),
        Origin::File { .. } | Origin::Default => format!("{origin}: {key} = {value}"),
    }
}

impl ConfigError {
    /// What the user can do.
    pub(crate) fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::Missing { .. } => "set LIKENESS_CONFIG to an existing file, or unset it",
            Self::Folder { .. } => "replace the folder by a file, or name another file with LIKENESS_CONFIG",
            Self::Io(_) => "make the file readable, or name another one with LIKENESS_CONFIG",
            Self::TooLarge { .. } => "`likeness config --help` shows what the file contains",
            Self::FileNotUtf8 { .. } => "save the file in the encoding UTF-8",
            Self::Syntax { .. } => {
                "the file is TOML: each line is like `threads = 4` or `engine = \"direct\"`"
            }
            Self::UnknownKey { hint, .. } | Self::WrongType { hint, .. } => hint,
            Self::VariableNotUtf8 { .. } | Self::Invalid { origin: Origin::Variable(_), .. } => {
                "set the variable to another value, or unset it"
            }
            Self::Invalid { .. } => "correct the line, or remove it",
        })
    }
}
