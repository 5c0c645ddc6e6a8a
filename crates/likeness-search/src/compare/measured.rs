//! A measure of one model with its resampled values.

use crate::{RankingMeasure, RankingMeasures, Resamples};

/// A measure of one model: the estimate, and its value on each resample of identities.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The name of the measure, which pairs it with the same measure of another model.
    pub name: String,
    /// Whether a larger value is better.
    pub higher_is_better: bool,
    /// The value on all identities; NaN if the data cannot support it.
    pub estimate: f64,
    /// The value on each resample; NaN where it is not defined.
    pub resampled: Vec<f64>,
}

/// The ranking metrics of an evaluation, in the order of [`RankingMeasure::ALL`].
///
/// # Panics        `resamples` has another number of identities than `measures`
pub fn ranking_measured(measures: &RankingMeasures, resamples: &Resamples) -> Vec<Measured> {
    let resampled = measures.resampled_all(resamples);
    let of = |(measure, resampled): (RankingMeasure, Vec<f64>)| Measured {
        name: measure.name().to_owned(),
        higher_is_better: true,
        estimate: measures.mean(measure),
        resampled,
    };
    RankingMeasure::ALL.into_iter().zip(resampled).map(of).collect()
}
