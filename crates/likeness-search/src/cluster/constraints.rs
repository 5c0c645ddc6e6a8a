//! Decisions of users about which faces show the same person.

use std::collections::HashMap;

use super::union::Union;
use crate::{Result, SearchError};

/// Decisions of users about which faces show the same person.
///
/// Must-links are transitive: if a is linked to b, and b to c, then a, b and c are in one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Pairs of faces of the same person; they are always in one cluster.
    pub must_link: Vec<(u32, u32)>,
    /// Pairs of faces of different people; they are never in one cluster.
    pub cannot_link: Vec<(u32, u32)>,
    /// The photo of every face, as any number; empty if no two faces are of one photo.
    ///
    /// Two faces of a photo are never in one cluster, unless must-links connect them.
    pub photos: Vec<u32>,
}

/// Checked constraints, by face.
pub(super) struct Checked {
    /// The faces that must-links connect, by the smallest of them.
    pub(super) units: Vec<u32>,
    /// The number of faces of each unit, at its smallest face.
    unit_sizes: Vec<u32>,
    /// The faces that may not be in the cluster of a face, ascending.
    pub(super) enemies: Vec<Vec<u32>>,
    /// The photo of a face that shares its photo with another face.
    pub(super) photos: Vec<Option<u32>>,
    /// The faces of each shared photo.
    pub(super) of_photo: HashMap<u32, Vec<u32>>,
}

impl Checked {
    /// Whether no must-link names a face.
    pub(super) fn is_single(&self, face: u32) -> bool {
        self.unit_sizes[self.units[face as usize] as usize] == 1
    }
}

impl Constraints {
    /// Checks the constraints of `faces` faces.
    ///
    /// # Errors        a face that does not exist, photos of another number of faces → `BadArgument`; a pair of faces of
    ///   different people that must-links connect → `ContradictoryLinks`
    pub fn check(&self, faces: usize) -> Result<()> {
        self.checked(faces).map(drop)
    }

    pub(super) fn checked(&self, faces: usize) -> Result<Checked> {
        let bad = |reason| Err(SearchError::BadArgument { reason });
        if !self.photos.is_empty() && self.photos.len() != faces {
            return bad(format!("expected the photos of {faces} faces, found {}", self.photos.len()));
        }
        let pairs = self.must_link.iter().chain(&self.cannot_link);
        if let Some((a, b)) = pairs.copied().find(|(a, b)| (*a.max(b)) as usize >= faces) {
            return bad(format!("a link names the face {}, but there are {faces} faces", a.max(b)));
        }
        let mut union = Union::new(faces);
        self.must_link.iter().for_each(|&(a, b)| union.join(a, b));
        let units: Vec<u32> = (0..faces as u32).map(|face| union.root(face)).collect();
        let mut unit_sizes = vec![0; faces];
        units.iter().for_each(|unit| unit_sizes[*unit as usize] += 1);
        let mut enemies = vec![Vec::new(); faces];
        for &(a, b) in &self.cannot_link {
            if units[a as usize] == units[b as usize] {
                return Err(SearchError::ContradictoryLinks { a, b });
            }
            enemies[a as usize].push(b);
            enemies[b as usize].push(a);
        }
        for list in &mut enemies {
            list.sort_unstable();
            list.dedup();
        }
        let (photos, of_photo) = shared_photos(&self.photos, faces);
        Ok(Checked { units, unit_sizes, enemies, photos, of_photo })
    }
}

/// The photo of every face that shares its photo with another one, and the faces of each such photo.
fn shared_photos(photos: &[u32], faces: usize) -> (Vec<Option<u32>>, HashMap<u32, Vec<u32>>) {
    let mut of_photo: HashMap<u32, Vec<u32>> = HashMap::new();
    for (face, &photo) in (0u32..).zip(photos) {
        of_photo.entry(photo).or_default().push(face);
    }
    of_photo.retain(|_, members| members.len() > 1);
    let shared = |face: usize| photos.get(face).copied().filter(|photo| of_photo.contains_key(photo));
    ((0..faces).map(shared).collect(), of_photo)
}
