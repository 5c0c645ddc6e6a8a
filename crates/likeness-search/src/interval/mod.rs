//! Confidence intervals: percentile intervals of a bootstrap over identities, and Wilson intervals of error rates.

mod error_rate;
mod means;
mod measured;
mod percentile;
mod resamples;
mod wilson;

pub use error_rate::ErrorRate;
pub(crate) use means::resampled_means;
pub use measured::{MIN_ERRORS, Measured};
pub use percentile::{Interval, LEVEL};
pub use resamples::Resamples;
pub use wilson::{
    IdentityErrors, small_sample_factor, variance_between_identities, variance_within_identities,
};
