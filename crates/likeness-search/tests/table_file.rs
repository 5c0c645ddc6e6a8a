//! The embeddings file: what is saved is loaded, and whatever else comes is an error that names the file.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use likeness_search::{
    Distance, EmbeddingTable, EmbeddingWriter, ModelTag, Role, Row, SearchError, is_embeddings_file,
};
use proptest::prelude::*;

fn example() -> EmbeddingTable {
    let full = Row {
        name: "0001.jpg".into(),
        path: "faces/Zoë \"Z\"\n/0001.jpg".into(),
        sha256: "ab".repeat(32),
        identity: Some("Zoë".into()),
        domain: Some("photo".into()),
        split: Some("test".into()),
        role: Role::Query,
    };
    let model = ModelTag::new("resnet50", "f00d", 3, Distance::Euclidean);
    let values = vec![0.5, -0.0, f32::MIN_POSITIVE, f32::MAX, 1.0, -2.5];
    EmbeddingTable::new(model, vec![full, Row::new("0002.jpg")], values).unwrap()
}

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("set.embeddings")
    }

    fn load(&self, bytes: &[u8]) -> likeness_search::Result<EmbeddingTable> {
        fs_err::write(self.path(), bytes).unwrap();
        EmbeddingTable::load(&self.path())
    }

    /// The reason why `bytes` are refused, after checking that the error names the file.
    fn refused(&self, bytes: &[u8]) -> String {
        match self.load(bytes) {
            Err(SearchError::BadFile { path, reason }) if path == self.path() => reason,
            other => panic!("expected a bad file, found {other:?}"),
        }
    }
}

fn saved() -> Vec<u8> {
    let case = Case::new();
    example().save(&case.path()).unwrap();
    fs_err::read(case.path()).unwrap()
}

/// Replaces text of the header by as many bytes.
fn patched(from: &str, to: &str) -> Vec<u8> {
    let bytes = saved();
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    [&bytes[..at], to.as_bytes(), &bytes[at + to.len()..]].concat()
}

#[test]
fn a_table_survives_its_file_and_gives_the_same_bytes_again() {
    let case = Case::new();
    let bytes = saved();
    let loaded = case.load(&bytes).unwrap();
    assert_eq!(loaded, example());
    loaded.save(&case.path()).unwrap();
    assert_eq!(fs_err::read(case.path()).unwrap(), bytes);
    assert!(is_embeddings_file(&case.path()));
}

#[test]
fn an_empty_table_survives_too() {
    let case = Case::new();
    let empty = example().select(|_| false);
    empty.save(&case.path()).unwrap();
    assert_eq!(EmbeddingTable::load(&case.path()).unwrap(), empty);
}

#[test]
fn written_row_by_row_it_is_the_same_file() {
    let (case, table) = (Case::new(), example());
    let mut writer = EmbeddingWriter::create(&case.path(), table.model().clone()).unwrap();
    for (i, row) in table.rows().iter().enumerate() {
        writer.push(row, table.embedding(i)).unwrap();
    }
    assert_eq!(writer.len(), 2);
    assert!(!case.path().exists(), "there before it is whole");
    writer.finish().unwrap();
    assert_eq!(fs_err::read(case.path()).unwrap(), saved());
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing_and_one_that_refuses_goes_on() {
    let (case, table) = (Case::new(), example());
    let mut writer = EmbeddingWriter::create(&case.path(), table.model().clone()).unwrap();
    let short = writer.push(&Row::new("a.jpg"), &[1.0]).unwrap_err().to_string();
    assert_eq!(short, "a.jpg: expected 3 values, found 1");
    let nan = writer.push(&Row::new("b.jpg"), &[1.0, f32::NAN, 0.0]).unwrap_err().to_string();
    assert_eq!(nan, "b.jpg: expected a finite number, found NaN at position 1 of its embedding");
    writer.push(&Row::new("c.jpg"), &[1.0, 2.0, 3.0]).unwrap();
    assert_eq!(writer.len(), 1);
    drop(writer);
    assert_eq!(fs_err::read_dir(case.folder.path()).unwrap().count(), 0);
}

#[test]
fn cut_at_every_byte_it_is_an_error() {
    let (case, bytes) = (Case::new(), saved());
    for length in 0..bytes.len() {
        case.refused(&bytes[..length]);
    }
    case.refused(&[&bytes[..], &[0]].concat());
}

#[test]
fn every_flipped_byte_of_the_header_is_survived() {
    let (case, bytes) = (Case::new(), saved());
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    for at in 0..8 + header {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x11;
        let _ = case.load(&bytes); // some flips only rename the model: what counts is that none panics
    }
}

#[test]
fn headers_that_lie_about_sizes_are_refused() {
    let (case, bytes) = (Case::new(), saved());
    for length in [0, 1, u64::from(u32::MAX), u64::MAX, (1 << 20) + 1] {
        let mut bytes = bytes.clone();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        case.refused(&bytes);
        assert!(!is_embeddings_file(&case.path()), "{length}");
    }
    case.refused(&patched("\"shape\":[2,3]", "\"shape\":[3,2]"));
    case.refused(&patched("\"shape\":[2,3]", "\"shape\":[9,9]"));
    case.refused(&patched("\"data_offsets\":[0,24]", "\"data_offsets\":[0,99]"));
}

#[test]
fn each_wrong_part_has_its_own_reason() {
    let case = Case::new();
    let version = case.refused(&patched("\"format_version\":\"1\"", "\"format_version\":\"7\""));
    assert!(version.contains("expected format version 1, found 7"), "{version}");
    let format = case.refused(&patched("likeness-embeddings", "likeness-something!"));
    assert!(format.contains("found likeness-something!"), "{format}");
    assert!(!is_embeddings_file(&case.path()));
    let distance = case.refused(&patched("\"distance\":\"euclidean\"", "\"distance\":\"manhattan\""));
    assert!(distance.contains("manhattan: no such distance"), "{distance}");
    let dimension = case.refused(&patched("\"dimension\":\"3\"", "\"dimension\":\"4\""));
    assert!(dimension.contains("expected the shape [n, 4], found [2, 3]"), "{dimension}");
    let missing = case.refused(&patched("\"fingerprint\"", "\"fingerprimt\""));
    assert!(missing.contains("no fingerprint"), "{missing}");
    let kind = case.refused(&patched("\"dtype\":\"F32\"", "\"dtype\":\"I32\""));
    assert!(kind.contains("embeddings: expected F32, found I32"), "{kind}");
    let row = case.refused(&patched("{\"name\":\"0002.jpg\"", "{\"nome\":\"0002.jpg\""));
    assert!(row.contains("row 2 of 2 does not read"), "{row}");
    let role = case.refused(&patched("\"role\":\"query\"", "\"role\":\"quirk\""));
    assert!(role.contains("row 1 of 2 does not read"), "{role}");
}

#[test]
fn a_value_that_is_no_number_is_refused_by_row() {
    let (case, mut bytes) = (Case::new(), saved());
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    bytes[8 + header + 16..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let reason = case.refused(&bytes);
    assert_eq!(reason, "0002.jpg: expected a finite number, found NaN at position 1 of its embedding");
}

#[test]
fn files_of_other_kinds_and_missing_ones() {
    let case = Case::new();
    for bytes in [&b""[..], b"{\"groupname\": \"us\"}", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &[0xff; 64]] {
        case.refused(bytes);
        assert!(!is_embeddings_file(&case.path()));
    }
    let missing = case.folder.path().join("nowhere.embeddings");
    assert!(!is_embeddings_file(&missing));
    assert!(!is_embeddings_file(case.folder.path()));
    let error = EmbeddingTable::load(&missing).unwrap_err();
    assert!(error.to_string().contains("nowhere.embeddings"), "{error}");
    let error = example().save(&case.folder.path().join("no/such/folder")).unwrap_err();
    assert!(error.to_string().contains("no/such/folder"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn save_then_load_is_the_identity(
        names in prop::collection::vec((".*", prop::option::of(".*"), 0u8..3), 0..8),
        dimension in 1usize..5,
        seed in prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, 40),
    ) {
        let roles = [Role::Query, Role::Gallery, Role::Both];
        let row = |(name, identity, role): (String, Option<String>, u8)| {
            Row { identity, role: roles[role as usize], ..Row::new(name) }
        };
        let rows: Vec<Row> = names.into_iter().map(row).collect();
        let values = seed[..rows.len() * dimension].to_vec();
        let table = EmbeddingTable::new(ModelTag::new("m", "f", dimension, Distance::Jaccard), rows, values).unwrap();
        let case = Case::new();
        table.save(&case.path()).unwrap();
        prop_assert_eq!(EmbeddingTable::load(&case.path()).unwrap(), table);
    }
}
