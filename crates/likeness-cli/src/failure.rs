//! Prints errors: a message, its causes, a hint, and the settings that are not on the command line.

use likeness::LikenessError;
use likeness_data::DataError;
use likeness_embed::EmbedError;
use likeness_engine::EngineError;
use likeness_model::ModelError;
use likeness_report::ReportError;
use likeness_search::SearchError;
#[cfg(feature = "train")]
use likeness_train::TrainError;

use crate::config::{ConfigError, Setting};
use crate::print::say_error;

/// An error with a hint that names flags of the command line.
#[derive(Debug)]
pub(crate) struct WithHint {
    reason: String,
    hint: String,
}

impl std::fmt::Display for WithHint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for WithHint {}

/// Creates an error with a hint.
pub(crate) fn hinted(reason: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    WithHint { reason: reason.into(), hint: hint.into() }.into()
}

/// Prints `error` to stderr: a headline, a line for each further cause, a line for the hint, and a line for `settings`, the
/// values that environment variables and the configuration file set for the command.
pub(crate) fn print(error: &anyhow::Error, settings: &[Setting]) {
    let mut shown = error.to_string();
    say_error("error", &shown);
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !shown.contains(&cause) {
            say_error("  because", &cause);
            shown = cause;
        }
    }
    if let Some(hint) = error.chain().find_map(hint) {
        say_error("hint", hint);
    }
    let assigned = |setting: &Setting| {
        Some(format!("{} = {} ({})", setting.key.name, setting.as_toml()?, setting.origin))
    };
    let assigned: Vec<String> = settings.iter().filter_map(assigned).collect();
    if !assigned.is_empty() {
        say_error("note", &format!("settings in effect: {}", assigned.join(", ")));
    }
}

fn hint<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a str> {
    if let Some(error) = error.downcast_ref::<WithHint>() {
        return Some(&error.hint);
    }
    if let Some(error) = error.downcast_ref::<ConfigError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<LikenessError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<DataError>() {
        return error.hint();
    }
    #[cfg(feature = "train")]
    if let Some(error) = error.downcast_ref::<TrainError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<SearchError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<EmbedError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<ReportError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<EngineError>() {
        return error.hint();
    }
    error.downcast_ref::<ModelError>().and_then(ModelError::hint)
}
