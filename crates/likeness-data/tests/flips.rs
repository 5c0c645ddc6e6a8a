//! Flips every bit of every file in a dataset: each flip is either reported with the file's name or has no effect.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use common::photo;
use likeness_data::DataError;
use likeness_data::dataset::{Dataset, read_card};
use likeness_data::decode::PhotoReader;
use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareRun, Prepared, prepare};
use likeness_data::settings::{FaceFormat, PrepareConfig};

/// Creates a dataset of three faces in `folder`/out.
fn dataset(folder: &Path, format: FaceFormat) -> PathBuf {
    for name in ["ann/1.png", "ann/2.png", "bob/1.png"] {
        photo(&folder.join("photos").join(name), 3);
    }
    run(folder, format).unwrap();
    folder.join("out")
}

fn run(folder: &Path, format: FaceFormat) -> Result<Prepared, DataError> {
    let (stop, limits) = (AtomicBool::new(false), Limits::default());
    let run = PrepareRun {
        detector: None,
        stop: &stop,
        progress: &|_, _| {},
        limits,
        threads: 1,
        replace: false,
        exclude: None,
    };
    let config = PrepareConfig { size: 8, format, ..PrepareConfig::default() };
    prepare(&folder.join("photos"), &folder.join("out"), &config, &run)
}

/// Flips every `step`th bit of the file at `path`, calls `check` after each flip, and restores the file.
fn each_flip(path: &Path, step: usize, mut check: impl FnMut(usize)) {
    let whole = fs_err::read(path).unwrap();
    // A new file each time: some file systems sync a file that is truncated and rewritten.
    let put = |bytes: &[u8]| {
        fs_err::remove_file(path).unwrap();
        fs_err::write(path, bytes).unwrap();
    };
    for bit in (0..whole.len() * 8).step_by(step) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        put(&bytes);
        check(bit);
    }
    put(&whole);
}

#[test]
fn tables_and_card_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let out = dataset(folder.path(), FaceFormat::Png);
    Dataset::open(&out).unwrap();
    for name in ["dataset.toml", "manifest.csv", "labels.txt"] {
        each_flip(&out.join(name), 1, |bit| {
            let error = Dataset::open(&out).expect_err(&format!("{name}, bit {bit}"));
            assert!(error.to_string().contains(name), "{name}, bit {bit}: {error}");
        });
    }
    Dataset::open(&out).unwrap();
}

#[test]
fn the_journal_never_vouches_for_what_is_not_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = dataset(folder.path(), FaceFormat::Png);
    let faces = || common::contents(&out, ".prepare.journal");
    let (path, before) = (out.join(".prepare.journal"), faces());
    let settings = fs_err::read_to_string(&path).unwrap().find('\n').unwrap();
    // Each run takes a while, so only a sample is tested, with every position within a byte. `journal/lines.rs` tests every bit.
    const STEP: usize = 151;
    let (mut refused, mut passed) = (0, 0);
    each_flip(&path, STEP, |bit| match run(folder.path(), FaceFormat::Png) {
        Ok(prepared) => {
            assert!(bit / 8 > settings, "bit {bit}: damaged settings pass");
            assert!(prepared.worked <= 2 && faces() == before, "bit {bit}");
            passed += 1;
        }
        Err(error) => {
            assert!(error.to_string().contains(".prepare.journal is damaged"), "bit {bit}: {error}");
            assert!(bit / 8 <= settings && faces() == before, "bit {bit}: {error}");
            refused += 1;
        }
    });
    assert!(refused > settings * 8 / STEP - 2 && passed > 40, "{refused} refused, {passed} passed");
}

#[test]
fn faces_decode_to_the_same_pixels_or_are_refused() {
    for format in [FaceFormat::Png, FaceFormat::Jpeg] {
        let folder = tempfile::tempdir().unwrap();
        let out = dataset(folder.path(), format);
        let dataset = Dataset::open(&out).unwrap();
        let face = &dataset.faces[0];
        let reader = PhotoReader::default();
        let path = dataset.path_of(face);
        let whole = reader.read(&path).unwrap();
        dataset.check_face(face, &whole.sha256).unwrap();
        let mut undetected = 0;
        each_flip(&path, 1, |bit| {
            let Ok(read) = reader.read(&path) else { return };
            let refused = dataset.check_face(face, &read.sha256).unwrap_err();
            assert!(refused.to_string().contains("faces/ann/1."), "{refused}");
            undetected += usize::from(read.image != whole.image);
            assert!(format != FaceFormat::Png || read.image == whole.image, "bit {bit}");
        });
        // Without the checksum in the manifest most flips of a JPEG would go unnoticed.
        assert_eq!(undetected > 0, format == FaceFormat::Jpeg);
    }
}

#[test]
fn datasets_of_earlier_versions_open_and_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = dataset(folder.path(), FaceFormat::Png);
    let plain = |text: String, keep: &dyn Fn(&str) -> bool| -> String {
        text.lines().filter(|l| keep(l)).map(|l| format!("{l}\n")).collect()
    };
    let card = fs_err::read_to_string(out.join("dataset.toml")).unwrap();
    fs_err::write(
        out.join("dataset.toml"),
        plain(card, &|l| !l.contains("_sha256 = ") || l.starts_with("input")),
    )
    .unwrap();
    let manifest = fs_err::read_to_string(out.join("manifest.csv")).unwrap();
    let without_last = |l: &str| format!("{}\n", l.rsplit_once(',').unwrap().0);
    fs_err::write(out.join("manifest.csv"), manifest.lines().map(without_last).collect::<String>()).unwrap();
    let journal = fs_err::read_to_string(out.join(".prepare.journal")).unwrap();
    let sums = |l: &str| format!("{}\n", l.rsplit_once('\t').unwrap().0);
    let lines = plain(journal, &|l| !l.contains("synced")).lines().map(sums).collect::<String>();
    assert!(!lines.contains('\t'));
    fs_err::write(out.join(".prepare.journal"), lines).unwrap();
    let dataset = Dataset::open(&out).unwrap();
    assert_eq!(dataset.faces.len(), 3);
    assert!(dataset.faces.iter().all(|f| f.face_sha256.is_none()));
    dataset.check_face(&dataset.faces[0], "anything").unwrap();
    assert_eq!(read_card(&out.join("dataset.toml")).unwrap().card_sha256, "");
    assert_eq!(run(folder.path(), FaceFormat::Png).unwrap().worked, 0);
    assert!(!read_card(&out.join("dataset.toml")).unwrap().card_sha256.is_empty());
}
