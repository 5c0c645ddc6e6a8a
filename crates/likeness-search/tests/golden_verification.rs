//! Compares verification with scikit-learn, scipy and numpy; see `golden/verification/README.md`.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use likeness_search::verification::{
    PairConfig, PairStatistics, TablePair, area_under_roc, equal_error_rate, false_match_rate,
    false_non_match_rate, ten_fold, true_accept_rate,
};
use likeness_search::{
    Distance, EmbeddingTable, IdentityErrors, Interval, ModelTag, Row, small_sample_factor,
    variance_between_identities, variance_within_identities,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    labels: Vec<usize>,
    embeddings: Vec<Vec<f32>>,
    auc: f64,
    eer: f64,
    tar: HashMap<String, f64>,
    at_thresholds: Vec<AtThreshold>,
    wilson: Vec<Wilson>,
    ten_fold: Folds,
}

#[derive(Deserialize)]
struct AtThreshold {
    threshold: f32,
    fmr: f64,
    fnmr: f64,
    within: f64,
    between: f64,
}

#[derive(Deserialize)]
struct Wilson {
    errors: u64,
    trials: u64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Folds {
    pairs: Vec<(usize, usize, bool, u32)>,
    accuracies: Vec<f64>,
    thresholds: Vec<f32>,
    accuracy: f64,
    standard_error: f64,
}

impl Case {
    fn load() -> Self {
        serde_json::from_str(include_str!("golden/verification/case.json")).unwrap()
    }

    fn table(&self) -> EmbeddingTable {
        let row = |(at, label): (usize, &usize)| Row {
            identity: Some(format!("{label:02}")),
            ..Row::new(at.to_string())
        };
        let rows = self.labels.iter().enumerate().map(row).collect();
        let model = ModelTag::new("golden", "", self.embeddings[0].len(), Distance::Cosine);
        EmbeddingTable::new(model, rows, self.embeddings.concat()).unwrap()
    }

    fn pairs(&self) -> PairStatistics {
        PairStatistics::new(&self.table(), &PairConfig::default()).unwrap()
    }
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: found {found}, expected {expected}");
}

#[test]
fn areas_and_rates_agree() {
    let (case, pairs) = (Case::load(), Case::load().pairs());
    assert_near(area_under_roc(&pairs).unwrap(), case.auc, 1e-12, "AUC");
    assert_near(equal_error_rate(&pairs).unwrap().rate, case.eer, 1e-9, "EER");
    for (far, &expected) in &case.tar {
        let found = true_accept_rate(&pairs, far.parse().unwrap()).unwrap();
        assert_near(found.value().unwrap().rate, expected, 1e-12, &format!("TAR at {far}"));
    }
    for at in &case.at_thresholds {
        assert_near(false_match_rate(&pairs, at.threshold).unwrap().rate, at.fmr, 1e-12, "FMR");
        assert_near(false_non_match_rate(&pairs, Some(at.threshold)).unwrap().rate, at.fnmr, 1e-12, "FNMR");
    }
}

#[test]
fn variances_agree() {
    let (case, pairs) = (Case::load(), Case::load().pairs());
    let table = case.table();
    let people = pairs.identities().len();
    for at in &case.at_thresholds {
        let (mut within, mut between) =
            (vec![IdentityErrors::default(); people], vec![IdentityErrors::default(); people]);
        let mut cells = vec![[0.0; 2]; people * people];
        for a in 0..table.len() {
            for b in a + 1..table.len() {
                let far =
                    Distance::Cosine.between(table.embedding(a), table.embedding(b)) as f32 > at.threshold;
                let (i, j) = (case.labels[a].min(case.labels[b]), case.labels[a].max(case.labels[b]));
                let add = |people: &mut Vec<IdentityErrors>, identity: usize, error: bool| {
                    people[identity].errors += f64::from(u8::from(error));
                    people[identity].trials += 1.0;
                };
                if i == j {
                    add(&mut within, i, far);
                } else {
                    add(&mut between, i, !far);
                    add(&mut between, j, !far);
                    cells[i * people + j][0] += f64::from(u8::from(!far));
                    cells[i * people + j][1] += 1.0;
                }
            }
        }
        let squares = cells.iter().map(|cell| (cell[0] - at.fmr * cell[1]).powi(2)).sum();
        let (fnmr, fmr) =
            (variance_within_identities(&within), variance_between_identities(&between, squares));
        assert_near(fnmr / at.within, 1.0, 1e-9, "variance of FNMR");
        assert_near(fmr / at.between, 1.0, 1e-9, "variance of FMR");
        // The design effect is that of the nearest of the coarse bins.
        let independent = |rate: f64, size: f64| rate * (1.0 - rate) / size;
        let found = false_non_match_rate(&pairs, Some(at.threshold)).unwrap();
        let expected = independent(at.fnmr, 1.0) / (at.within * small_sample_factor(&within));
        assert_near(
            found.effective_trials / expected.min(found.trials as f64),
            1.0,
            0.15,
            "effective mated pairs",
        );
        let found = false_match_rate(&pairs, at.threshold).unwrap();
        let expected = independent(at.fmr, 1.0) / (at.between * small_sample_factor(&between));
        assert_near(
            found.effective_trials / expected.min(found.trials as f64),
            1.0,
            0.3,
            "effective non-mated pairs",
        );
    }
}

#[test]
fn wilson_intervals_agree() {
    for case in Case::load().wilson {
        let found = Interval::wilson(case.errors as f64 / case.trials as f64, case.trials as f64);
        assert_near(found.low, case.low, 1e-12, "low");
        assert_near(found.high, case.high, 1e-12, "high");
    }
}

#[test]
fn the_ten_fold_protocol_agrees() {
    let case = Case::load();
    let pair = |&(a, b, same, fold): &(usize, usize, bool, u32)| TablePair { a, b, same, fold };
    let pairs: Vec<TablePair> = case.ten_fold.pairs.iter().map(pair).collect();
    let found = ten_fold(&case.table(), &pairs, Distance::Cosine).unwrap();
    for (fold, (accuracy, threshold)) in
        found.folds.iter().zip(case.ten_fold.accuracies.iter().zip(&case.ten_fold.thresholds))
    {
        assert_near(fold.accuracy, *accuracy, 1e-12, "accuracy of a fold");
        assert_near(f64::from(fold.threshold), f64::from(*threshold), 1e-6, "threshold of a fold");
    }
    assert_near(found.accuracy, case.ten_fold.accuracy, 1e-12, "accuracy");
    assert_near(found.standard_error, case.ten_fold.standard_error, 1e-12, "standard error");
    let one: Vec<TablePair> = pairs.iter().map(|pair| TablePair { fold: 0, ..*pair }).collect();
    let message = ten_fold(&case.table(), &one, Distance::Cosine).unwrap_err().to_string();
    assert_eq!(message, "pairs: expected at least two folds, found 1");
}
