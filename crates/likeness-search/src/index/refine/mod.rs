//! Improves rankings with the neighbours that a first search has found.
//!
//! [`QueryExpansion`] moves a query towards its neighbours and searches again. [`Reciprocal`] sorts the hits of one query by the
//! neighbours that they share with it. Both help if the hits of a query are mostly of its identity, and cost a second search
//! or the distances between all hits.

mod expansion;
mod reciprocal;

pub use expansion::QueryExpansion;
pub use reciprocal::Reciprocal;
