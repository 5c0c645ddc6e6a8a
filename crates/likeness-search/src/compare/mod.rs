//! Compares models on the same queries: differences with intervals and p-values.
//!
//! 1. [`match_rows`] keeps the rows that every model's table contains.
//! 2. Each model is evaluated on the matched rows. Its measures become [`Measured`] values, each with its resampled values;
//!    [`ranking_measured`] does so for the ranking metrics. All models use the same [`Resamples`](crate::Resamples).
//! 3. [`differences`] subtracts a reference model's values from a model's, resample by resample, and gives each difference an
//!    interval and a p-value. [`mcnemar`] tests top-1 alone.
//! 4. [`holm`] adjusts the p-values of all comparisons, and [`Reading::of`] states the result.

mod differences;
mod holm;
mod match_rows;
mod mcnemar;
mod measured;
mod p_value;
mod reading;

pub use differences::{Difference, differences};
pub use holm::holm;
pub use match_rows::{MatchedRows, match_rows};
pub use mcnemar::{McNemar, mcnemar};
pub use measured::{Measured, ranking_measured};
pub use p_value::{bootstrap_p, resamples_needed, smallest_p};
pub use reading::Reading;
