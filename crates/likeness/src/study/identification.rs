//! The identification part of a report: searches for identities that may not be in the gallery.

use likeness_report::evaluation::{CurvePoint, Estimate, FnirCurve, Growth, Identification, Rate};
use likeness_search::identification::{
    HEADLINE_FPIR, SearchStatistics, false_positive_identification_rate, fnir_at_fpir, measured_growth,
    projected_fpir,
};
use likeness_search::{Interval, Measured, Resamples};

use super::verification::{lowest_supported, of_error_rate};
use super::{ModelStudy, Study};
use crate::Result;

/// The false positive identification rates of the result table: the first one that the searches support.
pub(super) const FPIRS: [f64; 2] = [HEADLINE_FPIR, 0.01];
/// Points of a curve per decade.
const POINTS_PER_DECADE: i32 = 12;
/// The strictest and the loosest rate of a curve: 0.1 % and about 30 %.
const STEPS: (i32, i32) = (-3 * POINTS_PER_DECADE, -POINTS_PER_DECADE / 2);
/// The false match rate whose threshold the growth of a gallery is measured at.
const GROWTH_FMR: f64 = 1e-4;
/// How many times larger the galleries of projections are.
const FACTORS: [f64; 2] = [10.0, 100.0];

/// The false negative identification rate of a model at a false positive identification rate.
pub(super) fn fnir_at(model: &ModelStudy, fpir: f64) -> Rate {
    match fnir_at_fpir(&model.searches, fpir) {
        Some(Measured::Value(found)) => Rate::Supported(of_error_rate(&found.fnir.any_rank)),
        Some(Measured::InsufficientData { lowest_supported }) => {
            Rate::Insufficient { lowest: Some(lowest_supported).filter(|lowest| *lowest <= 1.0) }
        }
        None => Rate::Insufficient { lowest: None },
    }
}

/// The identification part of the report.
///
/// # Errors        embeddings that cannot be searched
pub(super) fn identification(study: &Study) -> Result<Identification> {
    let searches = &study.models[study.reference].searches;
    let unmated = unmated(searches);
    let models = || study.models.iter().enumerate();
    let growth = models().map(|(at, model)| growth(study, at, model)).collect::<Result<Vec<_>>>()?;
    Ok(Identification {
        gallery_images: searches.gallery(),
        unmated_searches: unmated,
        lowest_fpir: lowest_supported(unmated),
        fnir: models().map(|(at, model)| curve(study, at, model)).collect(),
        growth: growth.into_iter().flatten().collect(),
    })
}

fn unmated(searches: &SearchStatistics) -> u64 {
    searches.searches().iter().filter(|search| search.non_mated.is_some()).count() as u64
}

fn curve(study: &Study, at: usize, model: &ModelStudy) -> FnirCurve {
    let identities = model.searches.identities().len();
    let draws = Resamples { identities, count: study.resamples, seed: study.options.seed };
    let rates = (STEPS.0..=STEPS.1).map(|step| 10f64.powf(f64::from(step) / f64::from(POINTS_PER_DECADE)));
    let point = |fpir: f64| {
        let Some(Measured::Value(found)) = fnir_at_fpir(&model.searches, fpir) else { return None };
        let interval = Interval::percentile(model.searches.resampled_fnir(fpir, &draws));
        let value = found.fnir.any_rank.rate;
        let y = interval.map_or(Estimate::bare(value), |i| Estimate::new(value, i.low, i.high));
        Some(CurvePoint { x: fpir, y, threshold: found.threshold.map(f64::from) })
    };
    FnirCurve { model: at, points: rates.filter_map(point).collect() }
}

/// The growth of false alarms with the gallery, at the model's threshold for [`GROWTH_FMR`]; `None` without that threshold.
fn growth(study: &Study, at: usize, model: &ModelStudy) -> Result<Option<Growth>> {
    let tag = model.contestant.table.model();
    let known = tag.thresholds.at(GROWTH_FMR).filter(|_| tag.distance == model.distance);
    let calibrated = known.is_some();
    let Some(threshold) = known.or_else(|| model.pairs.threshold_at(GROWTH_FMR)) else { return Ok(None) };
    let points = measured_growth(&model.contestant.table, &model.searches, &[threshold], study.options.seed)?;
    let is_found = |rate: f64| rate > 0.0;
    let measured: Vec<CurvePoint> = points
        .iter()
        .filter(|point| is_found(point.measured[0]))
        .map(|point| CurvePoint {
            x: point.gallery as f64,
            y: Estimate::bare(point.measured[0]),
            threshold: None,
        })
        .collect();
    let whole = false_positive_identification_rate(&model.searches, threshold);
    let projected = whole.map(|whole| {
        let images = model.searches.gallery() as f64;
        let factors = std::iter::once(1.0).chain(FACTORS);
        let project = |factor: f64| CurvePoint {
            x: images * factor,
            y: Estimate::new(
                projected_fpir(whole.rate, factor),
                projected_fpir(whole.interval.low, factor),
                projected_fpir(whole.interval.high, factor),
            ),
            threshold: None,
        };
        factors.map(project).collect()
    });
    Ok(Some(Growth {
        model: at,
        threshold: f64::from(threshold),
        asked_fmr: calibrated.then_some(GROWTH_FMR),
        measured,
        projected: projected.unwrap_or_default(),
    }))
}
