//! Compares ranking metrics with scikit-learn, torchmetrics, pytorch-metric-learning and open-metric-learning; see
//! `golden/ranking_metrics/README.md`. Where a library's definition differs, its value is computed from ours.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::HashMap;

use likeness_search::metric::{precision_at, r_precision, reciprocal_rank};
use likeness_search::{
    Distance, EmbeddingTable, EvaluateConfig, Evaluation, ModelTag, QueryOutcome, RankingMeasure, Row,
    evaluate_between,
};
use serde::Deserialize;

type ByK = HashMap<u32, Vec<f64>>;

#[derive(Deserialize)]
struct Case {
    queries: Side,
    gallery: Side,
    sklearn: Vec<f64>,
    torchmetrics: TorchMetrics,
    pytorch_metric_learning: PytorchMetricLearning,
    open_metric_learning: OpenMetricLearning,
}

#[derive(Deserialize)]
struct Side {
    labels: Vec<usize>,
    embeddings: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct TorchMetrics {
    average_precision: Vec<f64>,
    r_precision: Vec<f64>,
    reciprocal_rank: Vec<f64>,
    precision: ByK,
    recall: ByK,
    hit_rate: ByK,
}

#[derive(Deserialize)]
struct PytorchMetricLearning {
    all: HashMap<String, f64>,
    largest_r: u32,
    at_largest_r: HashMap<String, f64>,
}

#[derive(Deserialize)]
struct OpenMetricLearning {
    cmc: ByK,
    precision: ByK,
    map: ByK,
}

impl Side {
    fn table(&self) -> EmbeddingTable {
        let model = ModelTag::new("golden", "", self.embeddings[0].len(), Distance::SquaredEuclidean);
        let row = |(i, label): (usize, &usize)| Row {
            identity: Some(label.to_string()),
            ..Row::new(i.to_string())
        };
        let rows = self.labels.iter().enumerate().map(row).collect();
        EmbeddingTable::new(model, rows, self.embeddings.concat()).unwrap()
    }
}

fn load() -> (Case, Evaluation) {
    let case: Case = serde_json::from_str(include_str!("golden/ranking_metrics/case.json")).unwrap();
    let config = EvaluateConfig { distance: Distance::SquaredEuclidean, ..EvaluateConfig::default() };
    let found = evaluate_between(&case.queries.table(), &case.gallery.table(), &config).unwrap();
    assert!(found.queries == 36 && found.map > 0.1 && found.map < 0.9, "a case worth testing: {found:?}");
    (case, found)
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() < tolerance, "{what}: found {found}, expected {expected}");
}

/// Compares the values of each query, and that there are as many.
fn assert_each(
    found: &Evaluation,
    of: impl Fn(&QueryOutcome) -> f64,
    expected: &[f64],
    tolerance: f64,
    what: &str,
) {
    assert_eq!(found.outcomes.len(), expected.len(), "{what}");
    for (outcome, &expected) in found.outcomes.iter().zip(expected) {
        assert_near(of(outcome), expected, tolerance, &format!("{what}, row {}", outcome.row));
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[test]
fn scikit_learn_agrees_on_average_precision() {
    let (case, found) = load();
    assert_each(&found, |query| query.average_precision, &case.sklearn, 1e-12, "AP");
}

#[test]
fn torchmetrics_agrees() {
    let (case, found) = load();
    let expected = &case.torchmetrics;
    assert_each(&found, |q| q.average_precision, &expected.average_precision, 1e-6, "AP");
    assert_each(&found, |q| reciprocal_rank(&q.relevant_ranks), &expected.reciprocal_rank, 1e-6, "RR");
    let of = |q: &QueryOutcome| r_precision(&q.relevant_ranks, q.relevant_ranks.len());
    assert_each(&found, of, &expected.r_precision, 1e-6, "R-precision");
    for k in [1, 5, 10] {
        let of = |q: &QueryOutcome| precision_at(&q.relevant_ranks, k);
        assert_each(&found, of, &expected.precision[&k], 1e-6, "precision@k");
        // Recall at k has the same numerator, and R as its divisor.
        let of = |q: &QueryOutcome| {
            precision_at(&q.relevant_ranks, k) * f64::from(k) / q.relevant_ranks.len() as f64
        };
        assert_each(&found, of, &expected.recall[&k], 1e-6, "recall@k");
        assert_near(found.cmc[k as usize - 1], mean(expected.hit_rate[&k].iter().copied()), 1e-6, "CMC");
    }
    assert_near(found.precision_at_5, mean(expected.precision[&5].iter().copied()), 1e-6, "precision@5");
    assert_near(found.precision_at_10, mean(expected.precision[&10].iter().copied()), 1e-6, "precision@10");
    assert_near(found.mrr, mean(expected.reciprocal_rank.iter().copied()), 1e-6, "MRR");
}

#[test]
fn pytorch_metric_learning_agrees_if_it_sees_the_whole_gallery() {
    let (case, found) = load();
    let expected = &case.pytorch_metric_learning.all;
    for (key, value) in [
        ("precision_at_1", found.precision_at_1),
        ("precision_at_1", found.top1),
        ("r_precision", found.r_precision),
        ("mean_average_precision", found.map),
        ("mean_average_precision_at_r", found.map_at_r),
        ("mean_reciprocal_rank", found.mrr),
    ] {
        assert_near(value, expected[key], 1e-6, key);
    }
}

/// By default it searches as many neighbours as the most frequent identity has images, and counts the others as not found.
#[test]
fn pytorch_metric_learning_misses_what_lies_beyond_its_k() {
    let (case, found) = load();
    let PytorchMetricLearning { largest_r, at_largest_r: expected, .. } = &case.pytorch_metric_learning;
    let within = |ranks: &[u32]| ranks.iter().copied().filter(|rank| rank <= largest_r).collect::<Vec<_>>();
    let cut = found.outcomes.iter().map(|query| {
        let ranks = within(&query.relevant_ranks);
        likeness_search::metric::average_precision(&ranks, query.relevant_ranks.len())
    });
    assert_near(mean(cut), expected["mean_average_precision"], 1e-6, "AP of the first k");
    assert!(expected["mean_average_precision"] < found.map - 0.1);
    let reciprocal = found.outcomes.iter().map(|query| reciprocal_rank(&within(&query.relevant_ranks)));
    assert_near(mean(reciprocal), expected["mean_reciprocal_rank"], 1e-6, "RR of the first k");
    assert_near(found.map_at_r, expected["mean_average_precision_at_r"], 1e-6, "MAP@R needs no more than R");
}

#[test]
fn open_metric_learning_agrees_up_to_its_divisors() {
    let (case, found) = load();
    let expected = &case.open_metric_learning;
    for k in [1, 5, 10] {
        let top = |query: &QueryOutcome| f64::from(u8::from(query.relevant_ranks[0] <= k));
        assert_each(&found, top, &expected.cmc[&k], 1e-6, "CMC");
        let precision = |query: &QueryOutcome| {
            let ranks = &query.relevant_ranks;
            precision_at(ranks, k) * f64::from(k) / f64::from(k.min(ranks.len() as u32))
        };
        assert_each(&found, precision, &expected.precision[&k], 1e-6, "precision@k over min(k, R)");
        let map = |query: &QueryOutcome| {
            let ranks: Vec<u32> = query.relevant_ranks.iter().copied().filter(|&rank| rank <= k).collect();
            likeness_search::metric::average_precision(&ranks, ranks.len())
        };
        assert_each(&found, map, &expected.map[&k], 1e-6, "AP@k over the number found");
    }
    assert_each(&found, |query| query.average_precision, &expected.map[&80], 1e-6, "AP of the whole gallery");
}

/// The example of docs/evaluation.md, "Where libraries differ".
#[test]
fn the_worked_example_of_the_documentation() {
    let ranks = [1, 3, 8];
    let near = |found: f64, expected: f64| assert_near(found, expected, 5e-4, "example");
    near(RankingMeasure::Map.of(&ranks), 0.681);
    near(RankingMeasure::MapAtR.of(&ranks), 0.556);
    near(RankingMeasure::RPrecision.of(&ranks), 0.667);
    near(RankingMeasure::Mrr.of(&ranks), 1.0);
    near(RankingMeasure::Minp.of(&ranks), 0.375);
    near(likeness_search::metric::average_precision_at(&ranks, 3, 5), 0.556);
    near(likeness_search::metric::average_precision(&[1, 3], 2), 0.833); // open-metric-learning's AP@5
    near(precision_at(&ranks, 5), 0.4);
    near(precision_at(&ranks, 5) * 5.0 / 3.0, 0.667); // open-metric-learning's precision@5
}

#[test]
fn ties_and_constant_embeddings_rank_by_gallery_order() {
    let labels = ["b", "a", "a", "b"];
    let row = |identity: &str| Row { identity: Some(identity.into()), ..Row::new(identity) };
    let table = |labels: &[&str]| {
        let model = ModelTag::new("constant", "", 2, Distance::Cosine);
        let rows = labels.iter().map(|label| row(label)).collect();
        EmbeddingTable::new(model, rows, vec![0.5; 2 * labels.len()]).unwrap()
    };
    for distance in Distance::ALL {
        let config = EvaluateConfig { distance, ..EvaluateConfig::default() };
        let found = evaluate_between(&table(&["a"]), &table(&labels), &config).unwrap();
        assert_eq!(found.outcomes[0].relevant_ranks, [2, 3], "{distance}");
        assert_eq!((found.r_precision, found.mrr, found.minp), (0.5, 0.5, 2.0 / 3.0));
        assert_eq!((found.precision_at_1, found.precision_at_5, found.precision_at_10), (0.0, 0.4, 0.2));
        // A single identity: every resample is the same.
        let intervals = found.intervals.unwrap();
        for measure in RankingMeasure::ALL {
            let interval = intervals.of(measure);
            assert_eq!((interval.low, interval.high), (found.measures.mean(measure), interval.low));
        }
    }
}
