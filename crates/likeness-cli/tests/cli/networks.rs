//! ONNX files: embedders against onnxruntime's numbers, graphs that are no embedders, and broken ones.

use image::{Rgb, RgbImage};

use crate::bench::{Bench, told};

const GRAPHS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx");

fn graph(name: &str) -> String {
    format!("{GRAPHS}/{name}.onnx")
}

/// The pictures of the golden values, by their formula.
fn golden_photos() -> Bench {
    let bench = Bench::new();
    fs_err::create_dir(bench.at("photos")).unwrap();
    for seed in 0..3u32 {
        let value =
            |x: u32, y: u32, c: u32| ((x * (5 + c) + y * (7 + 2 * c) + 37 * seed + 50 * c) % 256) as u8;
        let picture = RgbImage::from_fn(16, 16, |x, y| Rgb([value(x, y, 0), value(x, y, 1), value(x, y, 2)]));
        picture.save(bench.at(&format!("photos/{seed}.png"))).unwrap();
    }
    bench
}

#[test]
fn embeddings_are_onnxruntimes() {
    let golden = fs_err::read_to_string(format!("{GRAPHS}/good.json")).unwrap();
    let golden: Vec<Vec<f32>> = serde_json::from_str(&golden).unwrap();
    for name in ["good", "fixed-batch", "nhwc"] {
        let bench = golden_photos();
        bench.good(&["embed", "photos", "-o", "e", "--model", &graph(name)]);
        let table = likeness_search::EmbeddingTable::load(&bench.at("e")).unwrap();
        assert_eq!((table.len(), table.dimension()), (3, 8));
        for (found, expected) in table.embeddings().iter().zip(golden.concat()) {
            assert!((found - expected).abs() < 1e-5, "{name}: expected {expected}, found {found}");
        }
    }
}

#[test]
fn no_numbers_for_one_photo_cost_that_photo_alone() {
    let bench = golden_photos();
    RgbImage::new(16, 16).save(bench.at("photos/dark.png")).unwrap();
    let output = bench.run(&["embed", "photos", "-o", "e", "--model", &graph("nan")]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let skipped = "skipped 1:\n  dark.png: nan: gives values that are no numbers (NaN or infinity)";
    assert!(told(&output).contains(skipped), "{}", told(&output));
    assert_eq!(likeness_search::EmbeddingTable::load(&bench.at("e")).unwrap().len(), 3);
}

#[test]
fn graphs_that_are_no_embedders_are_refused() {
    let bench = golden_photos();
    for (name, expected) in [
        ("two-inputs", "expected one input, found 2"),
        ("flat-input", "expected an input of 4 dimensions"),
        ("integers", "expected an input of 32-bit floats"),
        ("maps", "expected an output of shape [1, dimension], found [1, 3, 16, 16]"),
        ("huge", "expected an input width of at most 4096, found 10000000"),
    ] {
        let told = bench.refused(&["embed", "photos", "-o", "e", "--model", &graph(name)]);
        assert!(told.contains(&format!("{name}.onnx: {expected}")), "{told}");
        assert!(!bench.at("e").exists());
    }
}

#[test]
fn cut_graphs_are_refused() {
    let bench = golden_photos();
    let whole = fs_err::read(graph("good")).unwrap();
    for tenth in 0..10 {
        bench.write("cut.onnx", &whole[..whole.len() * tenth / 10]);
        let told = bench.refused(&["embed", "photos", "-o", "e", "--model", "cut.onnx"]);
        assert!(told.contains("error: cut.onnx: "), "{told}");
    }
}

#[test]
fn embeddings_of_another_model_are_refused_by_name() {
    let bench = golden_photos();
    bench.good(&["embed", "photos", "-o", "good.e", "--model", &graph("good")]);
    bench.good(&["embed", "photos", "-o", "color.e", "--model", "color"]);
    bench.good(&["embed", "photos", "-o", "other.e", "--model", &graph("good"), "--mean", "100"]);
    let told = bench.refused(&["evaluate", "good.e", "--model", "color"]);
    assert!(told.contains("come from the model good (") && told.contains("not from color ("), "{told}");
    let told = bench.refused(&["match", "good.e", "color.e"]);
    assert!(told.contains("good") && told.contains("color") && told.contains("8"), "{told}");
    let told = bench.refused(&["match", "good.e", "other.e"]);
    assert!(told.contains("fingerprint"), "{told}");
}

#[test]
fn cut_embeddings_are_refused() {
    let bench = golden_photos();
    bench.good(&["embed", "photos", "-o", "whole", "--model", "color"]);
    let whole = fs_err::read(bench.at("whole")).unwrap();
    for tenth in 0..10 {
        bench.write("cut", &whole[..whole.len() * tenth / 10]);
        let told = bench.refused(&["match", "cut", "--model", "color"]);
        assert!(told.contains("cut"), "{told}");
    }
}
