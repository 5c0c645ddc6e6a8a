//! Tests the embeddings file: a saved table is loaded unchanged, and any other file is an error that names the file.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::PathBuf;

use likeness_search::{
    Distance, EmbeddingTable, EmbeddingWriter, ModelTag, Role, Row, SearchError, SkippedRow, TableKind,
    TrainedOnPhoto, is_embeddings_file,
};
use proptest::prelude::*;

fn example() -> EmbeddingTable {
    let full = Row {
        name: "0001.jpg".into(),
        face: 1,
        path: "/faces/Zoë \"Z\"\n/0001.jpg".into(),
        sha256: "ab".repeat(32),
        identity: Some("Zoë".into()),
        domain: Some("photo".into()),
        split: Some("test".into()),
        role: Role::Query,
        face_box: Some([12, -3, 40, 50]),
        trained_on: Some(TrainedOnPhoto::Identity),
    };
    let model = ModelTag::new("resnet50", "f00d", 3, Distance::Euclidean);
    let values = vec![0.5, -0.0, f32::MIN_POSITIVE, f32::MAX, 1.0, -2.5];
    let table = EmbeddingTable::new(model, vec![full, Row::new("0002.jpg")], values).unwrap();
    let row = Row { path: "/faces/0003.jpg".into(), ..Row::new("0003.jpg") };
    table.with_skipped(vec![SkippedRow { reason: "no face found".into(), row }])
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
}

fn saved() -> Vec<u8> {
    let case = Case::new();
    example().save(&case.path()).unwrap();
    fs_err::read(case.path()).unwrap()
}

/// Replaces text in a saved file with text of the same length.
fn patched(from: &str, to: &str) -> Vec<u8> {
    replaced(saved(), from, to)
}

fn replaced(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
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
    table.skipped().iter().for_each(|photo| writer.skip(photo));
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

/// Whether the error reports a damaged file, after checking that it names the file.
fn is_damaged(case: &Case, bytes: &[u8]) -> bool {
    let error = case.load(bytes).expect_err("damaged files are refused");
    let message = error.to_string();
    assert!(message.starts_with(&case.path().display().to_string()), "{message}");
    match error {
        SearchError::DamagedFile { .. } => {
            assert!(message.contains(": damaged: "), "{message}");
            assert!(error.hint().unwrap().contains("embed the photos again"));
            true
        }
        SearchError::BadFile { .. } => false,
        other => panic!("expected a damaged file, found {other:?}"),
    }
}

#[test]
fn every_flipped_bit_is_an_error_that_names_the_file() {
    let (case, bytes) = (Case::new(), saved());
    let key = b"\"format_version\":\"";
    let version = bytes.windows(key.len()).position(|w| w == key).unwrap() + key.len();
    for bit in 0..8 * bytes.len() {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // A flipped bit in the version gives another version.
        assert!(is_damaged(&case, &damaged) || bit / 8 == version, "bit {bit}");
        assert_ne!(TableKind::of(&case.path()), TableKind::Other, "bit {bit}");
        assert!(EmbeddingTable::is_ours(&case.path()).unwrap(), "bit {bit}");
    }
}

#[test]
fn every_truncation_and_trailing_bytes_are_errors_that_name_the_file() {
    let (case, bytes) = (Case::new(), saved());
    for length in 0..bytes.len() {
        assert!(is_damaged(&case, &bytes[..length]), "{length}");
        assert_ne!(TableKind::of(&case.path()), TableKind::Other, "{length}");
    }
    for more in [&[0][..], b" ", b"\n", &[0xff; 5000]] {
        assert!(is_damaged(&case, &[&bytes[..], more].concat()), "{more:?}");
    }
    assert!(is_damaged(&case, &[&bytes[..], &bytes[..]].concat()));
}

#[test]
fn exchanged_parts_are_damage() {
    let (case, bytes) = (Case::new(), saved());
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let mut exchanged = bytes.clone();
    exchanged.swap(header + 3, header + 7); // 0.5 and -0.0 become -0.0 and 0.5
    assert!(is_damaged(&case, &exchanged));
    assert!(is_damaged(&case, &patched("resnet50", "resnet18")));
    assert!(is_damaged(&case, &patched("0002.jpg", "0003.jpg")));
}

#[test]
fn a_damaged_file_is_recognised_without_its_extension() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), saved());
    let path = folder.path().join("table");
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    for bit in 0..8 * header {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs_err::write(&path, &damaged).unwrap();
        assert_ne!(TableKind::of(&path), TableKind::Other, "bit {bit}");
        let error = EmbeddingTable::load(&path).unwrap_err().to_string();
        assert!(error.contains("damaged") || error.contains("format version"), "bit {bit}: {error}");
    }
}

#[test]
fn headers_that_lie_about_sizes_are_refused() {
    let (case, bytes) = (Case::new(), saved());
    for length in [0, 1, u64::from(u32::MAX), u64::MAX, (1 << 20) + 1] {
        let mut bytes = bytes.clone();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        assert!(is_damaged(&case, &bytes));
        assert!(!is_embeddings_file(&case.path()), "{length}");
    }
    for (from, to) in [
        ("\"shape\":[2,3]", "\"shape\":[3,2]"),
        ("\"shape\":[2,3]", "\"shape\":[9,9]"),
        ("\"data_offsets\":[0,24]", "\"data_offsets\":[0,99]"),
    ] {
        assert!(is_damaged(&case, &patched(from, to)), "{to}");
    }
}

fn version_one() -> Vec<u8> {
    include_bytes!("golden/embeddings_v1/five.embeddings").to_vec()
}

#[test]
fn a_file_of_version_1_is_read() {
    let case = Case::new();
    let table = case.load(&version_one()).unwrap();
    assert_eq!(table.model(), &ModelTag::new("resnet50", "f00d", 3, Distance::Euclidean));
    let faces: Vec<_> = table.rows().iter().map(|row| (row.name.as_str(), row.face)).collect();
    let crowd = [0, 1, 2].map(|face| ("crowd.jpg", face));
    assert_eq!(faces, [&[("0001.jpg", 0)][..], &crowd, &[("odd.jpg#2", 0)]].concat());
    let full = Row {
        face: 0,
        face_box: None,
        trained_on: None,
        path: "faces/Zoë \"Z\"\n/0001.jpg".into(),
        ..example().rows()[0].clone()
    };
    assert_eq!(table.rows()[0], full);
    assert_eq!(table.embedding(0), example().embedding(0));
    assert_eq!(table.embedding(4), [6.0, 7.0, 8.0]);
    assert!(is_embeddings_file(&case.path()));
    // Saving again writes version 2.
    table.save(&case.path()).unwrap();
    assert!(
        String::from_utf8_lossy(&fs_err::read(case.path()).unwrap()).contains("\"format_version\":\"2\"")
    );
    assert_eq!(EmbeddingTable::load(&case.path()).unwrap().embeddings(), table.embeddings());
}

#[test]
fn paths_in_a_file_of_version_1_start_from_the_current_folder_or_from_the_file() {
    let case = Case::new();
    assert_eq!(
        case.load(&version_one()).unwrap().rows()[1].path,
        "faces/crowd.jpg",
        "there is no such photo"
    );
    let photo = case.folder.path().join("faces/crowd.jpg");
    fs_err::create_dir(photo.parent().unwrap()).unwrap();
    fs_err::write(&photo, b"a photo").unwrap();
    let table = case.load(&version_one()).unwrap();
    assert_eq!(table.rows()[1].photo_path(), Some(photo));
}

#[test]
fn a_damaged_file_of_version_1_never_panics() {
    let (case, bytes) = (Case::new(), version_one());
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x11;
        let _ = case.load(&bytes); // there is no checksum: some flips only change a name or a value
    }
}

/// Replaces text in a file of version 1, which has no checksum, with text of the same length.
fn patched_version_one(from: &str, to: &str) -> Vec<u8> {
    replaced(version_one(), from, to)
}

#[test]
fn each_wrong_part_has_its_own_reason() {
    let case = Case::new();
    let refused = |from: &str, to: &str| case.load(&patched_version_one(from, to)).unwrap_err().to_string();
    let version = refused("\"format_version\":\"1\"", "\"format_version\":\"7\"");
    assert!(version.contains("expected format version 1 or 2, found 7"), "{version}");
    let format = refused("likeness-embeddings", "likeness-something!");
    assert!(format.contains("found likeness-something!"), "{format}");
    let distance = refused("\"distance\":\"euclidean\"", "\"distance\":\"manhattan\"");
    assert!(distance.contains("manhattan: unknown distance"), "{distance}");
    let dimension = refused("\"dimension\":\"3\"", "\"dimension\":\"4\"");
    assert!(dimension.contains("expected the shape [n, 4], found [5, 3]"), "{dimension}");
    let missing = refused("\"fingerprint\"", "\"fingerprimt\"");
    assert!(missing.contains("no fingerprint"), "{missing}");
    let kind = refused("\"dtype\":\"F32\"", "\"dtype\":\"I32\"");
    assert!(kind.contains("embeddings: expected F32, found I32"), "{kind}");
    let row = refused("{\"name\":\"crowd.jpg\"", "{\"nome\":\"crowd.jpg\"");
    assert!(row.contains("row 2 of 5 cannot be parsed"), "{row}");
    let role = refused("\"role\":\"query\"", "\"role\":\"quirk\"");
    assert!(role.contains("row 1 of 5 cannot be parsed"), "{role}");
}

#[test]
fn a_value_that_is_not_finite_is_refused_by_row() {
    let (case, mut bytes) = (Case::new(), version_one());
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    bytes[8 + header + 16..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = case.load(&bytes).unwrap_err().to_string();
    assert!(error.ends_with("crowd.jpg: expected a finite number, found NaN at position 1 of its embedding"));
}

#[test]
fn a_version_2_file_without_its_checksum_is_damaged() {
    let case = Case::new();
    // Also if the file claims to have version 1.
    assert!(is_damaged(&case, &patched("\"sha256\":\"", "\"sha257\":\"")));
    let unchecked = patched("\"format_version\":\"2\"", "\"format_version\":\"1\"");
    assert!(case.load(&unchecked).is_err());
}

#[test]
fn the_checksum_can_be_computed_from_the_documented_rule() {
    use sha2::{Digest, Sha256};
    let bytes = saved();
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let place = bytes.windows(10).position(|w| w == b"\"sha256\":\"").unwrap() + 10;
    let mut start = bytes[..header].to_vec();
    start[place..place + 64].fill(b'0');
    let parts = [Sha256::digest(&bytes[header..header + 24]), Sha256::digest(&bytes[header + 24..])].concat();
    let digest = Sha256::digest([parts, start].concat());
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digits.as_bytes(), &bytes[place..place + 64]);
}

#[test]
fn the_paths_of_photos_below_the_file_move_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before", "after"].map(|name| folder.path().join(name));
    fs_err::create_dir_all(before.join("photos")).unwrap();
    let elsewhere = folder.path().join("elsewhere.jpg");
    for photo in [&before.join("photos/a.jpg"), &elsewhere] {
        fs_err::write(photo, b"a photo").unwrap();
    }
    let row = |path: &std::path::Path| Row { path: path.to_str().unwrap().to_owned(), ..Row::new("a") };
    let rows = vec![row(&before.join("photos/a.jpg")), row(&elsewhere), Row::new("no path")];
    let table =
        EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Cosine), rows, vec![0.0; 3]).unwrap();
    table.save(&before.join("t.embeddings")).unwrap();
    assert_eq!(EmbeddingTable::load(&before.join("t.embeddings")).unwrap(), table);
    fs_err::rename(&before, &after).unwrap();
    let moved = EmbeddingTable::load(&after.join("t.embeddings")).unwrap();
    let paths: Vec<_> = moved.rows().iter().map(Row::photo_path).collect();
    assert_eq!(paths, [Some(after.join("photos/a.jpg")), Some(elsewhere), None]);
    assert!(paths.iter().flatten().all(|path| path.exists()));
}

#[test]
fn only_our_files_and_empty_ones_are_ours() {
    let case = Case::new();
    for (bytes, expected) in [
        (saved(), true),
        (version_one(), true),
        (Vec::new(), true),
        (b"\x89PNG\r\n\x1a\n".to_vec(), false),
        (b"{\"groupname\": \"us\"}".to_vec(), false),
        (b"notes about likeness-embeddings".to_vec(), false),
    ] {
        fs_err::write(case.path(), &bytes).unwrap();
        assert_eq!(EmbeddingTable::is_ours(&case.path()).unwrap(), expected, "{bytes:?}");
    }
    let missing = EmbeddingTable::is_ours(&case.folder.path().join("absent")).unwrap_err().to_string();
    assert!(missing.contains("absent"), "{missing}");
}

#[cfg(unix)]
mod special_files {
    use super::*;
    use std::os::unix::fs::FileTypeExt;
    use std::path::Path;

    /// Creates a device for the test, so that a failing test cannot replace a device of the machine.
    fn device(folder: &Path, name: &str, minor: &str) -> Option<PathBuf> {
        let path = folder.join(name);
        let made = std::process::Command::new("mknod").arg(&path).args(["c", "1", minor]).output();
        // Only root can create a device, and not on every file system.
        (made.is_ok_and(|made| made.status.success()) && fs_err::File::open(&path).is_ok()).then_some(path)
    }

    #[test]
    fn a_device_is_written_through() {
        let case = Case::new();
        let Some(null) = device(case.folder.path(), "null", "3") else { return };
        example().save(&null).unwrap();
        assert!(fs_err::metadata(&null).unwrap().file_type().is_char_device());
        assert_eq!(fs_err::read_dir(case.folder.path()).unwrap().count(), 1, "nothing else is left there");
        let Some(full) = device(case.folder.path(), "full", "7") else { return };
        let error = example().save(&full).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: cannot be written", full.display())), "{error}");
        assert!(fs_err::metadata(&full).unwrap().file_type().is_char_device());
    }

    #[test]
    fn a_pipe_receives_the_whole_file() {
        let case = Case::new();
        let pipe = case.folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs_err::read(pipe).unwrap()
        });
        example().save(&pipe).unwrap();
        assert_eq!(reader.join().unwrap(), saved());
        assert!(fs_err::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(TableKind::of(&pipe), TableKind::Other, "asking must not wait for a writer");
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let case = Case::new();
        let target = case.folder.path().join("target");
        fs_err::os::unix::fs::symlink(&target, case.path()).unwrap();
        example().save(&case.path()).unwrap();
        assert!(fs_err::symlink_metadata(case.path()).unwrap().is_symlink());
        assert_eq!(fs_err::read(&target).unwrap(), saved());
    }
}

#[test]
fn files_of_other_kinds_and_missing_ones() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [&b""[..], b"{\"groupname\": \"us\"}", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &[0xff; 64]] {
        let (photo, table) = (folder.path().join("a.png"), folder.path().join("a.Embeddings"));
        for (path, kind) in [(photo, TableKind::Other), (table, TableKind::DamagedEmbeddings)] {
            fs_err::write(&path, bytes).unwrap();
            assert_eq!(TableKind::of(&path), kind);
            assert!(!is_embeddings_file(&path));
            let error = EmbeddingTable::load(&path).unwrap_err();
            assert_eq!(
                matches!(error, SearchError::DamagedFile { .. }),
                kind == TableKind::DamagedEmbeddings
            );
        }
    }
    let missing = folder.path().join("nowhere.embeddings");
    assert_eq!(TableKind::of(&missing), TableKind::Other);
    assert_eq!(TableKind::of(folder.path()), TableKind::Other);
    let error = EmbeddingTable::load(&missing).unwrap_err();
    assert!(error.to_string().contains("nowhere.embeddings"), "{error}");
    let error = example().save(&folder.path().join("no/such/folder")).unwrap_err();
    assert!(error.to_string().contains("no/such/folder"), "{error}");
    let error = example().save(folder.path()).unwrap_err();
    assert!(error.to_string().contains("is a folder"), "{error}");
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
            Row { identity, face: u32::from(role), role: roles[role as usize], ..Row::new(name) }
        };
        let rows: Vec<Row> = names.into_iter().map(row).collect();
        let values = seed[..rows.len() * dimension].to_vec();
        let table = EmbeddingTable::new(ModelTag::new("m", "f", dimension, Distance::Jaccard), rows, values).unwrap();
        let case = Case::new();
        table.save(&case.path()).unwrap();
        prop_assert_eq!(EmbeddingTable::load(&case.path()).unwrap(), table);
    }
}
