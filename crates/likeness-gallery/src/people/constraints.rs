//! What users decided, as constraints of a clustering.

use std::collections::{BTreeMap, BTreeSet};

use super::identify::Faces;
use super::{People, Standing};
use crate::{ItemId, PersonId, PhotoId};

/// The constraints of a clustering, each list by item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Constraints {
    /// Sets of faces that a user gave to one person: each set is in one cluster, and no cluster has faces of two sets.
    pub same: Vec<Vec<ItemId>>,
    /// Further pairs of faces that are not in one cluster: a face rejected from a person with one face of the person, and two
    /// faces of one photo.
    pub different: Vec<[ItemId; 2]>,
    /// Items that are not clustered: not a face, or ignored.
    pub left_out: Vec<ItemId>,
}

impl Constraints {
    /// The constraints on some faces.
    pub fn new(faces: &Faces, people: &People) -> Self {
        let mut found = Self::default();
        let mut sets: BTreeMap<PersonId, Vec<ItemId>> = BTreeMap::new();
        let mut photos: BTreeMap<PhotoId, Vec<ItemId>> = BTreeMap::new();
        let mut by_item: Vec<(ItemId, PhotoId)> =
            faces.as_slice().iter().map(|face| (face.item, face.photo)).collect();
        by_item.sort_unstable();
        for (item, photo) in by_item {
            match people.standing(item) {
                Some(Standing::NotAFace | Standing::Ignored) => {
                    found.left_out.push(item);
                    continue;
                }
                Some(Standing::Named(person) | Standing::Confirmed(person)) => {
                    sets.entry(person).or_default().push(item);
                }
                None => {}
            }
            photos.entry(photo).or_default().push(item);
        }
        let owner = |item: ItemId| people.standing(item).and_then(Standing::person);
        // Two faces by hand are in one set or in two, whatever their photo.
        let mut part = |a: ItemId, b: ItemId| {
            if owner(a).is_none() || owner(b).is_none() {
                found.different.push([a.min(b), a.max(b)]);
            }
        };
        for items in photos.values() {
            for (at, a) in items.iter().enumerate() {
                items[at + 1..].iter().for_each(|b| part(*a, *b));
            }
        }
        let clustered: BTreeSet<ItemId> = photos.values().flatten().copied().collect();
        for (person, items) in people.rejections() {
            let Some(first) = sets.get(person).map(|set| set[0]) else { continue };
            items.iter().filter(|item| clustered.contains(item)).for_each(|item| part(*item, first));
        }
        found.different.sort_unstable();
        found.different.dedup();
        found.same = sets.into_values().collect();
        found
    }

    /// Pairs of faces in one cluster, from which the others of [`same`](Self::same) follow.
    pub fn must_link(&self) -> impl Iterator<Item = [ItemId; 2]> {
        self.same.iter().flat_map(|set| set.windows(2).map(|pair| [pair[0], pair[1]]))
    }

    /// Pairs of faces in two clusters, from which the others follow: those of [`different`](Self::different), and one pair
    /// for every two sets of [`same`](Self::same).
    pub fn cannot_link(&self) -> impl Iterator<Item = [ItemId; 2]> {
        let sets = self.same.iter().enumerate();
        let pairs = sets.flat_map(|(at, a)| self.same[at + 1..].iter().map(move |b| [a[0], b[0]]));
        self.different.iter().copied().chain(pairs)
    }
}
