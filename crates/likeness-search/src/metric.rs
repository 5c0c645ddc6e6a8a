//! Metrics: how good a set of rankings is, computed from the ranks of the relevant images.
//!
//! A gallery image is *relevant* to a query if it shows the query's identity. Every function here takes ranks, counted
//! from 1, of queries that have at least one relevant image (mated queries). Unmated queries are not part of these metrics;
//! they are counted separately.

mod average_precision;
mod challenge;
mod cmc;
mod map_at_r;
mod proxy_a_distance;

pub use average_precision::{average_precision, average_precision_at, mean};
pub use challenge::challenge_score;
pub use cmc::{cmc_at, cmc_curve};
pub use map_at_r::average_precision_at_r;
pub use proxy_a_distance::proxy_a_distance;
