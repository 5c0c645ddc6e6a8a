//! Errors as a user reads them: what, why, and the way out.

use likeness_data::DataError;
use likeness_model::ModelError;
use likeness_train::TrainError;

/// The way out of an error that only the command line knows.
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

/// An error with a way out.
pub(crate) fn hinted(reason: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    WithHint { reason: reason.into(), hint: hint.into() }.into()
}

/// Prints `error` to stderr: a headline, a line for each further cause, a line for each hint.
#[allow(clippy::print_stderr)]
pub(crate) fn print(error: &anyhow::Error) {
    let mut said = error.to_string();
    eprintln!("error: {said}");
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            eprintln!("  because: {cause}");
            said = cause;
        }
    }
    if let Some(hint) = error.chain().find_map(hint) {
        eprintln!("hint: {hint}");
    }
}

fn hint<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a str> {
    if let Some(error) = error.downcast_ref::<WithHint>() {
        return Some(&error.hint);
    }
    if let Some(error) = error.downcast_ref::<DataError>() {
        return error.hint();
    }
    if let Some(error) = error.downcast_ref::<TrainError>() {
        return error.hint();
    }
    error.downcast_ref::<ModelError>().and_then(ModelError::hint)
}
