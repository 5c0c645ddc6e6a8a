//! `models quantize`, and model folders that are made, shown and taken apart.

use crate::bench::{Bench, told};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden");

fn floats() -> String {
    format!("{GOLDEN}/quantized/floats.onnx")
}

/// Runs what must end with an error about a flag's value and returns its stderr.
fn refused_flag(bench: &Bench, args: &[&str]) -> String {
    let told = bench.refused(args);
    assert!(told.contains("error: invalid value"), "{args:?}: {told}");
    told
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
    let told_twice = bench.refused(&quantize);
    assert!(told_twice.contains("int8: holds a model already"), "{told_twice}");
    fs_err::remove_dir_all(bench.at("int8")).unwrap();
    let text = bench.good(&quantize);
    assert!(text.contains("12 queries of 3 identities, leave-one-out") && text.contains("top-1"), "{text}");
    bench.good(&["embed", "photos", "-o", "e", "--model", "int8"]);
    let shown = bench.good(&["models", "show", "int8"]);
    assert!(shown.contains("original     ") && shown.contains("engine       direct"), "{shown}");
    let again = ["models", "quantize", &floats(), "-o", "again", "--calibrate", "photos"];
    let output = bench.run(&[&again[..], &["--most-lost=-100"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("more than the -100 that --most-lost allows"), "{}", told(&output));
    for (flag, bad) in [("--most-lost", "NaN"), ("--most-lost", "101"), ("--photos", "0")] {
        let told = refused_flag(&bench, &[&again[..], &[flag, bad]].concat());
        assert!(told.contains(flag), "{told}");
    }
    for bad in ["0", "-0.5", "1.5", "NaN", "inf"] {
        let told =
            refused_flag(&bench, &["models", "prune", "int8", "-o", "narrow", &format!("--keep={bad}")]);
        assert!(told.contains("--keep"), "{told}");
    }
}

#[test]
fn without_labels_or_photos_that_is_said() {
    let bench = Bench::new();
    (0..4).for_each(|at| bench.photo(&format!("loose/{at}.png"), at));
    let quantize = ["models", "quantize", &floats(), "-o", "int8"];
    let text = bench.good(&[&quantize[..], &["--calibrate", "loose"]].concat());
    assert!(
        text.contains("the loss of accuracy was NOT measured: the photos of loose have no labels"),
        "{text}"
    );
    let told = bench.refused(&["models", "quantize", &floats(), "-o", "other"]);
    assert!(
        told.contains("int8 needs photos")
            && told.contains("hint: name some with --calibrate")
            && !told.contains("embed:"),
        "{told}"
    );
    let told = bench.refused(&["models", "quantize", "int8", "-o", "int8", "--calibrate", "loose"]);
    assert!(told.contains("would replace its original"), "{told}");
    let told = bench.refused(&["models", "quantize", "int8", "-o", "twice", "--calibrate", "loose"]);
    assert!(told.contains("it is quantised already"), "{told}");
    let half = ["models", "quantize", &floats(), "-o", "f16", "--weights", "f16"];
    assert!(bench.good(&half).contains("NOT measured: there are no photos"));
    fs_err::remove_dir_all(bench.at("f16")).unwrap();
    let output = bench.run(&[&half[..], &["--most-lost", "1"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        crate::bench::told(&output).contains("the loss of accuracy is not known"),
        "{}",
        crate::bench::told(&output)
    );
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
    let export = ["models", "export", "model", "--onnx", "-o"];
    let output = bench.run(&[&export[..], &["-"]].concat());
    assert!(output.stdout == fs_err::read(floats()).unwrap(), "stdout holds the graph and nothing else");
    assert!(!bench.at("-").exists());
    bench.good(&[&export[..], &["out.onnx"]].concat()); // the same bytes are there
    bench.write("out.onnx", "years of work");
    let told = bench.refused(&[&export[..], &["out.onnx"]].concat());
    assert!(told.contains("out.onnx: another file is there") && told.contains("--force"), "{told}");
    assert_eq!(fs_err::read(bench.at("out.onnx")).unwrap(), b"years of work");
    bench.good(&[&export[..], &["out.onnx", "--force"]].concat());
    assert_eq!(fs_err::read(bench.at("out.onnx")).unwrap(), fs_err::read(floats()).unwrap());
    for own in ["model/model.onnx", "model/model.toml"] {
        let told = bench.refused(&[&export[..], &[own, "--force"]].concat());
        assert!(told.contains("is a file of the model"), "{told}");
    }
    assert!(bench.refused(&[&export[..], &["model"]].concat()).contains("is a folder"));
    bench.good(&["models", "show", "model"]);
    let told = bench.refused(&["models", "export", "model", "--safetensors", "-o", "out.safetensors"]);
    assert!(told.contains("this model has only a graph"), "{told}");
    assert!(bench.refused(&import).contains("holds a model already"));
    bench.write("photos/me.jpg", "a photo");
    for (folder, reason) in [("photos", "is not empty"), ("photos/me.jpg", "is not a folder")] {
        for command in [&["models", "import"][..], &["models", "quantize", "--weights", "f16"]] {
            let told = bench.refused(&[command, &[&floats(), "-o", folder]].concat());
            assert!(told.contains(reason) && told.contains("hint: choose a new folder"), "{told}");
        }
    }
    assert_eq!(fs_err::read_dir(bench.at("photos")).unwrap().count(), 1);
    let told = bench.refused(&["models", "import", "absent.onnx", "-o", "other"]);
    assert!(told.contains("error: absent.onnx: no such file") && !told.contains("because:"), "{told}");
    bench.write("weights.pth", "no pickle");
    let told = bench.refused(&["models", "import", "weights.pth", "-o", "other"]);
    assert!(told.contains("weights.pth"), "{told}");
    bench.write("notes.txt", "no network");
    let told = bench.refused(&["models", "import", "notes.txt", "-o", "other"]);
    assert!(told.contains("expected a .onnx, .pth, .pt, .safetensors or .dat file"), "{told}");
}
