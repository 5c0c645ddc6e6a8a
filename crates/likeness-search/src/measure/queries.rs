//! The value of each ranking metric for each mated query.

use std::collections::BTreeMap;

use super::RankingMeasure;
use crate::interval::{Resamples, resampled_means};
use crate::metric::mean;

/// The ranking metrics of each mated query of an evaluation.
///
/// Identities are numbered from 0 in the order of their names, so that evaluations of the same queries by different models
/// draw the same identities in each of their [`Resamples`].
#[derive(Debug, Clone, PartialEq)]
pub struct RankingMeasures {
    identities: Vec<String>,
    identity_of: Vec<usize>,
    rows: Vec<usize>,
    first_ranks: Vec<u32>,
    /// One list for each measure, in the order of [`RankingMeasure::ALL`].
    values: [Vec<f64>; RankingMeasure::ALL.len()],
}

impl RankingMeasures {
    /// Computes the measures of each query.
    ///
    /// # Shapes        rows, names, ranks: \[queries\]; no list of ranks is empty
    pub(crate) fn new(rows: Vec<usize>, names: &[&str], ranks: &[Vec<u32>]) -> Self {
        let mut numbers: BTreeMap<&str, usize> = names.iter().map(|&name| (name, 0)).collect();
        numbers.values_mut().enumerate().for_each(|(number, place)| *place = number);
        Self {
            identity_of: names.iter().map(|name| numbers[name]).collect(),
            identities: numbers.into_keys().map(str::to_owned).collect(),
            rows,
            first_ranks: ranks.iter().map(|ranks| ranks[0]).collect(),
            values: RankingMeasure::ALL.map(|measure| ranks.iter().map(|ranks| measure.of(ranks)).collect()),
        }
    }

    /// The number of mated queries.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no queries; never true for the measures of an [`Evaluation`](crate::Evaluation).
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The identities of the mated queries, sorted by name.
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// The identity of each query, as an index into [`identities`](Self::identities).
    pub fn identity_of(&self) -> &[usize] {
        &self.identity_of
    }

    /// The row of each query in the table of queries.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The rank of the first relevant image of each query, from 1.
    pub fn first_ranks(&self) -> &[u32] {
        &self.first_ranks
    }

    /// The value of `measure` for each query.
    pub fn values(&self, measure: RankingMeasure) -> &[f64] {
        &self.values[measure.index()]
    }

    /// The mean of `measure` over all queries.
    pub fn mean(&self, measure: RankingMeasure) -> f64 {
        mean(self.values(measure))
    }

    /// Resamples of the identities of these queries.
    pub fn resamples(&self, count: u32, seed: u64) -> Resamples {
        Resamples { identities: self.identities.len(), count, seed }
    }

    /// The mean of `measure` over the queries of each resample.
    ///
    /// # Shapes        output: \[resamples\]
    /// # Panics        `resamples` has another number of identities
    /// # Examples
    /// Two people with two queries each; the queries of one of them fail. A resample has one of three values.
    /// ```
    /// # use likeness_search::{Distance, EmbeddingTable, EvaluateConfig, ModelTag, Protocol, Row, evaluate};
    /// use likeness_search::RankingMeasure;
    ///
    /// let row = |name: &str| Row { identity: Some(name[..1].into()), ..Row::new(name) };
    /// let rows = ["a1", "a2", "b1", "b2"].map(row).to_vec();
    /// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
    /// let table = EmbeddingTable::new(model, rows, vec![0.0, 1.0, -3.0, 5.0])?;
    /// let config = EvaluateConfig { distance: Distance::Euclidean, ..EvaluateConfig::default() };
    ///
    /// let measures = evaluate(&table, Protocol::LeaveOneOut, &config)?.measures;
    /// assert_eq!(measures.values(RankingMeasure::Top1), [1.0, 1.0, 0.0, 0.0]);
    /// let resampled = measures.resampled(RankingMeasure::Top1, &measures.resamples(100, 0));
    /// assert!(resampled.iter().all(|mean| [0.0, 0.5, 1.0].contains(mean)));
    /// # Ok::<(), likeness_search::SearchError>(())
    /// ```
    pub fn resampled(&self, measure: RankingMeasure, resamples: &Resamples) -> Vec<f64> {
        self.resampled_columns(&[self.values(measure)], resamples).swap_remove(0)
    }

    /// The means of all measures over the queries of each resample; faster than one call for each.
    ///
    /// # Shapes        output: \[measures in the order of [`RankingMeasure::ALL`]\]\[resamples\]
    /// # Panics        as [`resampled`](Self::resampled)
    pub fn resampled_all(&self, resamples: &Resamples) -> Vec<Vec<f64>> {
        let columns: Vec<&[f64]> = self.values.iter().map(Vec::as_slice).collect();
        self.resampled_columns(&columns, resamples)
    }

    fn resampled_columns(&self, columns: &[&[f64]], resamples: &Resamples) -> Vec<Vec<f64>> {
        self.check(resamples);
        resampled_means(&self.identity_of, columns, resamples)
    }

    /// The CMC curve of each resample.
    ///
    /// # Shapes        output: \[ranks from 1 to last\]\[resamples\]
    /// # Panics        as [`resampled`](Self::resampled)
    pub fn resampled_cmc(&self, last: u32, resamples: &Resamples) -> Vec<Vec<f64>> {
        self.check(resamples);
        let mut queries = vec![0.0; self.identities.len()];
        // For each identity, how many queries have each first rank up to the last one.
        let mut found: Vec<BTreeMap<u32, f64>> = vec![BTreeMap::new(); self.identities.len()];
        for (&identity, &rank) in self.identity_of.iter().zip(&self.first_ranks) {
            queries[identity] += 1.0;
            if rank <= last {
                *found[identity].entry(rank).or_default() += 1.0;
            }
        }
        let mut curves = vec![Vec::with_capacity(resamples.count as usize); last as usize];
        for drawn in resamples.iter() {
            let (mut total, mut at_rank) = (0.0, vec![0.0; last as usize]);
            for ((queries, found), times) in queries.iter().zip(&found).zip(drawn) {
                total += f64::from(times) * queries;
                let each = found.iter().filter(|_| times > 0);
                each.for_each(|(&rank, count)| at_rank[rank as usize - 1] += f64::from(times) * count);
            }
            let mut within = 0.0;
            for (curve, count) in curves.iter_mut().zip(at_rank) {
                within += count;
                curve.push(within / total);
            }
        }
        curves
    }

    fn check(&self, resamples: &Resamples) {
        let (expected, found) = (self.identities.len(), resamples.identities);
        assert_eq!(found, expected, "resamples are made by RankingMeasures::resamples of the same queries");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measures() -> RankingMeasures {
        let ranks = [vec![1, 3], vec![2, 9], vec![7], vec![60, 61, 62]];
        RankingMeasures::new(vec![0, 2, 3, 9], &["eve", "ann", "eve", "bob"], &ranks)
    }

    #[test]
    fn identities_are_numbered_by_name() {
        let measures = measures();
        assert_eq!(measures.identities(), ["ann", "bob", "eve"]);
        assert_eq!(measures.identity_of(), [2, 0, 2, 1]);
        assert_eq!(measures.first_ranks(), [1, 2, 7, 60]);
        assert_eq!(measures.values(RankingMeasure::RPrecision), [0.5, 0.5, 0.0, 0.0]);
        assert_eq!(measures.values(RankingMeasure::Minp), [2.0 / 3.0, 2.0 / 9.0, 1.0 / 7.0, 3.0 / 62.0]);
    }

    #[test]
    fn the_resampled_curve_passes_through_the_resampled_shares() {
        let measures = measures();
        let resamples = measures.resamples(50, 3);
        let all = measures.resampled_all(&resamples);
        let curve = measures.resampled_cmc(12, &resamples);
        for (k, measure) in
            [(1, RankingMeasure::Top1), (5, RankingMeasure::Top5), (10, RankingMeasure::Top10)]
        {
            assert_eq!(curve[k - 1], all[measure.index()]);
            assert_eq!(measures.resampled(measure, &resamples), all[measure.index()]);
        }
        assert!(curve.windows(2).all(|pair| pair[0].iter().zip(&pair[1]).all(|(low, high)| low <= high)));
    }
}
