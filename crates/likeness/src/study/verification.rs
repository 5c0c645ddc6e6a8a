//! The verification part of a report: error rates, thresholds and histograms of pairs.

use likeness_report::evaluation::{
    CurvePoint, Det, DistanceHistogram, Estimate, Rate, ThresholdRow, Verification,
};
use likeness_search::calibrate::{Checked, Reading, check};
use likeness_search::verification::{
    PairStatistics, ResampledPairs, area_under_roc, equal_error_rate, false_match_rate, false_non_match_rate,
    true_accept_rate,
};
use likeness_search::{ErrorRate, Interval, MIN_ERRORS, Measured};

use super::{ModelStudy, Study};

/// Points of a DET curve per decade of false match rates.
const POINTS_PER_DECADE: i32 = 12;
/// The strictest and the loosest false match rate of a curve, as powers of ten.
const DECADES: (i32, i32) = (-6, -1);
/// Bins of a histogram.
const BINS: usize = 75;
/// Share of the pairs that a histogram shows; a few outliers would compress the rest.
const SHOWN: f64 = 0.9995;
/// The false match rate whose threshold a histogram shows.
const HISTOGRAM_FMR: f64 = 1e-3;

/// The true accept rate at a false match rate, if the pairs support it.
pub(super) fn tar_at(pairs: &PairStatistics, fmr: f64) -> Rate {
    match true_accept_rate(pairs, fmr) {
        Some(Measured::Value(tar)) => Rate::Supported(with_interval(tar.rate, tar.interval)),
        Some(Measured::InsufficientData { lowest_supported }) => {
            Rate::Insufficient { lowest: Some(lowest_supported).filter(|lowest| *lowest <= 1.0) }
        }
        None => Rate::Insufficient { lowest: None },
    }
}

fn with_interval(value: f64, interval: Interval) -> Estimate {
    Estimate::new(value, interval.low, interval.high)
}

pub(super) fn of_error_rate(rate: &ErrorRate) -> Estimate {
    with_interval(rate.rate, rate.interval)
}

/// The lowest rate that a number of trials supports; `None` if they support none.
pub(super) fn lowest_supported(trials: u64) -> Option<f64> {
    let lowest = MIN_ERRORS / trials as f64;
    (lowest <= 1.0).then_some(lowest)
}

/// The verification part of the report.
pub(super) fn verification(study: &Study) -> Verification {
    let pairs = &study.models[study.reference].pairs;
    let models = || study.models.iter().enumerate();
    Verification {
        mated_pairs: pairs.mated().len(),
        non_mated_pairs: pairs.non_mated().len(),
        lowest_fmr: lowest_supported(pairs.non_mated().len()),
        det: models().map(|(at, model)| det(study, at, model)).collect(),
        calibration: super::calibration::calibration(study),
        thresholds: models().flat_map(|(at, model)| thresholds(at, model)).collect(),
        distances: models().filter_map(|(at, model)| histogram(at, model)).collect(),
    }
}

fn det(study: &Study, at: usize, model: &ModelStudy) -> Det {
    let pairs = &model.pairs;
    let resampled = pairs.resampled(&pairs.resamples(study.resamples, study.options.seed));
    let (first, last) = (DECADES.0 * POINTS_PER_DECADE, DECADES.1 * POINTS_PER_DECADE);
    let rates = (first..=last).map(|step| 10f64.powf(f64::from(step) / f64::from(POINTS_PER_DECADE)));
    let eer = equal_error_rate(pairs).map(|eer| {
        let interval = Interval::percentile(resampled.equal_error_rate());
        interval.map_or(Estimate::bare(eer.rate), |interval| with_interval(eer.rate, interval))
    });
    Det {
        model: at,
        points: rates.filter_map(|fmr| point(pairs, &resampled, fmr)).collect(),
        eer,
        auc: area_under_roc(pairs).map(Estimate::bare),
    }
}

/// The point of the curve at a false match rate, with the interval of resampled identities.
fn point(pairs: &PairStatistics, resampled: &ResampledPairs, fmr: f64) -> Option<CurvePoint> {
    let Some(Measured::Value(tar)) = true_accept_rate(pairs, fmr) else { return None };
    let interval = Interval::percentile(resampled.true_accept_rate(fmr)).unwrap_or(tar.interval);
    Some(CurvePoint {
        x: fmr,
        y: Estimate::new(1.0 - tar.rate, 1.0 - interval.high, 1.0 - interval.low),
        threshold: tar.threshold.map(f64::from),
    })
}

/// The calibrated thresholds of a model, measured on these pairs.
fn thresholds(at: usize, model: &ModelStudy) -> Vec<ThresholdRow> {
    let tag = model.contestant.table.model();
    if tag.distance != model.distance {
        return Vec::new();
    }
    let row = |checked: &Checked| {
        let measured = checked.false_match_rate?;
        Some(ThresholdRow {
            model: at,
            asked_fmr: checked.asked,
            threshold: f64::from(checked.threshold),
            measured_fmr: match checked.reading {
                Reading::InsufficientData => Rate::Insufficient { lowest: lowest_supported(measured.trials) },
                _ => Rate::Supported(of_error_rate(&measured)),
            },
            false_matches: measured.errors,
            fnmr: of_error_rate(&checked.false_non_match_rate?),
        })
    };
    // The loosest rate comes first.
    check(&tag.thresholds, &model.pairs).iter().rev().filter_map(row).collect()
}

/// The distances of mated and non-mated pairs.
fn histogram(at: usize, model: &ModelStudy) -> Option<DistanceHistogram> {
    let pairs = &model.pairs;
    let (mated, non_mated) = (pairs.mated(), pairs.non_mated());
    if mated.is_empty() && non_mated.is_empty() {
        return None;
    }
    let quantile = |distances: &likeness_search::verification::Distribution| {
        let allowed = (distances.len() as f64 * SHOWN) as u64;
        distances.largest_threshold(allowed).unwrap_or(0.0).min(distances.largest())
    };
    let largest = quantile(mated).max(quantile(non_mated)).max(f32::MIN_POSITIVE);
    let (of_mated, of_non_mated) = (mated.histogram(BINS, largest), non_mated.histogram(BINS, largest));
    let edges = (0..=BINS).map(|edge| f64::from(largest) * edge as f64 / BINS as f64).collect();
    let known = model.contestant.table.model().thresholds.at(HISTOGRAM_FMR);
    let threshold = known.filter(|_| model.contestant.table.model().distance == model.distance);
    let at_threshold = |measure: fn(&PairStatistics, f32) -> Option<f64>| {
        threshold.and_then(|threshold| measure(pairs, threshold))
    };
    Some(DistanceHistogram {
        model: at,
        edges,
        mated: of_mated.into_iter().map(|(_, share)| share).collect(),
        non_mated: of_non_mated.into_iter().map(|(_, share)| share).collect(),
        threshold: threshold.map(f64::from),
        asked_fmr: threshold.map(|_| HISTOGRAM_FMR),
        mated_beyond: at_threshold(|pairs, t| false_non_match_rate(pairs, Some(t)).map(|rate| rate.rate)),
        non_mated_within: at_threshold(|pairs, t| false_match_rate(pairs, t).map(|rate| rate.rate)),
    })
}
