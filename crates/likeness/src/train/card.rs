//! The file `run.toml`: the inputs and the settings of a run.

use std::path::Path;

use likeness_artifact::{Seal, seal_of, sealed};
use likeness_train::train::TrainConfig;
use serde::{Deserialize, Serialize};

use crate::{Result, invalid};

/// The content of `run.toml`: inputs and settings of a run. Its last line is a checksum that `--resume` verifies.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunCard {
    /// Version of the program.
    pub(super) likeness: String,
    /// Folder of the dataset.
    pub(super) dataset: String,
    /// SHA-256 of the names and labels of the faces, including those of the target.
    pub(super) faces_sha256: String,
    /// SHA-256 of the photos, identities and splits of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dataset_sha256: Option<String>,
    /// Teacher, as given on the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) teacher: Option<String>,
    /// Folder of the target dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) adapt_to: Option<String>,
    /// SHA-256 of the photos, identities and splits of the target dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) adapt_to_sha256: Option<String>,
    /// Resolved settings.
    pub(super) settings: TrainConfig,
}

/// Reads the card of an existing run, and verifies its checksum.
pub(super) fn read(card: &Path) -> Result<RunCard> {
    let text = fs_err::read_to_string(card)?;
    if seal_of(&text) == Seal::Broken {
        return Err(invalid(
            format!("{}: was changed after the run started", card.display()),
            format!("undo the change, or start a new run with --config {} in another folder", card.display()),
        ));
    }
    toml::from_str(&text).map_err(|error| {
        invalid(
            format!("{}: not a run's settings: {}", card.display(), error.message()),
            "restore the file, or start a new run in another folder",
        )
    })
}

/// Writes the card with its checksum.
pub(super) fn write(path: &Path, card: &RunCard) -> Result<()> {
    let text = sealed(&toml::to_string(card).map_err(std::io::Error::other)?);
    Ok(likeness_artifact::write(path, |file| file.write_all(text.as_bytes()))?)
}
