//! How good a set of rankings is, from the ranks at which relevant images stand.
//!
//! A gallery image is *relevant* to a query if it shows the query's identity. Every function here looks only at
//! ranks, counted from 1, of queries that have at least one relevant image (mated queries); the others leave
//! these metrics and are counted beside them.

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
