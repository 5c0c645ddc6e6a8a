//! Quantised networks: what other programs compute for them, and those that we make.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use image::RgbImage;
use likeness_embed::quantize::{CalibrationFeed, Calibrator, Clipping, halve};
use likeness_embed::{EmbedError, Embedder, load_embedder};
use likeness_engine::{DirectNetwork, EngineChoice};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn faces(count: u32) -> Vec<RgbImage> {
    let pixel = |seed: u32| {
        move |x: u32, y: u32| {
            image::Rgb([0, 1, 2].map(|c| ((x * (5 + c) + y * (7 + 2 * c) + 37 * seed + 50 * c) % 256) as u8))
        }
    };
    (0..count).map(|seed| RgbImage::from_fn(16, 16, pixel(seed))).collect()
}

/// A model folder with the golden network of real numbers, whose second half has convolutions of more than 4 channels.
fn original() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs_err::copy(golden("quantized/floats.onnx"), folder.path().join("model.onnx")).unwrap();
    fs_err::write(
        folder.path().join("model.toml"),
        "name = \"small\"\narchitecture = \"residual\"\nlicence = \"MIT\"\ndistance = \"cosine\"\nmean = [127.5, 127.5, 127.5]\n\
         std = [64.0, 64.0, 64.0]\n",
    )
    .unwrap();
    folder
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_quantised_graph_gives_what_onnxruntime_gives() {
    let bytes = fs_err::read(golden("quantized/graph.onnx")).unwrap();
    let text = fs_err::read_to_string(golden("quantized/expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let numbers = |key: &str| -> Vec<f32> {
        expected[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
    };
    let network = DirectNetwork::load(&bytes).unwrap();
    let found = network.run(&[2, 3, 11, 9], &numbers("input"), None).unwrap().remove(0);
    for (a, b) in found.data.iter().zip(numbers("embedding")) {
        assert!((a - b).abs() < 0.02, "{:?}", found.data);
    }
}

#[test]
fn a_network_becomes_one_of_bytes_that_says_what_it_was() {
    let folder = original();
    let calibrator = Calibrator::open(name(folder.path()), &Default::default()).unwrap();
    assert!(matches!(calibrator.quantized(Clipping::MinMax), Err(EmbedError::BadArgument { .. })));
    let watched = CalibrationFeed::new(&calibrator).embed(&faces(24)).unwrap();
    let plain = load_embedder(name(folder.path()), &Default::default()).unwrap();
    assert_eq!(calibrator.faces(), 24);
    for (a, b) in watched.chunks_exact(5).zip(plain.embed(&faces(24)).unwrap().chunks_exact(5)) {
        assert!(cosine(a, b) > 0.99999, "watching changes nothing");
    }
    for clipping in [Clipping::SquaredError, Clipping::Percentile(1e-4), Clipping::MinMax] {
        let rounded = calibrator.quantized(clipping).unwrap();
        let again = calibrator.quantized(clipping).unwrap();
        let (output, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let written = rounded.write(output.path()).unwrap();
        assert_eq!(again.write(second.path()).unwrap().fingerprint, written.fingerprint);
        let error = again.write(output.path()).unwrap_err();
        assert!(error.to_string().contains("holds a model already"), "{error}");
        assert_eq!(written.rounded_from.as_deref(), Some(plain.spec().fingerprint.as_str()));
        assert_eq!((written.name.as_deref(), written.licence.as_deref()), (Some("small-int8"), Some("MIT")));
        let quantized = load_embedder(name(output.path()), &Default::default()).unwrap();
        assert_ne!(quantized.spec().fingerprint, plain.spec().fingerprint);
        assert_eq!(quantized.engine().unwrap().kind, EngineChoice::Direct);
        let (a, b) = (plain.embed(&faces(8)).unwrap(), quantized.embed(&faces(8)).unwrap());
        for (a, b) in a.chunks_exact(5).zip(b.chunks_exact(5)) {
            assert!(cosine(a, b) > 0.99, "{clipping:?}: {a:?} {b:?}");
        }
        assert_ne!(a, b, "something was rounded");
    }
    let closest = calibrator.closest(None, None).unwrap();
    assert!(closest.summary.contains("chosen of 5 ways"), "{}", closest.summary);
    let even = calibrator.equalized().unwrap().unwrap();
    let evenly = CalibrationFeed::new(&even).embed(&faces(24)).unwrap();
    for (a, b) in evenly.chunks_exact(5).zip(watched.chunks_exact(5)) {
        assert!(cosine(a, b) > 0.99999, "evening out changes nothing: {a:?} {b:?}");
    }
    for (clipping, ways) in [(None, "chosen of 6 ways"), (Some(Clipping::MinMax), "chosen of 2 ways")] {
        let closest = calibrator.closest(Some(&even), clipping).unwrap();
        assert!(closest.summary.contains(ways), "{}", closest.summary);
    }
    let rounded = even.quantized(Clipping::SquaredError).unwrap();
    assert!(rounded.summary.contains("channels equalised in "), "{}", rounded.summary);
    let output = tempfile::tempdir().unwrap();
    let written = rounded.write(output.path()).unwrap();
    assert_eq!(written.rounded_from.as_deref(), Some(plain.spec().fingerprint.as_str()));
    let quantized = load_embedder(name(output.path()), &Default::default()).unwrap();
    let (a, b) = (plain.embed(&faces(8)).unwrap(), quantized.embed(&faces(8)).unwrap());
    for (a, b) in a.chunks_exact(5).zip(b.chunks_exact(5)) {
        assert!(cosine(a, b) > 0.99, "{a:?} {b:?}");
    }
    let told = match Calibrator::open(name(output.path()), &Default::default()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("a quantised network was taken again"),
    };
    assert!(told.contains("quantised already"), "{told}");
}

#[test]
fn the_order_of_faces_does_not_matter() {
    let folder = original();
    let fingerprint = |faces: &[RgbImage]| {
        let calibrator = Calibrator::open(name(folder.path()), &Default::default()).unwrap();
        faces.iter().for_each(|f| calibrator.observe(std::slice::from_ref(f)).unwrap());
        let output = tempfile::tempdir().unwrap();
        calibrator.quantized(Clipping::SquaredError).unwrap().write(output.path()).unwrap().fingerprint
    };
    let mut some = faces(9);
    let forward = fingerprint(&some);
    some.reverse();
    assert_eq!(forward, fingerprint(&some));
    assert_ne!(forward, fingerprint(&some[..4]));
}

#[test]
fn weights_in_half_precision_change_little() {
    let (folder, output) = (original(), tempfile::tempdir().unwrap());
    let halved = halve(name(folder.path()), &Default::default()).unwrap();
    let written = halved.write(output.path()).unwrap();
    assert_eq!(written.name.as_deref(), Some("small-f16"));
    let whole = fs_err::metadata(folder.path().join("model.onnx")).unwrap().len();
    assert!((halved.bytes() as u64) < whole * 2 / 3, "{} of {whole}", halved.bytes());
    let plain = load_embedder(name(folder.path()), &Default::default()).unwrap().embed(&faces(4)).unwrap();
    let half = load_embedder(name(output.path()), &Default::default()).unwrap().embed(&faces(4)).unwrap();
    for (a, b) in plain.chunks_exact(5).zip(half.chunks_exact(5)) {
        assert!(cosine(a, b) > 0.9999, "{a:?} {b:?}");
    }
    assert!(matches!(halve(name(output.path()), &Default::default()), Err(EmbedError::BadModel { .. })));
}

#[test]
fn what_cannot_be_quantised_is_told() {
    let told = |path: &Path| match Calibrator::open(name(path), &Default::default()) {
        Err(error) => {
            assert!(error.hint().is_some(), "{error}");
            error.to_string()
        }
        Ok(_) => panic!("{} was taken", path.display()),
    };
    // Its only convolution reads a picture.
    assert!(told(&golden("onnx/good.onnx")).contains("no convolutions or linear layers"));
    assert!(told(&golden("onnx/absent.onnx")).contains("no model file"));
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.onnx");
    let bytes = fs_err::read(golden("quantized/floats.onnx")).unwrap();
    fs_err::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    assert!(told(&cut).contains("cut.onnx"));
}

#[test]
fn a_bare_file_becomes_a_folder_and_back() {
    use likeness_embed::model_folder::{Card, Export, Exported, export, inspect, make};
    use likeness_model::preprocess::PreprocessOverrides;
    let scratch = tempfile::tempdir().unwrap();
    let (folder, file) = (scratch.path().join("model"), scratch.path().join("out.onnx"));
    let source = golden("quantized/floats.onnx");
    let overrides =
        PreprocessOverrides { mean: Some([127.5; 3]), std: Some([64.0; 3]), ..Default::default() };
    let card = Card { name: Some("mine".into()), licence: Some("MIT".into()), ..Default::default() };
    let made = make(&source, &folder, &overrides, card.clone()).unwrap();
    assert_eq!((made.description.name.as_deref(), made.description.dimension), (Some("mine"), Some(5)));
    assert!(
        made.notes.iter().any(|n| n.contains("alignment none was inferred from the input's 16×16")),
        "{:?}",
        made.notes
    );
    let seen = inspect(&folder).unwrap();
    assert_eq!(
        (seen.preprocess.mean, seen.engine.kind, seen.has_weights),
        ([127.5; 3], EngineChoice::Direct, false)
    );
    assert_eq!(Some(seen.spec.fingerprint), made.description.fingerprint);
    let plain = load_embedder(name(&source), &overrides).unwrap().embed(&faces(2)).unwrap();
    assert_eq!(load_embedder(name(&folder), &Default::default()).unwrap().embed(&faces(2)).unwrap(), plain);
    let export = |what, to: &Path| export(&Export { model: &folder, what, to, force: false });
    export(Exported::Onnx, &file).unwrap();
    assert_eq!(fs_err::read(&file).unwrap(), fs_err::read(&source).unwrap());
    let told = export(Exported::Safetensors, &file).unwrap_err();
    assert!(told.to_string().contains("this model has only a graph") && told.hint().is_some(), "{told}");
    assert!(
        make(&source, &folder, &overrides, card.clone())
            .unwrap_err()
            .to_string()
            .contains("holds a model already")
    );
    // Weights beside the graph would be left behind.
    let told =
        make(&golden("onnx/external.onnx"), &scratch.path().join("other"), &overrides, card).unwrap_err();
    assert!(told.to_string().contains("files of their own"), "{told}");
    // A folder whose graph was changed gives nothing away.
    let mut graph = fs_err::read(folder.join("model.onnx")).unwrap();
    graph.extend([0x22, 1, b'x']);
    fs_err::write(folder.join("model.onnx"), graph).unwrap();
    assert!(
        export(Exported::Onnx, &file).unwrap_err().to_string().contains("the fingerprint is not that of")
    );
    assert!(inspect(&folder).is_err());
}
