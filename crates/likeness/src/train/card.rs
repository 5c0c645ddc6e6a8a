//! `run.toml`: what a run was made from, and its settings.

use std::path::Path;

use likeness_artifact::{Seal, seal_of, sealed};
use likeness_train::train::TrainConfig;
use serde::{Deserialize, Serialize};

use crate::{Result, invalid};

/// `run.toml`: what a run was made from and with. Its last line is a checksum that `--resume` looks at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunCard {
    /// Version of the program.
    pub(super) likeness: String,
    /// The dataset's folder.
    pub(super) dataset: String,
    /// SHA-256 over the faces' names and labels, those of the target among them.
    pub(super) faces_sha256: String,
    /// SHA-256 over the dataset's photos, identities and splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dataset_sha256: Option<String>,
    /// The teacher, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) teacher: Option<String>,
    /// The dataset adapted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) adapt_to: Option<String>,
    /// SHA-256 over its photos, identities and splits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) adapt_to_sha256: Option<String>,
    /// The resolved settings.
    pub(super) settings: TrainConfig,
}

/// The card of a run that goes on.
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
