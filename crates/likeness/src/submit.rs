//! Posts results to the server of a challenge.

use std::io::Write;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::{Uri, header};

use crate::{Result, invalid};

/// Maximum length of an answer in an error message, in characters.
const SHOWN_CHARS: usize = 200;
/// Maximum size of an answer, in bytes.
const MAX_ANSWER_BYTES: u64 = 16 << 20;
/// Name of the file for results that no server accepted. A number is appended if the file exists.
const UNSENT: &str = "results-unsent";

/// The reason why a server did not accept results.
#[derive(Debug)]
pub struct NotTaken {
    /// Description of the failure, with the address of the server.
    pub reason: String,
    /// Suggestion for solving the problem, if there is a better one than to submit again.
    pub hint: Option<String>,
}

impl From<String> for NotTaken {
    fn from(reason: String) -> Self {
        Self { reason, hint: None }
    }
}

/// The address of a server, checked before any work begins.
#[derive(Debug, Clone)]
pub struct Server {
    url: String,
    /// Address without user name and password, for messages.
    shown: String,
}

impl Server {
    /// Checks the address `url`.
    ///
    /// # Errors        not an HTTP address, or an unknown host
    pub fn at(url: &str) -> Result<Self> {
        let bad = |reason: &str| {
            invalid(
                format!("--submit {url}: {reason}"),
                "expected an address such as http://server.example:8000/results",
            )
        };
        let uri: Uri = url.parse().map_err(|_| bad("not an address"))?;
        let port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return Err(bad("expected an address that starts with http:// or https://")),
        };
        let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
            return Err(bad("names no server"));
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Err(error) = (host, uri.port_u16().unwrap_or(port)).to_socket_addrs() {
            return Err(invalid(
                format!("--submit {url}: the server {host} is not known: {error}"),
                "check the spelling and the network, or leave --submit out and keep the results with -o",
            ));
        }
        let shown = match uri.authority().and_then(|authority| authority.as_str().rsplit_once('@')) {
            Some((secret, _)) => url.replacen(&format!("{secret}@"), "", 1),
            None => url.to_owned(),
        };
        Ok(Self { url: url.to_owned(), shown })
    }

    /// Posts `results` (JSON) and returns the answer of the server.
    ///
    /// # Errors        no connection, no answer in time, a redirect, an error status, an answer that is not JSON
    pub fn post(&self, results: &str, timeout: Duration) -> Result<serde_json::Value, NotTaken> {
        let url = &self.shown;
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // A redirect would turn the POST into a GET without the results, or send them to another server unasked.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .into();
        let sent = agent.post(&self.url).header("content-type", "application/json").send(results);
        let mut response = sent.map_err(|error| reason(url, &error, timeout))?;
        let status = response.status();
        if status.is_redirection() {
            let place = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
            // A redirect within the same server may omit its name.
            let place = place.map(|place| match place.strip_prefix('/') {
                Some(path) if !path.starts_with('/') => format!("{}/{path}", self.origin()),
                _ => place.to_owned(),
            });
            let points = place.as_ref().map(|place| format!(" and points to {place}")).unwrap_or_default();
            return Err(NotTaken {
                reason: format!("{url}: the server did not take the results ({status}){points}"),
                hint: place.map(|place| format!("submit to that address if you trust it: --submit {place}")),
            });
        }
        let read = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string();
        let body = read.map_err(|error| match error {
            ureq::Error::Timeout(_) => format!("{url}: no complete answer within {} s", timeout.as_secs()),
            other => format!("{url}: the answer broke off: {other}"),
        })?;
        let shown: String = body.trim().chars().take(SHOWN_CHARS).collect();
        if !status.is_success() {
            return Err(format!("{url}: the server refused the results with {status}: {shown}").into());
        }
        serde_json::from_str(&body).map_err(|_| NotTaken {
            reason: format!("{url}: expected an answer in JSON, found: {shown}"),
            hint: Some("is this the address of the challenge's server?".to_owned()),
        })
    }
}

impl Server {
    /// Scheme, host and port of the address.
    fn origin(&self) -> &str {
        let start = self.shown.find("://").map_or(0, |at| at + 3);
        let end = self.shown[start..].find('/').map_or(self.shown.len(), |at| start + at);
        &self.shown[..end]
    }
}

fn reason(url: &str, error: &ureq::Error, timeout: Duration) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("{url}: no answer within {} s", timeout.as_secs()),
        ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            format!("{url}: the connection was refused")
        }
        ureq::Error::Io(io) => format!("{url}: the connection broke off: {io}"),
        other => format!("{url}: {other}"),
    }
}

/// Writes `results` to a new file in the working folder, or else in the folder for temporary files.
///
/// # Errors        neither folder can be written
pub fn keep(results: &str) -> std::io::Result<PathBuf> {
    keep_in(Path::new(""), results).or_else(|_| keep_in(&std::env::temp_dir(), results))
}

fn keep_in(folder: &Path, results: &str) -> std::io::Result<PathBuf> {
    let names = std::iter::once(format!("{UNSENT}.json")).chain((2..).map(|n| format!("{UNSENT}-{n}.json")));
    for name in names {
        let path = folder.join(name);
        // Only a new file: what another run kept is not replaced.
        match fs_err::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(results.as_bytes())?;
                file.sync_all()?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("there are endlessly many names")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_addresses_are_refused_before_any_work() {
        for url in [
            "",
            "server",
            "ftp://server/x",
            "http://",
            "http:///x",
            "http://a b/",
            "file:///etc/passwd",
            "//x",
        ] {
            let error = Server::at(url).unwrap_err().to_string();
            assert!(error.starts_with("--submit"), "{url}: {error}");
        }
        let server = Server::at("http://user:secret@127.0.0.1:9/x").unwrap();
        assert_eq!((server.shown.as_str(), server.origin()), ("http://127.0.0.1:9/x", "http://127.0.0.1:9"));
        for url in ["http://127.0.0.1:9/x", "http://[::1]:9/", "https://127.0.0.1"] {
            Server::at(url).unwrap();
        }
        let unknown = Server::at("http://no-such-host.invalid/").unwrap_err().to_string();
        assert!(unknown.contains("no-such-host.invalid is not known"), "{unknown}");
    }

    #[test]
    fn unsent_results_never_replace_others() {
        let folder = tempfile::tempdir().unwrap();
        let first = keep_in(folder.path(), "one").unwrap();
        let second = keep_in(folder.path(), "two").unwrap();
        assert!(first.ends_with("results-unsent.json") && second.ends_with("results-unsent-2.json"));
        assert_eq!(fs_err::read_to_string(first).unwrap(), "one");
        assert_eq!(fs_err::read_to_string(second).unwrap(), "two");
    }
}
