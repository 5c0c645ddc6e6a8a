//! `models quantize`, and model folders that are made, shown and taken apart.

use crate::bench::{Bench, told};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-model/tests/golden");

fn floats() -> String {
    format!("{GOLDEN}/quantized/floats.onnx")
}

#[test]
fn what_quantising_costs_is_said() {
    let bench = Bench::with_photos();
    let quantize = ["models", "quantize", &floats(), "-o", "int8", "--calibrate", "photos"];
    let document = bench.json(&[&quantize[..], &["--json"]].concat());
    assert_eq!(document["name"], "floats-int8");
    assert!(document["before"]["top1"].is_number() && document["after"]["map"].is_number(), "{document}");
    assert!(document["similarity"].as_f64().unwrap() > 0.98, "{document}");
    assert!(document["bytes_after"].as_u64() < document["bytes_before"].as_u64(), "{document}");
    let text = bench.good(&quantize);
    assert!(text.contains("12 queries of 3 identities, leave-one-out") && text.contains("top-1"), "{text}");
    bench.good(&["embed", "photos", "-o", "e", "--model", "int8"]);
    let shown = bench.good(&["models", "show", "int8"]);
    assert!(shown.contains("rounded from") && shown.contains("engine       direct"), "{shown}");
    let output = bench.run(&[&quantize[..], &["--most-lost=-101"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("more than the -101 that --most-lost allows"), "{}", told(&output));
}

#[test]
fn without_labels_or_photos_that_is_said() {
    let bench = Bench::new();
    (0..4).for_each(|at| bench.photo(&format!("loose/{at}.png"), at));
    let quantize = ["models", "quantize", &floats(), "-o", "int8"];
    let text = bench.good(&[&quantize[..], &["--calibrate", "loose"]].concat());
    assert!(text.contains("what it costs was NOT measured: the photos of loose carry no labels"), "{text}");
    let told = bench.refused(&quantize);
    assert!(
        told.contains("int8 needs photos") && told.contains("hint: name some with --calibrate"),
        "{told}"
    );
    let told = bench.refused(&["models", "quantize", "int8", "-o", "int8", "--calibrate", "loose"]);
    assert!(told.contains("would take the place of its original"), "{told}");
    let told = bench.refused(&["models", "quantize", "int8", "-o", "twice", "--calibrate", "loose"]);
    assert!(told.contains("it is quantised already"), "{told}");
    let half = ["models", "quantize", &floats(), "-o", "f16", "--weights", "f16"];
    assert!(bench.good(&half).contains("NOT measured: there are no photos"));
    let output = bench.run(&[&half[..], &["--most-lost", "1"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(crate::bench::told(&output).contains("the cost is not known"), "{}", crate::bench::told(&output));
}

#[test]
fn a_folder_is_made_shown_and_taken_apart() {
    let bench = Bench::new();
    let import = ["models", "import", &floats(), "-o", "model", "--name", "mine", "--normalize", "arcface"];
    let output = bench.run(&[&import[..], &["--licence", "MIT"]].concat());
    assert_eq!(output.stdout, b"model\n", "{}", told(&output));
    assert!(told(&output).contains("alignment none was inferred"), "{}", told(&output));
    let document = bench.json(&["models", "show", "model", "--json"]);
    assert_eq!((&document["name"], &document["licence"]), (&"mine".into(), &"MIT".into()));
    assert_eq!(document["preprocess"]["mean"][0], 127.5);
    bench.good(&["models", "export", "model", "--onnx", "-o", "out.onnx"]);
    assert_eq!(fs_err::read(bench.at("out.onnx")).unwrap(), fs_err::read(floats()).unwrap());
    let told = bench.refused(&["models", "export", "model", "--safetensors", "-o", "out.safetensors"]);
    assert!(told.contains("this model has a graph alone"), "{told}");
    assert!(bench.refused(&import).contains("holds a model already"));
    bench.write("weights.pth", "no pickle");
    let told = bench.refused(&["models", "import", "weights.pth", "-o", "other"]);
    assert!(told.contains("weights.pth"), "{told}");
    bench.write("notes.txt", "no network");
    let told = bench.refused(&["models", "import", "notes.txt", "-o", "other"]);
    assert!(told.contains("neither a graph nor weights"), "{told}");
}
