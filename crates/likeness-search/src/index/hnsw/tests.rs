//! Compares the graph with exact search, and damages its file.

use std::path::PathBuf;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::{GraphSearch, HnswConfig, HnswIndex};
use crate::index::int8::{CodesKey, Found, Int8Index, Vectors};
use crate::{CodesFault, Distance, Result, SearchError};

const DIM: usize = 32;

struct Stored(Vec<f32>);

impl Vectors for Stored {
    fn read(&self, ids: &[u64], into: &mut Vec<f32>) -> Result<()> {
        ids.iter().for_each(|id| into.extend(&self.0[*id as usize * DIM..][..DIM]));
        Ok(())
    }
}

/// Vectors of identities with ten photos each.
fn vectors(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut centre = [0.0f32; DIM];
    let mut all = Vec::new();
    for at in 0..count {
        if at % 10 == 0 {
            centre = std::array::from_fn(|_| rng.random::<f32>());
        }
        all.extend(centre.iter().map(|c| c + 0.3 * rng.random::<f32>()));
    }
    all
}

fn index(distance: Distance, stored: &Stored) -> (tempfile::TempDir, PathBuf, Int8Index) {
    let folder = tempfile::tempdir().unwrap();
    let key = CodesKey { fingerprint: "f".into(), dimension: DIM, distance, gallery: "g".into() };
    let rows = (0..).zip(stored.0.chunks(DIM).map(<[f32]>::to_vec));
    let index = Int8Index::rebuild(&folder.path().join("a.codes"), &key, 1, rows.map(Ok)).unwrap();
    let path = folder.path().join("a.hnsw");
    (folder, path, index)
}

/// A search among all rows.
fn all(k: usize, candidates: usize) -> GraphSearch<'static> {
    GraphSearch { k, candidates, selection: None }
}

/// The share of the exact neighbours that were found.
fn recall(exact: &Found, found: &Found) -> f64 {
    let pairs = exact.neighbours.iter().zip(&found.neighbours);
    let hits: usize = pairs.map(|(a, b)| a.iter().filter(|n| b.contains(n)).count()).sum();
    hits as f64 / exact.neighbours.iter().map(Vec::len).sum::<usize>() as f64
}

#[test]
fn most_neighbours_are_found_for_every_distance() {
    let (stored, queries) = (Stored(vectors(1, 4000)), vectors(2, 50));
    let queries = [&stored.0[..50 * DIM], &queries].concat();
    for distance in Distance::ALL {
        let (_folder, _, index) = index(distance, &stored);
        let graph = HnswIndex::build(&index, HnswConfig::default());
        assert_eq!(graph.nodes(), 4000);
        let exact = index.search(&queries, 10, None, &stored).unwrap();
        let found = graph.search(&index, &queries, &all(10, 100), &stored).unwrap();
        // Observed: 0.99 or more.
        assert!(recall(&exact, &found) > 0.97, "{distance}: {}", recall(&exact, &found));
        assert!(found.neighbours.iter().all(|list| list.is_sorted_by(|a, b| a.distance <= b.distance)));
    }
}

#[test]
fn removed_and_excluded_rows_are_not_found() {
    let stored = Stored(vectors(1, 3000));
    let (_folder, _, mut index) = index(Distance::Cosine, &stored);
    let graph = HnswIndex::build(&index, HnswConfig::default());
    index.remove(&(0..3000).filter(|id| id % 3 == 0).collect::<Vec<_>>(), 2).unwrap();
    let queries = &stored.0[..40 * DIM];
    for modulus in [2, 50] {
        let selection = index.select_where(|id| id % modulus == 0);
        for selection in [None, Some(&selection)] {
            let exact = index.search(queries, 10, selection, &stored).unwrap();
            let found =
                graph.search(&index, queries, &GraphSearch { selection, ..all(10, 100) }, &stored).unwrap();
            assert!(found.neighbours.iter().flatten().all(|n| n.id % 3 != 0));
            assert!(selection.is_none() || found.neighbours.iter().flatten().all(|n| n.id % modulus == 0));
            assert!(recall(&exact, &found) > 0.97, "{modulus} {}", recall(&exact, &found));
        }
    }
}

#[test]
fn a_saved_graph_is_the_same_and_continues_with_new_rows() {
    let stored = Stored(vectors(1, 2000));
    let (_folder, path, mut index) = index(Distance::Euclidean, &stored);
    let built = HnswIndex::build(&index, HnswConfig::default());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let again = pool.install(|| HnswIndex::build(&index, HnswConfig::default()));
    assert_eq!(built.graph, again.graph, "threads do not matter");
    built.save(&path, &index).unwrap();
    let more = vectors(9, 500);
    index.append(&(2000..2500).collect::<Vec<_>>(), &more, 2).unwrap();
    let stored = Stored([stored.0, more].concat());
    let mut opened = HnswIndex::open(&path, &index).unwrap();
    assert_eq!((&opened.graph, opened.config), (&built.graph, built.config));
    assert_eq!((opened.update(&index), opened.update(&index)), (500, 0));
    let queries = &stored.0[2400 * DIM..2450 * DIM];
    let exact = index.search(queries, 10, None, &stored).unwrap();
    let found = opened.search(&index, queries, &all(10, 100), &stored).unwrap();
    assert!(recall(&exact, &found) > 0.97, "{}", recall(&exact, &found));
    index.remove(&[5], 3).unwrap();
    index.compact().unwrap();
    let stale = HnswIndex::open(&path, &index).unwrap_err();
    assert!(matches!(stale, SearchError::Codes { fault: CodesFault::OtherKey { .. }, .. }), "{stale}");
}

#[test]
fn empty_and_tiny_graphs_are_searched() {
    for count in [0, 1, 2, 20] {
        let stored = Stored(vectors(1, count));
        let (_folder, path, index) = index(Distance::Cosine, &stored);
        let graph = HnswIndex::build(&index, HnswConfig { links: 2, ..HnswConfig::default() });
        graph.save(&path, &index).unwrap();
        let opened = HnswIndex::open(&path, &index).unwrap();
        let query = vectors(5, 1);
        let found = opened.search(&index, &query, &all(30, 30), &stored).unwrap();
        assert_eq!(found.neighbours, index.search(&query, 30, None, &stored).unwrap().neighbours);
        assert!(opened.search(&index, &query, &all(0, 30), &stored).is_err());
        assert!(opened.search(&index, &query[1..], &all(1, 30), &stored).is_err());
    }
}

#[test]
fn damaged_files_are_rejected() {
    let stored = Stored(vectors(1, 60));
    let (_folder, path, index) = index(Distance::Cosine, &stored);
    HnswIndex::build(&index, HnswConfig::default()).save(&path, &index).unwrap();
    let whole = fs_err::read(&path).unwrap();
    let is_rejected = |bytes: &[u8], what: &str| {
        fs_err::write(&path, bytes).unwrap();
        match HnswIndex::open(&path, &index) {
            Err(SearchError::Codes { fault, .. }) => assert!(fault.is_rebuildable(), "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    };
    for at in (0..whole.len()).filter(|at| *at < 60 || at % 31 == 0) {
        let mut changed = whole.clone();
        changed[at] ^= 0x20;
        is_rejected(&changed, &format!("byte {at}"));
    }
    for length in (0..whole.len()).filter(|length| *length < 60 || length % 31 == 0) {
        is_rejected(&whole[..length], &format!("length {length}"));
    }
}
