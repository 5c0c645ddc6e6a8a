//! `history.jsonl`: one line for each epoch of a run.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use likeness_artifact::sha256_hex;
use likeness_artifact::sync_folder;
use serde::{Deserialize, Serialize};

use super::guard::Distances;
use crate::{Result, TrainError};

/// The results of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Number of the epoch, counted from 1 over all phases.
    pub epoch: u32,
    /// Name of the phase.
    pub phase: String,
    /// Mean loss over the batches.
    pub loss: f64,
    /// Loss of the first batch, which is the same whether or not the run was interrupted before.
    pub first_loss: f64,
    /// Share of training faces that the classifier assigned to their identity; `None` without a classifier.
    pub train_top1: Option<f64>,
    /// Share of triplets that violated the margin; `None` without a triplet loss.
    pub active_triplets: Option<f64>,
    /// Number of batches without a triplet.
    pub batches_without_triplets: usize,
    /// Mean distance from anchor to positive in the triplets.
    pub positive_distance: Option<f64>,
    /// Mean distance from anchor to negative in the triplets.
    pub negative_distance: Option<f64>,
    /// Top-1 accuracy of searches among the validation faces; `None` without validation faces.
    pub validation_top1: Option<f64>,
    /// Mean average precision of searches among the validation faces.
    pub validation_map: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Number of faces trained on.
    pub images: usize,
    /// Number of faces that could not be read so far.
    pub skipped: usize,
    /// Seconds of training, without validation.
    pub seconds: f64,
    /// Seconds of waiting for images.
    pub waiting_seconds: f64,
    /// Distances within batches.
    pub distances: Distances,
    /// Further values, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, f64>,
}

/// Appends a line.
///
/// # Errors        the disk → [`TrainError::Io`]
pub fn append(path: &Path, record: &EpochRecord) -> Result<()> {
    let is_new = !path.exists();
    let mut file = fs_err::OpenOptions::new().create(true).append(true).open(path)?;
    // One write, so that a killed process leaves complete lines.
    file.write_all((line_of(record) + "\n").as_bytes())?;
    file.sync_data()?;
    if is_new {
        sync_folder(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Removes all lines but those of the first `epochs` epochs: a killed run may have left an incomplete line, or a line of an
/// epoch that will be trained again.
///
/// # Errors        a changed line → [`TrainError::BadHistory`], and the file is not changed; the file system
pub fn keep(path: &Path, epochs: u32) -> Result<Vec<EpochRecord>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let records = read(path)?;
    let kept: Vec<EpochRecord> = records.into_iter().filter(|record| record.epoch <= epochs).collect();
    likeness_artifact::write(path, |file| kept.iter().try_for_each(|r| writeln!(file, "{}", line_of(r))))?;
    Ok(kept)
}

/// Reads all lines. An incomplete line at the end, which a killed process may leave, is skipped.
///
/// # Errors        a changed line → [`TrainError::BadHistory`]; the file system
pub fn read(path: &Path) -> Result<Vec<EpochRecord>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs_err::read_to_string(path)?;
    let mut records = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        match parse(line.trim_end_matches('\n')) {
            Ok(record) => records.push(record),
            Err(Damage::CutShort) if !line.ends_with('\n') => {}
            Err(damage) => {
                let reason = match damage {
                    Damage::CutShort => "it is cut short".to_owned(),
                    Damage::Altered(reason) => reason,
                };
                return Err(TrainError::BadHistory { path: path.to_owned(), line: number + 1, reason });
            }
        }
    }
    Ok(records)
}

/// Whether the history has a complete line.
///
/// # Errors        the disk → [`TrainError::Io`]
pub(super) fn has_lines(path: &Path) -> Result<bool> {
    Ok(path.exists() && fs_err::read(path)?.contains(&b'\n'))
}

/// The text between a record and its checksum.
const CHECK: &str = ",\"check\":\"";
/// Hexadecimal digits of a checksum: the first 8 bytes of SHA-256.
const CHECK_DIGITS: usize = 16;

/// A record as JSON, with the checksum of its text as the last member, `check`.
fn line_of(record: &EpochRecord) -> String {
    let text = serde_json::to_string(record).expect("a record is plain data");
    let open = text.strip_suffix('}').expect("a record is an object");
    format!("{open}{CHECK}{}\"}}", check_of(&text))
}

fn check_of(text: &str) -> String {
    let mut hash = sha256_hex(text.as_bytes());
    hash.truncate(CHECK_DIGITS);
    hash
}

enum Damage {
    CutShort,
    Altered(String),
}

/// Parses a line; lines of older versions have no checksum.
fn parse(line: &str) -> std::result::Result<EpochRecord, Damage> {
    let record = serde_json::from_str(line).map_err(|error| match error.is_eof() {
        true => Damage::CutShort,
        false => Damage::Altered(error.to_string()),
    })?;
    let Some((open, rest)) = line.rsplit_once(CHECK) else { return Ok(record) };
    if rest.strip_suffix("\"}").is_some_and(|found| found == check_of(&format!("{open}}}"))) {
        Ok(record)
    } else {
        Err(Damage::Altered("the checksum is not that of the line".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: u32) -> EpochRecord {
        serde_json::from_value(serde_json::json!({
            "epoch": epoch, "phase": "cosface", "loss": 2.25, "first_loss": 3.5, "batches_without_triplets": 0,
            "learning_rate": 0.001, "gradient_norm": 1.5, "images": 8, "skipped": 0, "seconds": 1.0,
            "waiting_seconds": 0.25, "distances": { "positive": [1, 2], "negative": [3], "spread": 1.0 },
            "more": { "groups": 3.0 }
        }))
        .unwrap()
    }

    fn written(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("history.jsonl");
        (1..=3).for_each(|epoch| append(&path, &record(epoch)).unwrap());
        path
    }

    #[test]
    fn lines_come_back_and_those_of_later_epochs_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        assert_eq!(read(&path).unwrap(), [1, 2, 3].map(record));
        assert_eq!(keep(&path, 2).unwrap(), [1, 2].map(record));
        assert_eq!(read(&path).unwrap(), [1, 2].map(record));
    }

    #[test]
    fn lines_without_a_checksum_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let line = serde_json::to_string(&record(1)).unwrap();
        fs_err::write(&path, format!("{line}\n{line}\n{}", &line[..line.len() / 2])).unwrap();
        assert_eq!(read(&path).unwrap(), [1, 1].map(record));
    }

    #[test]
    fn every_flipped_bit_is_refused_by_line_or_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = fs_err::read(&path).unwrap();
        let expected = [1, 2, 3].map(record);
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&path, bytes).unwrap();
            match read(&path) {
                Ok(records) => assert_eq!(records, expected, "bit {bit}"),
                Err(error) => assert!(error.to_string().contains("history.jsonl"), "bit {bit}: {error}"),
            }
        }
    }

    #[test]
    fn a_history_that_was_altered_is_not_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let altered = fs_err::read_to_string(&path).unwrap().replacen("2.25", "2.35", 1);
        fs_err::write(&path, &altered).unwrap();
        let error = keep(&path, 2).unwrap_err();
        assert!(matches!(error, TrainError::BadHistory { line: 1, .. }), "{error}");
        assert_eq!(fs_err::read_to_string(&path).unwrap(), altered);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_has_the_mode_of_any_other_before_and_after_it_is_rewritten() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode();
        let plain = folder.path().join("plain");
        fs_err::write(&plain, "").unwrap();
        let path = written(folder.path());
        assert_eq!(mode(&path), mode(&plain));
        keep(&path, 1).unwrap();
        assert_eq!(mode(&path), mode(&plain));
    }
}
