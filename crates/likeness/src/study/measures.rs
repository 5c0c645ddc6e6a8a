//! The measures of the result table, and their paired differences.

use likeness_report::evaluation::{Difference, Estimate, McNemar, Measure, MeasureValue, ModelResult, Rate};
use likeness_search::compare::{self, Measured, holm};
use likeness_search::{Interval, RankingMeasure, Resamples};

use super::identification::{FPIRS, fnir_at};
use super::{ModelStudy, Study};
use crate::Result;

/// The number of measures of a model.
pub(super) const COUNT: usize = 7;
/// The false match rate of the TAR in the result table.
const FMR: f64 = 1e-3;
/// The p-value below which a difference is significant.
const SIGNIFICANT: f64 = 0.05;

/// One measure of one model, with its value in each resample.
pub(super) struct Column {
    measure: Measure,
    value: Rate,
    resampled: Vec<f64>,
}

/// The columns of the result table, of one model.
pub(super) fn columns(model: &ModelStudy, count: u32, seed: u64) -> Vec<Column> {
    let measures = &model.evaluation.measures;
    let resamples = measures.resamples(count, seed);
    let resampled = measures.resampled_all(&resamples);
    let ranking = [
        (RankingMeasure::Top1, Measure::Top(1)),
        (RankingMeasure::Top5, Measure::Top(5)),
        (RankingMeasure::Top10, Measure::Top(10)),
        (RankingMeasure::Map, Measure::MeanAveragePrecision),
    ];
    let mut columns: Vec<Column> = ranking
        .into_iter()
        .map(|(kind, measure)| {
            let at = RankingMeasure::ALL.iter().position(|known| *known == kind).unwrap_or(0);
            column(measure, measures.mean(kind), resampled[at].clone())
        })
        .collect();
    columns.extend(error_rates(model, count, seed));
    columns
}

fn error_rates(model: &ModelStudy, count: u32, seed: u64) -> Vec<Column> {
    let pairs = &model.pairs;
    let resampled = pairs.resampled(&pairs.resamples(count, seed));
    let tar = super::verification::tar_at(pairs, FMR);
    let mut columns = vec![match tar {
        Rate::Supported(estimate) => {
            column(Measure::Tar(FMR), estimate.value, resampled.true_accept_rate(FMR))
        }
        insufficient => Column { measure: Measure::Tar(FMR), value: insufficient, resampled: Vec::new() },
    }];
    // The headline rate, or the next one where it is not supported.
    let rates = FPIRS.map(|fpir| (fpir, fnir_at(model, fpir)));
    let (fpir, value) = rates.into_iter().find(|(_, value)| value.estimate().is_some()).unwrap_or(rates[0]);
    columns.push(match value {
        Rate::Supported(estimate) => {
            let draws = Resamples { identities: model.searches.identities().len(), count, seed };
            column(Measure::Fnir(fpir), estimate.value, model.searches.resampled_fnir(fpir, &draws))
        }
        insufficient => Column { measure: Measure::Fnir(fpir), value: insufficient, resampled: Vec::new() },
    });
    if let Some(eer) = likeness_search::verification::equal_error_rate(pairs) {
        columns.push(column(Measure::Eer, eer.rate, resampled.equal_error_rate()));
    }
    columns
}

fn column(measure: Measure, value: f64, resampled: Vec<f64>) -> Column {
    let interval = Interval::percentile(resampled.clone());
    let estimate =
        Estimate { value, low: interval.map(|interval| interval.low), high: interval.map(|i| i.high) };
    Column { measure, value: Rate::Supported(estimate), resampled }
}

/// The measures of each model, with the best of each column marked.
pub(super) fn results(study: &Study) -> Vec<ModelResult> {
    let columns: Vec<&[Column]> = study.models.iter().map(|model| model.columns.as_slice()).collect();
    let mut results: Vec<ModelResult> = Vec::new();
    for (model, own) in columns.iter().enumerate() {
        let values = own.iter().map(|column| MeasureValue {
            measure: column.measure.clone(),
            value: column.value,
            best_or_tied: false,
        });
        results.push(ModelResult { model, values: values.collect() });
    }
    for at in 0..columns.first().map_or(0, |columns| columns.len()) {
        for model in best_or_tied(&columns, at) {
            if let Some(value) = results[model].values.get_mut(at) {
                value.best_or_tied = true;
            }
        }
    }
    results
}

/// The model with the best value in the column at `at`, and those that do not differ from it significantly.
fn best_or_tied(columns: &[&[Column]], at: usize) -> Vec<usize> {
    let of = |model: usize| columns[model].get(at);
    let supported: Vec<usize> =
        (0..columns.len()).filter(|&model| of(model).is_some_and(|c| c.value.estimate().is_some())).collect();
    let signed = |model: usize| {
        let column = of(model)?;
        let value = column.value.estimate()?.value;
        Some(if column.measure.higher_is_better() { value } else { -value })
    };
    let best = supported.iter().copied().max_by(|&a, &b| {
        let [a, b] = [a, b].map(|model| signed(model).unwrap_or(f64::NEG_INFINITY));
        a.total_cmp(&b)
    });
    let Some(best) = best else { return Vec::new() };
    let others: Vec<usize> = supported.into_iter().filter(|&model| model != best).collect();
    let p: Vec<f64> = others
        .iter()
        .map(|&model| {
            let pair = of(best).zip(of(model)).map(|(a, b)| [measured(a), measured(b)]);
            let found = pair.and_then(|[a, b]| compare::differences(&[a], &[b]).ok());
            found.and_then(|found| found.first().map(|difference| difference.p)).unwrap_or(1.0)
        })
        .collect();
    let tied = others.into_iter().zip(holm(&p)).filter(|(_, p)| *p >= SIGNIFICANT).map(|(model, _)| model);
    std::iter::once(best).chain(tied).collect()
}

fn measured(column: &Column) -> Measured {
    Measured {
        name: format!("{:?}", column.measure),
        higher_is_better: column.measure.higher_is_better(),
        estimate: column.value.estimate().map_or(f64::NAN, |estimate| estimate.value),
        resampled: column.resampled.clone(),
    }
}

/// The paired differences of each other model from the reference.
pub(super) fn differences(study: &Study) -> Result<Vec<Difference>> {
    let reference = &study.models[study.reference].columns;
    let mut found: Vec<Difference> = Vec::new();
    for (model, other) in study.models.iter().enumerate().filter(|(model, _)| *model != study.reference) {
        let both = reference.iter().zip(&other.columns);
        for (a, b) in both.filter(|(a, b)| a.measure == b.measure && !a.resampled.is_empty()) {
            for difference in compare::differences(&[measured(a)], &[measured(b)])? {
                found.push(Difference {
                    model,
                    measure: a.measure.clone(),
                    difference: Estimate {
                        value: difference.difference,
                        low: difference.interval.map(|interval| interval.low),
                        high: difference.interval.map(|interval| interval.high),
                    },
                    p: Some(difference.p),
                    p_holm: None,
                });
            }
        }
    }
    let adjusted = holm(&found.iter().map(|difference| difference.p.unwrap_or(1.0)).collect::<Vec<_>>());
    found.iter_mut().zip(adjusted).for_each(|(difference, p)| difference.p_holm = Some(p));
    Ok(found)
}

/// Which queries the reference and each other model find first.
pub(super) fn mcnemar(study: &Study) -> Result<Vec<McNemar>> {
    let top1 = |model: &ModelStudy| -> Vec<bool> {
        model.evaluation.measures.first_ranks().iter().map(|&rank| rank == 1).collect()
    };
    let first = top1(&study.models[study.reference]);
    let others = study.models.iter().enumerate().filter(|(model, _)| *model != study.reference);
    others
        .map(|(second, model)| {
            let test = compare::mcnemar(&first, &top1(model))?;
            Ok(McNemar {
                first: study.reference,
                second,
                both: test.both,
                only_first: test.only_first,
                only_second: test.only_second,
                neither: test.neither,
                p: test.p,
            })
        })
        .collect()
}
