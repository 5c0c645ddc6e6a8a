//! Splits: who is trained on, who is validated and tested with.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use crate::source::{Role, Sample};
use crate::{DataError, Result};

/// A part of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learned from.
    Train,
    /// Decided by.
    Validation,
    /// Reported on.
    Test,
}

impl Split {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The split that a table or folder calls by any of its usual names.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "validation" | "val" | "valid" | "dev" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// How a dataset is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitMethod {
    /// Each identity's images by index: the first for training and gallery, the last as validation queries.
    #[default]
    Images,
    /// Whole identities, drawn by the seed: no identity is in two splits.
    Identities,
    /// The collection's own.
    Official,
}

/// How to divide a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitConfig {
    /// The method.
    pub method: SplitMethod,
    /// Share for validation, in (0, 1); not used by [`SplitMethod::Official`].
    pub validation: f64,
    /// Seed of the draw of identities.
    pub seed: u64,
}

impl Default for SplitConfig {
    /// 80/20 by index.
    fn default() -> Self {
        Self { method: SplitMethod::Images, validation: 0.2, seed: 0 }
    }
}

impl SplitConfig {
    /// Writes split and role into `samples`, which are grouped or not, in any order.
    ///
    /// # Conventions
    /// `Images`: of an identity with n images the last ⌊n·validation⌋, at least one when n ≥ 2, are validation queries,
    /// the others training images and gallery. `Identities`: ⌊n·validation⌉ identities, at least one, are validation.
    /// A sample without identity is for training only.
    ///
    /// # Errors
    /// a share outside (0, 1); a single identity to divide; no official split → [`DataError::BadArgument`]
    pub fn apply(&self, samples: &mut [Sample]) -> Result<()> {
        if !(self.validation > 0.0 && self.validation < 1.0) {
            return Err(DataError::argument(format!(
                "the validation share must lie between 0 and 1, found {}",
                self.validation
            )));
        }
        match self.method {
            SplitMethod::Images => self.by_index(samples),
            SplitMethod::Identities => self.by_identity(samples)?,
            SplitMethod::Official => official(samples)?,
        }
        Ok(())
    }

    fn by_index(&self, samples: &mut [Sample]) {
        let mut counts = std::collections::HashMap::<String, (usize, usize)>::new();
        for identity in samples.iter().filter_map(|s| s.identity.as_ref()) {
            counts.entry(identity.clone()).or_default().0 += 1;
        }
        for sample in samples {
            let seen = sample.identity.as_ref().and_then(|i| counts.get_mut(i));
            let (split, role) = match seen {
                None => (Split::Train, Role::Both),
                Some((count, index)) => {
                    let held_out =
                        ((*count as f64 * self.validation).floor() as usize).max(usize::from(*count >= 2));
                    *index += 1;
                    if *index > *count - held_out {
                        (Split::Validation, Role::Query)
                    } else {
                        (Split::Train, Role::Gallery)
                    }
                }
            };
            (sample.split, sample.role) = (Some(split), Some(role));
        }
    }

    fn by_identity(&self, samples: &mut [Sample]) -> Result<()> {
        let identities: BTreeSet<String> = samples.iter().filter_map(|s| s.identity.clone()).collect();
        let mut identities: Vec<String> = identities.into_iter().collect();
        if identities.len() < 2 {
            return Err(DataError::argument(format!(
                "a split by identities needs at least two of them, found {}",
                identities.len()
            )));
        }
        identities.shuffle(&mut Pcg64Mcg::seed_from_u64(self.seed));
        let held_out = (identities.len() as f64 * self.validation).round() as usize;
        let held_out: BTreeSet<_> = identities.drain(..held_out.clamp(1, identities.len() - 1)).collect();
        for sample in samples {
            let validation = sample.identity.as_ref().is_some_and(|i| held_out.contains(i));
            sample.split = Some(if validation { Split::Validation } else { Split::Train });
            sample.role = Some(sample.role.unwrap_or_default());
        }
        Ok(())
    }
}

fn official(samples: &mut [Sample]) -> Result<()> {
    if samples.iter().all(|s| s.split.is_none()) {
        return Err(DataError::BadArgument {
            reason: "the collection brings no split of its own".to_owned(),
            hint: Some("use --split images or --split identities".to_owned()),
        });
    }
    for sample in samples {
        sample.split = Some(sample.split.unwrap_or(Split::Train));
        sample.role = Some(sample.role.unwrap_or_default());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(counts: &[usize]) -> Vec<Sample> {
        let one = |i: usize, n: usize| Sample::new("x".into(), format!("{i}/{n}"), Some(format!("{i}")));
        counts.iter().enumerate().flat_map(|(i, &n)| (0..n).map(move |n| one(i, n))).collect()
    }

    #[test]
    fn eighty_twenty_by_index() {
        let mut samples = samples(&[10, 1, 2, 29]);
        SplitConfig::default().apply(&mut samples).unwrap();
        let held = |i: &str| {
            let of = samples.iter().filter(|s| s.identity.as_deref() == Some(i));
            of.map(|s| s.split == Some(Split::Validation)).collect::<Vec<_>>()
        };
        assert_eq!(held("0"), [[false; 8].as_slice(), &[true; 2]].concat());
        assert_eq!(held("1"), [false]);
        assert_eq!(held("2"), [false, true]);
        assert_eq!(held("3").iter().filter(|v| **v).count(), 5);
        assert!(
            samples.iter().all(|s| (s.split == Some(Split::Validation)) == (s.role == Some(Role::Query)))
        );
    }

    #[test]
    fn refuses_what_cannot_be_divided() {
        let config = SplitConfig { method: SplitMethod::Identities, ..SplitConfig::default() };
        assert!(config.apply(&mut samples(&[5])).is_err());
        let official = SplitConfig { method: SplitMethod::Official, ..config };
        assert!(official.apply(&mut samples(&[5, 5])).unwrap_err().hint().is_some());
        assert!(SplitConfig { validation: 1.0, ..config }.apply(&mut samples(&[5, 5])).is_err());
        assert!(SplitConfig { validation: f64::NAN, ..config }.apply(&mut samples(&[5, 5])).is_err());
    }

    proptest! {
        #[test]
        fn splits_by_identity_share_none(
            counts in proptest::collection::vec(1usize..6, 2..20), seed in 0u64..99, validation in 0.01f64..0.99,
        ) {
            let mut samples = samples(&counts);
            SplitConfig { method: SplitMethod::Identities, validation, seed }.apply(&mut samples).unwrap();
            let of = |split| -> BTreeSet<_> {
                samples.iter().filter(|s| s.split == Some(split)).map(|s| s.identity.clone()).collect()
            };
            let (train, held_out) = (of(Split::Train), of(Split::Validation));
            prop_assert!(!train.is_empty() && !held_out.is_empty() && train.is_disjoint(&held_out));
        }
    }
}
