//! McNemar's exact test of two models' top-1 outcomes for the same queries.
//!
//! McNemar, Note on the sampling error of the difference between correlated proportions (1947), Psychometrika 12. Only queries
//! that one model alone answers carry information. If both models are equally good, each of the n = b + c such queries is
//! answered by either model with probability 1/2, so that the smaller count is binomial.
//!
//! ```text
//! p = min(1, 2 · P(X ≤ min(b, c)))        X ~ Binomial(b + c, 1/2)
//! ```
//!
//! The test takes queries to be independent. Queries of one identity are not, so that p is too small where identities have
//! many queries; [`differences`](super::differences) resamples identities and does not have this fault.

use serde::Serialize;

use crate::{Result, SearchError};

/// The top-1 outcomes of two models for the same queries, and the p-value of their difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Number of queries that both models answer.
    pub both: usize,
    /// Number of queries that only the first model answers.
    pub only_first: usize,
    /// Number of queries that only the second model answers.
    pub only_second: usize,
    /// Number of queries that neither model answers.
    pub neither: usize,
    /// The exact two-sided p-value; 1 if no query is answered by one model alone.
    pub p: f64,
}

/// Tests whether two models answer different shares of the same queries.
///
/// # Shapes        first, second: \[queries\], whether the model's first hit is right
/// # Errors        different numbers of queries → `BadArgument`
/// # Examples
/// Ten queries are answered by one model alone, nine of them by the second: p = 2 · (1 + 10) / 2¹⁰.
/// ```
/// use likeness_search::compare::mcnemar;
/// let first: Vec<bool> = (0..20).map(|query| query < 6).collect();
/// let second: Vec<bool> = (0..20).map(|query| (1..15).contains(&query)).collect();
/// let found = mcnemar(&first, &second)?;
/// assert_eq!([found.both, found.only_first, found.only_second, found.neither], [5, 1, 9, 5]);
/// assert_eq!(found.p, 0.021484375);
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn mcnemar(first: &[bool], second: &[bool]) -> Result<McNemar> {
    let (expected, found) = (first.len(), second.len());
    if expected != found {
        let reason = format!("expected outcomes of the same queries, found {expected} and {found}");
        return Err(SearchError::BadArgument { reason });
    }
    let count = |pair: (bool, bool)| first.iter().zip(second).filter(|&(a, b)| (*a, *b) == pair).count();
    let (only_first, only_second) = (count((true, false)), count((false, true)));
    Ok(McNemar {
        both: count((true, true)),
        only_first,
        only_second,
        neither: count((false, false)),
        p: exact_p(only_first, only_second),
    })
}

/// The two-sided p-value of `a` successes and `b` failures at probability 1/2.
///
/// # Conventions   relative error below 1e-10 up to 10⁵ trials; 0 if p is smaller than the smallest f64
fn exact_p(a: usize, b: usize) -> f64 {
    let (trials, least) = (a + b, a.min(b));
    let mut term = probability(trials, least);
    let mut tail = 0.0;
    for successes in (0..=least).rev() {
        tail += term;
        term *= successes as f64 / (trials - successes + 1) as f64;
        if term < tail * f64::EPSILON * 1e-3 {
            break;
        }
    }
    (2.0 * tail).min(1.0)
}

/// C(trials, successes) / 2^trials: factors are multiplied with halvings in between, so that nothing overflows.
fn probability(trials: usize, successes: usize) -> f64 {
    let (mut product, mut halvings) = (1.0, trials);
    for i in 1..=successes {
        product *= (trials - successes + i) as f64 / i as f64;
        while product > 1.0 && halvings > 0 {
            product *= 0.5;
            halvings -= 1;
        }
    }
    for _ in 0..halvings {
        product *= 0.5;
        if product == 0.0 {
            break;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_a_fair_coin() {
        assert_eq!(probability(4, 2), 6.0 / 16.0);
        assert_eq!(probability(0, 0), 1.0);
        let all: f64 = (0..=3000).map(|successes| probability(3000, successes)).sum();
        assert!((all - 1.0).abs() < 1e-11, "{all}");
        assert_eq!(exact_p(0, 5000), 0.0);
    }

    #[test]
    fn outcomes_of_other_queries_are_refused() {
        let error = mcnemar(&[true], &[]).unwrap_err().to_string();
        assert_eq!(error, "expected outcomes of the same queries, found 1 and 0");
        assert_eq!(mcnemar(&[], &[]).unwrap().p, 1.0);
    }
}
