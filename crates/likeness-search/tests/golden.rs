//! Compares distances, rankings and metrics with scikit-learn; see `golden/retrieval/README.md`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::HashMap;

use likeness_search::{
    Distance, EmbeddingTable, EvaluateConfig, ModelTag, RankConfig, Row, evaluate_between, rank,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    identities: usize,
    queries: Side,
    gallery: Side,
    expected: HashMap<Distance, Expected>,
}

#[derive(Deserialize)]
struct Side {
    labels: Vec<usize>,
    embeddings: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Expected {
    distances: Vec<Vec<f64>>,
    neighbors: Vec<Vec<usize>>,
    average_precision: Vec<f64>,
    top_k: HashMap<usize, f64>,
}

impl Case {
    fn load() -> Self {
        let case: Self = serde_json::from_str(include_str!("golden/retrieval/case.json")).unwrap();
        assert_eq!(case.expected.len(), Distance::ALL.len());
        case
    }
}

impl Side {
    fn table(&self) -> EmbeddingTable {
        let model = ModelTag::new("golden", "", self.embeddings[0].len(), Distance::Cosine);
        let row = |(i, label): (usize, &usize)| Row {
            identity: Some(label.to_string()),
            ..Row::new(i.to_string())
        };
        let rows = self.labels.iter().enumerate().map(row).collect();
        EmbeddingTable::new(model, rows, self.embeddings.concat()).unwrap()
    }
}

fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() < tolerance, "{what}: found {found}, expected {expected}");
}

#[test]
fn distances_agree() {
    let case = Case::load();
    for (distance, expected) in &case.expected {
        for (a, expected) in case.queries.embeddings.iter().zip(&expected.distances) {
            for (b, &expected) in case.gallery.embeddings.iter().zip(expected) {
                assert_near(distance.between(a, b), expected, 1e-11, distance.name());
            }
        }
    }
}

#[test]
fn neighbors_come_in_the_same_order() {
    let case = Case::load();
    let (queries, gallery) = (case.queries.table(), case.gallery.table());
    for (&distance, expected) in &case.expected {
        let rankings = rank(&queries, &gallery, distance, &RankConfig::default()).unwrap();
        for (query, ranking) in rankings.iter().enumerate() {
            let found: Vec<usize> = ranking.hits().iter().map(|hit| hit.gallery_id.index()).collect();
            assert_eq!(found, expected.neighbors[query], "{distance}, query {query}");
            for hit in ranking.hits() {
                let expected = expected.distances[query][hit.gallery_id.index()];
                assert_near(f64::from(hit.distance), expected, 1e-6 * expected.max(1.0), distance.name());
            }
        }
    }
}

#[test]
fn average_precisions_agree() {
    let case = Case::load();
    for (&distance, expected) in &case.expected {
        let config = EvaluateConfig { distance, ..EvaluateConfig::default() };
        let found = evaluate_between(&case.queries.table(), &case.gallery.table(), &config).unwrap();
        for (outcome, &expected) in found.outcomes.iter().zip(&expected.average_precision) {
            assert_near(outcome.average_precision, expected, 1e-12, distance.name());
        }
        let mean = expected.average_precision.iter().sum::<f64>() / expected.average_precision.len() as f64;
        assert_near(found.map, mean, 1e-12, distance.name());
    }
}

#[test]
fn top_k_accuracies_agree() {
    let case = Case::load();
    let one_each: Vec<String> = (0..case.identities).map(|i| i.to_string()).collect();
    let gallery = case.gallery.table().select(|row| one_each.contains(&row.name));
    for (&distance, expected) in &case.expected {
        let config = EvaluateConfig { distance, ..EvaluateConfig::default() };
        let found = evaluate_between(&case.queries.table(), &gallery, &config).unwrap();
        for (&k, &expected) in &expected.top_k {
            assert_near(found.cmc[k - 1], expected, 1e-12, &format!("{distance}, top-{k}"));
        }
    }
}
