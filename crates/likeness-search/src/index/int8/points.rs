//! The rows as points of a graph: addressed by their number in the file, with distances between codes.

use rayon::prelude::*;

use super::index::Int8Index;
use super::layout::{VALUES, lines, row_of};
use super::quantize::{ZERO_CODE, quantize_row, zero_code};
use super::query::Query;
use super::rerank::{Found, Vectors, rerank};
use super::selection::Selection;
use super::shortlist::Shortlist;
use super::terms::RowTerms;
use crate::{Distance, Result};

/// Values whose products are summed at once.
const SUMMED: usize = 256;

/// The codes of a row or of a query, to be compared with rows.
#[derive(Debug)]
pub(in crate::index) struct Point {
    distance: Distance,
    codes: Vec<u8>,
    terms: RowTerms,
}

impl Point {
    /// The codes of a vector.
    pub(in crate::index) fn of_vector(distance: Distance, vector: &[f32]) -> Self {
        let mut codes = vec![zero_code(distance); lines(vector.len()) * VALUES];
        let terms = quantize_row(distance, vector, &mut codes[..vector.len()]);
        Self { distance, codes, terms }
    }

    /// The codes of the row with this number.
    pub(in crate::index) fn of_row(index: &Int8Index, number: u32) -> Self {
        let rows = index.rows();
        let place = rows.place_of(number as usize).expect("the number is that of a row");
        let (group, row) = rows.group_of(place);
        let codes = row_of(group.codes, row).collect();
        Self { distance: index.key().distance, codes, terms: group.terms(row) }
    }

    /// A number that orders rows about as their distances do.
    pub(in crate::index) fn distance_to(&self, index: &Int8Index, number: u32) -> f32 {
        let rows = index.rows();
        let place = rows.place_of(number as usize).expect("the number is that of a row");
        let (group, row) = rows.group_of(place);
        let other = group.terms(row);
        let (mut sum, mut buffer) = (0.0f32, [[0u8; VALUES]; SUMMED / VALUES]);
        for (lines, codes) in group.codes.chunks(SUMMED / VALUES).zip(self.codes.chunks(SUMMED)) {
            for (to, line) in buffer.iter_mut().zip(lines) {
                *to = line.0.as_chunks::<VALUES>().0[row];
            }
            sum += self.sum_with(codes, &buffer.as_flattened()[..codes.len()], other);
        }
        self.distance_of(sum, other)
    }

    /// As [`Point::distance_to`], of another point.
    pub(in crate::index) fn distance_between(&self, other: &Self) -> f32 {
        let pairs = self.codes.chunks(SUMMED).zip(other.codes.chunks(SUMMED));
        let sum = pairs.map(|(codes, theirs)| self.sum_with(codes, theirs, other.terms)).sum();
        self.distance_of(sum, other.terms)
    }

    fn sum_with(&self, codes: &[u8], theirs: &[u8], other: RowTerms) -> f32 {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || match self.distance {
                Distance::Jaccard => common(codes, theirs, self.terms.factor, other.factor),
                _ => dot(codes, theirs) as f32,
            },
        )
    }

    fn distance_of(&self, sum: f32, other: RowTerms) -> f32 {
        let (own, factors) = (self.terms, self.terms.factor * other.factor);
        match self.distance {
            Distance::Cosine => 1.0 - factors * sum,
            Distance::Jaccard => 1.0 - sum / (own.offset + other.offset - sum).max(f32::MIN_POSITIVE),
            _ => own.offset + other.offset - 2.0 * factors * sum,
        }
    }
}

#[inline(always)]
fn dot(a: &[u8], b: &[u8]) -> i32 {
    let signed = |code: u8| i32::from(i16::from(code) - ZERO_CODE as i16);
    a.iter().zip(b).map(|(a, b)| signed(*a) * signed(*b)).sum()
}

#[inline(always)]
fn common(a: &[u8], b: &[u8], a_factor: f32, b_factor: f32) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a_factor * f32::from(*a)).min(b_factor * f32::from(*b))).sum()
}

impl Int8Index {
    /// The number of rows in the file, removed ones included.
    pub(in crate::index) fn numbers(&self) -> u32 {
        self.rows().total() as u32
    }

    /// Whether a search may return the row with this number.
    pub(in crate::index) fn is_allowed(&self, number: u32, selection: Option<&Selection>) -> bool {
        let Some(place) = self.rows().place_of(number as usize) else { return false };
        let (group, row) = self.rows().group_of(place);
        let allowed = selection.map_or(u16::MAX, |selection| selection.mask(self.rows(), group.number));
        (group.alive() & allowed) >> row & 1 == 1
    }

    /// Checks the arguments of a search.
    ///
    /// # Errors        as [`Int8Index::search`]
    pub(in crate::index) fn check_arguments(&self, queries: &[f32], k: usize) -> Result<()> {
        self.check_search(queries, k)
    }

    /// The checksum of the header of the file.
    pub(in crate::index) fn key_checksum(&self) -> u32 {
        crc32fast::hash(&self.key().encode())
    }

    /// A checksum over the ids of the first rows of the file, which a graph over them repeats.
    pub(in crate::index) fn ids_checksum(&self, count: u32) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        for place in (0..count).filter_map(|number| self.rows().place_of(number as usize)) {
            let (group, row) = self.rows().group_of(place);
            hasher.update(&group.id(row).to_le_bytes());
        }
        hasher.finalize()
    }
}

/// The exact rankings of each query among its candidates, given as numbers of rows.
pub(in crate::index) fn compare(
    index: &Int8Index,
    queries: &[f32],
    candidates: Vec<Vec<u32>>,
    k: usize,
    vectors: &dyn Vectors,
) -> Result<Found> {
    index.check_search(queries, k)?;
    let key = index.key();
    let prepared: Vec<Query> =
        queries.par_chunks(key.dimension).map(|vector| Query::new(key.distance, vector)).collect();
    let slot = |number: u32| {
        let place = index.rows().place_of(number as usize).expect("the number is that of a row");
        let (group, row) = index.rows().group_of(place);
        group.slot(row)
    };
    let lists = candidates.into_iter().map(|numbers| Shortlist::of(numbers.into_iter().map(slot))).collect();
    rerank(index.rows(), prepared, lists, k, None, vectors)
}
