//! Metrics: how good a set of rankings is, computed from the ranks of the relevant images.
//!
//! A gallery image is *relevant* to a query if it shows the query's identity. Every function here takes ranks, counted
//! from 1, of queries that have at least one relevant image (mated queries). Unmated queries are not part of these metrics;
//! they are counted separately.
//!
//! [`bcubed`] and [`pairwise`] compare a clustering with labels instead.

mod average_precision;
mod bcubed;
mod challenge;
mod cmc;
mod inverse_negative_penalty;
mod map_at_r;
mod overlap;
mod pairwise;
mod precision_at;
mod proxy_a_distance;
mod r_precision;
mod reciprocal_rank;

pub use average_precision::{average_precision, average_precision_at, mean};
pub use bcubed::bcubed;
pub use challenge::challenge_score;
pub use cmc::{cmc_at, cmc_curve};
pub use inverse_negative_penalty::inverse_negative_penalty;
pub use map_at_r::average_precision_at_r;
pub use overlap::ClusterAgreement;
pub use pairwise::pairwise;
pub use precision_at::precision_at;
pub use proxy_a_distance::proxy_a_distance;
pub use r_precision::r_precision;
pub use reciprocal_rank::reciprocal_rank;
