//! What a run writes after an epoch: the best network, the network of a finished phase, and the checkpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use likeness_artifact::sha256_hex;
use likeness_model::origin::licence_of_weights;
use likeness_model::trained_on::TrainedOn;

use super::checkpoint::{self, State};
use super::config::TrainConfig;
use super::epoch::Learner;
use super::faces::TrainingFaces;
use super::observer::Observer;
use super::validation::Accuracy;
use crate::Result;
use crate::export::{ModelCard, write_model_folder};
use crate::network::Network;

/// Folder of the networks of finished phases.
const PHASES: &str = "phases";
/// Folder of the network with the target's statistics.
const FOR_TARGET: &str = "target";
/// Folder of the best network.
const BEST: &str = "model";

/// Writes the networks and checkpoints of a run.
pub(super) struct Snapshots<'a> {
    config: &'a TrainConfig,
    faces: &'a TrainingFaces,
    run: PathBuf,
    trained_on: TrainedOn,
    /// Best validation top-1 and its epoch.
    pub(super) best: Option<(f64, u32)>,
    /// Whether the last checkpoint could not be written.
    failed: bool,
}

impl<'a> Snapshots<'a> {
    /// Snapshots in the folder `run` of networks that are trained on the photos of `trained_on`.
    pub(super) fn new(
        config: &'a TrainConfig,
        faces: &'a TrainingFaces,
        run: &Path,
        trained_on: TrainedOn,
    ) -> Self {
        Self { config, faces, run: run.to_owned(), trained_on, best: None, failed: false }
    }

    /// SHA-256 of the faces and of the settings, which a run must share with a checkpoint to continue from it.
    pub(super) fn fingerprints(&self) -> (String, String) {
        let settings = TrainConfig { workers: 0, cache_mib: 0, ..self.config.clone() };
        let text = toml::to_string(&settings).expect("settings are plain data");
        (self.faces.fingerprint(), sha256_hex(text.as_bytes()))
    }

    /// Writes the list of photos trained on into the run.
    pub(super) fn write_list(&self) -> Result<()> {
        if !self.trained_on.is_empty() {
            self.trained_on.write(&self.run)?;
        }
        Ok(())
    }

    /// Writes the network of epoch `epoch` if it is the best so far, or if there is no validation. Returns whether it did.
    pub(super) fn keep_best(
        &mut self,
        network: &Network,
        accuracy: Option<Accuracy>,
        epoch: u32,
    ) -> Result<bool> {
        let better = match (accuracy, self.best) {
            (Some(now), Some((best, _))) => now.top1 >= best,
            _ => true,
        };
        if let (true, Some(now)) = (better, accuracy) {
            self.best = Some((now.top1, epoch));
        }
        if better {
            self.write_model(network, &self.run.join(BEST), &self.card(epoch))?;
        }
        Ok(better)
    }

    /// Writes the network with the target's statistics that belongs to the best network.
    pub(super) fn keep_for_target(&self, network: &Network, epoch: u32) -> Result<()> {
        let mut card = self.card(epoch);
        card.name.push_str("-target");
        self.write_model(network, &self.run.join(FOR_TARGET), &card)
    }

    /// Writes the network of the phase `phase` if the phase has ended and another follows, so that the effect of the next phase
    /// can be measured.
    pub(super) fn keep_phase(&self, network: &Network, phase: usize, epoch: u32) -> Result<()> {
        if !matches!(self.config.phase_of(epoch), Some((_, 0))) {
            return Ok(());
        }
        let name = format!("{}-{}", phase + 1, self.config.phases[phase].name);
        self.write_model(network, &self.run.join(PHASES).join(name), &self.card(epoch))
    }

    /// Writes a network and, before it, the list of photos that it was trained on.
    fn write_model(&self, network: &Network, folder: &Path, card: &ModelCard) -> Result<()> {
        if !self.trained_on.is_empty() {
            fs_err::create_dir_all(folder)?;
            self.trained_on.write(folder)?;
        }
        write_model_folder(network, folder, card)
    }

    /// The licence of the weights that the run starts from, which the network inherits.
    fn licence(&self) -> String {
        let known = self.config.weights.as_ref().and_then(|path| licence_of_weights(path).ok().flatten());
        known.map_or_else(|| "not stated".to_owned(), |licence| licence.name)
    }

    /// The description of the network of epoch `epoch`.
    fn card(&self, epoch: u32) -> ModelCard {
        let beginning = match self.config.weights.as_ref().and_then(|path| path.file_name()) {
            Some(file) => format!(", beginning with {}", file.to_string_lossy()),
            None => String::new(),
        };
        let name = self.run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ModelCard {
            name: if name.is_empty() { "trained".to_owned() } else { name },
            input_px: self.config.input_px,
            alignment: self.faces.alignment,
            licence: self.licence(),
            source: format!("trained by likeness {}{beginning}", env!("CARGO_PKG_VERSION")),
            notes: BTreeMap::from([("epoch".to_owned(), epoch.to_string())]),
        }
    }

    /// Writes the checkpoint after `epochs` epochs. A failure is reported, and the next epoch tries again.
    pub(super) fn save(&mut self, learner: &Learner, phase: usize, epochs: u32, observer: &mut dyn Observer) {
        let (faces, settings) = self.fingerprints();
        let state = State::new(epochs, learner.optimizer.steps(), self.best, &faces, &settings);
        let written = checkpoint::write(&self.run, state, &learner.tensors(phase));
        match &written {
            Ok(()) if self.failed => observer.say("the checkpoint could be written again".to_owned()),
            Ok(()) => {}
            Err(error) => {
                observer.say(format!("no checkpoint of epoch {epochs}: {error}; training goes on"));
            }
        }
        self.failed = written.is_err();
    }
}
