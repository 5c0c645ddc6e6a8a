//! `--submit`: posts results to a challenge's server.

use std::time::Duration;

use crate::failure::hinted;

/// Bytes of an answer that is no JSON shown in the error.
const SHOWN_BYTES: usize = 200;

/// Posts `results` (JSON) to `url` and returns the server's answer.
///
/// # Errors        no connection, no answer in time, a status that is no success, an answer that is no JSON
pub(crate) fn submit(url: &str, results: &str, timeout: Duration) -> anyhow::Result<serde_json::Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .build()
        .into();
    let kept = "the results themselves are not lost: give -o FILE to keep them, and submit again";
    let sent = agent.post(url).header("content-type", "application/json").send(results);
    let mut response = sent.map_err(|error| {
        let reason = match &error {
            ureq::Error::Timeout(_) => format!("{url}: no answer within {} s", timeout.as_secs()),
            ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
                format!("{url}: the connection was refused")
            }
            ureq::Error::Io(io) => format!("{url}: the connection broke off: {io}"),
            other => format!("{url}: {other}"),
        };
        hinted(reason, kept)
    })?;
    let status = response.status();
    let body = response.body_mut().read_to_string().map_err(|error| match error {
        ureq::Error::Timeout(_) => {
            hinted(format!("{url}: no whole answer within {} s", timeout.as_secs()), kept)
        }
        other => hinted(format!("{url}: the answer broke off: {other}"), kept),
    })?;
    let shown: String = body.trim().chars().take(SHOWN_BYTES).collect();
    if !status.is_success() {
        return Err(hinted(format!("{url}: the server refused the results with {status}: {shown}"), kept));
    }
    serde_json::from_str(&body).map_err(|_| {
        hinted(
            format!("{url}: expected an answer in JSON, found: {shown}"),
            "is this the address of the challenge's server?",
        )
    })
}
