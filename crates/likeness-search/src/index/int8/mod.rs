//! An index of int8 codes in a memory-mapped file, with exact results.
//!
//! The gallery's database holds the vectors in f32; this index holds a copy with one byte for each value, which can be built
//! again at any time. A query passes these steps:
//!
//! 1. `quantize` rounds rows to integers when they are appended, and computes a bound on the error of each; `query` does
//!    the same for queries.
//! 2. `scan` computes integer dot products (`kernel`) of a block of queries with all rows that the [`Selection`] allows, and
//!    `bounds` turns them into intervals that contain the exact distances.
//! 3. `shortlist` keeps every row whose interval overlaps the k best ones.
//! 4. `rerank` narrows the intervals with the unrounded query, reads the vectors of the rows that remain from [`Vectors`], and
//!    computes their distances with [`Distance::between`](crate::Distance::between).
//!
//! The error bounds are hard ones, so the ranking is that of the vectors in f32. `file` describes the format.

mod bounds;
mod file;
mod index;
mod kernel;
mod key;
mod layout;
mod map;
mod points;
mod quantize;
mod query;
mod rerank;
mod rows;
mod scan;
mod selection;
mod shortlist;
mod terms;

pub use index::Int8Index;
pub use key::CodesKey;
pub(in crate::index) use points::{Point, compare};
pub use rerank::{Found, Neighbour, SearchCost, Vectors};
pub use selection::Selection;

#[cfg(test)]
mod tests;
