//! Confidence intervals: percentile intervals of a bootstrap over identities, and Wilson intervals of error rates.

mod percentile;
mod resamples;

pub use percentile::{Interval, LEVEL};
pub use resamples::Resamples;
