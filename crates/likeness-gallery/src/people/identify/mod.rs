//! Identification: names further faces by the faces that people named.
//!
//! 1. References of a person are the faces that it has by hand, named or confirmed, without outliers and faces of low quality
//!    ([`Excluded`]). A face that the program named is never a reference, so errors do not spread.
//! 2. The distance from a face to a person is that to a mean of its nearest references.
//! 3. The score of a person is `distance − (distance to the next best person − distance)`: a face between two people is given
//!    to neither. The verdicts compare it with the model's thresholds.
//! 4. Each photo is an assignment problem: no person twice, no rejected pair, nobody before the birth date. People
//!    of faces named by hand are taken. Matches are assigned before possible matches.
//!
//! The constants were chosen on 241 identities of CelebA, for at most 0.5 % wrong names with 1, 5, 30 or 120 named people of 1
//! to 15 references each and a stranger in every other face; `examples/bench_identify.rs` measures them.
//!
//! Cost: faces × people × dimension for the candidates of every face, then at most [`CANDIDATES`] × [`MAX_REFERENCES`]
//! distances per face. Only the candidates of one block of faces are in memory.

mod faces;
mod persons;
mod photo;
mod references;
mod scale;

use std::collections::BTreeSet;

use likeness_search::{Thresholds, Verdict};

use super::People;
use crate::{GalleryError, ItemId, PersonId, PhotoId, Result};
pub use faces::{Face, Faces};
use persons::Persons;
use references::References;
pub use references::{Excluded, Exclusion};
use scale::Scale;

/// The number of people that a face is compared with in detail: those with the nearest mean reference.
pub const CANDIDATES: usize = 12;
/// The number of references of a person that are used. Of more, every n-th is used.
pub const MAX_REFERENCES: usize = 64;
/// The quality below which a face is no reference.
const MIN_QUALITY: f32 = 0.2;

/// The distances of a model's verdicts on a pair of faces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The largest distance of [`Verdict::Same`].
    pub same: f32,
    /// The largest distance of [`Verdict::Possible`].
    pub possible: f32,
}

impl Limits {
    /// The limits of a model's thresholds.
    ///
    /// # Errors        no threshold at a false match rate of 0.001 or less → `BadArgument`
    pub fn of(thresholds: &Thresholds) -> Result<Self> {
        let (same, possible) = thresholds.limits().ok_or_else(|| GalleryError::BadArgument {
            reason: "the model has no thresholds, so no face can be named by its distance".into(),
            hint: "use a model with thresholds, such as the built-in ones".into(),
        })?;
        Ok(Self { same, possible })
    }
}

/// Options of an identification.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IdentifyConfig {
    /// The quality below which a face is no reference, from 0 to 1.
    pub min_quality: f32,
}

impl Default for IdentifyConfig {
    fn default() -> Self {
        Self { min_quality: MIN_QUALITY }
    }
}

/// A person that the program found for a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The face.
    pub item: ItemId,
    /// The person.
    pub person: PersonId,
    /// [`Verdict::Same`]: the face gets the name. [`Verdict::Possible`]: a suggestion for review.
    pub verdict: Verdict,
    /// The distance to the person, in the model's distance.
    pub distance: f32,
    /// The next best person and the distance to it, if any is near.
    pub next: Option<(PersonId, f32)>,
    /// The nearest references, at most three, with their distances, nearest first.
    pub references: Vec<(ItemId, f32)>,
}

/// The result of an identification.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Identification {
    /// The faces with a person, by item. Faces with a standing by hand are not among them.
    pub assignments: Vec<Assignment>,
    /// The faces that people named, but that are not used as references, by item.
    pub excluded: Vec<Excluded>,
}

/// Names the faces without a standing by the faces that people named.
///
/// # Conventions   the result depends on the arguments alone, not on the order of faces or the number of threads
/// # Errors        values that are not finite, or negative under the Jaccard distance → `Search`
pub fn identify(
    faces: &Faces,
    people: &People,
    limits: Limits,
    config: &IdentifyConfig,
) -> Result<Identification> {
    identify_photos(faces, people, limits, config, |_| true)
}

/// Like [`identify`], but names only the faces of some photos, such as new ones. The result for them is the same.
pub fn identify_photos(
    faces: &Faces,
    people: &People,
    limits: Limits,
    config: &IdentifyConfig,
    wanted: impl Fn(PhotoId) -> bool,
) -> Result<Identification> {
    let scale = Scale::new(faces.distance(), limits);
    let references = References::choose(faces, people, &scale, config);
    let persons = Persons::new(faces, &references, &scale)?;
    let photos: BTreeSet<PhotoId> = faces.photos().filter(|photo| wanted(*photo)).collect();
    let photos: Vec<PhotoId> = photos.into_iter().collect();
    let mut assignments = Vec::new();
    for block in faces.blocks(&photos, |item| people.standing(item).is_none()) {
        let open: Vec<usize> = block.iter().flat_map(|photo| photo.open.iter().copied()).collect();
        let near = persons.near(&open)?;
        let mut rest = near.as_slice();
        for photo in &block {
            let (first, after) = rest.split_at(photo.open.len());
            rest = after;
            assignments.extend(photo::solve(faces, people, &scale, photo, first));
        }
    }
    assignments.sort_unstable_by_key(|assignment| assignment.item);
    Ok(Identification { assignments, excluded: references.into_excluded() })
}
