//! Engines: each gives ONNX Runtime's numbers, and what one cannot do is told with the one that can.
//!
//! Tests that load ONNX Runtime's library find it through `ORT_DYLIB_PATH`.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use likeness_embed::{EmbedError, Embedder, load_embedder_on};
use likeness_engine::{EngineChoice, EngineConfig};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx").join(name)
}

fn open(path: &Path, choice: EngineChoice) -> Result<Box<dyn Embedder>, EmbedError> {
    let engine = EngineConfig { choice, ..EngineConfig::default() };
    load_embedder_on(path.to_str().unwrap(), &Default::default(), &engine)
}

fn refusal(path: &Path, choice: EngineChoice) -> (String, String) {
    match open(path, choice) {
        Err(error) => (error.to_string(), error.hint().unwrap_or_default().to_owned()),
        Ok(embedder) => panic!("{} runs on {}", path.display(), embedder.engine().unwrap()),
    }
}

/// The pictures of the golden values, by their formula.
fn pictures() -> Vec<RgbImage> {
    let value = |seed: u32, x: u32, y: u32, c: u32| {
        ((x * (5 + c) + y * (7 + 2 * c) + 37 * seed + 50 * c) % 256) as u8
    };
    (0..3).map(|s| RgbImage::from_fn(16, 16, |x, y| Rgb([0, 1, 2].map(|c| value(s, x, y, c))))).collect()
}

/// Holds the embeddings of `graph` against ONNX Runtime's of `answers`, in one batch and one by one.
fn assert_golden(graph: &str, answers: &str, choice: EngineChoice) {
    let expected: Vec<Vec<f32>> =
        serde_json::from_str(&fs_err::read_to_string(golden(answers)).unwrap()).unwrap();
    let embedder = open(&golden(graph), choice).unwrap();
    assert_eq!(embedder.engine().unwrap().kind, choice);
    let pictures = pictures();
    let together = embedder.embed(&pictures).unwrap();
    let apart: Vec<f32> =
        pictures.iter().flat_map(|p| embedder.embed(std::slice::from_ref(p)).unwrap()).collect();
    for found in [together, apart] {
        assert_eq!(found.len(), expected.concat().len());
        for (found, expected) in found.iter().zip(expected.concat()) {
            assert!(
                (found - expected).abs() < 1e-5,
                "{graph} on {choice}: expected {expected}, found {found}"
            );
        }
    }
}

#[test]
fn engines_of_our_own_give_the_golden_numbers() {
    for graph in ["good.onnx", "fixed-batch.onnx", "nhwc.onnx", "external.onnx"] {
        assert_golden(graph, "good.json", EngineChoice::Direct);
    }
    for (graph, answers) in
        [("good", "good"), ("fixed-batch", "good"), ("nhwc", "good"), ("external", "good"), ("erf", "erf")]
    {
        assert_golden(&format!("{graph}.onnx"), &format!("{answers}.json"), EngineChoice::Rten);
    }
}

#[test]
fn the_choice_is_explained() {
    let told = |name: &str, choice| open(&golden(name), choice).unwrap().engine().unwrap().to_string();
    assert_eq!(told("good.onnx", EngineChoice::Auto), "direct, which knows every operator of the graph");
    assert_eq!(told("good.onnx", EngineChoice::Rten), "rten, as asked for");
    let erf = told("erf.onnx", EngineChoice::Auto);
    assert!(erf.contains("as direct cannot run it: operator Erf: not supported"), "{erf}");
    assert!(
        load_embedder_on("color", &Default::default(), &EngineConfig::default()).unwrap().engine().is_none()
    );
}

#[test]
fn an_operator_that_an_engine_lacks_is_named_with_the_engine_that_has_it() {
    let (told, hint) = refusal(&golden("erf.onnx"), EngineChoice::Direct);
    assert!(
        told.contains("erf.onnx: cannot be run by the engine direct: operator Erf: not supported"),
        "{told}"
    );
    assert!(hint.contains("it runs with --engine rten"), "{hint}");
    let (told, _) = refusal(&golden("thresholded-relu.onnx"), EngineChoice::Rten);
    assert!(told.contains("by the engine rten: ") && told.contains("ThresholdedRelu"), "{told}");
    // What nobody knows is run by no engine, as nothing limits it.
    for choice in [EngineChoice::Auto, EngineChoice::Direct, EngineChoice::Rten] {
        let (told, hint) = refusal(&golden("mystery.onnx"), choice);
        assert!(told.contains("is not run") && told.contains("operator Mystery: not known"), "{told}");
        assert!(hint.contains("export it again"), "{hint}");
    }
}

#[test]
fn a_descriptor_runs_on_no_engine() {
    let (told, hint) = refusal(Path::new("color"), EngineChoice::Rten);
    assert_eq!(
        (told.as_str(), hint.as_str()),
        ("color: a descriptor runs on no engine", "leave --engine out")
    );
}

#[test]
fn fingerprints_do_not_depend_on_the_engine() {
    let fingerprint = |choice| open(&golden("good.onnx"), choice).unwrap().spec().fingerprint.clone();
    assert_eq!(fingerprint(EngineChoice::Direct), fingerprint(EngineChoice::Rten));
}

mod with_onnxruntime {
    use super::*;

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn the_golden_numbers_come_out() {
        for (graph, answers) in [
            ("good", "good"),
            ("fixed-batch", "good"),
            ("nhwc", "good"),
            ("external", "good"),
            ("erf", "erf"),
            ("thresholded-relu", "thresholded-relu"),
        ] {
            assert_golden(&format!("{graph}.onnx"), &format!("{answers}.json"), EngineChoice::OnnxRuntime);
        }
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn callers_on_several_threads_get_the_same_numbers() {
        let embedder = open(&golden("good.onnx"), EngineChoice::OnnxRuntime).unwrap();
        let pictures = pictures();
        let expected = embedder.embed(&pictures).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        assert_eq!(embedder.embed(&pictures).unwrap(), expected);
                    }
                });
            }
        });
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn it_is_the_second_choice_and_named_as_the_way_out() {
        let engine =
            open(&golden("thresholded-relu.onnx"), EngineChoice::Auto).unwrap().engine().unwrap().clone();
        assert_eq!(engine.kind, EngineChoice::OnnxRuntime);
        assert!(engine.to_string().contains("as direct cannot run it: operator ThresholdedRelu"), "{engine}");
        for choice in [EngineChoice::Direct, EngineChoice::Rten] {
            let (_, hint) = refusal(&golden("thresholded-relu.onnx"), choice);
            assert_eq!(hint, "it runs with --engine onnxruntime");
        }
        let (told, _) = refusal(&golden("mystery.onnx"), EngineChoice::OnnxRuntime);
        assert!(told.contains("operator Mystery: not known"), "{told}");
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn a_second_library_is_refused() {
        open(&golden("good.onnx"), EngineChoice::OnnxRuntime).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("libonnxruntime.so");
        fs_err::copy(std::env::var_os("ORT_DYLIB_PATH").unwrap(), &copy).unwrap();
        let engine = EngineConfig { choice: EngineChoice::OnnxRuntime, library: Some(copy), burn: None };
        let told = load_embedder_on(golden("good.onnx").to_str().unwrap(), &Default::default(), &engine)
            .err()
            .unwrap();
        assert!(told.to_string().contains("is loaded already"), "{told}");
    }
}
