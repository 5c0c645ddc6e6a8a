//! Tests of the choice of a head.

use rand::RngExt;

use super::*;
use crate::{ModelTag, Row};

/// Identities of 5 photos with embeddings of 12 values. The last `noisy` values vary within identities much more than
/// between them.
fn table(identities: usize, noisy: usize, distance: Distance) -> EmbeddingTable {
    let mut random = Pcg64::seed_from_u64(3);
    let mut noise = |size: f32| {
        // Close to a normal distribution.
        size * (0..6).map(|_| random.random::<f32>() - 0.5).sum::<f32>()
    };
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for identity in 0..identities {
        let centre: Vec<f32> = (0..12).map(|_| noise(1.0)).collect();
        for photo in 0..5 {
            rows.push(Row {
                identity: Some(format!("id {identity:03}")),
                ..Row::new(format!("{identity} {photo}"))
            });
            let size = |at: usize| if at >= 12 - noisy { 3.0 } else { 0.5 };
            values.extend(centre.iter().enumerate().map(|(at, centre)| centre + noise(size(at))));
        }
    }
    EmbeddingTable::new(ModelTag::new("toy", "", 12, distance), rows, values).unwrap()
}

fn fit(table: &EmbeddingTable, config: &HeadConfig) -> Result<HeadFit> {
    fit_head(table, config, &|_, _| true)
}

#[test]
fn one_significant_loss_makes_a_head_worse() {
    let difference = |low: f64, high: f64| Difference { value: 0.0, interval: Interval { low, high } };
    let accuracy = Accuracy { top1: 0.5, map: 0.5 };
    let verdict = |top1: (f64, f64), map: (f64, f64)| {
        let (top1, map) = (difference(top1.0, top1.1), difference(map.0, map.1));
        HeldOut { queries: 9, identities: 9, before: accuracy, after: accuracy, top1, map }.verdict()
    };
    let (higher, equal, lower) = ((0.01, 0.02), (-0.01, 0.02), (-0.02, -0.01));
    assert_eq!(verdict(higher, equal), HeadVerdict::Better);
    assert_eq!(verdict(equal, higher), HeadVerdict::Better);
    assert_eq!(verdict(equal, equal), HeadVerdict::NoDifference);
    assert_eq!(verdict((0.0, 0.0), (0.0, 0.0)), HeadVerdict::NoDifference);
    assert_eq!(verdict(higher, lower), HeadVerdict::Worse);
    assert_eq!(verdict(lower, higher), HeadVerdict::Worse);
}

#[test]
fn noise_within_identities_is_suppressed() {
    for (distance, unit_length) in
        [(Distance::Euclidean, false), (Distance::Cosine, true), (Distance::Cosine, false)]
    {
        let table = table(60, 6, distance);
        let config = HeadConfig { unit_length, ..HeadConfig::default() };
        let found = fit(&table, &config).unwrap();
        assert_eq!(found.held_out.verdict(), HeadVerdict::Better, "{:?}", found.held_out);
        assert!(found.held_out.map.value > 0.2, "{:?}", found.held_out);
        assert_eq!((found.held_out.queries, found.held_out.identities), (300, 60));
        assert_eq!((found.embeddings, found.identities), (300, 60));
        assert_eq!(found, fit(&table, &config).unwrap(), "the same seed gives the same head");
        let mapped = table.clone().mapped(&found.head).unwrap();
        let metrics = EvaluateConfig { distance, resamples: 0, ..EvaluateConfig::default() };
        let map = |table: &EmbeddingTable| evaluate(table, Protocol::LeaveOneOut, &metrics).unwrap().map;
        assert!(map(&mapped) > map(&table) + 0.2);
    }
}

#[test]
fn embeddings_that_need_no_head_gain_next_to_nothing() {
    let found = fit(&table(60, 0, Distance::Euclidean), &HeadConfig::default()).unwrap();
    assert!(found.held_out.map.value.abs() < 0.01, "{:?}", found.held_out);
}

#[test]
fn the_dimension_is_that_asked_for() {
    let table = table(60, 6, Distance::Euclidean);
    let config = HeadConfig { dimension: Some(4), ..HeadConfig::default() };
    let found = fit(&table, &config).unwrap();
    assert_eq!((found.head.inputs, found.head.outputs), (12, 4));
    assert_eq!(found.head.apply(table.embeddings()).len(), 4 * table.len());
    let error = fit(&table, &HeadConfig { dimension: Some(13), ..config }).unwrap_err().to_string();
    assert!(error.starts_with("dimension 13: expected at most 12 for 60 identities"), "{error}");
}

#[test]
fn labels_at_random_are_no_improvement() {
    let table = table(60, 6, Distance::Euclidean);
    let mut rows = table.rows().to_vec();
    let mut identities: Vec<_> = rows.iter().map(|row| row.identity.clone()).collect();
    identities.shuffle(&mut Pcg64::seed_from_u64(9));
    rows.iter_mut().zip(identities).for_each(|(row, identity)| row.identity = identity);
    let shuffled = EmbeddingTable::new(table.model().clone(), rows, table.embeddings().to_vec()).unwrap();
    let found = fit(&shuffled, &HeadConfig::default()).unwrap();
    assert_ne!(found.held_out.verdict(), HeadVerdict::Better, "{:?}", found.held_out);
}

#[test]
fn bad_input_is_named() {
    let few = table(9, 6, Distance::Euclidean);
    let error = fit(&few, &HeadConfig::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "expected at least 10 identities with 2 photos each, found 9 among 45 labelled embeddings"
    );
    let table = table(20, 6, Distance::Euclidean);
    let mut rows = table.rows().to_vec();
    rows.iter_mut().for_each(|row| row.name = row.identity.clone().unwrap());
    let faces = EmbeddingTable::new(table.model().clone(), rows, table.embeddings().to_vec()).unwrap();
    assert!(fit(&faces, &HeadConfig::default()).unwrap_err().to_string().contains("found 0 among 100"));
    let equal = EmbeddingTable::new(table.model().clone(), table.rows().to_vec(), vec![0.5; 1200]).unwrap();
    let error = fit(&equal, &HeadConfig::default()).unwrap_err().to_string();
    assert!(error.starts_with("all embeddings of each identity are equal"), "{error}");
    let jaccard = ModelTag::new("toy", "", 12, Distance::Jaccard);
    let error = fit(&table.clone().with_model(jaccard).unwrap(), &HeadConfig::default()).unwrap_err();
    assert!(error.to_string().contains("found jaccard"), "{error}");
    let stopped = fit_head(&table, &HeadConfig::default(), &|done, _| done < 2).unwrap_err();
    assert!(matches!(stopped, SearchError::Interrupted), "{stopped}");
}
