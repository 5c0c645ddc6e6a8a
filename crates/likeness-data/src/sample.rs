//! Sampling: which identities of a collection, and how many images of each.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::source::Sample;

/// Which identities to keep, and how many images of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplingConfig {
    /// Keep this many identities, those with the most images; ties by identity name. 0 keeps all.
    pub identities: usize,
    /// Keep identities with at least this many images.
    pub min_images: usize,
    /// Keep at most this many images of an identity, the first. 0 keeps all.
    pub max_images: usize,
}

impl SamplingConfig {
    /// The samples that stay, in their order. Samples without identity stay unless identities are asked for.
    ///
    /// # Conventions   frequency counts all of an identity's images, before `max_images` cuts
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
