//! Thresholds for asked error rates.

use serde::{Deserialize, Serialize};

use super::Target;
use crate::identification::projected_fpir;
use crate::verification::{PairConfig, PairStatistics, false_match_rate, false_non_match_rate};
use crate::{
    Distance, EmbeddingTable, ErrorRate, Measured, Protocol, Result, SearchError, Threshold, Thresholds,
};

/// The sizes of galleries for which growth is projected.
const GALLERIES: [u64; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];

/// Options of a calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrateConfig {
    /// Which pairs are compared, and by which distance.
    pub pairs: PairConfig,
    /// The rates that thresholds are found for.
    pub targets: Vec<Target>,
}

impl Default for CalibrateConfig {
    /// The false match rates of the model's verdicts, and one stricter and one looser rate.
    fn default() -> Self {
        Self { pairs: PairConfig::default(), targets: [1e-2, 1e-3, 1e-4, 1e-5].map(Target::Fmr).to_vec() }
    }
}

/// The thresholds for asked rates and the data that they were measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The distance.
    pub distance: Distance,
    /// The rule that selected the pairs.
    pub protocol: Protocol,
    /// The number of labelled images.
    pub images: u64,
    /// The number of images without an identity, which were left out.
    pub unlabelled: u64,
    /// The number of identities.
    pub identities: usize,
    /// The number of pairs of images of one identity.
    pub mated: u64,
    /// The number of pairs of images of different identities.
    pub non_mated: u64,
    /// The thresholds, in the order of the targets.
    pub thresholds: Vec<Calibrated>,
}

/// The outcome for one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// What was asked for.
    pub asked: Target,
    /// The false match rate that this needs.
    pub fmr: f64,
    /// The threshold, or the lowest rate that the number of pairs supports.
    pub outcome: Measured<CalibratedThreshold>,
}

/// A threshold and its measured error rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibratedThreshold {
    /// The largest distance whose false match rate is at most the asked one; `None` if more pairs have distance 0.
    pub threshold: Option<f32>,
    /// The measured false match rate; `None` without a threshold.
    pub false_match_rate: Option<ErrorRate>,
    /// The measured false non-match rate; `None` without mated pairs.
    pub false_non_match_rate: Option<ErrorRate>,
    /// The projected false positive identification rate in galleries of several sizes: 1 − (1 − FMR)^N.
    pub growth: Vec<Growth>,
}

/// The projected false positive identification rate of a gallery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The number of images in the gallery.
    pub gallery: u64,
    /// The share of searches without a mate that return a candidate.
    pub fpir: f64,
}

/// Finds thresholds on the labelled images of `table`.
///
/// # Conventions   thresholds of different rates may be equal; a rate r needs 10/r non-mated pairs
/// # Errors        an invalid rate, images of fewer than two identities → `BadArgument`; as [`PairStatistics::new`]
/// # Examples
/// ```
/// use likeness_search::calibrate::{CalibrateConfig, Target, calibrate};
/// use likeness_search::verification::PairConfig;
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let rows = (0..30).map(|at| Row { identity: Some((at / 3).to_string()), ..Row::new(at.to_string()) });
/// let values = (0..30).map(|at| (at / 3) as f32 + (at % 3) as f32 * 0.25);
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let table = EmbeddingTable::new(model, rows.collect(), values.collect())?;
/// let config = CalibrateConfig {
///     pairs: PairConfig { distance: Distance::Euclidean, ..PairConfig::default() },
///     targets: vec![Target::Fmr(0.025), Target::Fmr(1e-4)],
/// };
/// let calibration = calibrate(&table, &config)?;
/// assert_eq!(calibration.non_mated, 405);
/// assert!(calibration.thresholds[0].outcome.value().is_some());
/// assert!(calibration.thresholds[1].outcome.value().is_none()); // 405 pairs do not support 1e-4
/// assert_eq!(calibration.to_thresholds().as_slice().len(), 1);
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn calibrate(table: &EmbeddingTable, config: &CalibrateConfig) -> Result<Calibration> {
    config.targets.iter().try_for_each(|target| target.validate())?;
    calibrate_pairs(&PairStatistics::new(table, &config.pairs)?, &config.targets)
}

/// Finds thresholds on pairs that are already known.
///
/// # Errors        an invalid rate, no non-mated pair → `BadArgument`
pub fn calibrate_pairs(pairs: &PairStatistics, targets: &[Target]) -> Result<Calibration> {
    targets.iter().try_for_each(|target| target.validate())?;
    if pairs.non_mated().is_empty() {
        let reason = format!(
            "calibration: expected images of at least two identities, found {} in {} images",
            pairs.identities().len(),
            pairs.images()
        );
        return Err(SearchError::BadArgument { reason });
    }
    let of_target = |&asked: &Target| {
        let fmr = asked.fmr();
        let outcome = Measured::at(fmr, pairs.non_mated().len(), || at_supported(pairs, fmr));
        Calibrated { asked, fmr, outcome }
    };
    Ok(Calibration {
        distance: pairs.distance(),
        protocol: pairs.protocol(),
        images: pairs.images(),
        unlabelled: pairs.unlabelled(),
        identities: pairs.identities().len(),
        mated: pairs.mated().len(),
        non_mated: pairs.non_mated().len(),
        thresholds: targets.iter().map(of_target).collect(),
    })
}

fn at_supported(pairs: &PairStatistics, fmr: f64) -> CalibratedThreshold {
    let threshold = pairs.threshold_at(fmr);
    let measured = threshold.and_then(|threshold| false_match_rate(pairs, threshold));
    let at = |rate: f64| move |gallery: u64| Growth { gallery, fpir: projected_fpir(rate, gallery as f64) };
    CalibratedThreshold {
        threshold,
        false_match_rate: measured,
        false_non_match_rate: false_non_match_rate(pairs, threshold),
        growth: measured.iter().flat_map(|measured| GALLERIES.map(at(measured.rate))).collect(),
    }
}

impl Calibration {
    /// The supported thresholds in the form that is stored with a model; of two targets with one false match rate, the first.
    pub fn to_thresholds(&self) -> Thresholds {
        let mut thresholds: Vec<Threshold> = Vec::new();
        for calibrated in &self.thresholds {
            let Some(distance) = calibrated.outcome.value().and_then(|value| value.threshold) else {
                continue;
            };
            if thresholds.iter().all(|known| known.fmr != calibrated.fmr) {
                thresholds.push(Threshold { fmr: calibrated.fmr, distance, pairs: self.non_mated });
            }
        }
        Thresholds::new(thresholds)
            .expect("rates lie in (0, 1), and thresholds do not fall when the rate rises")
    }
}
