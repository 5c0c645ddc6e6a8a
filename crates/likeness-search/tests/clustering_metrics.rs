//! Compares the metrics of clusterings with scikit-learn (see `golden/clustering/README.md`) and with their definitions.

use likeness_search::metric::{bcubed, pairwise};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    labels: Vec<u32>,
    clusters: Vec<u32>,
    pairs: [f64; 3],
    bcubed: [f64; 2],
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn metrics_agree_with_scikit_learn() {
    let golden: Golden = serde_json::from_str(include_str!("golden/clustering/case.json")).unwrap();
    assert_eq!(golden.cases.len(), 6);
    for case in golden.cases {
        let found = bcubed(&case.labels, &case.clusters).unwrap();
        assert!(near(found.precision, case.bcubed[0]) && near(found.recall, case.bcubed[1]), "{found:?}");
        let found = pairwise(&case.labels, &case.clusters);
        let [both, cluster_only, label_only] = case.pairs;
        let share = |other: f64| if both + other > 0.0 { both / (both + other) } else { 1.0 };
        assert!(
            near(found.precision, share(cluster_only)) && near(found.recall, share(label_only)),
            "{found:?}"
        );
    }
}

#[test]
fn hand_worked_example() {
    // A cluster of four items, and one of one item.
    let (labels, clusters) = (["a", "a", "b", "b", "a"], [1, 1, 1, 1, 2]);
    let found = bcubed(&labels, &clusters).unwrap();
    // Precision: four items with 2/4, one with 1. Recall: two items with 2/3, two with 1, one with 1/3.
    assert!(near(found.precision, (4.0 * 0.5 + 1.0) / 5.0));
    assert!(near(found.recall, (2.0 * 2.0 / 3.0 + 2.0 + 1.0 / 3.0) / 5.0));
    assert!(near(found.f, 2.0 * found.precision * found.recall / (found.precision + found.recall)));
    let found = pairwise(&labels, &clusters);
    // Six pairs in clusters, four of one label, two in both.
    assert!(near(found.precision, 2.0 / 6.0) && near(found.recall, 2.0 / 4.0) && near(found.f, 0.4));
}

#[test]
fn empty_and_single_items() {
    assert!(bcubed::<u8, u8>(&[], &[]).is_none());
    let none = pairwise::<u8, u8>(&[], &[]);
    assert_eq!((none.precision, none.recall, none.f), (1.0, 1.0, 1.0));
    let apart = pairwise(&["a", "a"], &[0, 1]);
    assert_eq!((apart.precision, apart.recall, apart.f), (1.0, 0.0, 0.0));
}

proptest! {
    #[test]
    fn metrics_are_those_of_the_plain_loops(items in prop::collection::vec((0u8..6, 0u8..6), 1..40)) {
        let (labels, clusters): (Vec<u8>, Vec<u8>) = items.iter().copied().unzip();
        let n = items.len();
        let (mut precision, mut recall) = (0.0, 0.0);
        let (mut both, mut together, mut alike) = (0.0, 0.0, 0.0);
        for &(label, cluster) in &items {
            let count = |f: &dyn Fn(u8, u8) -> bool| items.iter().filter(|(l, c)| f(*l, *c)).count() as f64;
            let common = count(&|l, c| l == label && c == cluster);
            let (same_cluster, same_label) = (count(&|_, c| c == cluster), count(&|l, _| l == label));
            precision += common / same_cluster;
            recall += common / same_label;
            both += common - 1.0;
            together += same_cluster - 1.0;
            alike += same_label - 1.0;
        }
        let found = bcubed(&labels, &clusters).unwrap();
        prop_assert!((found.precision - precision / n as f64).abs() < 1e-9);
        prop_assert!((found.recall - recall / n as f64).abs() < 1e-9);
        let swapped = bcubed(&clusters, &labels).unwrap();
        prop_assert!((found.precision - swapped.recall).abs() < 1e-9 && (found.f - swapped.f).abs() < 1e-9);
        let found = pairwise(&labels, &clusters);
        let share = |all: f64| if all > 0.0 { both / all } else { 1.0 };
        prop_assert!((found.precision - share(together)).abs() < 1e-9);
        prop_assert!((found.recall - share(alike)).abs() < 1e-9);
    }
}
