//! The distance from a face to a person.
//!
//! It is the least distance to the mean of the 1, 2, 4 or [`NEAREST`] nearest references. A mean shows less of the variation of
//! single faces; few references suffice if a person looks different in others, as a child or with a beard. Each distance is
//! enlarged: a mean is nearer to all faces than a single face is, and the nearest of many references are nearer than those of
//! few. With these factors, one limit holds for people with 1 to 15 references.

use likeness_search::{Distance, EmbeddingTable, ModelTag, RankConfig, Row, rank};
use rayon::prelude::*;

use super::references::References;
use super::{CANDIDATES, Faces, Scale};
use crate::{ItemId, PersonId, Result};

/// The largest number of references whose mean a face is compared with.
const NEAREST: usize = 8;
/// The number of references that are returned with a person.
const SHOWN: usize = 3;
/// The exponent of `2 / (1 + 1/n)`, the ratio of the expected squared distances to a face and to a mean of n faces.
const MEAN_EXPONENT: f64 = 0.35;
/// The exponent of the number of references per chosen reference.
const CHOICE_EXPONENT: f64 = 0.11;

/// A person near a face.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Near {
    pub(super) person: PersonId,
    pub(super) length: f64,
    /// The nearest references with their distances.
    pub(super) references: Vec<(ItemId, f32)>,
}

/// The people with references.
pub(super) struct Persons<'a> {
    faces: &'a Faces<'a>,
    scale: Scale,
    people: Vec<Known>,
    /// The mean reference of every person, for the choice of candidates.
    means: Option<EmbeddingTable>,
}

struct Known {
    person: PersonId,
    references: Vec<usize>,
    /// Squared lengths between the references, row-major.
    between: Vec<f64>,
}

impl<'a> Persons<'a> {
    pub(super) fn new(faces: &'a Faces<'a>, references: &References, scale: &Scale) -> Result<Self> {
        let known = |(person, references): (PersonId, &[usize])| {
            let squared = |a: usize, b: usize| scale.squared(faces.between(a, b));
            let between = references.iter().flat_map(|a| references.iter().map(|b| squared(*a, *b)));
            Known { person, references: references.to_vec(), between: between.collect() }
        };
        let people: Vec<Known> = references.iter().map(known).collect();
        let means: Vec<f32> = people.iter().flat_map(|known| mean(faces, &known.references)).collect();
        let means = (!people.is_empty()).then(|| table(faces, people.len(), means)).transpose()?;
        Ok(Self { faces, scale: *scale, people, means })
    }

    /// The people near each of the faces, by length.
    ///
    /// # Shapes        open: \[n\], positions of faces · output: \[n\]
    pub(super) fn near(&self, open: &[usize]) -> Result<Vec<Vec<Near>>> {
        let Some(means) = self.means.as_ref().filter(|_| !open.is_empty()) else {
            return Ok(vec![Vec::new(); open.len()]);
        };
        let rows = open.iter().flat_map(|at| placed(self.faces, *at)).collect();
        let queries = table(self.faces, open.len(), rows)?;
        let config = RankConfig { k: Some(CANDIDATES), allow_self: true };
        let rankings = rank(&queries, means, candidate_distance(self.faces.distance()), &config)?;
        let near = |(query, at): (usize, &usize)| {
            let candidates = &rankings[query];
            let people = candidates.hits().iter().map(|hit| &self.people[hit.gallery_id.index()]);
            let mut near: Vec<Near> = people.map(|known| self.compare(*at, known)).collect();
            near.sort_by(|a, b| a.length.total_cmp(&b.length).then(a.person.cmp(&b.person)));
            near
        };
        Ok(open.par_iter().enumerate().map(near).collect())
    }

    fn compare(&self, at: usize, known: &Known) -> Near {
        let mut nearest: Vec<(f32, usize)> = known
            .references
            .iter()
            .enumerate()
            .map(|(i, other)| (self.faces.between(at, *other), i))
            .collect();
        nearest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        nearest.truncate(NEAREST);
        let length = self.least_length(&nearest, known);
        let references = nearest.iter().take(SHOWN);
        let item = |i: usize| self.faces.as_slice()[known.references[i]].item;
        Near {
            person: known.person,
            length,
            references: references.map(|(distance, i)| (item(*i), *distance)).collect(),
        }
    }

    /// The least enlarged length to a mean of the nearest references, which are sorted by distance.
    fn least_length(&self, nearest: &[(f32, usize)], known: &Known) -> f64 {
        let count = known.references.len();
        let (mut to_faces, mut within, mut least) = (0.0, 0.0, f64::INFINITY);
        for (at, (distance, reference)) in nearest.iter().enumerate() {
            to_faces += self.scale.squared(*distance);
            let between = |other: &(f32, usize)| known.between[reference * count + other.1];
            within += nearest[..at].iter().map(between).sum::<f64>();
            let used = at + 1;
            if used == nearest.len() || used.is_power_of_two() {
                // |x − m|² = mean of |x − r|² − sum over pairs of |r − s|² / n²
                let n = used as f64;
                let squared = (to_faces / n - within / (n * n)).max(0.0);
                least = least.min(squared.sqrt() * enlargement(used, count));
            }
        }
        least
    }
}

/// The factor of the length to the mean of the `used` nearest of `count` references.
fn enlargement(used: usize, count: usize) -> f64 {
    let (used, count) = (used as f64, count as f64);
    (2.0 / (1.0 + 1.0 / used)).powf(MEAN_EXPONENT) * (count / used).powf(CHOICE_EXPONENT)
}

/// The distance between means and faces as [`placed`].
fn candidate_distance(distance: Distance) -> Distance {
    match distance {
        Distance::Jaccard => Distance::Jaccard,
        Distance::Cosine | Distance::Euclidean | Distance::SquaredEuclidean => Distance::Euclidean,
    }
}

/// A face's vector where means are defined: of unit length under the cosine distance.
fn placed(faces: &Faces, at: usize) -> Vec<f32> {
    let vector = faces.vector(at);
    if faces.distance() != Distance::Cosine {
        return vector.to_vec();
    }
    let norm = vector.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    let norm = if norm > 0.0 { norm } else { 1.0 };
    vector.iter().map(|v| (f64::from(*v) / norm) as f32).collect()
}

fn mean(faces: &Faces, references: &[usize]) -> Vec<f32> {
    let mut sum = vec![0.0f64; faces.dimension()];
    for at in references {
        sum.iter_mut().zip(placed(faces, *at)).for_each(|(sum, value)| *sum += f64::from(value));
    }
    sum.into_iter().map(|sum| (sum / references.len() as f64) as f32).collect()
}

fn table(faces: &Faces, count: usize, rows: Vec<f32>) -> Result<EmbeddingTable> {
    let tag = ModelTag::new("faces", "", faces.dimension(), candidate_distance(faces.distance()));
    Ok(EmbeddingTable::new(tag, vec![Row::default(); count], rows)?)
}
