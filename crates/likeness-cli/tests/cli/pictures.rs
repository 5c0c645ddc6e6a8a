//! Strange pictures through detector, alignment and face file: each is a face, or a counted photo without one.

use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::Value;

use crate::bench::{Bench, told};
use crate::detectors::{cascade, crowd, twelve};

/// Not made here, because no encoder at hand writes it: four inks instead of three lights.
const CMYK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-data/tests/golden/decode/cmyk.jpg");

const STRANGE: usize = 13;

fn strange_pictures() -> Bench {
    let bench = Bench::new();
    fs_err::create_dir(bench.at("photos")).unwrap();
    let at = |name: &str| bench.at(&format!("photos/{name}.png"));
    let shade = |x: u32, y: u32| ((x * 37 + y * 101 + x * y) % 256) as u8;
    for (width, height) in [(1, 1), (1, 300), (300, 1), (1, 5000), (2, 3), (9, 9), (19, 19), (21, 400)] {
        let picture = RgbImage::from_fn(width, height, |x, y| Rgb([shade(x, y), shade(y, x), 90]));
        picture.save(at(&format!("{width}x{height}"))).unwrap();
    }
    GrayImage::from_fn(70, 50, |x, y| Luma([shade(x, y)])).save(at("grey")).unwrap();
    let alpha = RgbaImage::from_fn(70, 50, |x, y| Rgba([shade(x, y), 40, 200, shade(y, x)]));
    alpha.save(at("alpha")).unwrap();
    RgbaImage::from_pixel(70, 50, Rgba([0; 4])).save(at("clear")).unwrap();
    let deep =
        ImageBuffer::<Rgb<u16>, _>::from_fn(70, 50, |x, y| Rgb([(x * 900) as u16, (y * 1300) as u16, 7]));
    deep.save(at("deep")).unwrap();
    fs_err::copy(CMYK, bench.at("photos/cmyk.jpg")).unwrap();
    bench
}

fn json(output: &std::process::Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
    assert!(!told(output).contains("panicked"), "{}", told(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_strange_picture_is_looked_at() {
    let bench = strange_pictures();
    for detector in [twelve(), crowd(), cascade()] {
        let found = json(&bench.run(&["detect", "photos", "--json", "--detector", &detector]));
        assert_eq!(found["photos"].as_array().unwrap().len(), STRANGE);
        assert_eq!(found["skipped"].as_array().unwrap().len(), 0);
        for photo in found["photos"].as_array().unwrap() {
            for face in photo["faces"].as_array().unwrap() {
                let numbers = face["box"].as_array().unwrap();
                assert!(numbers.iter().all(|n| n.as_f64().is_some_and(f64::is_finite)), "{face}");
            }
        }
        bench.good(&["detect", "photos", "--preview", "sheet.png", "--detector", &detector]);
        assert!(image::open(bench.at("sheet.png")).is_ok());
    }
}

#[test]
fn every_strange_picture_becomes_faces_or_is_counted() {
    let bench = strange_pictures();
    for (detector, faces) in
        [(twelve(), "all"), (twelve(), "main"), (cascade(), "all"), (cascade(), "center")]
    {
        for no_face in ["skip", "keep"] {
            let arguments = [
                "prepare",
                "photos",
                "-o",
                "out",
                "--size",
                "56",
                "--replace",
                "--json",
                "--layout",
                "unlabelled",
                "--faces",
                faces,
                "--no-face",
                no_face,
                "--detector",
                &detector,
            ];
            let output = bench.run(&arguments);
            if output.status.code() == Some(2) {
                assert!(told(&output).contains("none of its 13 photos could be used"), "{}", told(&output));
                continue;
            }
            let counts = json(&output);
            let (images, skipped) = (counts["images"].as_u64().unwrap(), counts["skipped"].as_u64().unwrap());
            assert!(no_face == "skip" || skipped == 0, "{counts}");
            let each = if faces == "all" && detector == twelve() { 12 } else { 1 };
            assert!(images / each + skipped >= STRANGE as u64, "{counts}");
            for face in image_files(&bench) {
                assert_eq!(image::image_dimensions(&face).unwrap(), (56, 56), "{}", face.display());
            }
        }
    }
}

fn image_files(bench: &Bench) -> Vec<std::path::PathBuf> {
    fs_err::read_dir(bench.at("out/faces")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_crowd_of_candidates_is_bounded() {
    let bench = Bench::new();
    let picture =
        RgbImage::from_fn(200, 150, |x, y| Rgb([(x * x + y * 31) as u8, (x * y) as u8, (y * 5) as u8]));
    fs_err::create_dir(bench.at("photos")).unwrap();
    picture.save(bench.at("photos/1.png")).unwrap();
    let network = crowd();
    let found = json(&bench.run(&["detect", "photos", "--json", "--detector", &network, "--min-score", "0"]));
    assert_eq!(found["photos"][0]["faces"].as_array().unwrap().len(), 750);
    let all = ["--layout", "unlabelled", "--faces", "all", "--json", "--detector"];
    let prepare = ["prepare", "photos", "-o", "out", "--size", "16", "--min-score", "0"];
    assert_eq!(json(&bench.run(&[&prepare[..], &all, &[&network]].concat()))["images"], 750);
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/fixed-batch.onnx");
    let embed =
        ["embed", "photos", "-o", "crowd", "--faces", "all", "--model", model, "--detector", &network];
    bench.good(&embed);
    assert_eq!(likeness_search::EmbeddingTable::load(&bench.at("crowd")).unwrap().len(), 750);
    // Every window by itself, and hardly any smaller from one size to the next.
    let windows = cascade();
    let every = ["--min-neighbors", "0", "--scale-factor", "1.02"];
    let detect = ["detect", "photos", "--json", "--detector", &windows];
    let found = json(&bench.run(&[&detect[..], &every].concat()));
    let count = found["photos"][0]["faces"].as_array().unwrap().len();
    let made = json(&bench.run(&[&prepare[..], &["--replace"], &all, &[&windows], &every].concat()));
    assert_eq!(made["images"].as_u64().unwrap() as usize, count.min(750), "{count} windows");
    assert!(count > 10, "{count} windows");
    for factor in ["1", "0.5", "NaN", "-2"] {
        let told = bench.refused(&[&detect[..], &[&format!("--scale-factor={factor}")]].concat());
        assert!(told.contains("--scale-factor") && told.contains("from 1.01"), "{told}");
    }
}
