//! Sampling: selects the identities of a collection and the number of images of each.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::sample::Sample;

/// Which identities to keep, and how many images of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingConfig {
    /// Keep only this many identities, those with the most images; ties are sorted by name. 0 keeps all.
    pub identities: usize,
    /// Keep only identities with at least this many images.
    pub min_images: usize,
    /// Keep only the first images of each identity, at most this many. 0 keeps all.
    pub max_images: usize,
}

impl SamplingConfig {
    /// Selects samples and keeps their order.
    ///
    /// Samples without an identity are kept unless `identities` is set or `min_images` is above 1.
    ///
    /// # Conventions   the number of images of an identity is counted before `max_images` limits it
    pub fn apply(&self, samples: Vec<Sample>) -> Vec<Sample> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for identity in samples.iter().filter_map(|s| s.identity.as_deref()) {
            *counts.entry(identity).or_default() += 1;
        }
        let mut ranked: Vec<(&str, usize)> =
            counts.into_iter().filter(|(_, n)| *n >= self.min_images).collect();
        ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        if self.identities > 0 {
            ranked.truncate(self.identities);
        }
        let mut left: HashMap<String, usize> = ranked
            .into_iter()
            .map(|(identity, n)| {
                (identity.to_owned(), if self.max_images > 0 { n.min(self.max_images) } else { n })
            })
            .collect();
        let unlabelled_stay = self.identities == 0 && self.min_images <= 1;
        let stays = |sample: &Sample| match &sample.identity {
            None => unlabelled_stay,
            Some(identity) => left.get_mut(identity).is_some_and(|n| {
                let stays = *n > 0;
                *n = n.saturating_sub(1);
                stays
            }),
        };
        samples.into_iter().filter(stays).collect()
    }
}
