//! Compares rankings of photos with several faces with a plain loop, and tests which rows the query's own photo excludes.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use likeness_search::{
    Distance, EmbeddingTable, EvaluateConfig, Evaluation, ModelTag, PhotoSearch, Protocol, RankConfig,
    Rankings, Results, Role, Row, evaluate, rank, rank_photos, rank_photos_between, rank_within,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const ALL: RankConfig = RankConfig { k: None, allow_self: false };

fn face(name: &str, face: u32) -> Row {
    Row { face, ..Row::new(name) }
}

fn table(rows: Vec<Row>, values: Vec<f32>) -> EmbeddingTable {
    let dimension = (values.len() / rows.len().max(1)).max(1);
    EmbeddingTable::new(ModelTag::new("toy", "", dimension, Distance::Euclidean), rows, values).unwrap()
}

/// The results of a search as names and distances.
fn found(search: &PhotoSearch<'_>) -> Vec<(String, Vec<(String, f32)>)> {
    let name = |row: usize| search.gallery.rows()[row].name.clone();
    let hits = |ranking: &likeness_search::Ranking| {
        ranking.hits().iter().map(|hit| (name(hit.gallery_id.index()), hit.distance)).collect()
    };
    search.queries.rows().iter().map(|row| row.name.clone()).zip(search.rankings.iter().map(hits)).collect()
}

/// The reference implementation: compares all faces of the query with all faces of the gallery, then keeps each photo once.
fn plain(
    queries: &EmbeddingTable,
    gallery: &EmbeddingTable,
    distance: Distance,
    k: usize,
    is_own: impl Fn(&Row, &Row) -> bool,
) -> Vec<(String, Vec<(String, f32)>)> {
    let mut names: Vec<&str> = Vec::new();
    for row in queries.rows() {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    let of = |name: &str| {
        let mut pairs = Vec::new();
        for (q, query) in queries.rows().iter().enumerate().filter(|(_, row)| row.name == name) {
            for (g, image) in gallery.rows().iter().enumerate() {
                if !is_own(query, image) {
                    let apart = distance.between(queries.embedding(q), gallery.embedding(g)) as f32;
                    pairs.push((apart, g, image.name.clone()));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut ranking: Vec<(String, f32)> = Vec::new();
        for (apart, _, name) in pairs {
            if ranking.len() < k && ranking.iter().all(|(known, _)| *known != name) {
                ranking.push((name, apart));
            }
        }
        ranking
    };
    names.into_iter().map(|name| (name.to_owned(), of(name))).collect()
}

/// Photos with up to `most` faces each, in mixed order; coarse values produce many equal distances.
fn crowd(photos: usize, most: u32, prefix: &str, seed: u64) -> EmbeddingTable {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut rows: Vec<Row> = (0..photos)
        .flat_map(|photo| {
            let faces = random.random_range(1..=most);
            (0..faces).map(move |n| (photo, n)).collect::<Vec<_>>()
        })
        .map(|(photo, n)| Row { sha256: format!("{prefix}{photo}"), ..face(&format!("{prefix}{photo}"), n) })
        .collect();
    for i in (1..rows.len()).rev() {
        rows.swap(i, random.random_range(0..=i));
    }
    let values = (0..2 * rows.len()).map(|_| random.random_range(0..5) as f32).collect();
    table(rows, values)
}

#[test]
fn each_gallery_photo_stands_once_and_k_of_them_are_found() {
    // Twenty faces of one photo are nearer than all other faces.
    let mut rows: Vec<Row> = (0..20).map(|n| face("crowd.jpg", n)).collect();
    rows.extend(["a.jpg", "b.jpg", "c.jpg"].map(Row::new));
    let values = (0..23).map(|row| row as f32).collect();
    let (queries, gallery) = (table(vec![Row::new("q.jpg")], vec![0.0]), table(rows, values));
    let config = RankConfig { k: Some(3), allow_self: false };
    let search = rank_photos_between(&queries, &gallery, Distance::Euclidean, &config).unwrap();
    let results = Results::from_rankings("g", &search.rankings, &search.queries, &search.gallery).unwrap();
    assert_eq!(results.entries()[0].gallery, ["crowd.jpg", "a.jpg", "b.jpg"]);
}

#[test]
fn large_galleries_of_crowds_rank_as_in_the_plain_loop() {
    let (queries, gallery) = (crowd(40, 3, "q", 1), crowd(1500, 6, "g", 2));
    let config = RankConfig { k: Some(7), allow_self: false };
    let search = rank_photos_between(&queries, &gallery, Distance::Cosine, &config).unwrap();
    assert_eq!(found(&search), plain(&queries, &gallery, Distance::Cosine, 7, |_, _| false));
}

#[test]
fn without_several_faces_photos_rank_as_rows_do() {
    let (queries, gallery) = (crowd(30, 1, "q", 3), crowd(500, 1, "g", 4));
    let config = RankConfig::default();
    let search = rank_photos_between(&queries, &gallery, Distance::Euclidean, &config).unwrap();
    assert_eq!(search.rankings, rank(&queries, &gallery, Distance::Euclidean, &config).unwrap());
    assert!(std::ptr::eq(search.queries.as_ref(), &queries), "nothing is copied");
    let within = rank_photos(&gallery, Protocol::LeaveOneOut, Distance::Euclidean, &config).unwrap();
    assert_eq!(within.rankings, rank_within(&gallery, Distance::Euclidean, &config).unwrap());
}

/// A dataset such as AT&T with half of its photos as queries has as many queries as gallery images.
#[test]
fn as_many_queries_as_gallery_images_are_still_two_sets() {
    let side = |role: Role, prefix: &'static str| {
        (0..4).map(move |i| Row { role, identity: Some(i.to_string()), ..Row::new(format!("{prefix}{i}")) })
    };
    let rows: Vec<Row> = side(Role::Query, "q").chain(side(Role::Gallery, "g")).collect();
    // Query 3 is nearest to gallery image 0.
    let both = table(rows, vec![0.0, 10.0, 20.0, 1.0, 0.5, 10.5, 20.5, 30.5]);
    let search = rank_photos(&both, Protocol::QueryGallery, Distance::Euclidean, &ALL).unwrap();
    let queries = both.select(|row| row.role.is_query());
    let gallery = both.select(|row| row.role.is_gallery());
    assert_eq!(found(&search), plain(&queries, &gallery, Distance::Euclidean, 4, |_, _| false));
    let firsts: Vec<_> = found(&search).into_iter().map(|(query, hits)| (query, hits[0].0.clone())).collect();
    let expected = [("q0", "g0"), ("q1", "g1"), ("q2", "g2"), ("q3", "g0")];
    assert_eq!(firsts, expected.map(|(q, g)| (q.to_owned(), g.to_owned())));
    let config = EvaluateConfig { distance: Distance::Euclidean, ..EvaluateConfig::default() };
    assert_eq!(evaluate(&both, Protocol::QueryGallery, &config).unwrap().top1, 0.75);
    // Two separate tables are two sets as well.
    let between = rank_photos_between(&queries, &gallery, Distance::Euclidean, &ALL).unwrap();
    assert_eq!(between.rankings, search.rankings);
}

#[test]
fn a_photo_finds_neither_itself_nor_its_other_faces_unless_asked() {
    // Faces cropped from one photo have different hashes.
    let crop = |name: &str, n: u32| Row { sha256: format!("{name}{n}"), ..face(name, n) };
    let rows = vec![crop("a", 0), crop("a", 1), crop("b", 0)];
    let crops = table(rows, vec![0.0, 0.0, 5.0]);
    let search = rank_photos(&crops, Protocol::LeaveOneOut, Distance::Euclidean, &ALL).unwrap();
    let hit = |name: &str| vec![(name.to_owned(), 5.0)];
    assert_eq!(found(&search), [("a".to_owned(), hit("b")), ("b".to_owned(), hit("a"))]);
    let rows = rank_within(&crops, Distance::Euclidean, &ALL).unwrap();
    assert_eq!(rows[0].hits().len(), 1, "the same in rankings of rows");
    let with_self = RankConfig { allow_self: true, ..ALL };
    let search = rank_photos(&crops, Protocol::LeaveOneOut, Distance::Euclidean, &with_self).unwrap();
    assert_eq!(found(&search)[0].1[0], ("a".to_owned(), 0.0));
}

#[test]
fn different_photos_of_one_name_are_not_left_out() {
    let photo = |path: &str| Row { path: path.into(), ..Row::new("1.jpg") };
    let photos = table(vec![photo("a/1.jpg"), photo("b/1.jpg")], vec![0.0, 1.0]);
    let within = rank_within(&photos, Distance::Euclidean, &ALL).unwrap();
    assert_eq!(within.iter().map(|r| r.hits()[0].gallery_id.index()).collect::<Vec<_>>(), [1, 0]);
    // In two tables only the content shows that photos are the same: not names, paths or positions.
    let between = rank(&photos, &photos.clone(), Distance::Euclidean, &ALL).unwrap();
    assert!(between.iter().all(|ranking| ranking.hits().len() == 2));
    let search = rank_photos(&photos, Protocol::LeaveOneOut, Distance::Euclidean, &ALL).unwrap();
    assert_eq!(search.rankings.len(), 2);
}

#[test]
fn the_same_content_under_two_names_is_one_file() {
    let copy = |name: &str| Row { sha256: "c".into(), ..Row::new(name) };
    let copies = table(vec![copy("a"), copy("b"), Row::new("c")], vec![0.0, 0.0, 1.0]);
    for rankings in [
        rank_within(&copies, Distance::Euclidean, &ALL).unwrap(),
        rank_photos(&copies, Protocol::LeaveOneOut, Distance::Euclidean, &ALL).unwrap().rankings,
        rank(&copies, &copies, Distance::Euclidean, &ALL).unwrap(),
    ] {
        let firsts: Vec<usize> = rankings.iter().map(|r| r.hits()[0].gallery_id.index()).collect();
        assert_eq!(firsts[..2], [2, 2]);
    }
}

#[test]
fn a_thousand_copies_of_one_file_find_only_others() {
    let copies =
        (0..3000).map(|i| Row { sha256: (i / 1000).to_string(), ..Row::new(i.to_string()) }).collect();
    let copies = table(copies, (0..3000).map(|i| (i / 1000) as f32).collect());
    let config = RankConfig { k: Some(2), allow_self: false };
    let rankings = rank_within(&copies, Distance::Euclidean, &config).unwrap();
    for (query, ranking) in rankings.iter().enumerate() {
        let hits: Vec<usize> = ranking.hits().iter().map(|hit| hit.gallery_id.index()).collect();
        assert_eq!(hits, [[1000, 1001], [0, 1], [1000, 1001]][query / 1000]);
    }
}

#[test]
fn names_that_stand_for_two_gallery_photos_are_refused() {
    let photo = |path: &str| Row { path: path.into(), ..Row::new("1.jpg") };
    let gallery = table(vec![photo("a/1.jpg"), photo("b/1.jpg")], vec![0.0, 9.0]);
    let queries = table(vec![Row::new("q"), Row::new("r")], vec![1.0, 8.0]);
    // Each photo is found by another query.
    let config = RankConfig { k: Some(1), allow_self: false };
    let search = rank_photos_between(&queries, &gallery, Distance::Euclidean, &config).unwrap();
    let error =
        Results::from_rankings("g", &search.rankings, &search.queries, &gallery).unwrap_err().to_string();
    assert!(error.starts_with("1.jpg: expected one gallery photo of that name"), "{error}");
    assert!(error.ends_with("a/1.jpg and b/1.jpg"), "{error}");
}

#[test]
fn tables_of_none_one_and_two_rows() {
    let rows = |count: usize| {
        let rows = (0..count).map(|i| Row { identity: Some("ann".into()), ..Row::new(i.to_string()) });
        table(rows.collect(), (0..count).map(|i| i as f32).collect())
    };
    let between = |queries: usize, gallery: usize| {
        rank_photos_between(&rows(queries), &rows(gallery), Distance::Euclidean, &ALL)
            .map(|search| search.rankings.iter().map(|r| r.hits().len()).collect::<Vec<_>>())
            .map_err(|error| error.to_string())
    };
    let within = |count: usize| {
        rank_photos(&rows(count), Protocol::LeaveOneOut, Distance::Euclidean, &ALL)
            .map(|search| search.rankings.iter().map(|r| r.hits().len()).collect::<Vec<_>>())
            .map_err(|error| error.to_string())
    };
    assert!(between(0, 1).unwrap_err().starts_with("queries: expected at least one image"));
    assert!(between(1, 0).unwrap_err().starts_with("gallery: expected at least one image"));
    assert!(within(0).unwrap_err().starts_with("queries: expected at least one image"));
    assert_eq!(within(1).unwrap(), [0], "nobody else is there");
    assert_eq!(within(2).unwrap(), [1, 1]);
    assert_eq!(between(1, 1).unwrap(), [1]);
    assert_eq!(between(2, 2).unwrap(), [2, 2]);
    let config = EvaluateConfig { distance: Distance::Euclidean, ..EvaluateConfig::default() };
    let evaluated = |count| evaluate(&rows(count), Protocol::LeaveOneOut, &config);
    assert!(evaluated(0).unwrap_err().to_string().starts_with("queries: expected at least one image"));
    assert!(evaluated(1).unwrap_err().to_string().contains("whose identity has another image"));
    let Evaluation { queries, top1, map, intervals, .. } = evaluated(2).unwrap();
    assert_eq!((queries, top1, map), (2, 1.0, 1.0));
    let intervals = intervals.unwrap();
    assert_eq!((intervals.top1.low, intervals.top1.high), (1.0, 1.0), "one identity has no width");
}

#[test]
fn a_k_of_0_is_refused_and_a_large_one_is_all() {
    let (queries, gallery) = (crowd(2, 3, "q", 5), crowd(3, 3, "g", 6));
    let of = |k| {
        let config = RankConfig { k: Some(k), allow_self: false };
        rank_photos_between(&queries, &gallery, Distance::Euclidean, &config)
    };
    assert!(of(0).unwrap_err().to_string().starts_with("k: expected"));
    for k in [3, 4, usize::MAX] {
        assert!(of(k).unwrap().rankings.iter().all(|ranking| ranking.hits().len() == 3), "{k}");
    }
}

fn rows_found(rankings: &Rankings) -> Vec<Vec<usize>> {
    rankings.iter().map(|r| r.hits().iter().map(|hit| hit.gallery_id.index()).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn photos_rank_as_in_the_plain_loop(
        queries in 1usize..6, gallery in 1usize..40, most in 1u32..5, k in 1usize..12, seed in 0u64..10_000,
    ) {
        let (queries, gallery) = (crowd(queries, most, "q", seed), crowd(gallery, most, "g", seed + 1));
        let config = RankConfig { k: Some(k), allow_self: false };
        for distance in Distance::ALL {
            let search = rank_photos_between(&queries, &gallery, distance, &config).unwrap();
            prop_assert_eq!(found(&search), plain(&queries, &gallery, distance, k, |_, _| false));
        }
    }

    #[test]
    fn photos_of_one_table_never_find_themselves(
        photos in 1usize..30, most in 1u32..5, k in 1usize..12, seed in 0u64..10_000,
    ) {
        let table = crowd(photos, most, "p", seed);
        let config = RankConfig { k: Some(k), allow_self: false };
        let search = rank_photos(&table, Protocol::LeaveOneOut, Distance::Euclidean, &config).unwrap();
        let expected = plain(&table, &table, Distance::Euclidean, k, |query, image| query.name == image.name);
        prop_assert_eq!(found(&search), expected);
    }

    #[test]
    fn n_queries_and_n_other_gallery_rows_are_never_one_table(n in 1usize..20, seed in 0u64..10_000) {
        let (queries, gallery) = (crowd(n, 1, "q", seed), crowd(n, 1, "g", seed));
        // The same embeddings in the same rows, but other photos.
        prop_assert_eq!(queries.embeddings(), gallery.embeddings());
        let rankings = rank(&queries, &gallery, Distance::Euclidean, &ALL).unwrap();
        prop_assert!(rankings.iter().all(|ranking| ranking.hits().len() == n && ranking.hits()[0].distance == 0.0));
        let photos = rank_photos_between(&queries, &gallery, Distance::Euclidean, &ALL).unwrap();
        prop_assert_eq!(rows_found(&photos.rankings), rows_found(&rankings));
    }
}
