//! A graph over an index of int8 codes, for approximate searches.
//!
//! Malkov and Yashunin (2016), "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small
//! World graphs", arXiv 1603.09320. Nodes are the rows of an [`Int8Index`](crate::Int8Index), by their number in its file, which
//! is also the log of changes: a graph that was saved earlier is brought up to date by inserting the rows after its last one.
//! Removed rows stay in the graph as waypoints. Candidates are ranked by the vectors in f32, as in an exact search.
//!
//! Construction is deterministic: the level of a row follows from the seed and its number, and rows are inserted in batches
//! that are searched in parallel and linked in order.

mod build;
mod config;
mod graph;
mod search;
mod snapshot;

pub use config::HnswConfig;
pub use search::{GraphSearch, HnswIndex};

#[cfg(test)]
mod tests;
