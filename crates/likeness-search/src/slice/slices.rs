//! The metrics of each slice, worst slice first.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::Serialize;

use super::groups::{Group, groups};
use super::{Column, SliceConfig};
use crate::interval::resampled_means;
use crate::metric::mean;
use crate::{Interval, RankingMeasure, RankingMeasures, Resamples, Result, SearchError};

/// The slices of several columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slices {
    /// The values over all queries, in the order of [`RankingMeasure::ALL`].
    pub overall: Vec<SliceMeasure>,
    /// The slices: worst first, then those with too few samples, largest first.
    pub slices: Vec<Slice>,
    /// One summary for each column, in the order given.
    pub columns: Vec<ColumnSummary>,
}

/// The queries with one value of a column, or with values in one range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slice {
    /// The column.
    pub column: String,
    /// The value, or the range of values.
    pub label: String,
    /// Number of queries.
    pub queries: usize,
    /// Number of identities among the queries.
    pub identities: usize,
    /// Whether the slice has too few queries or identities for metrics.
    pub too_few: bool,
    /// The metrics, in the order of [`RankingMeasure::ALL`]; empty if the slice has too few samples.
    pub measures: Vec<SliceMeasure>,
    /// Whether the measure that sorts the slices is clearly below its value over all queries.
    pub clearly_below: bool,
}

/// One metric of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SliceMeasure {
    /// The metric.
    pub measure: RankingMeasure,
    /// The mean over the queries of the slice.
    pub estimate: f64,
    /// The 95 % interval; `None` without resamples.
    pub interval: Option<Interval>,
    /// Whether the whole interval lies below the value over all queries.
    pub clearly_below: bool,
}

/// What a column contributed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnSummary {
    /// The column.
    pub column: String,
    /// Number of slices, those with too few samples included.
    pub slices: usize,
    /// Number of slices with too few samples.
    pub too_few: usize,
    /// Number of slices that are not listed, because the column has too many.
    pub not_listed: usize,
    /// Number of queries without a value.
    pub without_value: usize,
}

/// Computes the ranking metrics of each slice of each column.
///
/// # Conventions   text forms one slice for each value; numbers one for each range between cuts. Without cuts, numbers with at
///   most ten different values form one slice for each, and others the lowest 10 %, the middle 80 % and the highest 10 % of the
///   queries. Queries without a value are in no slice and counted. Intervals resample the identities of a slice. If a column
///   has more than `max_listed` slices, those with too few samples are dropped first, smallest first, then the best ones
/// # Errors        a column has fewer values than the table of queries has rows; cuts that are not ascending → `BadArgument`
/// # Examples
/// ```
/// use likeness_search::slice::{Column, SliceConfig, slices};
/// # use likeness_search::{Distance, EmbeddingTable, EvaluateConfig, ModelTag, Protocol, Row, evaluate};
/// # let rows: Vec<Row> = (0..80)
/// #     .map(|i| Row { identity: Some((i / 2).to_string()), ..Row::new(i.to_string()) }).collect();
/// # // The images of the first twenty people are alike, those of the others alternate.
/// # let place = |i: i32| if i < 40 { (i / 2 * 10 + i % 2) as f32 } else { (1000 + i % 2 * 500 + i) as f32 };
/// # let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// # let table = EmbeddingTable::new(model, rows, (0..80).map(place).collect())?;
/// # let config = EvaluateConfig { distance: Distance::Euclidean, ..EvaluateConfig::default() };
/// let evaluation = evaluate(&table, Protocol::LeaveOneOut, &config)?;
/// let light = (0..80).map(|row| Some(if row < 40 { "day" } else { "night" }));
/// let found = slices(&[Column::of_text("light", light)], &evaluation.measures, &SliceConfig::default())?;
/// let labels: Vec<&str> = found.slices.iter().map(|slice| slice.label.as_str()).collect();
/// assert_eq!(labels, ["night", "day"]);
/// assert!(found.slices[0].clearly_below && found.slices[0].measures[0].estimate == 0.0);
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn slices(columns: &[Column], measures: &RankingMeasures, config: &SliceConfig) -> Result<Slices> {
    let everything = Group { label: String::new(), queries: (0..measures.len()).collect() };
    let mut found = Slices {
        overall: measured(&everything, measures, config, None),
        slices: Vec::new(),
        columns: Vec::new(),
    };
    for column in columns {
        check_length(column, measures)?;
        let groups = groups(column, measures.rows())?;
        let overall = &found.overall;
        let mut of_column: Vec<Slice> =
            groups.par_iter().map(|group| slice(&column.name, group, measures, overall, config)).collect();
        of_column.sort_by(|a, b| order(a, b, config));
        let with_value: usize = groups.iter().map(|group| group.queries.len()).sum();
        found.columns.push(ColumnSummary {
            column: column.name.clone(),
            slices: of_column.len(),
            too_few: of_column.iter().filter(|slice| slice.too_few).count(),
            not_listed: of_column.len().saturating_sub(config.max_listed),
            without_value: measures.len() - with_value,
        });
        of_column.truncate(config.max_listed);
        found.slices.append(&mut of_column);
    }
    found.slices.sort_by(|a, b| order(a, b, config));
    Ok(found)
}

fn check_length(column: &Column, measures: &RankingMeasures) -> Result<()> {
    let expected = measures.rows().iter().max().map_or(0, |last| last + 1);
    if column.values.len() >= expected {
        return Ok(());
    }
    let (name, found) = (&column.name, column.values.len());
    let reason = format!("{name}: expected at least {expected} values, one for each row, found {found}");
    Err(SearchError::BadArgument { reason })
}

/// Worst first; slices with too few samples last, and of these the largest first.
fn order(a: &Slice, b: &Slice, config: &SliceConfig) -> std::cmp::Ordering {
    let estimate = |slice: &Slice| {
        slice.measures.iter().find(|m| m.measure == config.sort_by).map_or(f64::INFINITY, |m| m.estimate)
    };
    let size = if a.too_few && b.too_few { b.queries.cmp(&a.queries) } else { std::cmp::Ordering::Equal };
    let by_value = a.too_few.cmp(&b.too_few).then(estimate(a).total_cmp(&estimate(b)));
    by_value.then(size).then_with(|| a.column.cmp(&b.column)).then_with(|| a.label.cmp(&b.label))
}

fn slice(
    column: &str,
    group: &Group,
    measures: &RankingMeasures,
    overall: &[SliceMeasure],
    config: &SliceConfig,
) -> Slice {
    let mut identities: Vec<usize> =
        group.queries.iter().map(|&query| measures.identity_of()[query]).collect();
    identities.sort_unstable();
    identities.dedup();
    let too_few = group.queries.len() < config.min_queries || identities.len() < config.min_identities;
    let of_slice = if too_few { Vec::new() } else { measured(group, measures, config, Some(overall)) };
    Slice {
        column: column.to_owned(),
        label: group.label.clone(),
        queries: group.queries.len(),
        identities: identities.len(),
        too_few,
        clearly_below: of_slice.iter().any(|m| m.measure == config.sort_by && m.clearly_below),
        measures: of_slice,
    }
}

/// The metrics of some queries, with intervals from resamples of their identities.
fn measured(
    group: &Group,
    measures: &RankingMeasures,
    config: &SliceConfig,
    overall: Option<&[SliceMeasure]>,
) -> Vec<SliceMeasure> {
    let of_group = |measure| -> Vec<f64> {
        let values = measures.values(measure);
        group.queries.iter().map(|&query| values[query]).collect()
    };
    let columns = RankingMeasure::ALL.map(of_group);
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let identities = renumbered(group.queries.iter().map(|&query| measures.identity_of()[query]));
    let count = identities.iter().max().map_or(0, |last| last + 1);
    let resamples = Resamples { identities: count, count: config.resamples, seed: config.seed };
    let resampled = resampled_means(&identities, &views, &resamples);
    let one = |(i, values): (usize, Vec<f64>)| {
        let interval = Interval::percentile(values);
        let below = |whole: &[SliceMeasure]| interval.is_some_and(|i_| i_.high < whole[i].estimate);
        SliceMeasure {
            measure: RankingMeasure::ALL[i],
            estimate: mean(&columns[i]),
            interval,
            clearly_below: overall.is_some_and(below),
        }
    };
    resampled.into_iter().enumerate().map(one).collect()
}

/// Numbers the identities of a slice from 0 in the order of their names, which is that of their numbers.
fn renumbered(identities: impl Iterator<Item = usize> + Clone) -> Vec<usize> {
    let mut sorted: Vec<usize> = identities.clone().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let numbers: HashMap<usize, usize> = sorted.into_iter().zip(0..).collect();
    identities.map(|identity| numbers[&identity]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten queries of each identity; those of every second identity fail.
    fn measures(identities: usize) -> RankingMeasures {
        let names: Vec<String> = (0..identities * 10).map(|query| format!("{:05}", query / 10)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ranks: Vec<Vec<u32>> =
            (0..names.len()).map(|query| vec![if query / 10 % 2 == 0 { 1 } else { 30 }]).collect();
        RankingMeasures::new((0..names.len()).collect(), &names, &ranks)
    }

    fn parity(queries: usize) -> Column {
        Column::of_text("parity", (0..queries).map(|q| Some(if q / 10 % 2 == 0 { "even" } else { "odd" })))
    }

    #[test]
    fn the_worst_slice_comes_first_and_is_clearly_below() {
        let measures = measures(60);
        let constant = Column::of_text("constant", vec![Some("x"); 600]);
        let found = slices(&[constant, parity(600)], &measures, &SliceConfig::default()).unwrap();
        let listed: Vec<_> = found
            .slices
            .iter()
            .map(|s| (s.label.as_str(), s.measures[0].estimate, s.clearly_below))
            .collect();
        assert_eq!(listed, [("odd", 0.0, true), ("x", 0.5, false), ("even", 1.0, false)]);
        assert_eq!((found.slices[0].queries, found.slices[0].identities), (300, 30));
        assert_eq!(found.slices[1].measures, found.overall, "the constant column is the whole");
        let by_mrr = SliceConfig { sort_by: RankingMeasure::Mrr, ..SliceConfig::default() };
        assert!(slices(&[parity(600)], &measures, &by_mrr).unwrap().slices[0].clearly_below);
    }

    #[test]
    fn small_slices_have_no_numbers_and_come_last() {
        let measures = measures(60);
        // 290 queries of 29 identities; 40 queries of 4 identities; 29 queries of 3; the others have no value.
        let of = |q: usize| match q {
            0..290 => Some("enough"),
            290..330 => Some("few identities"),
            330..359 => Some("few queries"),
            _ => None,
        };
        let column = Column::of_text("size", (0..600).map(of));
        let found = slices(&[column], &measures, &SliceConfig::default()).unwrap();
        let listed: Vec<_> = found.slices.iter().map(|s| (s.label.as_str(), s.too_few)).collect();
        assert_eq!(listed, [("enough", false), ("few identities", true), ("few queries", true)]);
        assert!(found.slices[1].measures.is_empty() && !found.slices[1].clearly_below);
        let summary =
            ColumnSummary { column: "size".into(), slices: 3, too_few: 2, not_listed: 0, without_value: 241 };
        assert_eq!(found.columns, [summary]);
    }

    #[test]
    fn a_column_of_a_hundred_thousand_values_is_listed_in_part() {
        let measures = measures(10_000);
        let text: Vec<String> = (0..100_000).map(|query| format!("v{query}")).collect();
        let column = Column::of_text("name", text.iter().map(|text| Some(text.as_str())));
        let empty = Column::of_text("empty", vec![None; 100_000]);
        let config = SliceConfig { resamples: 10, ..SliceConfig::default() };
        let start = std::time::Instant::now();
        let found = slices(&[column, empty], &measures, &config).unwrap();
        assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
        assert_eq!((found.slices.len(), found.columns[0].not_listed), (100, 99_900));
        assert_eq!((found.columns[1].slices, found.columns[1].without_value), (0, 100_000));
    }

    #[test]
    fn a_short_column_is_refused() {
        let error = slices(&[parity(599)], &measures(60), &SliceConfig::default()).unwrap_err().to_string();
        assert_eq!(error, "parity: expected at least 600 values, one for each row, found 599");
    }
}
