//! Compares the index with a plain loop over [`Distance::between`], and damages its file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::kernel::Machine;
use super::{CodesKey, Int8Index, Neighbour, Selection, Vectors};
use crate::{CodesFault, Distance, Result, SearchError};

/// The vectors by id, as a database holds them.
#[derive(Debug, Default, Clone)]
struct Stored(BTreeMap<u64, Vec<f32>>);

impl Vectors for Stored {
    fn read(&self, ids: &[u64], into: &mut Vec<f32>) -> Result<()> {
        assert!(ids.is_sorted_by(|a, b| a < b));
        ids.iter().for_each(|id| into.extend(&self.0[id]));
        Ok(())
    }
}

impl Stored {
    /// The reference: the distances of all vectors, sorted.
    fn ranking(
        &self,
        key: &CodesKey,
        query: &[f32],
        k: usize,
        is_allowed: impl Fn(u64) -> bool,
    ) -> Vec<Neighbour> {
        let allowed = self.0.iter().filter(|(id, _)| is_allowed(**id));
        let mut all: Vec<Neighbour> = allowed
            .map(|(id, vector)| Neighbour { id: *id, distance: key.distance.between(query, vector) as f32 })
            .collect();
        all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id)));
        all.truncate(k);
        all
    }

    fn append(&mut self, index: &mut Int8Index, ids: &[u64], vectors: &[Vec<f32>], revision: u64) {
        index.append(ids, &vectors.concat(), revision).unwrap();
        self.0.extend(ids.iter().copied().zip(vectors.iter().cloned()));
    }

    fn remove(&mut self, index: &mut Int8Index, ids: &[u64], revision: u64) {
        let known = ids.iter().filter(|id| self.0.remove(id).is_some()).count();
        assert_eq!(index.remove(ids, revision).unwrap(), known);
    }

    /// Checks rankings of `queries` among all rows, and among every third id.
    fn check(&self, index: &Int8Index, queries: &[Vec<f32>], k: usize) {
        assert_eq!(index.len(), self.0.len());
        assert_eq!(index.ids(), self.0.keys().copied().collect::<Vec<_>>());
        let third: Vec<u64> = self.0.keys().copied().filter(|id| id % 3 == 0).collect();
        let selections: [(Option<Selection>, u64); 2] = [(None, 1), (Some(index.select(&third)), 3)];
        for (selection, modulus) in selections {
            let found = index.search(&queries.concat(), k, selection.as_ref(), self).unwrap();
            assert_eq!(found.neighbours.len(), queries.len());
            for (query, found) in queries.iter().zip(found.neighbours) {
                let expected = self.ranking(index.key(), query, k, |id| id % modulus == 0);
                assert_eq!(found, expected, "{} among every {modulus}", index.key().distance);
            }
        }
    }
}

fn key(dimension: usize, distance: Distance) -> CodesKey {
    CodesKey { fingerprint: "f00d".into(), dimension, distance, gallery: "9f2c".into() }
}

/// Vectors near a few centres, some of them equal, some zero, and some with one large value; non-negative if `distance` needs it.
fn vectors(rng: &mut Pcg64, count: usize, dim: usize, distance: Distance) -> Vec<Vec<f32>> {
    let centres: Vec<Vec<f32>> =
        (0..4).map(|_| (0..dim).map(|_| rng.random::<f32>() - 0.5).collect()).collect();
    let mut all: Vec<Vec<f32>> = Vec::new();
    for at in 0..count {
        let mut vector: Vec<f32> =
            centres[at % 4].iter().map(|c| c + 0.2 * (rng.random::<f32>() - 0.5)).collect();
        match rng.random_range(0..20) {
            0 => vector.fill(0.0),
            1 if at > 0 => vector = all[at / 2].clone(),
            2 => vector[at % dim] *= 1000.0,
            3 => vector.iter_mut().for_each(|v| *v *= 1e-3),
            _ => {}
        }
        if distance == Distance::Jaccard {
            vector.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        all.push(vector);
    }
    all
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.codes");
    (folder, path)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rankings_are_those_of_the_plain_loop(
        seed in 0u64..1_000_000, distance in 0usize..4, dim in prop_oneof![1usize..9, 60..70usize, Just(129)],
        batches in prop::collection::vec(1usize..80, 1..6), k in 1usize..40,
    ) {
        let (distance, mut rng) = (Distance::ALL[distance], Pcg64::seed_from_u64(seed));
        let (_folder, path) = temporary();
        let key = key(dim, distance);
        let mut index = Int8Index::create(&path, &key).unwrap();
        let (mut stored, mut next, mut revision) = (Stored::default(), 0u64, 0);
        let queries = vectors(&mut rng, 15, dim, distance);
        for count in batches {
            // Batches of ids that increase, decrease, or come back after a removal.
            let mut ids: Vec<u64> = (0..count as u64).map(|i| next + 2 * i).collect();
            next += 2 * count as u64;
            if rng.random_range(0..4) == 0 {
                ids.reverse();
            }
            revision += 1;
            stored.append(&mut index, &ids, &vectors(&mut rng, count, dim, distance), revision);
            let gone: Vec<u64> = (0..next).filter(|_| rng.random_range(0..5) == 0).collect();
            revision += 1;
            stored.remove(&mut index, &gone, revision);
            if let Some(id) = gone.iter().find(|id| !stored.0.contains_key(id)).filter(|_| rng.random()) {
                revision += 1;
                stored.append(&mut index, &[*id], &vectors(&mut rng, 1, dim, distance), revision);
            }
        }
        stored.check(&index, &queries, k);
        for machine in Machine::all() {
            index.set_machine(machine);
            stored.check(&index, &queries[..3], k);
        }
        stored.check(&Int8Index::open(&path, &key).unwrap(), &queries, k);
        stored.check(&Int8Index::open_unmapped(&path, &key).unwrap(), &queries, k);
        prop_assert_eq!(index.revision(), revision);
        index.compact().unwrap();
        prop_assert_eq!(index.revision(), revision);
        stored.check(&index, &queries, k);
    }
}

#[test]
fn large_galleries_and_many_queries_are_ranked_exactly() {
    for distance in Distance::ALL {
        let mut rng = Pcg64::seed_from_u64(7);
        let (_folder, path) = temporary();
        let key = key(96, distance);
        let rows = vectors(&mut rng, 3000, 96, distance);
        let stored = Stored((0..).zip(rows.iter().cloned()).collect());
        let index = Int8Index::rebuild(&path, &key, 5, (0..).zip(rows).map(Ok)).unwrap();
        assert_eq!(index.revision(), 5);
        stored.check(&index, &vectors(&mut rng, 150, 96, distance), 10);
        // All rows are wanted.
        stored.check(&index, &vectors(&mut rng, 2, 96, distance), 5000);
    }
}

#[test]
fn the_largest_and_smallest_values_are_ranked_exactly() {
    let (_folder, path) = temporary();
    for distance in Distance::ALL {
        let scales = [f32::MAX, 1e30, 1e16, 1.0, 1e-10, 1e-30, 1e-45, 0.0];
        let mut rng = Pcg64::seed_from_u64(3);
        let mut rows = Vec::new();
        for scale in scales {
            rows.extend((0..20).map(|_| (0..5).map(|_| rng.random::<f32>() * scale).collect::<Vec<_>>()));
        }
        let key = key(5, distance);
        let mut index = Int8Index::create(&path, &key).unwrap();
        let mut stored = Stored::default();
        let ids: Vec<u64> = (0..rows.len() as u64).collect();
        stored.append(&mut index, &ids, &rows, 1);
        stored.check(&index, &rows, 7);
    }
}

#[test]
fn empty_galleries_single_rows_and_large_k_are_answered() {
    let (_folder, path) = temporary();
    let key = key(3, Distance::Cosine);
    let mut index = Int8Index::create(&path, &key).unwrap();
    let mut stored = Stored::default();
    let query = vec![0.5, 0.0, 1.0];
    assert!(index.is_empty());
    stored.check(&index, std::slice::from_ref(&query), 10);
    assert!(index.search(&[], 3, None, &stored).unwrap().neighbours.is_empty());
    stored.append(&mut index, &[7], &[vec![1.0, 0.0, 0.0]], 1);
    stored.check(&index, &[query.clone(), vec![0.0; 3]], 1_000_000);
    stored.remove(&mut index, &[7, 8], 2);
    stored.check(&index, std::slice::from_ref(&query), 10);
    let nobody = index.select(&[]);
    assert!(nobody.is_empty());
    assert!(index.search(&query, 3, Some(&nobody), &stored).unwrap().neighbours[0].is_empty());
    assert!(matches!(index.search(&query, 0, None, &stored), Err(SearchError::BadArgument { .. })));
    assert!(matches!(
        Int8Index::create(&path, &CodesKey { dimension: 0, ..key }),
        Err(SearchError::BadArgument { .. })
    ));
}

#[test]
fn a_selection_of_few_rows_finds_only_these() {
    let mut rng = Pcg64::seed_from_u64(1);
    let (_folder, path) = temporary();
    let rows = vectors(&mut rng, 2000, 8, Distance::Euclidean);
    let key = key(8, Distance::Euclidean);
    let stored = Stored((0..).zip(rows.iter().cloned()).collect());
    let mut index = Int8Index::rebuild(&path, &key, 1, (0..).zip(rows).map(Ok)).unwrap();
    let selection = index.select_where(|id| id % 401 == 3);
    assert_eq!((selection.len(), selection == index.select(&[3, 404, 805, 1206, 1607, 9999])), (5, true));
    index.append(&[5000], &[0.0; 8], 2).unwrap();
    let found = index.search(&[0.0; 8], 10, Some(&selection), &stored).unwrap();
    assert_eq!(found.neighbours[0], stored.ranking(&key, &[0.0; 8], 10, |id| id % 401 == 3));
}

#[test]
fn invalid_rows_and_queries_are_rejected_and_change_nothing() {
    let (_folder, path) = temporary();
    let mut index = Int8Index::create(&path, &key(2, Distance::Jaccard)).unwrap();
    index.append(&[1], &[1.0, 0.0], 1).unwrap();
    let bytes = index.file_bytes();
    for (vector, text) in [
        (vec![f32::NAN, 0.0], "vector of id 9, value 1: expected a finite number of at least 0, found NaN"),
        (vec![0.0, -1.0], "vector of id 9, value 2: expected a finite number of at least 0, found -1"),
        (vec![0.0], "vectors of 1 rows: expected 2 values, found 1"),
    ] {
        assert_eq!(index.append(&[9], &vector, 2).unwrap_err().to_string(), text);
    }
    for ids in [[1, 2], [3, 3]] {
        let known = index.append(&ids, &[0.0; 4], 2).unwrap_err();
        assert!(matches!(known, SearchError::Codes { fault: CodesFault::KnownId { .. }, .. }), "{known}");
    }
    let stored = Stored::default();
    let query = index.search(&[0.0, f32::INFINITY], 1, None, &stored).unwrap_err();
    assert!(query.to_string().starts_with("query 0, value 2: expected a finite"), "{query}");
    assert!(index.search(&[0.0; 3], 1, None, &stored).is_err());
    assert_eq!((index.file_bytes(), index.revision(), index.len()), (bytes, 1, 1));
    let failed = Int8Index::rebuild(&path, index.key(), 9, [Ok((1, vec![0.0; 2])), Ok((1, vec![0.0; 2]))]);
    assert!(matches!(failed, Err(SearchError::Codes { fault: CodesFault::KnownId { id: 1 }, .. })));
}

#[test]
fn a_source_that_fails_or_gives_other_vectors_is_an_error() {
    struct Broken(Vec<f32>);
    impl Vectors for Broken {
        fn read(&self, _: &[u64], into: &mut Vec<f32>) -> Result<()> {
            into.extend(&self.0);
            if self.0.is_empty() { Err(SearchError::Vectors("the disk broke".into())) } else { Ok(()) }
        }
    }
    let (_folder, path) = temporary();
    let mut index = Int8Index::create(&path, &key(2, Distance::Cosine)).unwrap();
    index.append(&[4], &[1.0, 0.0], 1).unwrap();
    let error = |values: &[f32]| index.search(&[1.0, 0.0], 1, None, &Broken(values.to_vec())).unwrap_err();
    assert!(matches!(error(&[]), SearchError::Vectors(_)));
    assert_eq!(error(&[0.0]).to_string(), "vectors of 1 rows: expected 2 values, found 1");
    assert_eq!(error(&[0.0, f32::NAN]).to_string(), "vector of id 4: expected finite values, found NaN");
}

/// A file with blocks of every kind, and the number of bytes after each block.
fn file_of_blocks(path: &Path, key: &CodesKey) -> Vec<u64> {
    let mut rng = Pcg64::seed_from_u64(2);
    let mut index = Int8Index::create(path, key).unwrap();
    let mut ends = vec![index.file_bytes()];
    for (revision, count) in [(1u64, 37u64), (2, 3), (3, 16)] {
        let ids: Vec<u64> = (0..count).map(|i| revision * 100 + i).collect();
        let vectors = vectors(&mut rng, count as usize, key.dimension, key.distance);
        index.append(&ids, &vectors.concat(), revision).unwrap();
        ends.push(index.file_bytes());
    }
    index.remove(&[100, 201, 310], 4).unwrap();
    ends.push(index.file_bytes());
    ends
}

#[test]
fn every_flipped_byte_is_reported() {
    let (_folder, path) = temporary();
    let key = key(6, Distance::Cosine);
    file_of_blocks(&path, &key);
    let whole = fs_err::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs_err::write(&path, &changed).unwrap();
        for error in
            [Int8Index::open(&path, &key), Int8Index::open_writable(&path, &key)].map(Result::unwrap_err)
        {
            let SearchError::Codes { fault, .. } = &error else { panic!("byte {at}: {error}") };
            assert!(matches!(fault, CodesFault::Damaged { .. } | CodesFault::NotCodes), "byte {at}: {error}");
            assert!(fault.is_rebuildable() && error.hint().is_some());
        }
    }
}

#[test]
fn a_file_cut_off_anywhere_keeps_its_complete_blocks() {
    let (_folder, path) = temporary();
    let key = key(6, Distance::Cosine);
    let ends = file_of_blocks(&path, &key);
    let whole = fs_err::read(&path).unwrap();
    let is_near_end = |length: usize| ends.iter().any(|end| end.abs_diff(length as u64) < 3);
    for length in (0..=whole.len()).filter(|length| length % 41 == 0 || is_near_end(*length)) {
        // Some file systems fill the end with zeros.
        for filled in [0, 64] {
            let mut cut = whole[..length].to_vec();
            let in_payload = !ends.contains(&(length as u64));
            if filled > 0 && in_payload {
                continue;
            }
            cut.resize(length + filled, 0);
            fs_err::write(&path, &cut).unwrap();
            let reader = Int8Index::open(&path, &key);
            let Some(complete) = ends.iter().rposition(|end| *end <= length as u64) else {
                assert!(matches!(reader, Err(SearchError::Codes { fault: CodesFault::Damaged { .. }, .. })));
                continue;
            };
            let reader = reader.unwrap();
            assert_eq!((reader.revision(), reader.file_bytes()), (complete as u64, ends[complete]));
            assert_eq!(reader.incomplete_bytes(), (length + filled) as u64 - ends[complete]);
            assert_eq!(
                fs_err::metadata(&path).unwrap().len(),
                (length + filled) as u64,
                "a reader changes nothing"
            );
            let mut writer = Int8Index::open_writable(&path, &key).unwrap();
            assert_eq!(fs_err::metadata(&path).unwrap().len(), ends[complete]);
            writer.append(&[9], &[1.0; 6], 77).unwrap();
            drop(writer);
            let again = Int8Index::open(&path, &key).unwrap();
            assert!(again.contains(9) && again.revision() == 77 && again.incomplete_bytes() == 0);
        }
    }
}

#[test]
fn blocks_of_another_file_are_not_accepted() {
    let (_folder, path) = temporary();
    let (ours, theirs) =
        (key(6, Distance::Cosine), CodesKey { gallery: "77aa".into(), ..key(6, Distance::Cosine) });
    file_of_blocks(&path, &theirs);
    let other = fs_err::read(&path).unwrap();
    file_of_blocks(&path, &ours);
    let mut mixed = fs_err::read(&path).unwrap();
    let header = mixed.len().min(128);
    mixed[header..].copy_from_slice(&other[header..]);
    fs_err::write(&path, &mixed).unwrap();
    assert!(matches!(
        Int8Index::open(&path, &ours),
        Err(SearchError::Codes { fault: CodesFault::Damaged { .. }, .. })
    ));
    assert!(matches!(
        Int8Index::open(&path, &theirs),
        Err(SearchError::Codes { fault: CodesFault::OtherKey { field: "gallery", .. }, .. })
    ));
}

#[test]
fn readers_see_what_a_writer_appends_removes_and_compacts() {
    let (_folder, path) = temporary();
    let key = key(20, Distance::SquaredEuclidean);
    let mut rng = Pcg64::seed_from_u64(4);
    let mut writer = Int8Index::create(&path, &key).unwrap();
    let mut readers = [Int8Index::open(&path, &key).unwrap(), Int8Index::open(&path, &key).unwrap()];
    let queries = vectors(&mut rng, 3, 20, key.distance);
    let mut stored = Stored::default();
    for round in 0..6u64 {
        let before = stored.clone();
        let ids: Vec<u64> = (0..25).map(|i| round * 25 + i).collect();
        stored.append(&mut writer, &ids, &vectors(&mut rng, 25, 20, key.distance), 2 * round + 1);
        stored.remove(&mut writer, &[round * 25 + 3, round * 11], 2 * round + 2);
        if round == 3 {
            writer.compact().unwrap();
        }
        before.check(&readers[1], &queries, 5);
        for reader in &mut readers {
            assert!(reader.refresh().unwrap());
            assert!(!reader.refresh().unwrap());
            assert_eq!(reader.revision(), writer.revision());
            stored.check(reader, &queries, 5);
        }
    }
    assert!(!writer.refresh().unwrap(), "a writer knows its file");
    let fault = |result: Result<Int8Index>| match result {
        Err(SearchError::Codes { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(Int8Index::open_writable(&path, &key)), CodesFault::Locked);
    let read_only = readers[0].append(&[999], &[0.0; 20], 99).unwrap_err();
    assert!(matches!(read_only, SearchError::Codes { fault: CodesFault::ReadOnly, .. }));
    drop(writer);
    Int8Index::open_writable(&path, &key).unwrap();
}

#[test]
fn many_small_appends_and_removals_are_compacted() {
    let (_folder, path) = temporary();
    let key = key(4, Distance::Cosine);
    let ids: Vec<u64> = (0..200_000).collect();
    let value = |id: u64| vec![id as f32, 1.0, (id % 7) as f32, 2.0];
    let mut index = Int8Index::rebuild(&path, &key, 1, ids.iter().map(|id| Ok((*id, value(*id))))).unwrap();
    assert!(!index.is_worth_compacting());
    let before = index.file_bytes();
    let gone: Vec<u64> = ids.iter().copied().filter(|id| id % 10 != 0).collect();
    assert_eq!(index.remove(&gone, 2).unwrap(), 180_000);
    assert!(index.file_bytes() - before < 180_000 * 5, "nothing is rewritten");
    assert_eq!(Int8Index::open(&path, &key).unwrap().len(), 20_000);
    assert!(index.is_worth_compacting());
    index.compact().unwrap();
    assert!(index.file_bytes() < before / 8 && index.len() == 20_000 && !index.is_worth_compacting());
    index.append(&[1], &value(1), 3).unwrap();
    let stored = Stored(index.ids().into_iter().map(|id| (id, value(id))).collect());
    stored.check(&index, &[value(1), value(777)], 10);
}
