//! The references of people: which of the faces that users named are compared with others.

use std::collections::BTreeMap;

use super::{Faces, IdentifyConfig, MAX_REFERENCES, Scale};
use crate::people::People;
use crate::{ItemId, PersonId};

/// The length from which a reference without a nearer one of its person is an outlier, as a share of that at `possible`.
const ISOLATED_SHARE: f64 = 1.2;
/// The number of references from which outliers are searched for.
const MIN_FOR_OUTLIERS: usize = 4;

/// A face that a user named, but that is not used as a reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Excluded {
    /// The face.
    pub item: ItemId,
    /// Its person.
    pub person: PersonId,
    /// The reason.
    pub reason: Exclusion,
}

/// Why a face is not used as a reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exclusion {
    /// The face is too small, blurred or turned away.
    LowQuality {
        /// Its quality.
        quality: f32,
    },
    /// The face is far from all other references of its person: it may have a wrong name.
    Outlier {
        /// The distance to the nearest other reference of the person.
        distance: f32,
    },
}

/// The references of every person, as positions of faces.
pub(super) struct References {
    of: BTreeMap<PersonId, Vec<usize>>,
    excluded: Vec<Excluded>,
}

impl References {
    /// Chooses the references. A person with a face by hand keeps at least one.
    pub(super) fn choose(faces: &Faces, people: &People, scale: &Scale, config: &IdentifyConfig) -> Self {
        let positions = faces.positions();
        let mut references = Self { of: BTreeMap::new(), excluded: Vec::new() };
        for person in people.persons() {
            let by_hand = people.faces(person.id).filter_map(|item| positions.get(&item).copied());
            let mut chosen: Vec<usize> = by_hand.collect();
            references.leave_out_low_quality(person.id, &mut chosen, faces, config.min_quality);
            chosen = spread(chosen);
            references.leave_out_outliers(person.id, &mut chosen, faces, scale);
            if !chosen.is_empty() {
                references.of.insert(person.id, chosen);
            }
        }
        references.excluded.sort_unstable_by_key(|excluded| excluded.item);
        references
    }

    /// The people with references, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PersonId, &[usize])> {
        self.of.iter().map(|(person, references)| (*person, references.as_slice()))
    }

    pub(super) fn into_excluded(self) -> Vec<Excluded> {
        self.excluded
    }

    /// If all faces are of low quality, the best one remains.
    fn leave_out_low_quality(
        &mut self,
        person: PersonId,
        chosen: &mut Vec<usize>,
        faces: &Faces,
        least: f32,
    ) {
        let quality = |at: usize| faces.as_slice()[at].quality;
        let best = chosen.iter().copied().reduce(|a, b| if quality(b) > quality(a) { b } else { a });
        let is_good = |at: usize| quality(at) >= least || Some(at) == best;
        for &at in chosen.iter().filter(|at| !is_good(**at)) {
            let reason = Exclusion::LowQuality { quality: quality(at) };
            self.excluded.push(Excluded { item: faces.as_slice()[at].item, person, reason });
        }
        chosen.retain(|at| is_good(*at));
    }

    /// Outliers are a minority: if half of the references are isolated, the person varies and all remain.
    fn leave_out_outliers(
        &mut self,
        person: PersonId,
        chosen: &mut Vec<usize>,
        faces: &Faces,
        scale: &Scale,
    ) {
        if chosen.len() < MIN_FOR_OUTLIERS {
            return;
        }
        let nearest = |at: usize| {
            let others = chosen.iter().filter(|other| **other != at);
            others.map(|other| faces.between(at, *other)).fold(f32::INFINITY, f32::min)
        };
        let nearest: Vec<f32> = chosen.iter().map(|at| nearest(*at)).collect();
        let is_outlier = |distance: f32| scale.squared(distance).sqrt() > ISOLATED_SHARE * scale.farthest;
        let outliers = nearest.iter().filter(|distance| is_outlier(**distance)).count();
        if outliers * 2 >= chosen.len() {
            return;
        }
        let mut kept = Vec::with_capacity(chosen.len());
        for (&at, &distance) in chosen.iter().zip(&nearest) {
            if is_outlier(distance) {
                let reason = Exclusion::Outlier { distance };
                self.excluded.push(Excluded { item: faces.as_slice()[at].item, person, reason });
            } else {
                kept.push(at);
            }
        }
        *chosen = kept;
    }
}

/// At most [`MAX_REFERENCES`] of the faces, evenly over their order, which is about that of the photos in time.
fn spread(faces: Vec<usize>) -> Vec<usize> {
    let n = faces.len();
    if n <= MAX_REFERENCES {
        return faces;
    }
    (0..MAX_REFERENCES).map(|at| faces[at * n / MAX_REFERENCES]).collect()
}
