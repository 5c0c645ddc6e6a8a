//! Compares McNemar's test and Holm's adjustment with statsmodels, see `golden/paired_tests/README.md`, and tests comparisons
//! of whole evaluations.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use likeness_search::compare::{Reading, differences, holm, match_rows, mcnemar, ranking_measured};
use likeness_search::{
    Distance, EmbeddingTable, EvaluateConfig, ModelTag, Protocol, RankingMeasure, Row, evaluate,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    mcnemar: Vec<Outcomes>,
    holm: Vec<Adjusted>,
}

#[derive(Deserialize)]
struct Outcomes {
    only_first: usize,
    only_second: usize,
    p: f64,
}

#[derive(Deserialize)]
struct Adjusted {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

fn case() -> Case {
    serde_json::from_str(include_str!("golden/paired_tests/case.json")).unwrap()
}

#[test]
fn mcnemar_agrees_with_statsmodels() {
    for Outcomes { only_first, only_second, p } in case().mcnemar {
        let outcomes = |first: bool| -> Vec<bool> {
            let alone = [vec![first; only_first], vec![!first; only_second]].concat();
            [alone, vec![true; 50], vec![false; 20]].concat()
        };
        let found = mcnemar(&outcomes(true), &outcomes(false)).unwrap();
        assert_eq!((found.only_first, found.only_second), (only_first, only_second));
        assert_eq!((found.both, found.neither), (50, 20));
        assert!((found.p / p - 1.0).abs() < 1e-9, "{only_first} {only_second}: {} {p}", found.p);
    }
}

#[test]
fn holm_agrees_with_statsmodels() {
    for Adjusted { p, adjusted } in case().holm {
        for (found, expected) in holm(&p).into_iter().zip(adjusted) {
            assert!((found - expected).abs() < 1e-12, "{p:?}: {found} {expected}");
        }
    }
    assert_eq!(holm(&[f64::NAN, 0.01]), [1.0, 0.02]);
}

/// Images of `identities` people around their centres; `noise` is the spread of the images.
fn table(identities: usize, noise: f32, seed: u64) -> EmbeddingTable {
    let (dimension, images) = (6, 5);
    let mut centres = Pcg64::seed_from_u64(1);
    let mut random = Pcg64::seed_from_u64(seed);
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for identity in 0..identities {
        let centre: Vec<f32> = (0..dimension).map(|_| centres.random::<f32>()).collect();
        for image in 0..images {
            rows.push(Row {
                identity: Some(identity.to_string()),
                ..Row::new(format!("{identity}-{image}"))
            });
            values.extend(centre.iter().map(|value| value + noise * random.random::<f32>()));
        }
    }
    EmbeddingTable::new(ModelTag::new("toy", "", dimension, Distance::Euclidean), rows, values).unwrap()
}

#[test]
fn a_clearly_better_model_is_read_as_better_and_the_same_model_is_not() {
    let config = EvaluateConfig { distance: Distance::Euclidean, resamples: 0, ..EvaluateConfig::default() };
    let tables = [table(60, 0.8, 2), table(60, 0.4, 3)];
    let matched = match_rows(&[&tables[0], &tables[1]]).unwrap();
    let measured: Vec<_> = matched
        .tables
        .iter()
        .map(|table| {
            let measures = evaluate(table, Protocol::LeaveOneOut, &config).unwrap().measures;
            ranking_measured(&measures, &measures.resamples(1000, 0))
        })
        .collect();
    let found = differences(&measured[0], &measured[1]).unwrap();
    let adjusted = holm(&found.iter().map(|difference| difference.p).collect::<Vec<_>>());
    assert_eq!(found.len(), RankingMeasure::ALL.len());
    for (difference, &p) in found.iter().zip(&adjusted) {
        assert!(difference.interval.unwrap().contains(difference.difference), "{difference:?}");
        assert_eq!(Reading::of(difference, p), Reading::Better, "{difference:?}");
        assert_eq!(difference.p, 2.0 / 1001.0);
    }
    for difference in differences(&measured[0], &measured[0]).unwrap() {
        assert_eq!(Reading::of(&difference, difference.p), Reading::NoSignificantDifference);
    }
    // A paired interval is narrower than that of two independent values.
    let width = |values: &[f64]| {
        let interval = likeness_search::Interval::percentile(values.to_vec()).unwrap();
        interval.high - interval.low
    };
    let unpaired = width(&measured[0][3].resampled).hypot(width(&measured[1][3].resampled));
    let paired = found[3].interval.unwrap();
    assert!(paired.high - paired.low < unpaired);
}

/// Two models of equal quality differ significantly at 5 % in about one of twenty comparisons.
#[test]
fn models_of_equal_quality_rarely_differ() {
    let config = EvaluateConfig { distance: Distance::Euclidean, resamples: 0, ..EvaluateConfig::default() };
    let measured = |seed| {
        let measures = evaluate(&table(60, 0.8, seed), Protocol::LeaveOneOut, &config).unwrap().measures;
        ranking_measured(&measures, &measures.resamples(300, 0)).swap_remove(3)
    };
    let rejected = (0..100u64)
        .filter(|seed| {
            let [a, b] = [measured(1000 + 2 * seed), measured(1001 + 2 * seed)];
            differences(&[a], &[b]).unwrap()[0].p < 0.05
        })
        .count();
    assert!((1..=14).contains(&rejected), "{rejected} of 100");
}
