//! True accept rate (TAR) at a false accept rate (FAR): the share of mated pairs that match at the largest threshold whose false
//! match rate is at most the FAR.
//!
//! ```text
//! TAR(r) = 1 − FNMR(t),   t = the largest distance with FMR(t) ≤ r
//! ```
//!
//! A FAR r is supported by n non-mated pairs if n·r ≥ 10. The interval is that of 1 − FNMR at the threshold and treats the threshold as
//! given; [`ResampledPairs::true_accept_rate`](super::ResampledPairs::true_accept_rate) also resamples the threshold.

use serde::{Deserialize, Serialize};

use super::{PairStatistics, false_match_rate, false_non_match_rate};
use crate::{ErrorRate, Interval, Measured};

/// The false accept rates of reports.
pub const FALSE_ACCEPT_RATES: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// The true accept rate at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrueAcceptRate {
    /// The largest distance that matches; `None` if more pairs than allowed have distance 0, so that no pair can match.
    pub threshold: Option<f32>,
    /// The share of mated pairs that match.
    pub rate: f64,
    /// The 95 % interval of the share, for this threshold.
    pub interval: Interval,
    /// The number of mated pairs.
    pub mated: u64,
    /// The measured false match rate; `None` without a threshold.
    pub false_match_rate: Option<ErrorRate>,
}

/// The true accept rate at false accept rate `far`; `None` without mated or non-mated pairs.
///
/// # Examples
/// ```
/// use likeness_search::verification::{PairConfig, PairStatistics, true_accept_rate};
/// use likeness_search::{Distance, EmbeddingTable, Measured, ModelTag, Row};
///
/// let rows = (0..30).map(|at| Row { identity: Some((at / 3).to_string()), ..Row::new(at.to_string()) });
/// let values = (0..30).map(|at| (at / 3) as f32 + (at % 3) as f32 * 0.25);
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, rows.collect(), values.collect())?;
/// let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
/// let pairs = PairStatistics::new(&table, &config)?;
/// // The neighbours of every identity are at 0.5, 0.75 (2) …; 9 of 405 non-mated pairs are at 0.5.
/// let found = *true_accept_rate(&pairs, 0.025).unwrap().value().unwrap();
/// assert_eq!((found.rate, found.false_match_rate.unwrap().errors), (1.0, 9));
/// let too_low = true_accept_rate(&pairs, 1e-3).unwrap();
/// assert_eq!(too_low, Measured::InsufficientData { lowest_supported: 10.0 / 405.0 });
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn true_accept_rate(pairs: &PairStatistics, far: f64) -> Option<Measured<TrueAcceptRate>> {
    let non_mated = pairs.non_mated().len();
    if non_mated == 0 || pairs.mated().is_empty() {
        return None;
    }
    Some(Measured::at(far, non_mated, || at_supported(pairs, far)))
}

/// The true accept rates at [`FALSE_ACCEPT_RATES`]; empty without mated or non-mated pairs.
pub fn true_accept_rates(pairs: &PairStatistics) -> Vec<(f64, Measured<TrueAcceptRate>)> {
    FALSE_ACCEPT_RATES.into_iter().filter_map(|far| Some((far, true_accept_rate(pairs, far)?))).collect()
}

fn at_supported(pairs: &PairStatistics, far: f64) -> TrueAcceptRate {
    let threshold = pairs.threshold_at(far);
    let missed = false_non_match_rate(pairs, threshold).expect("there are mated pairs");
    let Interval { low, high } = missed.interval;
    TrueAcceptRate {
        threshold,
        rate: 1.0 - missed.rate,
        interval: Interval { low: 1.0 - high, high: 1.0 - low },
        mated: missed.trials,
        false_match_rate: threshold.and_then(|threshold| false_match_rate(pairs, threshold)),
    }
}

impl PairStatistics {
    /// The largest threshold whose false match rate is at most `rate`; `None` if more pairs have distance 0.
    pub fn threshold_at(&self, rate: f64) -> Option<f32> {
        // One part in a billion covers the rounding of rates such as 1e-3.
        let allowed = self.non_mated().len() as f64 * rate * (1.0 + 1e-9);
        self.non_mated().largest_threshold(allowed as u64)
    }
}
