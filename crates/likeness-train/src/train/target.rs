//! The faces of a target domain: the batches of an epoch, and the target's batch statistics.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Device;
use rand::seq::SliceRandom;

use super::faces::TrainingFaces;
use super::validation::embed;
use crate::adapt::statistics::fit_statistics;
use crate::adapt::{AdaptationConfig, AdaptationMethod};
use crate::loader::{Batch, Epoch, Loader};
use crate::network::Network;
use crate::sampler::{BalancedConfig, SamplerConfig};
use crate::{Result, TrainError};
use likeness_data::seed::{TrainingPurpose, training_stream};
use likeness_search::cluster;

/// Maximum number of faces that statistics are computed from.
const FACES_FOR_STATISTICS: usize = 4096;
/// Maximum number of faces that are clustered in an epoch; other epochs cluster other faces.
const FACES_TO_CLUSTER: usize = 8192;
/// Batch size where the network is not trained.
const BATCH: usize = 32;

/// The target faces of a run.
pub(super) struct TargetFaces {
    pub(super) adaptation: AdaptationConfig,
    /// A loader with augmentation for training, and one without.
    loaders: [Loader; 2],
    faces: usize,
    /// Identity of each face; empty where labels are not used.
    identities: Vec<Option<u32>>,
    seed: u64,
}

/// The target batches of an epoch, one for each batch of the source.
pub(super) struct TargetEpoch {
    batches: Epoch,
    /// Group of each face; empty where nothing is clustered.
    groups: Vec<Option<u32>>,
    /// Values for the run's history.
    pub(super) notes: BTreeMap<String, f64>,
}

impl TargetFaces {
    /// The target faces of a run with these settings.
    ///
    /// # Errors        no faces; fewer than two identities where the labels are used → [`TrainError::BadArgument`]
    pub(super) fn new(
        adaptation: AdaptationConfig,
        loaders: [Loader; 2],
        faces: &TrainingFaces,
        seed: u64,
    ) -> Result<Self> {
        let identities = match adaptation.method {
            AdaptationMethod::Labels => faces.target_identities.clone(),
            _ => Vec::new(),
        };
        let faces = faces.target.len();
        let named: BTreeSet<u32> = identities.iter().flatten().copied().collect();
        if adaptation.method == AdaptationMethod::Labels && named.len() < 2 {
            return Err(TrainError::argument_with_hint(
                "the run learns from the target's labels, and its training split names fewer than two identities",
                "take --adapt clusters for faces without labels",
            ));
        }
        if faces == 0 {
            return Err(TrainError::argument(
                "the run adapts to a target domain, and no faces of one were given",
            ));
        }
        Ok(Self { adaptation, loaders, faces, identities, seed })
    }

    /// The network with the batch statistics of the target.
    pub(super) fn fit(&self, network: &Network, device: &Device) -> Result<Network> {
        let order = self.order(self.faces.min(FACES_FOR_STATISTICS), 0);
        Ok(fit_statistics(network, self.as_they_are(&order)?, device))
    }

    /// A target batch for each of `batches`, of the same size. `None` where the run does not train on target faces, or where the
    /// embeddings of `network` form fewer than two groups.
    pub(super) fn epoch(
        &self,
        epoch: u32,
        batches: &[Vec<usize>],
        sampler: &SamplerConfig,
        network: impl FnOnce() -> Result<(Network, Device)>,
    ) -> Result<Option<TargetEpoch>> {
        if !self.adaptation.trains_on_target() {
            return Ok(None);
        }
        match self.adaptation.method {
            AdaptationMethod::Clusters => {
                let (network, device) = network()?;
                let (found, faces) = self.groups(epoch, &network, &device)?;
                return self.by_group(epoch, batches.len(), sampler, found, faces);
            }
            AdaptationMethod::Labels => {
                return self.by_group(epoch, batches.len(), sampler, self.identities.clone(), self.faces);
            }
            _ => {}
        }
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        let order = self.order(sizes.iter().sum(), epoch);
        let mut rest = order.as_slice();
        let part = |size: &usize| {
            let (part, tail) = rest.split_at(*size);
            rest = tail;
            part.to_vec()
        };
        let batches: Vec<Vec<usize>> = sizes.iter().map(part).collect();
        let batches = self.loaders[0].epoch(u64::from(epoch), &batches)?;
        Ok(Some(TargetEpoch { batches, groups: Vec::new(), notes: BTreeMap::new() }))
    }

    /// The group of each face by the network's embeddings, and the number of faces that were clustered.
    fn groups(&self, epoch: u32, network: &Network, device: &Device) -> Result<(Vec<Option<u32>>, usize)> {
        let order = self.order(self.faces.min(FACES_TO_CLUSTER), epoch);
        let embedded = embed(network, self.as_they_are(&order)?, device);
        let dim = embedded.rows.len() / embedded.faces.len().max(1);
        let broken = |_| TrainError::NotANumber { what: "embedding of a target face", step: 0 };
        let found = cluster::groups(&embedded.rows, dim, self.adaptation.neighbours).map_err(broken)?;
        let mut groups = vec![None; self.faces];
        embedded.faces.iter().zip(&found).for_each(|(face, group)| groups[*face] = *group);
        Ok((groups, embedded.faces.len()))
    }

    /// Batches of several groups with several photos each, from the `groups` of `faces` clustered faces.
    fn by_group(
        &self,
        epoch: u32,
        batches: usize,
        sampler: &SamplerConfig,
        groups: Vec<Option<u32>>,
        faces: usize,
    ) -> Result<Option<TargetEpoch>> {
        let grouped: Vec<usize> = (0..self.faces).filter(|&face| groups[face].is_some()).collect();
        let labels: Vec<u32> = grouped.iter().filter_map(|&face| groups[face]).collect();
        let count = labels.iter().collect::<BTreeSet<_>>().len();
        if count < 2 {
            return Ok(None);
        }
        let (p, k) = match sampler {
            SamplerConfig::Balanced(config) => (config.identities_per_batch, config.images_per_identity),
            SamplerConfig::Shuffled(config) => (config.batch_size / 4, 4),
        };
        let p = p.clamp(2, count);
        let config = BalancedConfig {
            identities_per_batch: p,
            images_per_identity: k,
            images_per_epoch: batches * p * k,
        };
        let chosen = SamplerConfig::Balanced(config).build(&labels, self.seed)?.batches(u64::from(epoch));
        let places =
            |batch: Vec<usize>| -> Vec<usize> { batch.into_iter().map(|place| grouped[place]).collect() };
        let chosen: Vec<Vec<usize>> = chosen.into_iter().map(places).collect();
        let share = grouped.len() as f64 / faces as f64;
        let notes = [("groups", count as f64), ("grouped_share", share)];
        Ok(Some(TargetEpoch {
            batches: self.loaders[0].epoch(u64::from(epoch), &chosen)?,
            groups,
            notes: notes.map(|(name, value)| (name.to_owned(), value)).into(),
        }))
    }

    fn as_they_are(&self, order: &[usize]) -> Result<Epoch> {
        let batches: Vec<Vec<usize>> = order.chunks(BATCH).map(<[usize]>::to_vec).collect();
        self.loaders[1].epoch(0, &batches)
    }

    /// `wanted` faces in the random order of the epoch, each about equally often.
    fn order(&self, wanted: usize, epoch: u32) -> Vec<usize> {
        let round = |round: u64| {
            let mut places: Vec<usize> = (0..self.faces).collect();
            places.shuffle(&mut training_stream(
                self.seed,
                TrainingPurpose::Adaptation,
                &[u64::from(epoch), 2 + round],
            ));
            places
        };
        (0..).flat_map(round).take(wanted).collect()
    }
}

impl TargetEpoch {
    /// Seconds of waiting for batches so far.
    pub(super) fn waited_seconds(&self) -> f64 {
        self.batches.waited_seconds()
    }
}

impl Iterator for TargetEpoch {
    type Item = Batch;

    /// The next batch, with groups as labels where there are groups.
    fn next(&mut self) -> Option<Batch> {
        let mut batch = self.batches.next()?;
        if !self.groups.is_empty() {
            batch.labels = batch.faces.iter().filter_map(|&face| self.groups[face]).collect();
        }
        Some(batch)
    }
}
