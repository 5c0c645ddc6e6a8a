//! A model file that the user brought: copied whole into the models folder, and recognised by its checksum.

use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::entry::{Entry, Verification, by_checksum, by_name, identify};
use super::hash::{BLOCK_BYTES, hex, sha256_of};
use super::pull::{sync_folder, write_settings};
use crate::{ModelError, Result};

/// Endings of model files.
const ENDINGS: [&str; 5] = ["onnx", "xml", "pth", "pt", "safetensors"];

/// What is copied where.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The model file.
    pub file: &'a Path,
    /// The models folder; made where it is missing.
    pub folder: &'a Path,
    /// A registry entry's name, or a file name with or without its ending; none keeps the file's own.
    pub name: Option<&'a str>,
    /// Whether another file of the same name may go.
    pub replace: bool,
}

/// A model file that is now in the models folder.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The copy.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// The registry's entry by checksum, else by name, and what its checksum says.
    pub entry: Option<(&'static Entry, Verification)>,
    /// Whether anything was copied; not where the same file was there already.
    pub copied: bool,
}

/// Copies a model file into the models folder.
///
/// # Conventions
/// A file that the registry knows gets the registry's file name. An embedder's preprocessing comes along: the
/// registry's, else the `NAME.toml` beside the file.
///
/// # Errors
/// No model file, an unfit name, another file of that name without `replace` → [`ModelError::BadArgument`] or
/// [`ModelError::BadModel`]; the file system refuses → [`ModelError::Io`].
pub fn import(how: &Import<'_>) -> Result<Imported> {
    let ending = check(how.file)?;
    fs::create_dir_all(how.folder)?;
    let (temporary, sha256, bytes) = copy(how.file, how.folder)?;
    let name = final_name(how, &ending, &sha256)?;
    let path = how.folder.join(&name);
    let entry = identify(&sha256, how.name.unwrap_or(&name));
    let mut imported = Imported { path, bytes, sha256, entry, copied: true };
    if imported.path.exists() {
        let (present, _) = sha256_of(&imported.path)?;
        imported.copied = present != imported.sha256;
        if imported.copied && !how.replace {
            return Err(ModelError::BadArgument {
                reason: format!("{}: another file of this name is there", imported.path.display()),
                hint: Some("give the new one another --name, or --replace the old one".to_owned()),
            });
        }
    }
    if imported.copied {
        temporary.as_file().sync_all()?;
        temporary.persist(&imported.path).map_err(|refused| named(&imported.path, refused.error))?;
        sync_folder(how.folder)?;
    }
    bring_settings(how.file, &imported)?;
    Ok(imported)
}

/// The file's ending, once it is clear that it may be a model.
fn check(file: &Path) -> Result<String> {
    let bad = |reason: &str, hint: &str| ModelError::BadModel {
        path: file.to_owned(),
        reason: reason.to_owned(),
        hint: Some(hint.to_owned()),
    };
    if !fs::metadata(file)?.is_file() {
        return Err(bad("expected a model file", "name the file itself"));
    }
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    if !ENDINGS.contains(&ending.as_str()) {
        return Err(bad(
            "not a model file by its ending",
            "model files end in .onnx, .xml (cascades), .pth, .pt or .safetensors",
        ));
    }
    if fs::metadata(file)?.len() == 0 {
        return Err(bad("the file is empty", "download it again"));
    }
    Ok(ending)
}

/// Copies into a temporary file of the folder; with the checksum and size of what was copied.
fn copy(file: &Path, folder: &Path) -> Result<(tempfile::NamedTempFile, String, u64)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".likeness-").suffix(".partial");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // the umask takes its share
    let mut temporary = builder.tempfile_in(folder).map_err(|error| named(folder, error))?;
    let (mut source, mut hasher) =
        (BufReader::with_capacity(BLOCK_BYTES, fs::File::open(file)?), Sha256::new());
    let mut bytes = 0;
    loop {
        let block = std::io::BufRead::fill_buf(&mut source)?;
        if block.is_empty() {
            return Ok((temporary, hex(hasher), bytes));
        }
        hasher.update(block);
        temporary.write_all(block).map_err(|error| named(folder, error))?;
        let used = block.len();
        bytes += used as u64;
        std::io::BufRead::consume(&mut source, used);
    }
}

fn named(path: &Path, source: std::io::Error) -> std::io::Error {
    std::io::Error::new(source.kind(), format!("{}: cannot be written: {source}", path.display()))
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
            hint: Some("the folder is named with --models".to_owned()),
        });
    }
    let has_ending =
        Path::new(name).extension().is_some_and(|e| e.to_string_lossy().to_lowercase() == ending);
    Ok(if has_ending { name.to_owned() } else { format!("{name}.{ending}") })
}

fn bring_settings(file: &Path, imported: &Imported) -> Result<()> {
    if let Some((entry, Verification::Verified | Verification::Prefix)) = imported.entry {
        return write_settings(entry, &imported.path);
    }
    let (theirs, ours) = (file.with_extension("toml"), imported.path.with_extension("toml"));
    if theirs.is_file() && !ours.exists() {
        fs::copy(theirs, ours)?;
    }
    Ok(())
}
