//! Compares the Haar detector with OpenCV's boxes, and tests hostile files and unusual pictures.
#![allow(clippy::unwrap_used)] // in the functions that tests share, too
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use likeness_data::DataError;
use likeness_data::detect::haar::{Cascade, HaarConfig, HaarDetector};
use likeness_data::detect::{Detection, FaceDetector};
use serde::Deserialize;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/haar");

fn golden(name: &str) -> PathBuf {
    Path::new(GOLDEN).join(name)
}

fn golden_xml() -> String {
    fs_err::read_to_string(golden("trees.xml")).unwrap()
}

#[derive(Deserialize)]
struct Case {
    cascade: String,
    picture: String,
    scale_factor: f64,
    min_neighbors: u32,
    min_face_px: u32,
    max_face_px: u32,
    boxes: Vec<[f32; 5]>,
}

fn rows(detections: &[Detection]) -> Vec<[f32; 5]> {
    let row = |d: &Detection| {
        assert!(d.landmarks.is_none());
        [d.face_box.left, d.face_box.top, d.face_box.width, d.face_box.height, d.score]
    };
    detections.iter().map(row).collect()
}

#[test]
fn boxes_are_those_of_opencv() {
    let text = fs_err::read_to_string(golden("expected.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 36);
    for mut case in cases {
        let path = golden(&format!("{}.xml", case.cascade));
        let picture = image::open(golden(&format!("{}.png", case.picture))).unwrap().to_rgb8();
        case.boxes.sort_by(|a, b| b[4].total_cmp(&a[4]));
        for parallel in [false, true] {
            let config = HaarConfig {
                scale_factor: case.scale_factor,
                min_neighbors: case.min_neighbors,
                min_face_px: case.min_face_px,
                max_face_px: case.max_face_px,
                parallel,
            };
            let detector = HaarDetector::from_file(&path, config.clone()).unwrap();
            let found = detector.detect(&[&picture, &picture]).unwrap();
            assert_eq!(rows(&found[0]), case.boxes, "{} on {}, {config:?}", case.cascade, case.picture);
            assert_eq!(found[0], found[1], "a second picture sees nothing of the first");
        }
    }
}

/// The error message of `Cascade::read` for a file with this text.
fn refusal(text: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cascade.xml");
    fs_err::write(&path, text).unwrap();
    match Cascade::read(&path) {
        Err(error @ DataError::BadModel { .. }) => {
            let message = error.to_string();
            message.strip_prefix(&format!("{}: ", path.display())).expect("the file comes first").to_owned()
        }
        other => panic!("expected a bad model, got {other:?}"),
    }
}

/// The error message for the golden cascade with one text in it replaced.
fn refusal_with(from: &str, to: &str) -> String {
    let xml = golden_xml();
    assert!(xml.contains(from), "{from}");
    refusal(xml.replacen(from, to, 1))
}

#[test]
fn truncation_is_refused_at_every_tenth() {
    let xml = golden_xml();
    for tenth in 0..10 {
        assert!(refusal(&xml[..xml.len() * tenth / 10]).starts_with("not XML"), "{tenth}");
    }
}

#[test]
fn other_kinds_of_file_are_named() {
    assert!(refusal("").starts_with("not XML"));
    assert!(refusal([0xff, 0xfe, 0x00]).contains("not a text file"));
    assert!(refusal("<html/>").contains("<html> where <opencv_storage>"));
    assert!(refusal("<opencv_storage/>").contains("nothing in"));
    assert!(refusal_with(">HAAR<", ">LBP<").contains("LBP features, only HAAR"));
    assert!(refusal_with(">HAAR<", ">HOG<").contains("HOG features, only HAAR"));
    assert!(refusal_with(">BOOST<", ">OTHER<").contains("OTHER"));
    assert!(refusal_with("opencv-cascade-classifier", "opencv-haar-classifier").contains("OpenCV 1"));
    assert!(refusal_with("<maxCatCount>0", "<maxCatCount>256").contains("categorical"));
}

#[test]
fn a_million_levels_are_refused() {
    let deep = "<_>".repeat(1_000_000);
    assert!(refusal(&deep).starts_with("not XML"));
    let closed = format!("<opencv_storage>{deep}{}</opencv_storage>", "</_>".repeat(1_000_000));
    assert!(refusal(closed).contains("has no <featureType>"));
    let inside =
        golden_xml().replacen("<features>", &format!("<features>{deep}{}", "</_>".repeat(1_000_000)), 1);
    assert!(refusal(inside).contains("has no <rects>"));
}

#[test]
fn entities_are_not_expanded() {
    let mut bomb = String::from("<!DOCTYPE b [<!ENTITY a0 \"ha\">");
    for i in 1..30 {
        bomb += &format!("<!ENTITY a{i} \"&a{0};&a{0};&a{0};&a{0};&a{0};&a{0};&a{0};&a{0};\">", i - 1);
    }
    bomb += "]><opencv_storage>&a29;</opencv_storage>";
    assert!(refusal(bomb).contains("DTD"));
}

#[test]
fn absurd_numbers_are_refused() {
    for side in ["0", "2", "129", "4294967295", "-24", "99999999999999999999", "x", ""] {
        let message = refusal_with("<width>24<", &format!("<width>{side}<"));
        assert!(message.contains("window") || message.contains("<width>"), "{message}");
    }
    let first_test = "<internalNodes>1 0 0 ";
    assert!(refusal_with(first_test, "<internalNodes>1 0 0 NaN 1 0 0 ").contains("NaN"));
    assert!(refusal_with(first_test, "<internalNodes>1 0 0 1e999 1 0 0 ").contains("inf"));
    assert!(refusal_with(first_test, "<internalNodes>7 0 0 ").contains("node 7 does not exist"));
    assert!(refusal_with(first_test, "<internalNodes>1 -9 0 ").contains("leaf 9 does not exist"));
    assert!(refusal_with(first_test, "<internalNodes>1 1 0 ").contains("reached twice"));
    assert!(refusal_with(first_test, "<internalNodes>1 0 99999 ").contains("uses feature 99999"));
    assert!(refusal_with(first_test, "<internalNodes>1 0 ").contains("four per node"));
    assert!(refusal_with(first_test, "<internalNodes>1 -2147483649 0 ").contains("whole number"));
    assert!(refusal_with("<leafValues>0", "<leafValues>NaN 0").contains("NaN"));
    assert!(
        refusal_with("<stageThreshold>", "<stageThreshold>inf</stageThreshold><stageThreshold>")
            .contains("inf")
    );
    assert!(refusal_with("<stages>", "<stages></stages><stages>").contains("no stages"));
}

#[test]
fn rectangles_outside_of_the_window_are_refused() {
    let xml = golden_xml();
    let start = xml.find("<rects><_>").unwrap() + "<rects><_>".len();
    let end = start + xml[start..].find('<').unwrap();
    let with = |rect: &str| refusal(format!("{}{rect}{}", &xml[..start], &xml[end..]));
    for rect in ["20 0 5 5 -1", "0 14 5 5 -1", "0 0 0 5 -1", "4294967295 0 4294967295 1 -1"] {
        assert!(with(rect).starts_with("feature 0: rectangle"), "{rect}");
    }
    for rect in ["-1 0 5 5 -1", "0 0 5 4294967296 -1"] {
        assert!(with(rect).contains("whole number"), "{rect}");
    }
    assert!(with("0 0 5 5 nan").contains("weight"));
    assert!(with("0 0 5 5").contains("expected five"));
    assert!(
        with("0 0 5 5 1</_><_>0 0 5 5 1</_><_>0 0 5 5 1</_><_>0 0 5 5 1")
            .contains("rectangles, expected 1 to 3")
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = Cascade::read(Path::new("no/such/cascade.xml")).unwrap_err();
    assert!(
        matches!(error, DataError::Io(_)) && error.to_string().contains("no/such/cascade.xml"),
        "{error}"
    );
}

fn detector(config: HaarConfig) -> HaarDetector {
    HaarDetector::from_file(&golden("tilted.xml"), config).unwrap()
}

#[test]
fn pictures_without_room_for_a_window_have_no_faces() {
    let detector = detector(HaarConfig { min_neighbors: 0, ..HaarConfig::default() });
    for (width, height) in [(0, 0), (1, 1), (1, 3000), (3000, 1), (20, 27), (21, 26), (21, 27), (22, 28)] {
        let flat = RgbImage::from_pixel(width, height, Rgb([200; 3]));
        assert_eq!(detector.detect_one(&flat).unwrap(), [], "{width}×{height}");
    }
}

#[test]
fn bright_pictures_do_not_overflow() {
    // The sum of the pixels exceeds 2³¹, and the sum of their squares exceeds 2³² many times.
    let side = 3001;
    let picture = RgbImage::from_fn(side, side, |x, y| Rgb([255 - ((x * 7 + y * 13) % 3) as u8; 3]));
    let config = HaarConfig { min_neighbors: 0, min_face_px: 200, max_face_px: 240, ..HaarConfig::default() };
    for parallel in [false, true] {
        for found in detector(HaarConfig { parallel, ..config.clone() }).detect_one(&picture).unwrap() {
            assert!(found.face_box.right() <= side as f32 && found.face_box.bottom() <= side as f32);
        }
    }
}

#[test]
fn a_cascade_that_turns_nothing_away_is_told_and_ends() {
    let xml = golden_xml();
    let (mut open, mut rest) = (String::new(), xml.as_str());
    while let Some((before, after)) = rest.split_once("<stageThreshold>") {
        open += &format!("{before}<stageThreshold>-1e9");
        rest = &after[after.find('<').unwrap()..];
    }
    let cascade = Cascade::from_xml(&(open + rest)).unwrap();
    let picture = |side| RgbImage::from_fn(side, side, |x, y| Rgb([((x * 31 + y * 17) % 256) as u8; 3]));
    for min_neighbors in [0, 3] {
        let config = HaarConfig { min_neighbors, ..HaarConfig::default() };
        let detector = HaarDetector::new(cascade.clone(), config).unwrap();
        let error = detector.detect(&[&picture(400)]).unwrap_err().to_string();
        assert!(error.contains("windows of the picture as faces, expected at most 100000"), "{error}");
        let found = detector.detect(&[&picture(120)]).unwrap().remove(0);
        assert_eq!(found.len() > 1000, min_neighbors == 0, "{}", found.len());
    }
}

#[test]
fn senseless_settings_are_refused() {
    let refused = |config: HaarConfig| config.validate().unwrap_err().to_string();
    for scale_factor in [1.0, 0.5, -1.1, f64::NAN, f64::INFINITY] {
        assert!(refused(HaarConfig { scale_factor, ..HaarConfig::default() }).contains("scale_factor"));
    }
    let config = HaarConfig { min_face_px: 50, max_face_px: 40, ..HaarConfig::default() };
    assert!(refused(config).contains("max_face_px is 40, below min_face_px, 50"));
}

fn shared() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    std::env::var_os("LIKENESS_SHARED").map_or_else(|| default.into(), PathBuf::from)
}

fn portraits() -> Vec<RgbImage> {
    let folder = shared().join("data/london/neutral_front");
    let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "jpg")).collect();
    paths.sort();
    paths.iter().map(|path| image::open(path).unwrap().to_rgb8()).collect()
}

/// OpenCV 4.14 finds a box in each of the 102 portraits. The box with by far the highest score is the face in the middle.
#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn the_face_is_found_on_real_portraits() {
    let portraits = portraits();
    assert_eq!(portraits.len(), 102);
    for name in ["frontalface_default", "frontalface_alt", "frontalface_alt2"] {
        let path = shared().join(format!("weights/detectors/haarcascade_{name}.xml"));
        let detector = HaarDetector::from_file(&path, HaarConfig::default()).unwrap();
        let right = |image: &&RgbImage| {
            let found = detector.detect_one(image).unwrap();
            let centre = found.first().map(|face| face.face_box.centre());
            centre.is_some_and(|c| (c.x - 240.0).abs() < 60.0 && (c.y - 240.0).abs() < 60.0)
        };
        let count = portraits.iter().filter(right).count();
        assert!(count >= 101, "{name}: {count} of {}", portraits.len());
    }
}
