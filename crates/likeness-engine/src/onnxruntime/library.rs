//! The one ONNX Runtime library of this process: a name or the usual places enter, a library that works leaves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::super::threads::caught;
use super::{elf, places};
use crate::{EngineError, Result};

/// The library that was loaded; a process can hold one.
static LOADED: Mutex<Option<Arc<Library>>> = Mutex::new(None);

/// A library that is ready.
pub(crate) struct Library {
    path: PathBuf,
    environment: Environment,
}

impl Library {
    /// Its version as far as the file's name tells, and where it lies.
    pub(crate) fn describe(&self) -> String {
        let file = fs_err::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let version = places::version_in(&file.file_name().unwrap_or_default().to_string_lossy()).to_owned();
        format!("{version} ({})", self.path.display()).trim_start().to_owned()
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// The library in the file `named`, else in that of `ORT_DYLIB_PATH`, else the first of the usual places that works.
///
/// # Errors        none is found, or what was found cannot be used → [`EngineError::Library`]
pub(crate) fn library(named: Option<&Path>) -> Result<Arc<Library>> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let variable = std::env::var_os(places::VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let (files, origin) = match (named, variable) {
        (Some(file), _) => (vec![file.to_owned()], ""),
        (None, Some(file)) => (vec![file], "ORT_DYLIB_PATH names "),
        (None, None) => match &*loaded {
            Some(library) => return Ok(Arc::clone(library)),
            None => (places::candidates(&|name| std::env::var_os(name)), ""),
        },
    };
    let mut faults = Vec::new();
    for file in &files {
        match load(file, loaded.as_ref()) {
            Ok(library) => {
                *loaded = Some(Arc::clone(&library));
                return Ok(library);
            }
            Err(reason) => faults.push(format!("{origin}{}: {reason}", file.display())),
        }
    }
    Err(unusable(&faults))
}

fn unusable(faults: &[String]) -> EngineError {
    let (reason, way) = match faults {
        [] => ("no ONNX Runtime library was found".to_owned(), "install it"),
        _ => (
            format!("no ONNX Runtime library that can be used: {}", faults.join("; ")),
            "install version 1.18 or later",
        ),
    };
    let hint = format!(
        "{way}, for example with `pip install onnxruntime` in the active Python environment, and name its file with \
         --engine-library if it is not found; or leave --engine out"
    );
    EngineError::Library { engine: "onnxruntime", reason, hint }
}

fn load(file: &Path, loaded: Option<&Arc<Library>>) -> Result<Arc<Library>, String> {
    let path = fs_err::canonicalize(file).map_err(|_| "there is no such file".to_owned())?;
    if !path.is_file() {
        return Err("is no file".into());
    }
    if cfg!(target_os = "linux") {
        elf::check(&path)?;
    }
    if let Some(library) = loaded {
        return match fs_err::canonicalize(&library.path).is_ok_and(|known| known == path) {
            true => Ok(Arc::clone(library)),
            false => Err(format!("{} is loaded already, and a process can hold one", library.path.display())),
        };
    }
    let environment = caught(|| {
        let builder = ort::init_from(&path).map_err(|e| EngineError::graph(short(e, &path)))?;
        let built = builder.with_name("likeness").with_telemetry(false).build();
        built.map_err(|e| EngineError::graph(e.to_string()))
    })
    .map_err(|e| e.to_string())?;
    // What goes wrong comes back as an error, which the library would print a second time.
    environment.set_log_level(LogLevel::Fatal);
    Ok(Arc::new(Library { path: file.to_owned(), environment }))
}

/// The reason without the file's name, which stands before it already.
fn short(error: ort::LoadDynamicError, path: &Path) -> String {
    use ort::LoadDynamicError::{BadVersion, Dlopen, InvalidVersionString, MissingApi};
    match error {
        Dlopen { error, .. } => {
            let text = error.to_string();
            text.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&text).to_owned()
        }
        MissingApi { .. } => "is a library, but not ONNX Runtime".into(),
        InvalidVersionString => "does not say its version".into(),
        BadVersion { version_str, .. } => {
            format!("expected version 1.{}.0 or later, found {version_str}", ort::MINOR_VERSION)
        }
    }
}
