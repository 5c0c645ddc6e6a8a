//! Tests Parquet files by pandas, polars and pyarrow: every form is read exactly, and every other file is an error that names it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use likeness_search::{EmbeddingTable, ForeignFault, ForeignFormat, SearchError, TableKind};

#[derive(serde::Deserialize)]
struct Expected {
    values: Vec<f32>,
    names: Vec<String>,
    labels: Vec<String>,
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/parquet").join(format!("{name}.parquet"))
}

fn expected() -> Expected {
    let file = golden("").with_file_name("expected.json");
    serde_json::from_slice(&fs_err::read(file).unwrap()).unwrap()
}

fn fault(path: &Path) -> ForeignFault {
    let error = EmbeddingTable::load(path).unwrap_err();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(error.to_string().contains(&name), "{error}");
    match error {
        SearchError::BadForeignFile { fault, .. } => fault,
        error => panic!("{error:?}"),
    }
}

/// The names, identities and values of a golden file.
fn table(name: &str) -> (Vec<String>, Vec<String>, Vec<f32>) {
    assert_eq!(TableKind::of(&golden(name)), TableKind::Foreign(ForeignFormat::Parquet), "{name}");
    let table = EmbeddingTable::load(&golden(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(table.model().is_external());
    let names = table.rows().iter().map(|row| row.name.clone()).collect();
    let identities = table.rows().iter().map(|row| row.identity.clone().unwrap_or_default()).collect();
    (names, identities, table.embeddings().to_vec())
}

#[test]
fn every_form_is_read_exactly() {
    let Expected { values, names, labels } = expected();
    let numbers = ["7", "", "7"].map(str::to_owned).to_vec();
    for (files, labels) in [
        (&["list_none", "list_snappy", "list_gzip", "list_zstd", "list_double", "list_half"][..], &labels),
        (
            &["fixed_size", "columns", "byte_stream_split", "structure", "numbers_as_text", "dictionary"],
            &labels,
        ),
        (&["pandas", "pandas_lists", "polars", "polars_lists"], &numbers),
    ] {
        for name in files {
            assert_eq!(&table(name), &(names.clone(), labels.clone(), values.clone()), "{name}");
        }
    }
}

#[test]
fn a_missing_embedding_is_a_photo_without_a_face() {
    let table = EmbeddingTable::load(&golden("missing_row")).unwrap();
    let Expected { values, names, .. } = expected();
    assert_eq!(table.embeddings(), &values[..18]);
    assert_eq!(table.rows()[0].name, names[1]);
    assert_eq!(table.skipped().len(), 1);
    assert_eq!(table.skipped()[0].row.name, names[0]);
}

#[test]
fn files_of_another_schema_name_their_columns() {
    let found = |name: &str| match fault(&golden(name)) {
        ForeignFault::OtherColumns { expected: 8, found } => found,
        fault => panic!("{name}: {fault}"),
    };
    assert_eq!(found("photos"), "path (text), label (integers), width (floats)");
    assert_eq!(found("list_as_text"), "path (text), label (text), embedding (text)");
    let told = EmbeddingTable::load(&golden("photos")).unwrap_err();
    assert!(told.to_string().contains("expected a column embedding with lists of numbers"), "{told}");
    assert!(told.hint().unwrap().contains("list(matrix)"));
    assert_eq!(fault(&golden("two_lists")), ForeignFault::SeveralMatrices { found: "a, b".into() });
}

#[test]
fn faults_name_the_row() {
    assert_eq!(fault(&golden("ragged")), ForeignFault::BadRowLength { row: 3, expected: 9, found: 8 });
    let not_finite = |row, column, found: &str| ForeignFault::NotFinite { row, column, found: found.into() };
    assert_eq!(fault(&golden("nan")), not_finite(2, 5, "NaN"));
    assert_eq!(fault(&golden("missing_value")), not_finite(3, 2, "nothing"));
    let words = ForeignFault::NotNumberInRow { row: 2, column: 4, found: "a half".into() };
    assert_eq!(fault(&golden("words")), words);
    assert_eq!(fault(&golden("no_rows")), ForeignFault::Empty);
}

#[test]
fn a_small_file_of_many_values_is_refused_before_they_are_decoded() {
    let bytes = fs_err::metadata(golden("large")).unwrap().len();
    assert!(bytes < 100_000);
    assert_eq!(fault(&golden("large")), ForeignFault::TooManyValues { limit: 256 * bytes });
}

#[test]
fn other_and_damaged_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    for content in [&b"path,label\na.jpg,ann\n"[..], b"", b"PAR1", b"PAR1PAR1", b"PAR1\0\0\0\xffPAR1"] {
        fs_err::write(&path, content).unwrap();
        assert!(matches!(fault(&path), ForeignFault::BadParquet { .. }), "{content:?}");
    }
    for name in ["list_none", "list_snappy", "columns", "pandas"] {
        let whole = fs_err::read(golden(name)).unwrap();
        for length in (4..whole.len()).step_by(37) {
            fs_err::write(&path, &whole[..length]).unwrap();
            assert!(matches!(fault(&path), ForeignFault::BadParquet { .. }), "{name}, {length} bytes");
        }
        // A flipped bit gives an error or other values, but never a panic.
        for at in (0..8 * whole.len()).step_by(61) {
            let mut bytes = whole.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            fs_err::write(&path, bytes).unwrap();
            let _ = EmbeddingTable::load(&path);
        }
    }
}

#[test]
fn the_content_decides_not_the_ending() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.dat");
    fs_err::copy(golden("list_snappy"), &path).unwrap();
    assert_eq!(TableKind::of(&path), TableKind::Foreign(ForeignFormat::Parquet));
    assert_eq!(EmbeddingTable::load(&path).unwrap().len(), 3);
}
