//! Downloads model files to the models folder, and verifies them.
//!
//! The data is written to `FILE.part`, which survives an interrupted connection and is continued by a Range request (RFC
//! 9110, section 14). Only a complete file with the right checksum is renamed to `FILE`. The HTTP client is in this crate, not
//! in the program, so that resuming and verification can be tested with a real socket together with the registry.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fs_err as fs;
use likeness_artifact::sync_folder;
use sha2::{Digest, Sha256};
use ureq::http::{Response, StatusCode, header};

use super::entry::{Entry, ModelKind, Verification};
use super::hash::{BLOCK_BYTES, feed, hex, sha256_of};
use crate::description::ModelDescription;
use crate::preprocess::Preprocess;
use crate::{ModelError, Result};

/// Maximum size of a download in bytes if its size is unknown.
const MAX_BYTES: u64 = 8 << 30;
/// Hint after an interrupted download.
const RESUME: &str = "run the same command again: it continues where it stopped";
/// Hint if this machine cannot reach the address.
const BRING: &str = "give another address with --url, or download the file elsewhere and import it with \
                     `likeness models import`";

/// Options of a download.
pub struct Pull<'a> {
    /// The models folder; created if it does not exist.
    pub folder: &'a Path,
    /// An address to use instead of the entry's; it must provide the same file.
    pub url: Option<&'a str>,
    /// Set by the caller to stop between two blocks; the data received so far is kept.
    pub stop: &'a AtomicBool,
    /// Called with the number of bytes received, and the size of the file if it is known.
    pub progress: &'a dyn Fn(u64, Option<u64>),
    /// Timeout for a connection, a response or the next bytes.
    pub patience: Duration,
}

/// The result of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The path of the file.
    pub path: PathBuf,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// The result of comparing the checksum; never [`Verification::Wrong`].
    pub verification: Verification,
    /// Whether anything was downloaded; false if the file existed already.
    pub fetched: bool,
    /// Number of bytes kept from an earlier, interrupted download.
    pub resumed_from: u64,
}

/// Downloads the file of `entry`, unless it exists and its checksum is not wrong.
///
/// # Conventions
/// A partial file is continued only if a checksum can verify afterwards that both parts belong together. An existing file
/// with a wrong checksum is replaced after the new file is complete.
///
/// # Errors
/// No address, no connection, an unsuccessful status, a size or checksum other than the registry's, an interrupted
/// connection, a full disk → [`ModelError::Download`]; other input and output errors → [`ModelError::Io`].
pub fn pull(entry: &Entry, how: &Pull<'_>) -> Result<Pulled> {
    check_folder(how.folder)?;
    let path = how.folder.join(&entry.file);
    if let Some(present) = present(entry, &path)? {
        return Ok(present);
    }
    let url = address(entry, how.url)?;
    fs::create_dir_all(how.folder)?;
    let mut part = Part::open(entry, url, how.folder)?;
    // Another process may have finished the download while this one waited for the lock.
    if let Some(present) = present(entry, &path)? {
        return Ok(present);
    }
    let fetched = fetch(entry, url, &mut part, how);
    if fetched.is_err() && part.bytes == 0 {
        part.remove();
    }
    let resumed_from = fetched?;
    let (sha256, verification) = part.check(entry, url)?;
    fs::rename(&part.path, &path)?;
    sync_folder(how.folder)?;
    write_settings(entry, &path)?;
    Ok(Pulled { path, bytes: part.bytes, sha256, verification, fetched: true, resumed_from })
}

/// Writes an embedder's preprocessing beside its file, where every command reads it; an existing file is kept.
pub(super) fn write_settings(entry: &Entry, path: &Path) -> Result<()> {
    let settings = path.with_extension("toml");
    let Some(preprocess) = entry.preprocess.as_ref().filter(|_| entry.kind == ModelKind::Embedder) else {
        return Ok(());
    };
    if settings.symlink_metadata().is_ok() {
        return Ok(());
    }
    // The fingerprint detects a file that is damaged later, when it is opened. It includes the input size.
    let fingerprint = match preprocess.input_size {
        Some(_) => Some(fingerprint(path, preprocess)?),
        None => None,
    };
    let text = ModelDescription::of_settings(preprocess.clone(), fingerprint).text()?;
    Ok(likeness_artifact::write(&settings, |file| file.write_all(text.as_bytes()))?)
}

/// SHA-256 over the file and the preprocessing, as in a model folder.
fn fingerprint(graph: &Path, preprocess: &Preprocess) -> Result<String> {
    let (mut hasher, mut file) = (Sha256::new(), fs::File::open(graph)?);
    feed(&mut hasher, &mut file)?;
    hasher.update(serde_json::to_vec(preprocess).map_err(std::io::Error::from)?);
    Ok(hex(hasher))
}

/// Checks that the models folder is not a file.
///
/// # Errors        it is a file → [`ModelError::BadArgument`]
pub(super) fn check_folder(folder: &Path) -> Result<()> {
    match folder.exists() && !folder.is_dir() {
        false => Ok(()),
        true => Err(ModelError::BadArgument {
            reason: format!("{}: is not a folder", folder.display()),
            hint: Some(
                "--models and LIKENESS_MODELS expect a folder, which is created if it does not exist".into(),
            ),
        }),
    }
}

fn failed(url: &str, reason: impl Into<String>, hint: impl Into<String>) -> ModelError {
    ModelError::Download { url: url.to_owned(), reason: reason.into(), hint: hint.into() }
}

fn address<'a>(entry: &'a Entry, given: Option<&'a str>) -> Result<&'a str> {
    let Some(url) = given.or(entry.url.as_deref()) else {
        return Err(ModelError::BadArgument {
            reason: format!("{}: no public address is known", entry.name),
            hint: Some(
                "give one with --url, or import the file with `likeness models import FILE`".to_owned(),
            ),
        });
    };
    if !url.starts_with("https://") && !url.starts_with("http://") {
        let reason = format!("{url}: expected an address that begins with https:// or http://");
        return Err(ModelError::BadArgument { reason, hint: None });
    }
    Ok(url)
}

/// The file at `path`, if it need not be downloaded again.
fn present(entry: &Entry, path: &Path) -> Result<Option<Pulled>> {
    if !path.is_file() {
        return Ok(None);
    }
    let (sha256, bytes) = sha256_of(path)?;
    let verification = entry.verify_own(&sha256);
    let other_length = entry.bytes.is_some_and(|expected| expected != bytes);
    if verification == Verification::Wrong || other_length || bytes == 0 {
        return Ok(None);
    }
    write_settings(entry, path)?;
    Ok(Some(Pulled { path: path.to_owned(), bytes, sha256, verification, fetched: false, resumed_from: 0 }))
}

/// The partial file, with the checksum of the data received so far.
struct Part {
    path: PathBuf,
    file: fs::File,
    hasher: Sha256,
    bytes: u64,
}

impl Part {
    /// Opens, locks and reads the file of an earlier download.
    fn open(entry: &Entry, url: &str, folder: &Path) -> Result<Self> {
        let path = folder.join(format!("{}.part", entry.file));
        let mut file =
            fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        // A file system without locks returns another error; there is no protection then.
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            let reason = format!("{} is being downloaded by another process", entry.name);
            return Err(failed(url, reason, "wait for it to finish"));
        }
        let mut hasher = Sha256::new();
        let bytes = feed(&mut hasher, &mut file)?;
        let mut part = Self { path, file, hasher, bytes };
        if entry.sha256.is_none() || entry.bytes.is_some_and(|expected| bytes > expected) {
            part.restart()?;
        }
        Ok(part)
    }

    fn restart(&mut self) -> std::io::Result<()> {
        use std::io::Seek;
        self.file.set_len(0)?;
        self.file.rewind()?;
        (self.hasher, self.bytes) = (Sha256::new(), 0);
        Ok(())
    }

    fn append(&mut self, block: &[u8]) -> std::io::Result<()> {
        self.file.write_all(block)?;
        self.hasher.update(block);
        self.bytes += block.len() as u64;
        Ok(())
    }

    /// Syncs the file and compares the checksum; a file with a wrong checksum is deleted.
    fn check(&self, entry: &Entry, url: &str) -> Result<(String, Verification)> {
        self.file.sync_all().map_err(|error| self.not_written(url, error))?;
        let sha256 = hex(self.hasher.clone());
        let verification = entry.verify_own(&sha256);
        if verification == Verification::Wrong {
            self.remove();
            let expected = entry.sha256.as_deref().unwrap_or_default();
            let reason = format!("wrong checksum: expected SHA-256 {expected}, received {sha256}");
            let hint = "the download was deleted; run the command again, and if it stays so the address serves \
                        another file: do not use it";
            return Err(failed(url, reason, hint));
        }
        Ok((sha256, verification))
    }

    /// Deletes the partial file. If that fails, the next download starts over or fails on its checksum, so nothing is lost.
    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }

    fn not_written(&self, url: &str, error: std::io::Error) -> ModelError {
        if error.kind() != std::io::ErrorKind::StorageFull {
            return error.into();
        }
        let reason = format!("{}: the disk is full after {} bytes", self.path.display(), self.bytes);
        failed(url, reason, format!("free some space and {RESUME}"))
    }
}

/// Downloads the rest of `part`; returns the number of bytes that existed before.
fn fetch(entry: &Entry, url: &str, part: &mut Part, how: &Pull<'_>) -> Result<u64> {
    if part.bytes > 0 && entry.bytes == Some(part.bytes) {
        return Ok(part.bytes); // the download stopped before the verification
    }
    let agent = agent(url, how.patience);
    let mut response = request(&agent, url, part.bytes, how.patience)?;
    let unfit = match response.status() {
        StatusCode::PARTIAL_CONTENT => range_start(&response) != Some(part.bytes),
        StatusCode::RANGE_NOT_SATISFIABLE => true,
        _ => false,
    };
    if unfit && part.bytes > 0 {
        drop(response);
        part.restart()?;
        response = request(&agent, url, 0, how.patience)?;
    }
    let start = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT if part.bytes > 0 => part.bytes,
        status => return Err(refused(url, status)),
    };
    let announced = response.body().content_length().map(|rest| start + rest);
    if let (Some(expected), Some(announced)) = (entry.bytes, announced)
        && expected != announced
    {
        let reason = format!("expected a file of {expected} bytes, the server offers one of {announced}");
        return Err(failed(url, reason, format!("the address provides another file; {BRING}")));
    }
    if start == 0 {
        part.restart()?;
    }
    receive(url, part, &mut response.into_body().into_reader(), announced.or(entry.bytes), how)?;
    Ok(start)
}

fn receive(
    url: &str,
    part: &mut Part,
    body: &mut impl Read,
    total: Option<u64>,
    how: &Pull<'_>,
) -> Result<()> {
    let cut = |part: &Part, why: &str| {
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        failed(url, format!("{why} after {}{of} bytes", part.bytes), RESUME)
    };
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        if how.stop.load(Ordering::Relaxed) {
            return Err(cut(part, "stopped"));
        }
        let arrived = match body.read(&mut block) {
            Ok(0) => break,
            Ok(arrived) => arrived,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(cut(part, &format!("the connection was interrupted ({error})"))),
        };
        if part.bytes + arrived as u64 > total.unwrap_or(MAX_BYTES) {
            part.restart()?;
            let most = total.unwrap_or(MAX_BYTES);
            return Err(failed(url, format!("the server sends more than {most} bytes"), BRING));
        }
        part.append(&block[..arrived]).map_err(|error| part.not_written(url, error))?;
        (how.progress)(part.bytes, total);
    }
    match total {
        Some(total) if part.bytes < total => Err(cut(part, "the connection was interrupted")),
        _ => Ok(()),
    }
}

fn agent(url: &str, patience: Duration) -> ureq::Agent {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .https_only(url.starts_with("https://"))
        .user_agent(concat!("likeness/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience));
    if is_loopback(url) {
        config = config.proxy(None); // a proxy cannot reach this machine's loopback
    }
    config.build().into()
}

fn is_loopback(url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let host = after.split('/').next().unwrap_or(after);
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|own| host.strip_prefix(own).is_some_and(|port| port.is_empty() || port.starts_with(':')))
}

fn request(agent: &ureq::Agent, url: &str, from: u64, patience: Duration) -> Result<Response<ureq::Body>> {
    let mut request = agent.get(url);
    if from > 0 {
        request = request.header(header::RANGE, format!("bytes={from}-"));
    }
    request.call().map_err(|error| {
        let reason = match &error {
            ureq::Error::Timeout(_) => format!("no answer within {} s", patience.as_secs_f32()),
            ureq::Error::HostNotFound => "the host is not known; is this machine on the network?".to_owned(),
            ureq::Error::TooManyRedirects => "too many redirects; they may form a loop".to_owned(),
            ureq::Error::RequireHttpsOnly(_) => "redirected to an address that is not https".to_owned(),
            ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
                "the connection was refused".to_owned()
            }
            other => other.to_string(),
        };
        failed(url, reason, BRING)
    })
}

/// The start of the range in the response: `Content-Range: bytes START-END/TOTAL`.
fn range_start(response: &Response<ureq::Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.parse().ok()
}

fn refused(url: &str, status: StatusCode) -> ModelError {
    let (reason, hint) = match status.as_u16() {
        404 | 410 => (format!("the server has no such file ({status})"), BRING),
        401 | 403 => (format!("the server denies access to the file ({status})"), BRING),
        429 | 500..=599 => (format!("the server is busy or broken ({status})"), "try again later"),
        _ => (format!("expected the file, the server answered {status}"), BRING),
    };
    failed(url, reason, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_and_says_how_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.part");
        let file = fs::File::create(&path).unwrap();
        let part = Part { path, file, hasher: Sha256::new(), bytes: 7 };
        let error = part.not_written("https://a/x", std::io::ErrorKind::StorageFull.into());
        assert!(error.to_string().ends_with("x.part: the disk is full after 7 bytes"), "{error}");
        assert!(error.hint().unwrap().starts_with("free some space"));
    }

    #[test]
    fn loopback_is_told_from_hosts_that_begin_like_it() {
        assert!(
            is_loopback("http://127.0.0.1:80/x")
                && is_loopback("http://localhost")
                && is_loopback("http://[::1]/")
        );
        assert!(!is_loopback("http://localhost.example/x") && !is_loopback("https://127.0.0.1.example/"));
    }
}
