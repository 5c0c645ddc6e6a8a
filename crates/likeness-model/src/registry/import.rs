//! Imports a model file: copies it to the models folder and recognises it by its checksum.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use likeness_artifact::Pending;
use sha2::{Digest, Sha256};

use super::entry::{Entry, Verification, by_checksum, by_name, entries, identify};
use super::hash::{BLOCK_BYTES, hex, sha256_of};
use super::pull::{check_folder, write_settings};
use crate::folder::locked;
use crate::{ModelError, Result};

/// File name extensions of model files.
const ENDINGS: [&str; 5] = ["onnx", "xml", "pth", "pt", "safetensors"];

/// Options of an import.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The model file.
    pub file: &'a Path,
    /// The models folder; created if it does not exist.
    pub folder: &'a Path,
    /// The name of a registry entry, or a file name with or without its extension; `None` keeps the file's name.
    pub name: Option<&'a str>,
    /// Whether another file of the same name may be replaced.
    pub replace: bool,
}

/// The result of an import.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The path of the copy.
    pub path: PathBuf,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// The registry's entry, found by checksum or else by name, with the result of comparing the checksum.
    pub entry: Option<(&'static Entry, Verification)>,
    /// Whether the file was copied; false if the same file existed already.
    pub copied: bool,
}

/// Copies a model file to the models folder.
///
/// # Conventions
/// A file that the registry knows gets the registry's file name. An embedder's preprocessing is copied too: the registry's,
/// otherwise the `NAME.toml` beside the file. All checks are made before anything is written.
///
/// # Errors
/// Not a model file, an invalid name, the name of a registry entry for another file, or (without `replace`) an existing
/// file or settings of that name → [`ModelError::BadArgument`] or [`ModelError::BadModel`]; a file cannot be read or written
/// → [`ModelError::Io`].
pub fn import(how: &Import<'_>) -> Result<Imported> {
    let ending = check(how.file)?;
    check_folder(how.folder)?;
    let (sha256, bytes) = sha256_of(how.file)?;
    let name = final_name(how, &ending, &sha256)?;
    check_name(how, &name, &sha256)?;
    fs::create_dir_all(how.folder)?;
    let _lock = locked(how.folder)?;
    let path = how.folder.join(&name);
    let entry = identify(&sha256, how.name.unwrap_or(&name));
    let mut imported = Imported { path, bytes, sha256, entry, copied: true };
    imported.copied = !is_there(how, &imported)?;
    let settings = settings_to_bring(how, &imported)?;
    if imported.copied {
        let copy = Pending::write(&imported.path, |to| copy(how.file, &imported.sha256, to))?;
        copy.persist()?;
    }
    match settings {
        Some(text) => {
            likeness_artifact::write(&imported.path.with_extension("toml"), |to| to.write_all(&text))?
        }
        None => {
            if let Some((entry, Verification::Verified | Verification::Prefix)) = imported.entry {
                write_settings(entry, &imported.path)?;
            }
        }
    }
    Ok(imported)
}

/// Whether the same file exists already.
///
/// # Errors        another file exists and may not be replaced; a file exists whose name differs only in case
fn is_there(how: &Import<'_>, imported: &Imported) -> Result<bool> {
    let refused = |path: &Path, reason: &str, hint: &str| {
        let reason = format!("{}: {reason}", path.display());
        Err(ModelError::BadArgument { reason, hint: Some(hint.to_owned()) })
    };
    let name = imported.path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    for entry in fs::read_dir(how.folder)? {
        let other = entry?.path();
        let lower = other.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if lower == name && other.file_name() != imported.path.file_name() {
            let reason = "a file exists whose name differs only in upper and lower case";
            return refused(&other, reason, "give the new one another --name");
        }
    }
    if imported.path.symlink_metadata().is_err() {
        return Ok(false);
    }
    if !imported.path.is_file() {
        return refused(&imported.path, "is not a regular file", "give the new one another --name");
    }
    let is_same = sha256_of(&imported.path)?.0 == imported.sha256;
    if !is_same && !how.replace {
        let hint = "give the new one another --name, or --replace the old one";
        return refused(&imported.path, "another file with this name exists", hint);
    }
    Ok(is_same)
}

/// The settings beside the file, which must be copied too; `None` if there are none or they exist already.
///
/// # Errors        the settings beside the copy belong to another file and may not be replaced
fn settings_to_bring(how: &Import<'_>, imported: &Imported) -> Result<Option<Vec<u8>>> {
    let is_known = matches!(imported.entry, Some((_, Verification::Verified | Verification::Prefix)));
    let (theirs, ours) = (how.file.with_extension("toml"), imported.path.with_extension("toml"));
    let ours_text = if ours.is_file() { Some(fs::read(&ours)?) } else { None };
    if is_known || !imported.copied && ours_text.is_some() {
        return Ok(None);
    }
    let theirs_text = if theirs.is_file() { Some(fs::read(&theirs)?) } else { None };
    match (theirs_text, ours_text) {
        (theirs, None) => Ok(theirs),
        (Some(theirs), Some(ours)) if theirs == ours => Ok(None),
        (Some(theirs), Some(_)) if how.replace => Ok(Some(theirs)),
        (theirs, Some(_)) => Err(ModelError::BadArgument {
            reason: format!(
                "{}: contains the settings of another file, which would apply to this one",
                ours.display()
            ),
            hint: Some(match theirs {
                Some(_) => "--replace them with those beside the file, or give another --name".to_owned(),
                None => "remove them, or give the file another --name".to_owned(),
            }),
        }),
    }
}

/// Checks that the file may be a model, and returns its extension.
fn check(file: &Path) -> Result<String> {
    let bad = |reason: &str, hint: &str| ModelError::BadModel {
        path: file.to_owned(),
        reason: reason.to_owned(),
        hint: Some(hint.to_owned()),
    };
    let found = match fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(bad("no such file", "give the path of a model file"));
        }
        found => found?,
    };
    if !found.is_file() {
        return Err(bad("expected a model file", "give the path of the file itself"));
    }
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    if !ENDINGS.contains(&ending.as_str()) {
        return Err(bad(
            "not a model file: unknown extension",
            "the extensions of model files are .onnx, .xml (cascades), .pth, .pt or .safetensors",
        ));
    }
    if found.len() == 0 {
        return Err(bad("the file is empty", "download it again"));
    }
    Ok(ending)
}

/// Copies the file, and checks that its checksum is still the one that determined its name.
fn copy(file: &Path, sha256: &str, to: &mut dyn Write) -> std::io::Result<()> {
    let (mut source, mut hasher) = (fs::File::open(file)?, Sha256::new());
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let length = match source.read(&mut block) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&block[..length]);
        to.write_all(&block[..length])?;
    }
    match hex(hasher) == sha256 {
        true => Ok(()),
        false => Err(std::io::Error::other(format!("{} changed while it was copied", file.display()))),
    }
}

/// Rejects the name of a registry entry for a different file.
///
/// # Errors        the checksum differs from the entry's, or the file belongs to another entry →
/// [`ModelError::BadArgument`]
fn check_name(how: &Import<'_>, name: &str, sha256: &str) -> Result<()> {
    let of_name = |entry: &&Entry| {
        let known = std::iter::once(entry.name.as_str()).chain(entry.file_names());
        let asked = [Some(name), how.name];
        known.into_iter().any(|known| asked.iter().flatten().any(|asked| known.eq_ignore_ascii_case(asked)))
    };
    let Some(entry) = entries().iter().find(of_name) else { return Ok(()) };
    let is = by_checksum(sha256);
    if entry.verify(sha256) != Verification::Wrong && is.is_none_or(|is| is.name == entry.name) {
        return Ok(());
    }
    let expected = entry.sha256.as_deref().unwrap_or("another");
    Err(ModelError::BadArgument {
        reason: format!(
            "{}: is not {}, but would get its name: expected SHA-256 {expected}, found {sha256}",
            how.file.display(),
            entry.name
        ),
        hint: Some(match is {
            Some(is) => format!("by its checksum it is {}: omit --name", is.name),
            None => "give it another --name, or download it again if it should be that model".to_owned(),
        }),
    })
}

fn final_name(how: &Import<'_>, ending: &str, sha256: &str) -> Result<String> {
    let known = match how.name {
        Some(name) => by_name(name),
        None => by_checksum(sha256),
    };
    if let Some(entry) = known {
        return Ok(entry.file_name_for(sha256).to_owned());
    }
    let own = how.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(name) = how.name else { return Ok(own) };
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0']);
    if !plain {
        return Err(ModelError::BadArgument {
            reason: format!("{name:?}: expected a plain name for the model"),
            hint: Some("set the folder with --models".to_owned()),
        });
    }
    let has_ending =
        Path::new(name).extension().is_some_and(|e| e.to_string_lossy().to_lowercase() == ending);
    Ok(if has_ending { name.to_owned() } else { format!("{name}.{ending}") })
}
