//! `--engine`: the choice is said, what is absent or cannot run the graph is refused with a way out.

use crate::bench::{Bench, told};

const GRAPHS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx");

fn graph(name: &str) -> String {
    format!("{GRAPHS}/{name}.onnx")
}

/// What `embed` says on stderr with these further flags, where it succeeds.
fn said(bench: &Bench, model: &str, flags: &[&str]) -> String {
    let model = graph(model);
    let args = [&["embed", "photos", "-o", "e", "--model", &model], flags].concat();
    let output = bench.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    told(&output)
}

#[test]
fn the_engine_and_the_reason_are_said_once() {
    let bench = Bench::with_photos();
    for (flags, expected) in [
        (&[][..], "engine: direct, which knows every operator of the graph\n"),
        (&["--engine", "rten"], "engine: rten, as asked for\n"),
    ] {
        let said = said(&bench, "good", flags);
        assert_eq!(said.matches("engine: ").count(), 1, "{said}");
        assert!(said.contains(expected), "{said}");
    }
    bench.good(&["embed", "photos", "-o", "gallery", "--model", &graph("good")]);
    let output = bench.run(&["match", "photos/p0/0.png", "gallery", "--model", &graph("good"), "--json"]);
    assert_eq!(told(&output).matches("engine: direct").count(), 1, "{}", told(&output));
}

#[test]
fn an_operator_that_is_not_supported_is_named_with_the_way_out() {
    let bench = Bench::with_photos();
    let told = bench.refused(&["embed", "photos", "-o", "e", "--model", &graph("erf"), "--engine", "direct"]);
    assert!(
        told.contains("erf.onnx: cannot be run by the engine direct: operator Erf: not supported"),
        "{told}"
    );
    assert!(told.contains("hint: it runs with --engine rten"), "{told}");
    let told = bench.refused(&["embed", "photos", "-o", "e", "--model", "color", "--engine", "rten"]);
    assert!(told.contains("color: a descriptor runs on no engine"), "{told}");
}

#[test]
fn a_library_that_is_not_there_is_refused_or_passed_over() {
    let bench = Bench::with_photos();
    let model = graph("erf");
    let asked = ["embed", "photos", "-o", "e", "--model", &model, "--engine", "onnxruntime"];
    let told = bench.refused(&[&asked[..], &["--engine-library", "nowhere.so"]].concat());
    assert!(
        told.contains("--engine onnxruntime: no ONNX Runtime library that can be used: nowhere.so: "),
        "{told}"
    );
    assert!(told.contains("hint: ") && told.contains("pip install onnxruntime"), "{told}");
    let mut command = bench.command(&asked[..6]);
    let output = command.env("ORT_DYLIB_PATH", "nowhere.so").output().unwrap();
    let said = crate::bench::told(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("engine: rten, as direct cannot run it: operator Erf: not supported"), "{said}");
    assert!(said.contains("ORT_DYLIB_PATH names nowhere.so: there is no such file"), "{said}");
}

#[test]
fn batches_of_any_size_give_the_same_file() {
    let bench = Bench::with_photos();
    let mut files = Vec::new();
    for batch in ["1", "5", "1024"] {
        said(&bench, "good", &["--batch", batch]);
        files.push(fs_err::read(bench.at("e")).unwrap());
    }
    assert!(files.iter().all(|file| *file == files[0]));
    let told = bench.run(&["embed", "photos", "-o", "e", "--model", "color", "--batch", "0"]);
    assert_eq!(told.status.code(), Some(2));
}

mod with_onnxruntime {
    use super::*;

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn a_graph_that_nothing_else_runs_is_embedded() {
        let bench = Bench::with_photos();
        let library = std::env::var("ORT_DYLIB_PATH").unwrap();
        let said = said(&bench, "thresholded-relu", &["--engine-library", &library]);
        assert!(said.contains("engine: onnxruntime ") && said.contains("operator ThresholdedRelu"), "{said}");
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn the_active_python_environment_is_looked_through() {
        let bench = Bench::with_photos();
        let capi = "venv/lib/python3.11/site-packages/onnxruntime/capi";
        fs_err::create_dir_all(bench.at(capi)).unwrap();
        let library = bench.at(capi).join("libonnxruntime.so.1.99.0");
        fs_err::copy(std::env::var_os("ORT_DYLIB_PATH").unwrap(), &library).unwrap();
        let run = |bench: &Bench| {
            let mut command = bench.command(&["embed", "photos", "-o", "e", "--model", &graph("good")]);
            command.args(["--engine", "onnxruntime"]).env("VIRTUAL_ENV", bench.at("venv"));
            command.env_remove("ORT_DYLIB_PATH").output().unwrap()
        };
        let output = run(&bench);
        assert!(told(&output).contains("engine: onnxruntime 1.99.0 ("), "{}", told(&output));
        // A library that a copy broke off is told, not mapped.
        let bytes = fs_err::read(&library).unwrap();
        fs_err::write(&library, &bytes[..bytes.len() / 2]).unwrap();
        let output = run(&bench);
        assert_eq!(output.status.code(), Some(2));
        assert!(told(&output).contains("libonnxruntime.so.1.99.0: is cut short"), "{}", told(&output));
    }
}
