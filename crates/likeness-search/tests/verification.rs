//! Compares the statistics of pairs and of searches with plain loops over all pairs.
#![allow(clippy::unwrap_used)]

use likeness_search::identification::{
    SearchConfig, SearchStatistics, false_negative_identification_rate, false_positive_identification_rate,
    fnir_at_fpir, identification_curve, measured_growth,
};
use likeness_search::verification::{
    PairConfig, PairStatistics, area_under_roc, det_curve, equal_error_rate, false_match_rate,
    false_non_match_rate, roc_curve, true_accept_rate, true_accept_rates,
};
use likeness_search::{
    Distance, EmbeddingTable, Interval, Measured, ModelTag, Protocol, Resamples, Role, Row,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// The plain definition: the distances of mated and of non-mated pairs with their rows.
fn plain_pairs(
    table: &EmbeddingTable,
    distance: Distance,
    protocol: Protocol,
) -> [Vec<(f32, usize, usize)>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    let rows = table.rows();
    for a in 0..rows.len() {
        for b in a + 1..rows.len() {
            let (Some(first), Some(second)) = (&rows[a].identity, &rows[b].identity) else { continue };
            let crosses = |a: &Row, b: &Row| a.role.is_query() && b.role.is_gallery();
            let compared = protocol == Protocol::LeaveOneOut
                || crosses(&rows[a], &rows[b])
                || crosses(&rows[b], &rows[a]);
            let same_content = !rows[a].sha256.is_empty() && rows[a].sha256 == rows[b].sha256;
            if !compared || same_content || rows[a].name == rows[b].name {
                continue;
            }
            let apart = distance.between(table.embedding(a), table.embedding(b)) as f32;
            found[usize::from(first != second)].push((apart, a, b));
        }
    }
    found
}

fn table(seed: u64, identities: usize, images: usize, dim: usize, spread: f32) -> EmbeddingTable {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut normal = move || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
    let centres: Vec<Vec<f32>> = (0..identities).map(|_| (0..dim).map(|_| normal()).collect()).collect();
    let mut pick = Pcg64::seed_from_u64(seed + 1);
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for image in 0..images {
        let identity = pick.random_range(0..identities);
        let role = [Role::Both, Role::Query, Role::Gallery][pick.random_range(0..3)];
        let mut row =
            Row { identity: Some(format!("p{identity}")), role, ..Row::new(format!("{image}.jpg")) };
        match pick.random_range(0..12) {
            0 => row.identity = None,
            1 => row.sha256 = format!("{}", image % 3),
            2 if image > 0 => {
                row.name = format!("{}.jpg", image - 1);
                row.face = 1;
            }
            _ => {}
        }
        rows.push(row);
        values.extend(centres[identity].iter().map(|centre| centre + spread * normal()));
    }
    let values = values.into_iter().map(f32::abs).collect();
    EmbeddingTable::new(ModelTag::new("toy", "", dim, Distance::Cosine), rows, values).unwrap()
}

fn check_against_plain(table: &EmbeddingTable, config: &PairConfig) {
    let pairs = PairStatistics::new(table, config).unwrap();
    let [mated, non_mated] = plain_pairs(table, config.distance, config.protocol);
    assert_eq!(pairs.mated().len(), mated.len() as u64);
    assert_eq!(pairs.non_mated().len(), non_mated.len() as u64);
    let tolerance = if pairs.is_exact() { 0 } else { 1 + (mated.len() + non_mated.len()) / 1000 };
    for at in (0..non_mated.len()).step_by(1 + non_mated.len() / 40) {
        let threshold = non_mated[at].0;
        for (found, plain) in [(pairs.mated(), &mated), (pairs.non_mated(), &non_mated)] {
            let expected = plain.iter().filter(|pair| pair.0 <= threshold).count() as u64;
            let off = found.at_most(threshold).abs_diff(expected);
            assert!(off <= tolerance as u64, "{threshold}: {} {expected}", found.at_most(threshold));
        }
    }
    let curve = roc_curve(&pairs);
    assert!(curve.is_sorted_by(|a, b| a.false_match_rate <= b.false_match_rate));
    assert!(curve.is_sorted_by(|a, b| a.false_non_match_rate >= b.false_non_match_rate));
    if let (Some(area), true) = (area_under_roc(&pairs), pairs.is_exact()) {
        let wins: f64 = mated
            .iter()
            .flat_map(|m| {
                non_mated.iter().map(move |n| {
                    if m.0 < n.0 {
                        1.0
                    } else if m.0 == n.0 {
                        0.5
                    } else {
                        0.0
                    }
                })
            })
            .sum();
        assert!((area - wins / (mated.len() * non_mated.len()) as f64).abs() < 1e-12);
    }
}

#[test]
fn statistics_equal_those_of_a_plain_loop() {
    for distance in Distance::ALL {
        for protocol in [Protocol::LeaveOneOut, Protocol::QueryGallery] {
            for keep_all in [u64::MAX, 0] {
                check_against_plain(&table(7, 9, 260, 24, 0.5), &PairConfig { distance, protocol, keep_all });
            }
        }
    }
}

#[test]
fn counts_of_many_identities_equal_those_of_few() {
    // 900 identities are counted alone, not by pairs.
    let table = table(3, 900, 1500, 8, 0.4);
    for protocol in [Protocol::LeaveOneOut, Protocol::QueryGallery] {
        for keep_all in [u64::MAX, 0] {
            check_against_plain(&table, &PairConfig { distance: Distance::Cosine, protocol, keep_all });
        }
    }
}

#[test]
fn the_smallest_non_mated_distances_of_a_histogram_are_exact() {
    let table = table(5, 40, 1200, 16, 0.6);
    let exact = PairStatistics::new(&table, &PairConfig::default()).unwrap();
    let binned = PairStatistics::new(&table, &PairConfig { keep_all: 0, ..PairConfig::default() }).unwrap();
    assert!(exact.is_exact() && !binned.is_exact() && binned.non_mated().len() > 1 << 19);
    for rate in [1e-4, 1e-3, 1e-2, 0.1] {
        assert_eq!(exact.threshold_at(rate), binned.threshold_at(rate), "{rate}");
    }
    for rate in [0.5, 0.9] {
        let (a, b) = (exact.threshold_at(rate).unwrap(), binned.threshold_at(rate).unwrap());
        assert!((a - b).abs() < 1e-4 && b <= a, "{rate}: {a} {b}");
    }
    let close = |a: f64, b: f64, within: f64| assert!((a - b).abs() < within, "{a} {b}");
    close(area_under_roc(&exact).unwrap(), area_under_roc(&binned).unwrap(), 1e-5);
    close(equal_error_rate(&exact).unwrap().rate, equal_error_rate(&binned).unwrap().rate, 1e-4);
    let threshold = exact.threshold_at(1e-3).unwrap();
    assert_eq!(false_match_rate(&exact, threshold), false_match_rate(&binned, threshold));
}

/// The vertex bootstrap by its definition, at full resolution.
fn plain_tar(table: &EmbeddingTable, drawn: &[u32], names: &[String], far: f64) -> f64 {
    let weight = |row: usize| {
        let name = table.rows()[row].identity.as_ref().unwrap();
        f64::from(drawn[names.binary_search(name).unwrap()])
    };
    let [mated, mut non_mated] = plain_pairs(table, Distance::Cosine, Protocol::LeaveOneOut);
    non_mated.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let all: f64 = non_mated.iter().map(|pair| weight(pair.1) * weight(pair.2)).sum();
    let mut sum = 0.0;
    let rejected = non_mated.iter().find(|pair| {
        sum += weight(pair.1) * weight(pair.2);
        sum > far * all
    });
    let limit = rejected.map_or(f32::INFINITY, |pair| pair.0);
    let share = |keep: &dyn Fn(f32) -> bool| -> f64 {
        mated.iter().filter(|pair| keep(pair.0)).map(|pair| weight(pair.1)).sum()
    };
    share(&|distance| distance < limit) / share(&|_| true)
}

#[test]
fn resampled_rates_equal_those_of_the_definition() {
    let table = table(11, 30, 400, 8, 0.45);
    let pairs = PairStatistics::new(&table, &PairConfig::default()).unwrap();
    let resamples = pairs.resamples(20, 4);
    for far in [0.01, 0.1] {
        let found = pairs.resampled_tar(far, &resamples);
        for (found, drawn) in found.iter().zip(resamples.iter()) {
            let expected = plain_tar(&table, &drawn, pairs.identities(), far);
            assert!((found - expected).abs() < 0.02, "{far}: {found} {expected}");
        }
    }
}

#[test]
fn linearised_resamples_have_the_spread_of_paired_ones() {
    let (few, many) = (table(2, 700, 2100, 8, 0.4), table(2, 740, 2220, 8, 0.4));
    let width = |table: &EmbeddingTable| {
        let pairs = PairStatistics::new(table, &PairConfig::default()).unwrap();
        let interval = Interval::percentile(pairs.resampled_tar(0.01, &pairs.resamples(300, 0))).unwrap();
        let point = true_accept_rate(&pairs, 0.01).unwrap().value().unwrap().rate;
        assert!(interval.contains(point), "{interval:?} {point}");
        interval.high - interval.low
    };
    let ratio = width(&many) / width(&few);
    assert!((0.8..1.25).contains(&ratio), "{ratio}");
}

#[test]
fn weights_of_one_give_the_measured_rates() {
    let table = table(13, 25, 500, 8, 0.5);
    let pairs = PairStatistics::new(&table, &PairConfig::default()).unwrap();
    // A single identity per draw would differ; the mean over resamples is near the measured rate.
    let values = pairs.resampled_equal_error_rate(&pairs.resamples(500, 1));
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    assert!((mean - equal_error_rate(&pairs).unwrap().rate).abs() < 0.02, "{mean}");
}

#[test]
fn searches_equal_those_of_a_plain_loop() {
    for distance in Distance::ALL {
        for protocol in [Protocol::LeaveOneOut, Protocol::QueryGallery] {
            let table = table(17, 12, 300, 12, 0.6);
            let searches = SearchStatistics::new(&table, &SearchConfig { distance, protocol }).unwrap();
            let rows = table.rows();
            for search in searches.searches() {
                let mut nearest = [f32::INFINITY; 2];
                for other in (0..table.len()).filter(|&other| other != search.row) {
                    let (a, b) = (&rows[search.row], &rows[other]);
                    let same_content = !a.sha256.is_empty() && a.sha256 == b.sha256;
                    let in_gallery = protocol == Protocol::LeaveOneOut || b.role.is_gallery();
                    if b.identity.is_none() || !in_gallery || same_content || a.name == b.name {
                        continue;
                    }
                    let apart = distance.between(table.embedding(search.row), table.embedding(other)) as f32;
                    let place = &mut nearest[usize::from(a.identity != b.identity)];
                    *place = place.min(apart);
                }
                let some = |distance: f32| distance.is_finite().then_some(distance);
                assert_eq!(
                    (search.mated, search.non_mated),
                    (some(nearest[0]), some(nearest[1])),
                    "{distance}"
                );
            }
        }
    }
}

#[test]
fn identification_rates_follow_their_definitions() {
    let table = table(19, 40, 1600, 8, 0.5);
    let searches = SearchStatistics::new(&table, &SearchConfig::default()).unwrap();
    let found = fnir_at_fpir(&searches, 0.01).unwrap();
    let found = found.value().unwrap();
    let threshold = found.threshold.unwrap();
    let count = |keep: &dyn Fn(&likeness_search::identification::Search) -> bool| {
        searches.searches().iter().filter(|search| keep(search)).count() as u64
    };
    let fpir = found.fpir.unwrap();
    assert_eq!(fpir.errors, count(&|search| search.non_mated.is_some_and(|other| other <= threshold)));
    assert!(fpir.rate <= 0.01 && fpir.interval.contains(fpir.rate));
    assert_eq!(Some(fpir), false_positive_identification_rate(&searches, threshold));
    let missed = count(&|search| search.mated.is_some_and(|mated| mated > threshold));
    assert_eq!(found.fnir.any_rank.errors, missed);
    assert!(found.fnir.rank_one.errors >= missed);
    assert!(found.projections[0].fpir < 10.0 * fpir.rate && found.projections[1].fpir < 1.0);
    let all = false_negative_identification_rate(&searches, None).unwrap();
    assert_eq!((all.any_rank.rate, all.rank_one.rate), (1.0, 1.0));
    let curve = identification_curve(&searches);
    assert!(curve.is_sorted_by(|a, b| a.fpir <= b.fpir && a.fnir >= b.fnir) && curve.len() <= 200);
    let values = searches.resampled_fnir(0.01, &searches.resamples(200, 0));
    assert!(Interval::percentile(values).unwrap().contains(found.fnir.any_rank.rate));
    let growth = measured_growth(&table, &searches, &[threshold], 0).unwrap();
    assert_eq!(growth.len(), 5);
    assert_eq!((growth[4].measured[0], growth[4].projected[0]), (fpir.rate, fpir.rate));
    assert!(growth[0].measured[0] < growth[4].measured[0]);
    assert!((growth[2].measured[0] - growth[2].projected[0]).abs() < 0.01);
    let too_low = fnir_at_fpir(&searches, 0.003).unwrap();
    assert!(matches!(too_low, Measured::InsufficientData { lowest_supported } if lowest_supported > 0.006));
}

fn labelled(labels: &[&str], values: Vec<f32>) -> EmbeddingTable {
    let rows = labels.iter().enumerate().map(|(at, label)| Row {
        identity: (!label.is_empty()).then(|| (*label).to_owned()),
        ..Row::new(at.to_string())
    });
    let dim = values.len() / labels.len();
    EmbeddingTable::new(ModelTag::new("toy", "", dim, Distance::Euclidean), rows.collect(), values).unwrap()
}

#[test]
fn one_identity_has_no_non_mated_pairs() {
    let table = labelled(&["a", "a", "a", ""], vec![0.0, 1.0, 2.0, 3.0]);
    let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
    let pairs = PairStatistics::new(&table, &config).unwrap();
    assert_eq!((pairs.mated().len(), pairs.non_mated().len(), pairs.unlabelled()), (3, 0, 1));
    assert_eq!(false_match_rate(&pairs, 1.0), None);
    assert!(
        true_accept_rates(&pairs).is_empty() && roc_curve(&pairs).is_empty() && det_curve(&pairs).is_empty()
    );
    assert!(area_under_roc(&pairs).is_none() && equal_error_rate(&pairs).is_none());
    let missed = false_non_match_rate(&pairs, Some(1.0)).unwrap();
    assert_eq!(missed.interval, Interval { low: 0.0, high: 1.0 }, "one person says nothing about others");
    assert!(pairs.resampled_tar(0.1, &pairs.resamples(3, 0)).iter().all(|value| value.is_nan()));
    let searches =
        SearchStatistics::new(&table, &SearchConfig { distance: Distance::Euclidean, ..Default::default() });
    assert!(fnir_at_fpir(&searches.unwrap(), 0.5).is_none());
}

#[test]
fn single_images_have_no_mated_pairs() {
    let table = labelled(&["a", "b", "c"], vec![0.0, 1.0, 2.0]);
    let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
    let pairs = PairStatistics::new(&table, &config).unwrap();
    assert_eq!((pairs.mated().len(), pairs.non_mated().len()), (0, 3));
    assert!(false_non_match_rate(&pairs, Some(1.0)).is_none() && true_accept_rate(&pairs, 0.5).is_none());
    assert_eq!(false_match_rate(&pairs, 1.0).unwrap().errors, 2);
}

#[test]
fn constant_embeddings_cannot_be_told_apart() {
    let labels: Vec<String> = (0..60).map(|at| (at / 3).to_string()).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let table = labelled(&labels, vec![1.0; 120]);
    for keep_all in [u64::MAX, 0] {
        let config = PairConfig { distance: Distance::Euclidean, keep_all, ..PairConfig::default() };
        let pairs = PairStatistics::new(&table, &config).unwrap();
        assert_eq!(area_under_roc(&pairs), Some(0.5));
        assert_eq!(equal_error_rate(&pairs).unwrap().rate, 0.5);
        let found = *true_accept_rate(&pairs, 0.1).unwrap().value().unwrap();
        assert_eq!((found.rate, found.threshold, found.false_match_rate), (0.0, None, None));
        let rate = false_match_rate(&pairs, 0.0).unwrap();
        assert_eq!(rate.rate, 1.0);
        assert!(rate.interval.low < 0.9, "20 people are few: {rate:?}");
        let values = pairs.resampled_tar(0.1, &pairs.resamples(5, 0));
        assert!(values.iter().all(|value| (0.0..=0.2).contains(value)), "{values:?}");
    }
}

#[test]
fn no_labelled_image_is_an_error() {
    let table = labelled(&["", ""], vec![0.0, 1.0]);
    let config = PairConfig::default();
    let message = PairStatistics::new(&table, &config).err().unwrap().to_string();
    assert_eq!(message, "queries: expected at least one image with an identity, found none");
    assert!(SearchStatistics::new(&table, &SearchConfig::default()).is_err());
}

#[test]
#[should_panic(expected = "the resamples are of this table's identities")]
fn resamples_of_other_identities_are_refused() {
    let table = labelled(&["a", "b"], vec![0.0, 1.0]);
    let pairs = PairStatistics::new(&table, &PairConfig::default()).unwrap();
    let _ = pairs.resampled_tar(0.1, &Resamples { identities: 3, count: 1, seed: 0 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_small_table_agrees_with_the_plain_loop(
        seed in 0u64..1000, identities in 1usize..12, images in 4usize..60, ties in any::<bool>(),
    ) {
        let mut made = table(seed, identities, images, 3, 0.5);
        if ties {
            let values = made.embeddings().iter().map(|value| value.round()).collect();
            made = EmbeddingTable::new(made.model().clone(), made.rows().to_vec(), values).unwrap();
        }
        if made.rows().iter().any(|row| row.identity.is_some()) {
            let config = PairConfig { distance: Distance::Euclidean, ..PairConfig::default() };
            check_against_plain(&made, &config);
            let pairs = PairStatistics::new(&made, &config).unwrap();
            for (_, rate) in true_accept_rates(&pairs) {
                if let Some(found) = rate.value() {
                    prop_assert!(found.interval.contains(found.rate));
                    prop_assert!(found.false_match_rate.is_none_or(|rate| rate.interval.contains(rate.rate)));
                }
            }
            if let Some(equal) = equal_error_rate(&pairs) {
                prop_assert!((0.0..=1.0).contains(&equal.rate));
            }
        }
    }
}
