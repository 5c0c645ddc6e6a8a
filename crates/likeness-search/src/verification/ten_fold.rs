//! LFW's ten-fold protocol: accuracy of "same or different" with a threshold from the other folds.
//!
//! For each fold, the threshold with the highest accuracy on all other folds is applied to this fold. The result is the mean of the
//! folds' accuracies and its standard error, with the sample standard deviation (divisor F − 1):
//!
//! ```text
//! accuracy = Σ pᵢ / F        standard error = √(Σ (pᵢ − accuracy)² / (F − 1)) / √F
//! ```
//!
//! Huang et al., Labeled Faces in the Wild, technical report 07-49, 2007, section 4 (View 2).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::TablePair;
use crate::{Distance, EmbeddingTable, Result, SearchError};

/// One fold of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fold {
    /// The fold's number in the list.
    pub fold: u32,
    /// The number of pairs.
    pub pairs: usize,
    /// The threshold from the other folds; a pair at most so far apart is predicted to show one person.
    pub threshold: f32,
    /// The share of this fold's pairs that were predicted correctly.
    pub accuracy: f64,
}

/// The result of the protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenFold {
    /// The mean accuracy of the folds.
    pub accuracy: f64,
    /// The standard error of the mean.
    pub standard_error: f64,
    /// The folds, by number.
    pub folds: Vec<Fold>,
}

/// Evaluates pairs of rows by LFW's protocol; the number of folds is that of the list.
///
/// # Conventions   thresholds lie halfway between neighbouring distances of the other folds; of several best thresholds the smallest is
///   used; if rejecting all pairs is best, the threshold is below the smallest distance
/// # Errors        fewer than two folds → `BadArgument`; negative values under the Jaccard distance → `BadEmbeddings`
/// # Examples
/// ```
/// use likeness_search::verification::{TablePair, ten_fold};
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
///
/// let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
/// let rows = ["a1", "a2", "b1"].map(Row::new).to_vec();
/// let table = EmbeddingTable::new(model, rows, vec![0.0, 1.0, 5.0])?;
/// let pair = |a, b, same, fold| TablePair { a, b, same, fold };
/// let pairs = [pair(0, 1, true, 0), pair(0, 2, false, 0), pair(1, 0, true, 1), pair(1, 2, false, 1)];
/// let result = ten_fold(&table, &pairs, Distance::Euclidean)?;
/// assert_eq!((result.accuracy, result.standard_error), (1.0, 0.0));
/// assert_eq!(result.folds[0].threshold, 2.5); // halfway between 1 and 4
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn ten_fold(table: &EmbeddingTable, pairs: &[TablePair], distance: Distance) -> Result<TenFold> {
    table.check_for(distance)?;
    let numbers: BTreeSet<u32> = pairs.iter().map(|pair| pair.fold).collect();
    if numbers.len() < 2 {
        let reason = format!("pairs: expected at least two folds, found {}", numbers.len());
        return Err(SearchError::BadArgument { reason });
    }
    let mut measured: Vec<(f32, bool, u32)> = pairs
        .iter()
        .map(|pair| {
            let apart = distance.between(table.embedding(pair.a), table.embedding(pair.b)) as f32;
            (apart, pair.same, pair.fold)
        })
        .collect();
    measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let folds: Vec<Fold> = numbers.into_iter().map(|fold| evaluate_fold(&measured, fold)).collect();
    let count = folds.len() as f64;
    let accuracy = folds.iter().map(|fold| fold.accuracy).sum::<f64>() / count;
    let squares: f64 = folds.iter().map(|fold| (fold.accuracy - accuracy).powi(2)).sum();
    Ok(TenFold { accuracy, standard_error: (squares / (count - 1.0)).sqrt() / count.sqrt(), folds })
}

fn evaluate_fold(sorted: &[(f32, bool, u32)], fold: u32) -> Fold {
    let others: Vec<(f32, bool)> =
        sorted.iter().filter(|pair| pair.2 != fold).map(|pair| (pair.0, pair.1)).collect();
    let threshold = best_threshold(&others);
    let own = || sorted.iter().filter(|pair| pair.2 == fold);
    let correct = own().filter(|pair| (pair.0 <= threshold) == pair.1).count();
    let pairs = own().count();
    Fold { fold, pairs, threshold, accuracy: correct as f64 / pairs as f64 }
}

/// The smallest threshold of the highest accuracy on sorted pairs.
fn best_threshold(sorted: &[(f32, bool)]) -> f32 {
    let mut correct = sorted.iter().filter(|pair| !pair.1).count();
    let mut best = (correct, sorted[0].0.next_down());
    let mut at = 0;
    for equal in sorted.chunk_by(|a, b| a.0 == b.0) {
        let same = equal.iter().filter(|pair| pair.1).count();
        correct = correct + same - (equal.len() - same);
        at += equal.len();
        if correct > best.0 {
            let distance = equal[0].0;
            let next = sorted.get(at).map_or(distance, |pair| pair.0);
            best = (correct, (distance + (next - distance) / 2.0).min(next.next_down().max(distance)));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_threshold_is_halfway_to_the_next_distance() {
        assert_eq!(best_threshold(&[(0.1, true), (0.3, true), (0.5, false)]), 0.4);
        assert!(best_threshold(&[(0.1, false), (0.3, true), (0.5, false)]) < 0.1);
        assert_eq!(best_threshold(&[(0.1, true), (0.1, true)]), 0.1);
        assert_eq!(best_threshold(&[(0.1, true), (0.1, false), (0.1, true), (0.2, false)]), 0.15);
    }
}
