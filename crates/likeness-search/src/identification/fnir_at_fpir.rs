//! FNIR at a FPIR: the misses of mated searches at the largest threshold whose false positive identification rate is at most r.
//!
//! NIST's headline is FNIR at FPIR 0.003 (FRTE 1:N, "identification mode"). A rate r is supported by n unmated searches if n·r ≥ 10.

use serde::{Deserialize, Serialize};

use super::{
    FalseNegatives, SearchStatistics, false_negative_identification_rate, false_positive_identification_rate,
    projected_fpir,
};
use crate::verification::Distribution;
use crate::{ErrorRate, Measured};

/// The false positive identification rate of the headline.
pub const HEADLINE_FPIR: f64 = 0.003;
/// The false positive identification rates of reports.
pub const REPORTED_FPIRS: [f64; 3] = [HEADLINE_FPIR, 0.01, 0.1];
/// How many times larger the galleries of projections are.
const FACTORS: [f64; 2] = [10.0, 100.0];

/// Misses at a false positive identification rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FnirAtFpir {
    /// The largest distance of a candidate; `None` if more unmated searches than allowed find an image at distance 0.
    pub threshold: Option<f32>,
    /// The measured false positive identification rate; `None` without a threshold.
    pub fpir: Option<ErrorRate>,
    /// The misses of mated searches.
    pub fnir: FalseNegatives,
    /// The false positive identification rate at the same threshold in galleries 10 and 100 times as large.
    pub projections: Vec<Projection>,
}

/// A false positive identification rate that is predicted for a larger gallery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// How many times larger the gallery is.
    pub factor: f64,
    /// The number of images in that gallery.
    pub gallery: f64,
    /// 1 − (1 − FPIR)^factor.
    pub fpir: f64,
}

/// The false negative identification rate at the false positive identification rate `fpir`; `None` without mated or unmated searches.
///
/// # Examples
/// ```
/// use likeness_search::identification::{SearchConfig, SearchStatistics, fnir_at_fpir};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let rows = (0..40).map(|at| Row { identity: Some((at / 2).to_string()), ..Row::new(at.to_string()) });
/// let values = (0..40).map(|at| ((at / 2) * (at / 2)) as f32 + (at % 2) as f32 * 0.5);
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, rows.collect(), values.collect())?;
/// let config = SearchConfig { distance: Distance::Euclidean, ..SearchConfig::default() };
/// let searches = SearchStatistics::new(&table, &config)?;
/// let found = fnir_at_fpir(&searches, 0.25).unwrap();
/// assert_eq!(found.value().unwrap().fnir.any_rank.rate, 0.0);
/// assert!(fnir_at_fpir(&searches, 0.003).unwrap().value().is_none()); // 40 searches support 0.25
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn fnir_at_fpir(searches: &SearchStatistics, fpir: f64) -> Option<Measured<FnirAtFpir>> {
    let unmated = searches.unmated().count() as u64;
    if unmated == 0 || searches.searches().iter().all(|search| search.mated.is_none()) {
        return None;
    }
    Some(Measured::at(fpir, unmated, || at_supported(searches, fpir)))
}

fn at_supported(searches: &SearchStatistics, asked: f64) -> FnirAtFpir {
    let threshold = searches.threshold_at(asked);
    let fpir = threshold.and_then(|threshold| false_positive_identification_rate(searches, threshold));
    let fnir = false_negative_identification_rate(searches, threshold).expect("there are mated searches");
    let project = |rate: f64, factor: f64| Projection {
        factor,
        gallery: searches.gallery() as f64 * factor,
        fpir: projected_fpir(rate, factor),
    };
    let projections = fpir.iter().flat_map(|fpir| FACTORS.map(|factor| project(fpir.rate, factor))).collect();
    FnirAtFpir { threshold, fpir, fnir, projections }
}

impl SearchStatistics {
    /// The largest threshold whose false positive identification rate is at most `fpir`.
    pub fn threshold_at(&self, fpir: f64) -> Option<f32> {
        let distances = Distribution::sorted(self.unmated().map(|(distance, _)| distance).collect());
        // One part in a billion covers the rounding of rates such as 1e-3.
        distances.largest_threshold((distances.len() as f64 * fpir * (1.0 + 1e-9)) as u64)
    }
}
