//! Tests embeddings by other programs: every form is read exactly, and every malformed file is an error that names it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::Write;
use std::path::{Path, PathBuf};

use likeness_search::{
    Distance, EmbeddingTable, ForeignFault, ForeignFormat, ModelTag, RankConfig, Row, SearchError, TableKind,
    rank,
};
use zip::write::SimpleFileOptions;

const VALUES: &str = "0.1,-0.2,0.3,1e-3,0.5,0.6,0.7,0.8";

#[derive(serde::Deserialize)]
struct Expected {
    values: Vec<f32>,
    names: Vec<String>,
    labels: Vec<String>,
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/foreign").join(name)
}

fn expected() -> Expected {
    serde_json::from_slice(&fs_err::read(golden("expected.json")).unwrap()).unwrap()
}

fn load(path: &Path) -> (EmbeddingTable, Vec<String>) {
    assert!(matches!(TableKind::of(path), TableKind::Foreign(_)), "{}", path.display());
    EmbeddingTable::load_with_notes(path).unwrap()
}

fn names(table: &EmbeddingTable) -> Vec<&str> {
    table.rows().iter().map(|row| row.name.as_str()).collect()
}

/// The fault of the file, which the message must name.
fn fault(path: &Path) -> ForeignFault {
    let error = EmbeddingTable::load(path).unwrap_err();
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    assert!(error.to_string().contains(&name), "{error}");
    match error {
        SearchError::BadForeignFile { fault, .. } => fault,
        error => panic!("{error:?}"),
    }
}

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs_err::write(&path, bytes).unwrap();
        path
    }
}

/// An array of version 1.0.
fn npy(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn matrix(rows: &[[f32; 2]]) -> Vec<u8> {
    let data: Vec<u8> = rows.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f4", &format!("({}, 2)", rows.len()), &data)
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn every_float_array_of_numpy_is_read_exactly() {
    let Expected { values, .. } = expected();
    let arrays = ["f2_little", "f4_little", "f8_little", "f2_big", "f4_big", "f8_big"];
    for name in arrays.into_iter().chain(["fortran", "version_2", "version_3"]) {
        let (table, notes) = load(&golden(&format!("{name}.npy")));
        assert_eq!((table.len(), table.dimension()), (3, 9), "{name}");
        assert_eq!(table.embeddings(), values, "{name}");
        assert_eq!(names(&table), ["row 0001", "row 0002", "row 0003"], "{name}");
        assert!(table.model().is_external());
        assert_eq!(
            (table.model().fingerprint.as_str(), table.model().distance),
            ("external:9", Distance::Euclidean)
        );
        assert!(
            notes[0].contains(&format!("write one name per line to {}", golden(name).display())),
            "{notes:?}"
        );
    }
    let (table, _) = load(&golden("one_row.npy"));
    assert_eq!((table.len(), table.embeddings()), (1, &values[..9]));
}

#[test]
fn archives_and_tables_hold_names_and_identities() {
    let Expected { values, names: expected_names, labels } = expected();
    for name in ["named.npz", "compressed.npz", "big_endian.npz", "values.csv", "lines.csv"] {
        let (table, _) = load(&golden(name));
        assert_eq!(table.embeddings(), values, "{name}");
        if name != "values.csv" {
            assert_eq!(names(&table), expected_names, "{name}");
        }
    }
    let identities = |name: &str| -> Vec<Option<String>> {
        load(&golden(name)).0.rows().iter().map(|row| row.identity.clone()).collect()
    };
    let labels: Vec<_> =
        labels.into_iter().map(|label| Some(label).filter(|label| !label.is_empty())).collect();
    assert_eq!(identities("named.npz"), labels);
    assert_eq!(identities("compressed.npz"), ["7", "-1", "7"].map(|id| Some(id.to_owned())));
    assert_eq!(identities("lines.csv"), [None, None, None]);
    // Names from `files` are paths; other names are paths only if there is such a file.
    let paths = |name: &str| load(&golden(name)).0.rows()[0].path.clone();
    assert_eq!(paths("big_endian.npz"), golden("ann 1.jpg").to_string_lossy());
    assert_eq!(paths("named.npz"), "");
}

#[test]
fn arrays_that_hold_no_embeddings_are_rejected() {
    let objects = EmbeddingTable::load(&golden("objects.npy")).unwrap_err();
    assert!(
        objects.to_string().ends_with("objects.npy: holds Python objects, which are never loaded"),
        "{objects}"
    );
    assert!(objects.hint().unwrap().contains("float array"));
    assert!(matches!(fault(&golden("named_fields.npy")), ForeignFault::BadType { .. }));
    assert!(matches!(fault(&golden("integers.npy")), ForeignFault::BadType { .. }));
    let several = EmbeddingTable::load(&golden("two_matrices.npz")).unwrap_err().to_string();
    assert!(several.ends_with("two_matrices.npz: several arrays could be the embeddings: a, b"), "{several}");
    let names = EmbeddingTable::load(&golden("object_names.npz")).unwrap_err();
    assert!(names.to_string().contains("object_names.npz: array names: holds Python objects"), "{names}");
    assert!(names.hint().unwrap().contains("numpy.asarray(names"));
}

#[test]
fn names_are_read_from_a_text_file_beside_the_array() {
    let case = Case::new();
    let array = case.file("faces.npy", matrix(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
    case.file("faces.txt", "ann.jpg\nbob.jpg\nann.jpg\n");
    case.file("ann.jpg", "a photo");
    let (table, notes) = load(&array);
    assert_eq!(names(&table), ["ann.jpg", "bob.jpg", "ann.jpg"]);
    assert_eq!(
        table.rows().iter().map(|row| row.face).collect::<Vec<_>>(),
        [0, 0, 1],
        "two faces of ann.jpg"
    );
    assert_eq!(table.rows()[0].path, case.folder.path().join("ann.jpg").to_string_lossy());
    assert_eq!(table.rows()[1].path, "");
    assert!(notes.iter().all(|note| !note.contains("no names")), "{notes:?}");
    let preferred = case.file("faces.names.txt", "a\nb\nc\n");
    assert_eq!(names(&load(&array).0), ["a", "b", "c"]);
    for (text, expected) in [
        (&b"a\nb\n"[..], ForeignFault::BadCount { expected: 3, found: 2 }),
        (b"a\n\nc\n", ForeignFault::NoName { entry: 2 }),
        (b"a\nb\n\xE9\n", ForeignFault::BadText { entry: 3 }),
    ] {
        fs_err::write(&preferred, text).unwrap();
        let error = EmbeddingTable::load(&array).unwrap_err();
        assert!(error.to_string().contains("faces.names.txt"), "{error}");
        assert_eq!(fault(&array), expected);
    }
}

#[test]
fn values_that_are_not_finite_are_named() {
    let case = Case::new();
    for (value, found) in [(f64::NAN, "NaN"), (f64::NEG_INFINITY, "-inf"), (1e40, "1e40")] {
        let data: Vec<u8> =
            [1.0, 2.0, 3.0, value].iter().flat_map(|value: &f64| value.to_le_bytes()).collect();
        let path = case.file("bad.npy", npy("<f8", "(2, 2)", &data));
        let ForeignFault::NotFinite { row: 2, column: 2, found: named } = fault(&path) else { panic!() };
        assert_eq!(named.parse::<f64>().unwrap().to_string(), value.to_string(), "{found}");
    }
    let path = case.file("bad.csv", format!("ann,{VALUES}\nbob,{}\n", VALUES.replace("0.3", "nan")));
    assert_eq!(fault(&path), ForeignFault::NotFinite { row: 2, column: 3, found: "nan".into() });
}

#[test]
fn rows_of_zeros_are_photos_without_a_face() {
    let case = Case::new();
    let path = case.file("faces.npy", matrix(&[[0.0, 0.0], [3.0, 4.0], [-0.0, 0.0]]));
    let (table, _) = load(&path);
    assert_eq!((names(&table), table.embeddings()), (vec!["row 0002"], &[3.0, 4.0][..]));
    assert_eq!(
        table.skipped().iter().map(|photo| photo.row.name.as_str()).collect::<Vec<_>>(),
        ["row 0001", "row 0003"]
    );
    assert_eq!(fault(&case.file("zeros.npy", matrix(&[[0.0, 0.0]]))), ForeignFault::Empty);
    assert_eq!(fault(&case.file("none.npy", npy("<f4", "(0, 128)", b""))), ForeignFault::Empty);
}

#[test]
fn embeddings_of_unit_length_have_the_cosine_distance() {
    let case = Case::new();
    let distance = |rows| load(&case.file("faces.npy", matrix(rows))).0.model().distance;
    assert_eq!(distance(&[[0.6, 0.8], [-1.0, 0.0]]), Distance::Cosine);
    assert_eq!(distance(&[[0.6, 0.8], [-1.1, 0.0]]), Distance::Euclidean);
}

#[test]
fn every_truncation_is_an_error() {
    let case = Case::new();
    for name in ["f4_little.npy", "f8_big.npy", "named.npz", "compressed.npz", "big_endian.npz"] {
        let whole = fs_err::read(golden(name)).unwrap();
        for length in (0..whole.len()).step_by(3) {
            let path = case.file(name, &whole[..length]);
            assert!(matches!(TableKind::of(&path), TableKind::Foreign(_)), "{name} at {length}");
            fault(&path);
        }
    }
    let mut long = fs_err::read(golden("f4_little.npy")).unwrap();
    long.push(0);
    assert_eq!(fault(&case.file("long.npy", long)), ForeignFault::BadLength { expected: 108, found: 109 });
    let line = format!("ann,{VALUES}\nbob,0.1\n");
    assert_eq!(fault(&case.file("cut.csv", line)), ForeignFault::BadLine { line: 2, expected: 9, found: 2 });
}

#[test]
fn flipped_bits_never_panic_and_those_in_archives_are_found() {
    let case = Case::new();
    for name in ["f4_little.npy", "named.npz", "compressed.npz", "lines.csv"] {
        let whole = fs_err::read(golden(name)).unwrap();
        for bit in (0..8 * whole.len()).step_by(17) {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Err(error) = EmbeddingTable::load(&case.file(name, &flipped)) {
                assert!(error.to_string().contains(name), "bit {bit}: {error}");
            }
        }
    }
}

#[test]
fn declared_sizes_take_no_memory() {
    let case = Case::new();
    for shape in ["(1000000000000, 128)", "(4611686018427387904, 4)", "(99999999999999999999999, 1)"] {
        let array = npy("<f4", shape, &[0; 64]);
        fault(&case.file("huge.npy", &array));
        fault(&case.file("huge.npz", archive(&[("embeddings.npy", &array)])));
    }
    let names = npy("<U268435455", "(1,)", b"");
    let row = matrix(&[[1.0, 2.0]]);
    let path = case.file("names.npz", archive(&[("embeddings.npy", &row), ("names.npy", &names)]));
    assert!(matches!(fault(&path), ForeignFault::BadLength { .. } | ForeignFault::TooLarge { .. }));
    let long_header = [b"\x93NUMPY\x02\x00\xFF\xFF\xFF\x7F", &[b' '; 64][..]].concat();
    assert!(matches!(fault(&case.file("header.npy", long_header)), ForeignFault::BadHeader { .. }));
    let version = b"\x93NUMPY\x09\x00\x10\x00".to_vec();
    assert_eq!(
        fault(&case.file("version.npy", version)),
        ForeignFault::UnknownVersion { major: 9, minor: 0 }
    );
}

#[test]
fn archives_without_usable_arrays_are_rejected() {
    let case = Case::new();
    let row = matrix(&[[1.0, 2.0]]);
    let text = npy("<U1", "(1,)", b"a\0\0\0");
    let of = |entries: &[(&str, &[u8])]| fault(&case.file("set.npz", archive(entries)));
    assert!(matches!(of(&[]), ForeignFault::NoMatrix { .. }));
    assert!(matches!(of(&[("notes.txt", b"hello")]), ForeignFault::NoMatrix { .. }));
    let found = of(&[("names.npy", &text), ("ids.npy", &text)]);
    assert_eq!(found, ForeignFault::NoMatrix { found: "names, ids".into() });
    let two = npy("<U1", "(2,)", b"a\0\0\0b\0\0\0");
    let found = of(&[("encodings.npy", &row), ("names.npy", &two)]);
    assert_eq!(found, ForeignFault::BadCount { expected: 1, found: 2 });
    let latin = npy("|S2", "(1,)", b"\xE9\0");
    assert_eq!(of(&[("encodings.npy", &row), ("names.npy", &latin)]), ForeignFault::BadText { entry: 1 });
    let none = npy("<U1", "(1,)", &[0; 4]);
    assert_eq!(of(&[("encodings.npy", &row), ("names.npy", &none)]), ForeignFault::NoName { entry: 1 });
    let surrogate = npy("<U1", "(1,)", &0xD800_u32.to_le_bytes());
    assert_eq!(
        of(&[("encodings.npy", &row), ("labels.npy", &surrogate)]),
        ForeignFault::BadText { entry: 1 }
    );
    assert!(matches!(fault(&case.file("text.npz", "hello")), ForeignFault::BadArchive { .. }));
    assert_eq!(fault(&case.file("text.npy", "hello")), ForeignFault::NotNpy);
}

#[test]
fn photos_and_their_tables_are_no_embeddings() {
    let case = Case::new();
    for (name, bytes) in [
        ("photos.csv", &b"path,label\na.jpg,ann\n"[..]),
        ("attributes.csv", b"image_id,a,b,c,d,e,f,g,h\n1.jpg,1,-1,1,-1,1,1,1,1\n"),
        ("empty.csv", b""),
        ("photo.jpg", b"\xFF\xD8\xFF"),
        ("archive.zip", &archive(&[("photo.jpg", b"\xFF\xD8\xFF")])),
    ] {
        assert_eq!(TableKind::of(&case.file(name, bytes)), TableKind::Other, "{name}");
    }
    // The content decides for arrays and archives.
    let array = matrix(&[[1.0, 2.0]]);
    assert_eq!(TableKind::of(&case.file("a.dat", &array)), TableKind::Foreign(ForeignFormat::Npy));
    let zipped = archive(&[("encodings.npy", &array)]);
    assert_eq!(TableKind::of(&case.file("b.dat", zipped)), TableKind::Foreign(ForeignFormat::Npz));
    assert!(!EmbeddingTable::is_ours(&case.file("a.npy", &array)).unwrap(), "it is never replaced unasked");
}

#[test]
fn two_files_of_one_dimension_are_compared() {
    let case = Case::new();
    let gallery = load(&case.file("old.npy", matrix(&[[3.0, 4.0], [0.0, 1.0]]))).0;
    let queries = load(&case.file("new.npy", matrix(&[[0.0, 2.0]]))).0;
    let config = RankConfig { k: Some(1), allow_self: true };
    let rankings = rank(&queries, &gallery, Distance::Euclidean, &config).unwrap();
    assert_eq!(rankings[0].hits()[0].gallery_id.index(), 1);
    let other = load(&golden("one_row.npy")).0;
    assert!(
        rank(&other, &gallery, Distance::Euclidean, &config)
            .unwrap_err()
            .to_string()
            .contains("received 9 (external)")
    );
    // The user may state the model of the embeddings.
    let model = ModelTag::new("face", "f00d", 2, Distance::Euclidean);
    let computed = EmbeddingTable::new(model.clone(), vec![Row::new("a.jpg")], vec![0.0, 1.0]).unwrap();
    let error = rank(&computed, &gallery, Distance::Euclidean, &config).unwrap_err().to_string();
    assert!(error.contains("does not name its model"), "{error}");
    let stated = gallery.with_model(model.clone()).unwrap();
    assert!(!stated.model().is_external());
    rank(&computed, &stated, Distance::Euclidean, &config).unwrap();
    assert!(other.with_model(model).is_err());
}

#[test]
fn an_embeddings_file_keeps_the_external_model() {
    let case = Case::new();
    let (table, _) = load(&golden("named.npz"));
    let path = case.folder.path().join("set.embeddings");
    table.save(&path).unwrap();
    let saved = EmbeddingTable::load(&path).unwrap();
    assert!(saved.model().is_external());
    assert_eq!(saved.embeddings(), table.embeddings());
}
