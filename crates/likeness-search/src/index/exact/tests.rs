//! Compares the fast rankings with the plain double loop, on data with small and with large rounding errors.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::{ModelTag, Row};

fn table(dimension: usize, values: Vec<f32>) -> EmbeddingTable {
    let rows = (0..values.len() / dimension).map(|i| Row::new(i.to_string())).collect();
    EmbeddingTable::new(ModelTag::new("toy", "", dimension, Distance::Cosine), rows, values).unwrap()
}

fn random(rows: usize, dimension: usize, seed: u64) -> Vec<f32> {
    let mut random = Pcg64::seed_from_u64(seed);
    (0..rows * dimension).map(|_| random.random::<f32>()).collect()
}

/// The reference implementation: computes and sorts every distance.
fn plain(
    queries: &EmbeddingTable,
    gallery: &EmbeddingTable,
    distance: Distance,
    query: usize,
) -> Vec<(u32, f32)> {
    let between = |row| distance.between(queries.embedding(query), gallery.embedding(row)) as f32;
    let mut all: Vec<(u32, f32)> = (0..gallery.len()).map(|row| (row as u32, between(row))).collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1)); // stable: ties stay in gallery order
    all
}

fn found(ranking: &Ranking) -> Vec<(u32, f32)> {
    ranking.hits().iter().map(|hit| (hit.gallery_id.index() as u32, hit.distance)).collect()
}

fn assert_exact(queries: &EmbeddingTable, gallery: &EmbeddingTable, k: Option<usize>) {
    for distance in Distance::ALL {
        let rankings = rank(queries, gallery, distance, &RankConfig { k, allow_self: false }).unwrap();
        for query in 0..queries.len() {
            let mut expected = plain(queries, gallery, distance, query);
            expected.truncate(k.unwrap_or(usize::MAX));
            assert_eq!(found(&rankings[query]), expected, "{distance}, k {k:?}, query {query}");
        }
    }
}

/// Takes every third gallery row as relevant, and checks that its counted ranks are those in the sorted list.
fn assert_positions(queries: &EmbeddingTable, gallery: &EmbeddingTable) {
    let relevant =
        vec![(0..gallery.len() as u32).filter(|row| row % 3 == 1).collect::<Vec<_>>(); queries.len()];
    let exclusions = Exclusions::by_content(queries, gallery, false);
    for distance in Distance::ALL {
        let ranks = relevant_ranks(queries, gallery, distance, &exclusions, &relevant);
        for (query, ranks) in ranks.into_iter().enumerate() {
            let order = plain(queries, gallery, distance, query);
            let expected: Vec<u32> =
                (1..).zip(&order).filter(|(_, o)| o.0 % 3 == 1).map(|(r, _)| r).collect();
            assert_eq!(ranks, expected, "{distance}, query {query}");
        }
    }
}

#[test]
fn random_embeddings_rank_as_in_the_plain_loop() {
    for (n, m, dimension) in [(1, 1, 1), (3, 7, 2), (130, 300, 33), (5, 2500, 16), (9, 400, 1300)] {
        let queries = table(dimension, random(n, dimension, 1));
        let gallery = table(dimension, random(m, dimension, 2));
        for k in [Some(1), Some(10), Some(60), None] {
            assert_exact(&queries, &gallery, k);
        }
        assert_positions(&queries, &gallery);
    }
}

#[test]
fn differences_that_f32_products_cannot_see_still_rank() {
    // With a common offset of 100, |b|² − 2 a·b has only a handful of bits for differences of a thousandth.
    let near = |seed| random(400, 24, seed).into_iter().map(|v| 100.0 + v * 1e-3).collect::<Vec<_>>();
    let (queries, gallery) = (table(24, near(3)), table(24, near(4)));
    let queries = queries.take(&[0, 1, 2, 3, 4]);
    assert_exact(&queries, &gallery, Some(5));
    assert_positions(&queries, &gallery);
}

#[test]
fn lengths_far_apart_do_not_blur_each_other() {
    let mut values = random(600, 8, 5);
    for (i, row) in values.chunks_mut(8).enumerate() {
        let length = 10f32.powi((i % 25) as i32 - 12);
        row.iter_mut().for_each(|v| *v *= length);
    }
    let gallery = table(8, values);
    let queries = gallery.take(&(0..30).collect::<Vec<_>>());
    assert_exact(&queries, &gallery, Some(7));
    assert_positions(&queries, &gallery);
}

#[test]
fn numbers_at_the_ends_of_f32_are_ranked_too() {
    for scale in [1e-38, 1e-42, 1e37] {
        let gallery = table(4, random(200, 4, 6).into_iter().map(|v| v * scale).collect());
        let queries = gallery.take(&[0, 50, 100]);
        assert_exact(&queries, &gallery, Some(3));
        assert_positions(&queries, &gallery);
    }
}

#[test]
fn zero_rows_and_copies_tie_in_gallery_order() {
    let mut values = random(10, 5, 7).repeat(40);
    values[..15].fill(0.0);
    let gallery = table(5, values);
    let queries = gallery.take(&[0, 3, 12, 399]);
    for k in [Some(1), Some(12), Some(90), None] {
        assert_exact(&queries, &gallery, k);
    }
    assert_positions(&queries, &gallery);
}

fn hashed(names: &[&str], values: Vec<f32>) -> EmbeddingTable {
    let rows = names.iter().map(|&sha256| Row { sha256: sha256.into(), ..Row::new("photo") }).collect();
    EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Euclidean), rows, values).unwrap()
}

fn first_rows(rankings: &Rankings) -> Vec<usize> {
    rankings.iter().map(|ranking| ranking.hits()[0].gallery_id.index()).collect()
}

#[test]
fn a_query_does_not_find_its_own_file_unless_asked() {
    let table = hashed(&["x", "x", "y", ""], vec![0.0, 0.0, 1.0, 3.0]);
    let config = |allow_self| RankConfig { k: None, allow_self };
    let within = |allow| rank_within(&table, Distance::Euclidean, &config(allow)).unwrap();
    assert_eq!(first_rows(&within(false)), [2, 2, 0, 2]);
    assert_eq!(within(false).iter().map(|r| r.hits().len()).collect::<Vec<_>>(), [2, 2, 3, 3]);
    assert_eq!(first_rows(&within(true)), [0, 0, 2, 3]);
    // In another table only the content hash shows that two rows are the same file.
    let apart = |allow| rank(&table, &table, Distance::Euclidean, &config(allow)).unwrap();
    assert_eq!(first_rows(&apart(false)), [2, 2, 0, 3]);
    assert_eq!(first_rows(&apart(true)), [0, 0, 2, 3]);
}

#[test]
fn own_files_are_left_out_of_short_rankings_of_large_galleries() {
    let names: Vec<String> = (0..3000).map(|i| (i / 2).to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let table = hashed(&names, (0..3000).map(|i| (i / 2) as f32).collect());
    let rankings =
        rank_within(&table, Distance::Euclidean, &RankConfig { k: Some(2), allow_self: false }).unwrap();
    for (query, ranking) in rankings.iter().enumerate() {
        let expected = match query / 2 {
            0 => [2, 3],
            pair => [2 * pair - 2, 2 * pair - 1],
        };
        assert_eq!(found(ranking).iter().map(|hit| hit.0 as usize).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_cannot_be_compared_is_refused_by_name() {
    let tagged = |dimension, fingerprint: &str| {
        let model = ModelTag::new("net", fingerprint, dimension, Distance::Cosine);
        EmbeddingTable::new(model, vec![Row::new("a")], vec![-1.0; dimension]).unwrap()
    };
    let config = RankConfig::default();
    let reason = |a: &EmbeddingTable, b: &EmbeddingTable, distance| {
        rank(a, b, distance, &config).unwrap_err().to_string()
    };
    let (a, b, c) = (tagged(2, "aa"), tagged(3, "aa"), tagged(2, "cc"));
    let dimensions = reason(&a, &b, Distance::Cosine);
    assert!(dimensions.contains("expected embeddings of 3 values") && dimensions.contains("received 2"));
    let fingerprints = reason(&a, &c, Distance::Cosine);
    assert!(fingerprints.contains("fingerprint cc") && fingerprints.contains("received net (aa)"));
    assert!(reason(&a, &a, Distance::Jaccard).contains("a: expected no negative value"));
    assert!(reason(&a, &a.take(&[]), Distance::Cosine).starts_with("gallery: expected at least one image"));
    assert!(reason(&a.take(&[]), &a, Distance::Cosine).starts_with("queries: expected at least one image"));
    let no_k = RankConfig { k: Some(0), allow_self: false };
    assert!(rank(&a, &a, Distance::Cosine, &no_k).unwrap_err().to_string().starts_with("k: expected"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_small_tables_rank_as_in_the_plain_loop(
        dimension in 1usize..6,
        values in prop::collection::vec(prop_oneof![Just(0.0f32), Just(1.0), 0.0f32..2.0, 0.0f32..1e-6], 60..400),
        k in 1usize..6,
    ) {
        let rows = values.len() / dimension;
        let gallery = table(dimension, values[..rows * dimension].to_vec());
        let queries = gallery.take(&[0, rows / 2, rows - 1]);
        assert_exact(&queries, &gallery, Some(k));
        assert_positions(&queries, &gallery);
    }

    #[test]
    fn distances_are_symmetric_and_near_zero_on_itself(
        a in prop::collection::vec(0.0f32..10.0, 1..40), seed in 0u64..1000,
    ) {
        let b = random(1, a.len(), seed);
        for distance in Distance::ALL {
            prop_assert_eq!(distance.between(&a, &b), distance.between(&b, &a));
            let on_itself = if a.iter().all(|&v| v == 0.0) && distance == Distance::Cosine { 1.0 } else { 0.0 };
            prop_assert!((distance.between(&a, &a) - on_itself).abs() < 1e-12);
        }
    }
}
