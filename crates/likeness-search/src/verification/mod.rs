//! Verification: do two images show the same person?
//!
//! 1. [`PairStatistics`] visits all pairs of a labelled table once, in bounded memory, and keeps the distribution of the
//!    distances of *mated* pairs (same identity) and *non-mated* pairs (different identities), and counts per identity.
//! 2. A pair *matches* at a threshold t if its distance is at most t. [`false_match_rate`] and [`false_non_match_rate`] are the
//!    error rates at a threshold, with intervals that account for the dependence of pairs with a common identity.
//! 3. [`roc_curve`], [`det_curve`], [`area_under_roc`], [`equal_error_rate`] and [`true_accept_rates`] summarise all thresholds.
//!    A rate that the number of pairs does not support is [`Measured::InsufficientData`](crate::Measured).
//! 4. [`ResampledPairs`] recomputes measures for resamples of identities, for intervals and paired comparisons.
//! 5. [`PairList`] reads given pairs, such as LFW's `pairs.txt`, and [`ten_fold`] evaluates them by LFW's protocol.

mod area_under_roc;
mod bins;
mod collect;
mod det;
mod distribution;
mod equal_error_rate;
mod false_match_rate;
mod false_non_match_rate;
mod identities;
mod pair_list;
mod resample;
mod roc;
mod statistics;
mod ten_fold;
mod true_accept_rate;

pub use area_under_roc::area_under_roc;
pub use det::det_curve;
pub use distribution::Distribution;
pub use equal_error_rate::{EqualErrorRate, equal_error_rate};
pub use false_match_rate::false_match_rate;
pub use false_non_match_rate::false_non_match_rate;
pub use pair_list::{ListedPair, PairList, TablePair, TablePairs};
pub use resample::ResampledPairs;
pub use roc::{CURVE_POINTS, CurvePoint, roc_curve};
pub use statistics::{PairConfig, PairStatistics};
pub use ten_fold::{Fold, TenFold, ten_fold};
pub use true_accept_rate::{FALSE_ACCEPT_RATES, TrueAcceptRate, true_accept_rate, true_accept_rates};
