//! The ranking metrics of each query, from which means, intervals, comparisons and slices are computed.

mod kind;
mod queries;

pub use kind::RankingMeasure;
pub use queries::RankingMeasures;
