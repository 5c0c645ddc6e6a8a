//! Splits: divides a dataset into training, validation and test.

use std::collections::{BTreeMap, BTreeSet};

use crate::seed::generator;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::sample::{Role, Sample, Split};
use crate::{DataError, Result};

/// The method of dividing a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitMethod {
    /// The collection's own split if it has one, otherwise [`SplitMethod::Images`].
    #[default]
    Auto,
    /// By index within each identity: the first images are for training and gallery, the last are validation queries.
    Images,
    /// By identity, drawn with the seed: no identity is in two splits.
    Identities,
    /// The collection's own split.
    Official,
}

/// Options of a split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitConfig {
    /// The method of division.
    pub method: SplitMethod,
    /// Share of validation, in (0, 1); not used by [`SplitMethod::Official`].
    pub validation: f64,
    /// Random seed for drawing identities.
    pub seed: u64,
}

impl Default for SplitConfig {
    /// The collection's own split, or 80/20 by index if it has none.
    fn default() -> Self {
        Self { method: SplitMethod::Auto, validation: 0.2, seed: 0 }
    }
}

impl SplitConfig {
    /// Replaces [`SplitMethod::Auto`] by the method that fits `samples`. Returns a note about the choice if the collection has
    /// its own split.
    pub fn resolve(&self, samples: &[Sample]) -> (Self, Option<String>) {
        let with = |method| Self { method, ..*self };
        let Some(found) = own_split(samples) else {
            let method = if self.method == SplitMethod::Auto { SplitMethod::Images } else { self.method };
            return (with(method), None);
        };
        match self.method {
            SplitMethod::Auto => {
                let note = format!(
                    "split official: the collection has its own ({found}); --split images overrides it"
                );
                (with(SplitMethod::Official), Some(note))
            }
            SplitMethod::Official => (*self, Some(format!("split official: {found}"))),
            SplitMethod::Images | SplitMethod::Identities => {
                let note =
                    format!("the collection's own split ({found}) is not used; --split official keeps it");
                (*self, Some(note))
            }
        }
    }

    /// Sets split and role of `samples`, in any order.
    ///
    /// # Conventions
    /// `Images`: of an identity with n images the last ⌊n·validation⌋, at least one if n ≥ 2, are validation queries;
    /// the others are training images and gallery. `Identities`: ⌊n·validation⌉ of n identities, at least one, are validation.
    /// A sample without an identity is for training only. `Official`: a sample without its own split is for training,
    /// but a query is for validation if no sample has a split. `Auto`: see [`Self::resolve`].
    ///
    /// # Errors
    /// a share outside (0, 1); a single identity to divide; no official split → [`DataError::BadArgument`]
    pub fn apply(&self, samples: &mut [Sample]) -> Result<()> {
        if !(self.validation > 0.0 && self.validation < 1.0) {
            return Err(DataError::BadArgument {
                reason: format!("the validation share must lie between 0 and 1, found {}", self.validation),
                hint: Some("choose a share such as --validation 0.2".to_owned()),
            });
        }
        match self.resolve(samples).0.method {
            SplitMethod::Images | SplitMethod::Auto => self.by_index(samples),
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
            return Err(DataError::BadArgument {
                reason: format!(
                    "a split by identities needs at least two of them, found {}",
                    identities.len()
                ),
                hint: Some("use --split images, or name the photos' --layout".to_owned()),
            });
        }
        identities.shuffle(&mut generator(self.seed));
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

/// Summarises the collection's own splits and roles, such as `80 train, 20 test`; `None` if it has neither.
fn own_split(samples: &[Sample]) -> Option<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut without = 0;
    let has_splits = samples.iter().any(|s| s.split.is_some());
    for sample in samples {
        let name = match (sample.split, sample.role) {
            (Some(split), _) => split.name(),
            (None, Some(Role::Query)) if !has_splits => "queries",
            (None, Some(Role::Gallery)) if !has_splits => "gallery",
            (None, _) => {
                without += 1;
                continue;
            }
        };
        *counts.entry(name).or_default() += 1;
    }
    let named = counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ");
    match without {
        _ if counts.is_empty() => None,
        0 => Some(named),
        _ => Some(format!("{named}, {without} without one for training")),
    }
}

fn official(samples: &mut [Sample]) -> Result<()> {
    if own_split(samples).is_none() {
        return Err(DataError::BadArgument {
            reason: "the collection has no split of its own".to_owned(),
            hint: Some("use --split images or --split identities".to_owned()),
        });
    }
    let has_splits = samples.iter().any(|s| s.split.is_some());
    for sample in samples {
        let query = !has_splits && sample.role == Some(Role::Query);
        let split = if query { Split::Validation } else { Split::Train };
        sample.split = Some(sample.split.unwrap_or(split));
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

    #[test]
    fn the_collections_own_split_is_kept_unless_another_is_named() {
        let mut own = samples(&[2, 2]);
        own[0].split = Some(Split::Test);
        own[1].split = Some(Split::Train);
        own[2].split = Some(Split::Validation);
        own[2].role = Some(Role::Query);
        let splits = |method| {
            let mut samples = own.clone();
            let config = SplitConfig { method, ..SplitConfig::default() };
            let (resolved, note) = config.resolve(&samples);
            config.apply(&mut samples).unwrap();
            (resolved.method, note.unwrap(), samples.iter().map(|s| s.split.unwrap()).collect::<Vec<_>>())
        };
        let (method, note, found) = splits(SplitMethod::Auto);
        assert_eq!(method, SplitMethod::Official);
        assert_eq!(found, [Split::Test, Split::Train, Split::Validation, Split::Train]);
        assert!(
            note.contains("1 test, 1 train, 1 validation, 1 without one") && note.contains("--split images")
        );
        let (method, note, found) = splits(SplitMethod::Images);
        assert_eq!((method, found[0]), (SplitMethod::Images, Split::Train));
        assert!(note.contains("is not used"), "{note}");
        let (plain, note) = SplitConfig::default().resolve(&samples(&[3]));
        assert_eq!((plain.method, note), (SplitMethod::Images, None));
    }

    #[test]
    fn roles_alone_are_a_split_of_queries_and_gallery() {
        let mut own = samples(&[2, 1]);
        own[0].role = Some(Role::Query);
        own[1].role = Some(Role::Gallery);
        SplitConfig::default().apply(&mut own).unwrap();
        let found: Vec<_> = own.iter().map(|s| (s.split.unwrap(), s.role.unwrap())).collect();
        assert_eq!(
            found,
            [(Split::Validation, Role::Query), (Split::Train, Role::Gallery), (Split::Train, Role::Both)]
        );
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
