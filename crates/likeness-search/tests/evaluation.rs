//! Compares protocols and metrics with a plain loop, and tests properties that hold for any table.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use likeness_search::metric::{average_precision, average_precision_at, cmc_at, cmc_curve};
use likeness_search::{
    Distance, EmbeddingTable, EvaluateConfig, Evaluation, ModelTag, Protocol, RankConfig, Ranking, Role, Row,
    evaluate, evaluate_between, rank,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const EUCLIDEAN: EvaluateConfig =
    EvaluateConfig { distance: Distance::Euclidean, allow_self: false, resamples: 200, seed: 0 };

fn person(name: &str, role: Role) -> Row {
    let identity = name.split('-').next().filter(|identity| *identity != "?").map(Into::into);
    Row { identity, role, ..Row::new(name) }
}

fn line(people: &[(&str, f32, Role)]) -> EmbeddingTable {
    let rows = people.iter().map(|&(name, _, role)| person(name, role)).collect();
    let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
    EmbeddingTable::new(model, rows, people.iter().map(|p| p.1).collect()).unwrap()
}

/// Clusters of images around the centre of their identity, wide enough to overlap; one image in nine has no identity.
fn clusters(images: usize, dimension: usize, seed: u64) -> EmbeddingTable {
    let mut random = Pcg64::seed_from_u64(seed);
    let identities = 1 + images / 6;
    let centres: Vec<f32> = (0..identities * dimension).map(|_| random.random::<f32>()).collect();
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for image in 0..images {
        let identity = random.random_range(0..identities);
        let name = if image % 9 == 4 { format!("?-{image}") } else { format!("{identity}-{image}") };
        rows.push(person(&name, [Role::Query, Role::Gallery, Role::Both][image % 3]));
        values
            .extend(centres[identity * dimension..][..dimension].iter().map(|c| c + random.random::<f32>()));
    }
    EmbeddingTable::new(ModelTag::new("toy", "", dimension, Distance::Cosine), rows, values).unwrap()
}

/// The reference implementation: sorts the gallery for each labelled query and walks through it.
fn plain(table: &EmbeddingTable, protocol: Protocol, distance: Distance) -> (usize, [f64; 5]) {
    let rows = table.rows();
    let split = protocol == Protocol::QueryGallery;
    let (mut mated, mut sums) = (0, [0.0; 5]);
    for query in
        (0..table.len()).filter(|&i| rows[i].identity.is_some() && (!split || rows[i].role.is_query()))
    {
        let mut gallery: Vec<usize> =
            (0..table.len()).filter(|&i| i != query && (!split || rows[i].role.is_gallery())).collect();
        gallery.sort_by(|&a, &b| {
            let to = |i| distance.between(table.embedding(query), table.embedding(i)) as f32;
            to(a).total_cmp(&to(b))
        });
        let right: Vec<bool> = gallery.iter().map(|&i| rows[i].identity == rows[query].identity).collect();
        let relevant = right.iter().filter(|&&right| right).count();
        if relevant == 0 {
            continue;
        }
        mated += 1;
        for (sum, k) in sums.iter_mut().zip([1, 5, 10]) {
            *sum += f64::from(u8::from(right.iter().take(k).any(|&right| right)));
        }
        for (sum, k) in sums[3..].iter_mut().zip([gallery.len(), relevant]) {
            let precision =
                |r: usize| right[..=r].iter().filter(|&&right| right).count() as f64 / (r + 1) as f64;
            *sum += (0..k).filter(|&r| right[r]).map(precision).sum::<f64>() / relevant as f64;
        }
    }
    (mated, sums.map(|sum| sum / mated as f64))
}

fn headline(evaluation: &Evaluation) -> [f64; 5] {
    [evaluation.top1, evaluation.top5, evaluation.top10, evaluation.map, evaluation.map_at_r]
}

#[test]
fn both_protocols_agree_with_the_plain_loop() {
    let table = clusters(700, 12, 1);
    for protocol in [Protocol::LeaveOneOut, Protocol::QueryGallery] {
        for distance in Distance::ALL {
            let config = EvaluateConfig { distance, ..EvaluateConfig::default() };
            let found = evaluate(&table, protocol, &config).unwrap();
            let (mated, expected) = plain(&table, protocol, distance);
            assert_eq!(found.queries, mated);
            assert!(found.top1 > 0.05 && found.map < 0.95, "a case worth testing: {found:?}");
            for (found, expected) in headline(&found).into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{protocol:?} {distance}: {found} {expected}");
            }
        }
    }
}

#[test]
fn who_is_counted_where() {
    use Role::{Both, Gallery, Query};
    let table = line(&[
        ("ann-1", 0.0, Query),
        ("ann-2", 1.0, Gallery),
        ("bob-1", 2.0, Both), // unmated: its own row does not count
        ("cat-1", 9.0, Query),
        ("?-1", 3.0, Query),
        ("?-2", 0.5, Gallery),
    ]);
    let found = evaluate(&table, Protocol::QueryGallery, &EUCLIDEAN).unwrap();
    assert_eq!((found.queries, found.unmated, found.unlabelled, found.identities), (1, 2, 1, 1));
    assert_eq!((found.gallery, found.distractors), (3, 1));
    assert_eq!((found.top1, found.top5, found.map), (0.0, 1.0, 0.5)); // the distractor has rank 1
    assert_eq!(found.outcomes[0].relevant_ranks, [2]);
    let found = evaluate(&table, Protocol::LeaveOneOut, &EUCLIDEAN).unwrap();
    assert_eq!((found.queries, found.unmated, found.unlabelled, found.gallery), (2, 2, 2, 6));
    assert_eq!(found.outcomes[1].row, 1);
}

#[test]
fn copies_of_a_file_are_not_answers_unless_asked() {
    let row = |name: &str, sha256: &str| Row { sha256: sha256.into(), ..person(name, Role::Both) };
    let rows = vec![row("ann-1", "x"), row("ann-2", "x"), row("bob-1", "y"), row("bob-2", "z")];
    let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
    let table = EmbeddingTable::new(model, rows, vec![0.0, 0.0, 5.0, 6.0]).unwrap();
    let found = evaluate(&table, Protocol::LeaveOneOut, &EUCLIDEAN).unwrap();
    assert_eq!((found.queries, found.unmated, found.top1), (2, 2, 1.0));
    let apart = evaluate_between(&table, &table, &EUCLIDEAN).unwrap();
    assert_eq!((apart.queries, apart.unmated, apart.protocol), (2, 2, None));
    let with_self = EvaluateConfig { allow_self: true, ..EUCLIDEAN };
    assert_eq!(evaluate(&table, Protocol::LeaveOneOut, &with_self).unwrap().queries, 4);
}

#[test]
fn what_cannot_be_evaluated_says_why() {
    let reason =
        |table: &EmbeddingTable| evaluate(table, Protocol::QueryGallery, &EUCLIDEAN).unwrap_err().to_string();
    let nobody = line(&[("?-1", 0.0, Role::Both), ("?-2", 1.0, Role::Both)]);
    assert!(reason(&nobody).starts_with("queries: expected at least one image with an identity"));
    let strangers = line(&[("ann-1", 0.0, Role::Both), ("bob-1", 1.0, Role::Both)]);
    assert!(reason(&strangers).contains("whose identity has another image in the gallery"));
    let no_gallery = line(&[("ann-1", 0.0, Role::Query), ("ann-2", 1.0, Role::Query)]);
    assert!(reason(&no_gallery).starts_with("gallery: expected at least one image"));
    let config = EvaluateConfig { resamples: u32::MAX, ..EUCLIDEAN };
    let error = evaluate(&clusters(60, 4, 2), Protocol::LeaveOneOut, &config).unwrap_err().to_string();
    assert!(error.starts_with("resamples: expected at most 1000000"), "{error}");
}

#[test]
fn the_keys_of_the_json_are_stable() {
    let found = evaluate(&clusters(60, 4, 2), Protocol::LeaveOneOut, &EUCLIDEAN).unwrap();
    let json = serde_json::to_value(&found).unwrap();
    let keys = ["queries", "unmated", "top1", "top5", "top10", "map", "map_at_r", "challenge_score", "cmc"];
    assert!(keys.iter().all(|key| !json[key].is_null()), "{json}");
    assert_eq!(json["protocol"], "leave-one-out");
    assert_eq!(json["distance"], "euclidean");
    let interval = &json["intervals"]["map"];
    assert!(
        interval["low"].as_f64().unwrap() <= found.map && found.map <= interval["high"].as_f64().unwrap()
    );
    assert_eq!(json["intervals"]["level"], 0.95);
    let without = EvaluateConfig { resamples: 0, ..EUCLIDEAN };
    let json = serde_json::to_value(evaluate(&clusters(60, 4, 2), Protocol::LeaveOneOut, &without).unwrap());
    assert!(json.unwrap().get("intervals").is_none());
}

/// Ascending ranks, counted from 1, as they may occur in a ranking.
fn ranks() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::btree_set(1u32..200, 1..30).prop_map(|ranks| ranks.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn permuting_the_gallery_changes_no_metric_where_distances_differ(seed in 0u64..10_000) {
        let table = clusters(90, 6, seed);
        // Images at the same distance are in gallery order.
        let all = RankConfig { k: None, allow_self: true };
        let rankings = rank(&table, &table, Distance::Euclidean, &all).unwrap();
        let ties = |ranking: &Ranking| ranking.hits().windows(2).any(|pair| pair[0].distance == pair[1].distance);
        prop_assume!(!rankings.iter().any(ties));
        let mut order: Vec<usize> = (0..table.len()).collect();
        let mut random = Pcg64::seed_from_u64(seed);
        for i in (1..order.len()).rev() {
            order.swap(i, random.random_range(0..=i));
        }
        let rows = order.iter().map(|&i| table.rows()[i].clone()).collect();
        let values = order.iter().flat_map(|&i| table.embedding(i)).copied().collect();
        let permuted = EmbeddingTable::new(table.model().clone(), rows, values).unwrap();
        let of = |gallery: &EmbeddingTable| {
            let config = EvaluateConfig { allow_self: true, ..EUCLIDEAN };
            evaluate_between(&table, gallery, &config).unwrap()
        };
        prop_assert_eq!(of(&table), of(&permuted));
    }

    #[test]
    fn the_curve_never_falls(first in prop::collection::vec(prop::option::of(1u32..60), 0..40)) {
        let curve = cmc_curve(&first, 50);
        prop_assert!(curve.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!(curve.iter().all(|share| (0.0..=1.0).contains(share)));
        prop_assert_eq!(curve[49], cmc_at(&first, 50));
    }

    #[test]
    fn average_precision_is_a_share_and_one_for_a_perfect_order(ranks in ranks(), missed in 0usize..5, k in 1u32..300) {
        let relevant = ranks.len() + missed;
        for value in [average_precision(&ranks, relevant), average_precision_at(&ranks, relevant, k)] {
            prop_assert!((0.0..=1.0).contains(&value));
        }
        let perfect: Vec<u32> = (1..=ranks.len() as u32).collect();
        prop_assert_eq!(average_precision(&perfect, perfect.len()), 1.0);
        prop_assert_eq!(average_precision_at(&perfect, perfect.len(), k), 1.0);
        prop_assert!(average_precision(&ranks, ranks.len()) <= 1.0);
    }
}
