//! Chooses a head and measures it on identities that it has not seen.
//!
//! The identities are split into folds. For each fold, the candidates are fitted without this fold and the next one, the one
//! with the largest sum of mAP and top-1 on the next fold is fitted again without this fold, and measured on this fold. So no
//! identity takes part in the choice, the fit and the measurement at the same time (nested cross-validation: Varma and Simon,
//! "Bias in error estimation when using cross-validation for model selection", BMC Bioinformatics 7:91, 2006). Where no
//! candidate is better than the embeddings themselves, these are measured.
//!
//! The head itself is the candidate with the largest sum over all folds, fitted to all identities.
//!
//! A head is an improvement if the 95 % interval of the difference (paired bootstrap over identities) lies above 0 for mAP or
//! for top-1, and lies below 0 for neither.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use rayon::prelude::*;
use serde::Serialize;

use super::candidate::HeadCandidate;
use super::linear::LinearHead;
use super::matrix::Matrix;
use super::statistics::Statistics;
use crate::{
    Distance, EmbeddingTable, EvaluateConfig, Interval, Protocol, Resamples, Result, SearchError, evaluate,
};

/// The least number of identities with several photos.
pub const LEAST_IDENTITIES: usize = 10;
/// Number of folds of identities.
const FOLDS: usize = 5;

/// Options of [`fit_head`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadConfig {
    /// Number of values of the new embeddings; `None` lets the choice decide.
    pub dimension: Option<usize>,
    /// Whether the model scales its embeddings to unit length, and therefore those of the head.
    pub unit_length: bool,
    /// Number of resamples of the intervals.
    pub resamples: u32,
    /// Seed of the folds and of the intervals.
    pub seed: u64,
}

impl Default for HeadConfig {
    /// Any dimension, no unit length, 1,000 resamples.
    fn default() -> Self {
        Self { dimension: None, unit_length: false, resamples: 1000, seed: 0 }
    }
}

/// Top-1 accuracy and mean average precision, as shares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Share of queries whose first hit has the right identity.
    pub top1: f64,
    /// Mean average precision.
    pub map: f64,
}

/// The difference of a measure, head minus embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The difference.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

/// Whether a head improves the search of identities that it has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadVerdict {
    /// mAP or top-1 is significantly higher, and neither is significantly lower.
    Better,
    /// Neither is significantly higher, and neither significantly lower.
    NoDifference,
    /// mAP or top-1 is significantly lower.
    Worse,
}

/// Measures on identities that took no part in the fit. Each fold is searched within itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldOut {
    /// Number of queries.
    pub queries: usize,
    /// Number of identities with queries.
    pub identities: usize,
    /// Accuracy of the embeddings.
    pub before: Accuracy,
    /// Accuracy of the heads.
    pub after: Accuracy,
    /// Difference of top-1.
    pub top1: Difference,
    /// Difference of mAP.
    pub map: Difference,
}

impl HeldOut {
    /// Whether the heads are an improvement.
    pub fn verdict(&self) -> HeadVerdict {
        let intervals = [self.top1.interval, self.map.interval];
        if intervals.iter().any(|interval| interval.high < 0.0) {
            HeadVerdict::Worse
        } else if intervals.iter().any(|interval| interval.low > 0.0) {
            HeadVerdict::Better
        } else {
            HeadVerdict::NoDifference
        }
    }
}

/// A candidate, and its mean gain on the identities of the choice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateScore {
    /// The candidate.
    pub candidate: HeadCandidate,
    /// Mean difference of top-1.
    pub top1: f64,
    /// Mean difference of mAP.
    pub map: f64,
}

/// A head, and how good it is.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadFit {
    /// The head, fitted to all identities.
    pub head: LinearHead,
    /// How it was fitted.
    pub candidate: HeadCandidate,
    /// Accuracy on held-out identities.
    pub held_out: HeldOut,
    /// All candidates, best first.
    pub candidates: Vec<CandidateScore>,
    /// Number of embeddings of the fit.
    pub embeddings: usize,
    /// Number of identities of the fit.
    pub identities: usize,
}

/// Fits a head to the labelled rows of `table`, which keep the distance of the table's model.
///
/// `progress` is called with the number of finished folds and their total; the fit ends when it returns `false`.
///
/// # Conventions   rows without an identity are ignored; identities with one photo count between identities only
/// # Errors        the Jaccard distance; fewer than [`LEAST_IDENTITIES`] identities with several photos; a dimension that the
///   identities do not allow → `BadArgument`; equal embeddings of each identity → `BadEmbeddings`; `progress` returns
///   `false` → `Interrupted`
pub fn fit_head(
    table: &EmbeddingTable,
    config: &HeadConfig,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<HeadFit> {
    let folds = Folds::of(table, config)?;
    let mut rounds = Vec::with_capacity(FOLDS);
    for held_out in 0..FOLDS {
        if !progress(held_out, FOLDS) {
            return Err(SearchError::Interrupted);
        }
        rounds.push(folds.round(held_out)?);
    }
    if !progress(FOLDS, FOLDS) {
        return Err(SearchError::Interrupted);
    }
    let mut candidates: Vec<CandidateScore> = (0..folds.candidates.len())
        .map(|at| {
            let mean =
                |of: fn(&Gain) -> f64| rounds.iter().map(|r| of(&r.gains[at])).sum::<f64>() / FOLDS as f64;
            CandidateScore { candidate: folds.candidates[at], top1: mean(|g| g.top1), map: mean(|g| g.map) }
        })
        .collect();
    candidates.sort_by(|a, b| (b.top1 + b.map).total_cmp(&(a.top1 + a.map)));
    let candidate = candidates[0].candidate;
    let everything = Statistics::sum(&folds.statistics);
    let head = everything.as_ref().and_then(|all| folds.fit(candidate, all)).ok_or_else(no_variation)?;
    Ok(HeadFit {
        head,
        candidate,
        held_out: held_out(&rounds, config),
        candidates,
        embeddings: folds.rows.iter().map(Vec::len).sum(),
        identities: everything.map_or(0, |all| all.identities()),
    })
}

fn no_variation() -> SearchError {
    let reason = "all embeddings of each identity are equal, so that there is nothing to learn".to_owned();
    SearchError::BadEmbeddings { reason }
}

/// Gain of a candidate on the identities of the choice.
#[derive(Clone, Copy)]
struct Gain {
    top1: f64,
    map: f64,
}

impl Gain {
    /// The gain of a candidate that cannot be fitted.
    const NONE: Self = Self { top1: -1.0, map: -1.0 };

    fn sum(&self) -> f64 {
        self.top1 + self.map
    }
}

/// Results of one query before and after the head: the number of its identity, whether its first hit is right, and its AP.
struct Query {
    identity: usize,
    before: (f64, f64),
    after: (f64, f64),
}

/// The results of one held-out fold.
struct Round {
    gains: Vec<Gain>,
    queries: Vec<Query>,
}

/// The labelled rows in folds of identities, with the statistics of each fold.
struct Folds<'a> {
    table: &'a EmbeddingTable,
    unit_input: bool,
    unit_output: bool,
    candidates: Vec<HeadCandidate>,
    /// Rows of each fold, in ascending order.
    rows: Vec<Vec<usize>>,
    statistics: Vec<Statistics>,
    /// The number of each row's identity, in sorted order of names.
    numbers: BTreeMap<&'a str, usize>,
    evaluation: EvaluateConfig,
}

impl<'a> Folds<'a> {
    fn of(table: &'a EmbeddingTable, config: &HeadConfig) -> Result<Self> {
        let distance = table.model().distance;
        if distance == Distance::Jaccard {
            let reason = "a linear head needs the cosine or a Euclidean distance, found jaccard".to_owned();
            return Err(SearchError::BadArgument { reason });
        }
        let identities = identities(table);
        let several = identities.values().filter(|rows| has_several_photos(table, rows)).count();
        if several < LEAST_IDENTITIES {
            let reason = format!(
                "expected at least {LEAST_IDENTITIES} identities with 2 photos each, found {several} among {} labelled \
                 embeddings",
                identities.values().map(Vec::len).sum::<usize>()
            );
            return Err(SearchError::BadArgument { reason });
        }
        let unit_input = distance == Distance::Cosine || config.unit_length;
        let smallest_fit = identities.len() * (FOLDS - 2) / FOLDS;
        let candidates = HeadCandidate::all(table.dimension(), smallest_fit, unit_input, config.dimension);
        if candidates.is_empty() {
            let most = smallest_fit.saturating_sub(1).min(table.dimension());
            let reason = format!(
                "dimension {}: expected at most {most} for {} identities and embeddings of {} values, or {}",
                config.dimension.unwrap_or(0),
                identities.len(),
                table.dimension(),
                table.dimension()
            );
            return Err(SearchError::BadArgument { reason });
        }
        let groups = split(table, &identities, config.seed);
        let embeddings = scaled(table, unit_input);
        let dimension = table.dimension();
        let statistics = groups
            .par_iter()
            .map(|fold| {
                let rows = |rows: &&Vec<usize>| -> Vec<&[f32]> {
                    rows.iter().map(|row| &embeddings[row * dimension..][..dimension]).collect()
                };
                Statistics::of(&fold.iter().map(rows).collect::<Vec<_>>(), dimension)
            })
            .collect();
        let rows = |fold: &Vec<&Vec<usize>>| {
            let mut rows: Vec<usize> = fold.iter().copied().flatten().copied().collect();
            rows.sort_unstable();
            rows
        };
        Ok(Self {
            table,
            unit_input,
            unit_output: config.unit_length,
            candidates,
            rows: groups.iter().map(rows).collect(),
            statistics,
            numbers: identities.keys().enumerate().map(|(number, name)| (*name, number)).collect(),
            evaluation: EvaluateConfig { distance, resamples: 0, ..EvaluateConfig::default() },
        })
    }

    /// The statistics of all folds but `left_out`.
    fn without(&self, left_out: &[usize]) -> Option<Statistics> {
        Statistics::sum(
            self.statistics.iter().enumerate().filter(|(at, _)| !left_out.contains(at)).map(|(_, part)| part),
        )
    }

    /// The head of `candidate` for `statistics`; `None` if it cannot be fitted.
    fn fit(&self, candidate: HeadCandidate, statistics: &Statistics) -> Option<LinearHead> {
        let scatter = statistics.scatter()?;
        let matrix = candidate.fit(&scatter)?;
        Some(self.head(&matrix, candidate.is_centred().then_some(&scatter.mean)))
    }

    /// The head of a matrix, and of the mean that is subtracted before it.
    fn head(&self, matrix: &Matrix, mean: Option<&Vec<f64>>) -> LinearHead {
        let (outputs, inputs) = (matrix.rows, matrix.columns);
        let bias = mean.map(|mean| {
            let rows = matrix.values.chunks_exact(inputs);
            rows.map(|row| -row.iter().zip(mean).map(|(w, m)| w * m).sum::<f64>() as f32).collect()
        });
        let weights = matrix.values.iter().map(|value| *value as f32).collect();
        let (unit_input, unit_output) = (self.unit_input, self.unit_output);
        LinearHead { inputs, outputs, weights, bias, unit_input, unit_output }
    }

    /// The heads of all candidates for `statistics`. Candidates that differ in the mean alone share a matrix.
    fn heads(&self, statistics: &Statistics) -> Vec<Option<LinearHead>> {
        let Some(scatter) = statistics.scatter() else { return vec![None; self.candidates.len()] };
        let mut distinct: Vec<HeadCandidate> = Vec::new();
        for candidate in &self.candidates {
            if !distinct.contains(&candidate.uncentred()) {
                distinct.push(candidate.uncentred());
            }
        }
        let matrices: Vec<Option<Matrix>> =
            distinct.par_iter().map(|candidate| candidate.fit(&scatter)).collect();
        let head = |candidate: &HeadCandidate| {
            let at = distinct.iter().position(|other| *other == candidate.uncentred())?;
            Some(self.head(matrices[at].as_ref()?, candidate.is_centred().then_some(&scatter.mean)))
        };
        self.candidates.iter().map(head).collect()
    }

    /// Chooses a candidate without the fold `held_out`, and measures it there.
    fn round(&self, held_out: usize) -> Result<Round> {
        let chosen_on = (held_out + 1) % FOLDS;
        let before = self.outcomes(chosen_on, None)?;
        let fitted = self.without(&[held_out, chosen_on]).ok_or_else(no_variation)?;
        let gain = |head: &Option<LinearHead>| -> Result<Gain> {
            let Some(head) = head else { return Ok(Gain::NONE) };
            let after = self.outcomes(chosen_on, Some(head))?;
            let mean = |of: fn(&Outcome) -> f64| {
                let difference = before.iter().zip(&after).map(|(before, after)| of(after) - of(before));
                difference.sum::<f64>() / before.len() as f64
            };
            Ok(Gain { top1: mean(|o| o.top1), map: mean(|o| o.precision) })
        };
        let gains = self.heads(&fitted).par_iter().map(gain).collect::<Result<Vec<Gain>>>()?;
        let best = (0..gains.len()).max_by(|&a, &b| gains[a].sum().total_cmp(&gains[b].sum()));
        let best = best.filter(|&at| gains[at].sum() > 0.0).map(|at| self.candidates[at]);
        let head = match best {
            Some(candidate) => self.without(&[held_out]).and_then(|all| self.fit(candidate, &all)),
            None => None,
        };
        let (before, after) = (self.outcomes(held_out, None)?, self.outcomes(held_out, head.as_ref())?);
        let query = |(before, after): (Outcome, Outcome)| Query {
            identity: before.identity,
            before: (before.top1, before.precision),
            after: (after.top1, after.precision),
        };
        Ok(Round { gains, queries: before.into_iter().zip(after).map(query).collect() })
    }

    /// The results of the queries of `fold`, searched within the fold with the embeddings of `head` or those of the table.
    fn outcomes(&self, fold: usize, head: Option<&LinearHead>) -> Result<Vec<Outcome>> {
        let part = self.table.take(&self.rows[fold]);
        let part = match head {
            None => part,
            Some(head) => part.mapped(head)?,
        };
        let evaluation = evaluate(&part, Protocol::LeaveOneOut, &self.evaluation)?;
        let outcome = |outcome: &crate::QueryOutcome| {
            let name = part.rows()[outcome.row].identity.as_deref().unwrap_or_default();
            Outcome {
                identity: self.numbers[name],
                top1: f64::from(u8::from(outcome.relevant_ranks[0] == 1)),
                precision: outcome.average_precision,
            }
        };
        Ok(evaluation.outcomes.iter().map(outcome).collect())
    }
}

/// The result of one query.
struct Outcome {
    identity: usize,
    top1: f64,
    precision: f64,
}

impl EmbeddingTable {
    /// The same rows with the embeddings of `head`.
    fn mapped(self, head: &LinearHead) -> Result<Self> {
        let values = head.apply(self.embeddings());
        let mut model = self.model().clone();
        model.dimension = head.outputs;
        Self::new(model, self.rows().to_vec(), values)
    }
}

/// The labelled rows of each identity, by name.
fn identities(table: &EmbeddingTable) -> BTreeMap<&str, Vec<usize>> {
    let mut identities: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, row) in table.rows().iter().enumerate() {
        if let Some(identity) = &row.identity {
            identities.entry(identity).or_default().push(at);
        }
    }
    identities
}

/// Whether the rows come from at least two photos of different content.
fn has_several_photos(table: &EmbeddingTable, rows: &[usize]) -> bool {
    let first = &table.rows()[rows[0]];
    rows.iter()
        .map(|&row| &table.rows()[row])
        .any(|row| row.name != first.name && (row.sha256.is_empty() || row.sha256 != first.sha256))
}

/// Distributes identities to folds at random, those with several photos evenly.
fn split<'r>(
    table: &EmbeddingTable,
    identities: &'r BTreeMap<&str, Vec<usize>>,
    seed: u64,
) -> Vec<Vec<&'r Vec<usize>>> {
    let mut random = Pcg64::seed_from_u64(seed);
    let (mut several, mut single): (Vec<_>, Vec<_>) =
        identities.values().partition(|rows| has_several_photos(table, rows));
    several.shuffle(&mut random);
    single.shuffle(&mut random);
    let mut folds = vec![Vec::new(); FOLDS];
    several.into_iter().chain(single).enumerate().for_each(|(at, rows)| folds[at % FOLDS].push(rows));
    folds
}

/// The embeddings of the table, scaled to unit length if `unit` is set.
fn scaled(table: &EmbeddingTable, unit: bool) -> Vec<f32> {
    let mut values = table.embeddings().to_vec();
    if unit {
        values.chunks_exact_mut(table.dimension()).for_each(super::linear::to_unit_length);
    }
    values
}

/// Accuracies and differences over the queries of all rounds.
fn held_out(rounds: &[Round], config: &HeadConfig) -> HeldOut {
    let queries: Vec<&Query> = rounds.iter().flat_map(|round| &round.queries).collect();
    // Sums of each identity, in sorted order of names: queries, top-1 and AP before, top-1 and AP after.
    let mut sums: BTreeMap<usize, [f64; 5]> = BTreeMap::new();
    for Query { identity, before, after } in &queries {
        let values = [1.0, before.0, before.1, after.0, after.1];
        sums.entry(*identity).or_default().iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    let sums: Vec<[f64; 5]> = sums.into_values().collect();
    let total = |times: &dyn Fn(usize) -> f64| {
        let mut total = [0.0; 5];
        for (at, sums) in sums.iter().enumerate() {
            total.iter_mut().zip(sums).for_each(|(total, sum)| *total += times(at) * sum);
        }
        [1, 2, 3, 4].map(|at| total[at] / total[0])
    };
    let resamples = Resamples { identities: sums.len(), count: config.resamples, seed: config.seed };
    let drawn: Vec<[f64; 4]> = resamples.iter().map(|drawn| total(&|at| f64::from(drawn[at]))).collect();
    let [top1_before, map_before, top1_after, map_after] = total(&|_| 1.0);
    let difference = |before: usize, after: usize, value: f64| {
        let interval = Interval::percentile(drawn.iter().map(|means| means[after] - means[before]).collect());
        Difference { value, interval: interval.unwrap_or(Interval { low: -1.0, high: 1.0 }) }
    };
    HeldOut {
        queries: queries.len(),
        identities: sums.len(),
        before: Accuracy { top1: top1_before, map: map_before },
        after: Accuracy { top1: top1_after, map: map_after },
        top1: difference(0, 2, top1_after - top1_before),
        map: difference(1, 3, map_after - map_before),
    }
}

#[cfg(test)]
mod tests;
