//! Tests the registry: the list, the search for files, and imports. Tests of downloads are in `registry/download.rs`.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

#[path = "registry/download.rs"]
mod download;

use std::path::Path;

use likeness_model::Terms;
use likeness_model::registry::entry::parse;
use likeness_model::registry::{
    DetectorFamily, Import, ModelKind, Places, Verification, entries, import, sha256_of,
};

/// Arbitrary bytes, longer than a block.
fn content() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn sum(content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs_err::write(&path, content).unwrap();
    sha256_of(&path).unwrap().0
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != likeness_artifact::LOCK_FILE)
        .collect();
    names.sort();
    names
}

#[test]
fn every_licence_that_demands_a_warning_has_one_that_says_why() {
    assert!(entries().len() >= 15);
    for entry in entries() {
        let licence = entry.licence.to_lowercase();
        let demands = [("non-commercial", "non-commercial"), ("gpl", "gpl"), ("not stated", "not known")];
        let warning = entry.warning.as_deref().unwrap_or_default().to_lowercase();
        let mut demanded = false;
        for (in_licence, in_warning) in demands {
            if licence.contains(in_licence) {
                demanded = true;
                assert!(warning.contains(in_warning), "{}: {warning}", entry.name);
            }
        }
        assert_eq!(demanded, entry.terms != Terms::Permissive, "{}", entry.name);
        assert!(
            !entry.source.contains("InsightFace") || entry.terms == Terms::NonCommercial,
            "{}",
            entry.name
        );
    }
}

#[test]
fn every_entry_is_whole_and_a_checksum_in_a_file_name_is_that_of_the_registry() {
    for entry in entries() {
        assert!(
            entry.url.is_some() || entry.sha256.is_some(),
            "{}: neither address nor checksum",
            entry.name
        );
        let stem = entry.file.split('.').next().unwrap();
        let Some((_, in_name)) = stem.rsplit_once('-') else { continue };
        if in_name.len() == 8 && in_name.bytes().all(|b| b.is_ascii_hexdigit()) {
            assert!(entry.sha256.as_deref().unwrap().starts_with(in_name), "{}", entry.name);
        }
    }
    let auto: Vec<_> = entries().iter().filter_map(|entry| entry.auto).collect();
    assert_eq!(auto, (1..=auto.len() as u8).collect::<Vec<_>>(), "the order of --detector auto");
}

#[test]
fn a_registry_that_contradicts_itself_is_refused() {
    let good = "[[model]]\nname = \"a\"\nkind = \"backbone\"\nabout = \"\"\nsource = \"\"\nlicence = \"MIT\"\n\
                terms = \"permissive\"\nfile = \"a.pth\"\n";
    assert_eq!(parse(good).unwrap().len(), 1);
    for (text, reason) in [
        (format!("{good}{good}"), "twice"),
        (good.replace("permissive", "copyleft"), "warning"),
        (good.replace("a.pth", "../a.pth"), "plain"),
        (format!("{good}sha256 = \"12\"\n"), "not a SHA-256"),
        (format!("{good}url = \"http://a/b\"\n"), "https://"),
        (format!("{good}url = \"https://a/b\"\n"), "how it was confirmed"),
        (format!("{good}url = \"https://a/b\"\nconfirmed = \"stated\"\n"), "without a whole checksum"),
        (good.replace("backbone", "detector"), "family"),
        (good.replace("backbone", "embedder"), "preprocessing"),
        (format!("{good}size = 3\n"), "unknown field"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(reason), "expected {reason}: {error}");
    }
}

#[test]
fn the_best_detector_present_wins_under_any_known_name_and_one_folder_down() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::only([folder.path().to_owned()]);
    assert!(places.best_detector().is_none());
    let below = folder.path().join("detectors");
    fs_err::create_dir_all(&below).unwrap();
    let steps = [
        ("haarcascade_eye.xml", None),
        ("haarcascade_frontalface_alt.xml", Some(DetectorFamily::Haar)),
        ("ultra-light-rfb-320.onnx", Some(DetectorFamily::UltraLight)),
        ("yolov8-face-lite-t.onnx", Some(DetectorFamily::Yolov8Face)),
        ("scrfd_500m_kps.onnx", Some(DetectorFamily::Scrfd)),
        ("face_detection_yunet_2026may.onnx", Some(DetectorFamily::Yunet)),
    ];
    for (file, best) in steps {
        fs_err::write(below.join(file), "x").unwrap();
        assert_eq!(places.best_detector().and_then(|(entry, _)| entry.family), best, "{file}");
    }
    assert_eq!(places.best_detector().unwrap().1, below.join("face_detection_yunet_2026may.onnx"));
}

#[test]
fn a_model_is_found_by_entry_file_name_or_stem_and_never_outside() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::only([folder.path().join("models")]);
    fs_err::create_dir_all(folder.path().join("models")).unwrap();
    fs_err::write(folder.path().join("outside.onnx"), "x").unwrap();
    fs_err::write(folder.path().join("models/mine.onnx"), "x").unwrap();
    fs_err::write(folder.path().join("models/w600k_mbf.onnx"), "x").unwrap();
    for name in ["mine", "mine.onnx", "arcface-w600k-mbf", "w600k_mbf.onnx"] {
        assert!(places.find_by_name(name).is_some(), "{name}");
    }
    for name in ["../outside", "../outside.onnx", "outside", "", "..", "models"] {
        assert!(places.find_by_name(name).is_none(), "{name}");
    }
}

#[test]
fn an_import_keeps_the_name_brings_the_settings_and_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let (file, models) = (folder.path().join("mine.onnx"), folder.path().join("models"));
    fs_err::write(&file, content()).unwrap();
    fs_err::write(folder.path().join("mine.toml"), "input_size = [96, 96]\n").unwrap();
    let how = Import { file: &file, folder: &models, name: None, replace: false };
    let imported = import(&how).unwrap();
    assert_eq!((imported.copied, imported.sha256.as_str()), (true, sum(&content()).as_str()));
    assert!(imported.entry.is_none());
    assert_eq!(fs_err::read(&imported.path).unwrap(), content());
    assert_eq!(names(&models), ["mine.onnx", "mine.toml"]);
    assert!(!import(&how).unwrap().copied);

    fs_err::write(&file, "another").unwrap();
    fs_err::write(folder.path().join("mine.toml"), "input_size = [80, 80]\n").unwrap();
    let error = import(&how).unwrap_err();
    assert!(error.to_string().contains("another file with this name exists"), "{error}");
    assert_eq!(fs_err::read(models.join("mine.onnx")).unwrap(), content());
    assert!(import(&Import { replace: true, ..how }).unwrap().copied);
    assert_eq!(fs_err::read(models.join("mine.onnx")).unwrap(), b"another");
    let settings = || fs_err::read_to_string(models.join("mine.toml")).unwrap();
    assert_eq!(settings(), "input_size = [80, 80]\n", "the settings are those of the new file");
    let renamed = import(&Import { name: Some("other"), ..how }).unwrap();
    assert_eq!(renamed.path, models.join("other.onnx"));
    assert_eq!(names(&models), ["mine.onnx", "mine.toml", "other.onnx", "other.toml"]);

    // The settings of the old file would apply to a new one that has none.
    fs_err::remove_file(folder.path().join("mine.toml")).unwrap();
    fs_err::write(&file, "a third").unwrap();
    let error = import(&Import { replace: true, ..how }).unwrap_err();
    assert!(error.to_string().contains("mine.toml: contains the settings of another file"), "{error}");
    assert_eq!(fs_err::read(models.join("mine.onnx")).unwrap(), b"another");
    fs_err::remove_file(models.join("mine.toml")).unwrap();
    assert!(import(&Import { replace: true, ..how }).unwrap().copied);
    let error = import(&Import { name: Some("MINE"), ..how }).unwrap_err();
    assert!(error.to_string().contains("differs only in upper and lower case"), "{error}");
    assert!(names(&models).iter().all(|name| !likeness_artifact::is_temporary(name)));
}

#[test]
fn two_imports_into_one_folder_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (file, models) = (folder.path().join("mine.onnx"), folder.path().join("models"));
    fs_err::write(&file, "x").unwrap();
    fs_err::create_dir(&models).unwrap();
    let lock = likeness_artifact::FolderLock::acquire(&models).unwrap();
    let how = Import { file: &file, folder: &models, name: None, replace: false };
    let error = import(&how).unwrap_err();
    assert!(error.to_string().contains("another process is working in this folder"), "{error}");
    assert!(error.hint().is_some() && names(&models).is_empty());
    drop(lock);
    import(&how).unwrap();
    let error = import(&Import { folder: &file, ..how }).unwrap_err();
    assert!(error.to_string().contains("mine.onnx: is not a folder"), "{error}");
}

#[test]
fn a_file_gets_the_name_of_no_registry_entry_that_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let file = folder.path().join("x.onnx");
    fs_err::write(&file, "not yunet").unwrap();
    let own = "face_detection_yunet_2026may.onnx";
    for name in ["yunet", "YuNet", own, "face_detection_yunet_2026may", "FACE_detection_yunet_2026may.ONNX"] {
        let how = Import { file: &file, folder: &models, name: Some(name), replace: true };
        let error = import(&how).unwrap_err();
        assert!(error.to_string().contains("x.onnx: is not yunet"), "{name}: {error}");
        assert!(error.hint().unwrap().contains("another --name"), "{error}");
    }
    // The same applies to the file's own name.
    let named = folder.path().join(own);
    fs_err::rename(&file, &named).unwrap();
    let how = Import { file: &named, folder: &models, name: None, replace: false };
    assert!(import(&how).unwrap_err().to_string().contains("is not yunet"));
    assert!(!models.exists(), "nothing is made for a file that is refused");
    assert_eq!(import(&Import { name: Some("mine"), ..how }).unwrap().path, models.join("mine.onnx"));
}

#[test]
fn what_is_no_model_is_not_imported() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, text) = (folder.path().join("empty.onnx"), folder.path().join("notes.txt"));
    fs_err::write(&empty, "").unwrap();
    fs_err::write(&text, "x").unwrap();
    let models = folder.path().join("models");
    let fails = |file: &Path, name| {
        import(&Import { file, folder: &models, name, replace: false }).unwrap_err().to_string()
    };
    assert!(fails(&empty, None).contains("the file is empty"));
    assert!(fails(&text, None).contains("not a model file: unknown extension"));
    assert!(fails(folder.path(), None).contains("expected a model file"));
    assert!(fails(&folder.path().join("absent.onnx"), None).ends_with("absent.onnx: no such file"));
    fs_err::write(&empty, "x").unwrap();
    assert!(fails(&empty, Some("../up")).contains("plain name"));
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn published_files_on_this_machine_have_the_checksums_of_the_registry() {
    let shared = std::env::var_os("LIKENESS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), Into::into);
    let weights = shared.join("weights");
    let places = Places::only([weights.clone()]);
    let mut present = 0;
    for entry in entries() {
        let Some(path) = places.find(entry) else { continue };
        let (sha256, _) = sha256_of(&path).unwrap();
        assert_eq!(entry.verify(&sha256), Verification::Verified, "{}", path.display());
        present += 1;
    }
    assert_eq!(present, 12);
    let (best, path) = places.best_detector().unwrap();
    assert_eq!((best.name.as_str(), best.kind), ("yunet", ModelKind::Detector));
    assert!(path.starts_with(weights.join("detectors")));
}
