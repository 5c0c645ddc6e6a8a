//! `adapt`: a linear head on frozen embeddings.

use likeness_model::builtin::FACE;
use likeness_model::trained_on::TrainedOn;
use likeness_search::{Distance, EmbeddingTable, EmbeddingWriter, ModelTag, Row};
use serde_json::Value;

use crate::bench::{Bench, told};

/// A simple sequence of numbers between −0.5 and 0.5.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    }

    /// Close to a normal distribution.
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.next()).sum()
    }
}

/// Embeddings as by the built-in model of faces, of `people` with five photos each. The last `noisy` values tell nothing.
fn faces(people: usize, noisy: usize) -> EmbeddingTable {
    let mut numbers = Numbers(7);
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for person in 0..people {
        let centre: Vec<f32> = (0..128).map(|_| numbers.normal()).collect();
        for photo in 0..5 {
            let name = format!("{person}/{photo}.jpg");
            let sha256 = format!("{:064x}", 1000 * person + photo);
            rows.push(Row { identity: Some(format!("p{person}")), sha256, ..Row::new(name) });
            for (at, centre) in centre.iter().enumerate() {
                let size = if at >= 128 - noisy { 8.0 } else { 1.0 };
                values.push(0.1 * (centre + size * numbers.normal()));
            }
        }
    }
    EmbeddingTable::new(tag(), rows, values).unwrap()
}

/// The tag of the built-in model of faces.
fn tag() -> ModelTag {
    let fingerprint =
        FACE.description.lines().find_map(|line| line.strip_prefix("fingerprint = \"")).unwrap();
    ModelTag::new("face", fingerprint.trim_end_matches('"'), 128, Distance::Euclidean)
}

fn save(bench: &Bench, name: &str, table: &EmbeddingTable) {
    let mut writer = EmbeddingWriter::create(&bench.at(name), table.model().clone()).unwrap();
    for (at, row) in table.rows().iter().enumerate() {
        writer.push(row, table.embedding(at)).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_head_that_helps_becomes_a_model() {
    let bench = Bench::new();
    save(&bench, "my.embeddings", &faces(40, 64));
    let adapt = ["adapt", "my.embeddings", "-o", "mine"];
    let output = bench.run(&adapt);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("held-out identities: 200 queries of 40 identities in 5 folds"), "{text}");
    assert!(text.contains("mine: model face-adapted, dimension"), "{text}");
    assert!(
        told(&output).contains("no thresholds: measure them with `likeness calibrate`"),
        "{}",
        told(&output)
    );
    let shown = bench.json(&["models", "show", "mine", "--json"]);
    assert_eq!((&shown["name"], &shown["licence"]), (&"face-adapted".into(), &"CC0-1.0".into()));
    assert_eq!(shown["adapted_from"], tag().fingerprint.as_str());
    assert_ne!(shown["fingerprint"], shown["adapted_from"]);
    assert_eq!(shown["thresholds"], Value::Array(Vec::new()));
    let source = shown["source"].as_str().unwrap();
    assert!(
        source.contains("dlib_face_recognition_resnet_model_v1") && source.contains("adapted from face by")
    );
    assert!(
        shown["training_data"]
            .as_str()
            .unwrap()
            .ends_with("200 embeddings of 40 identities of my.embeddings")
    );
    let trained_on = TrainedOn::beside(&bench.at("mine")).unwrap().unwrap();
    assert!(trained_on.has_identity("p7") && trained_on.has_photo(&format!("{:064x}", 7003)));
    assert!(!trained_on.has_identity("p40"));
    // The model embeds photos, and its embeddings are its own.
    bench.photo("a/0.png", 1);
    bench.photo("a/1.png", 2);
    bench.good(&["embed", "a", "-o", "a.embeddings", "--model", "mine", "--detector", "none"]);
    let embedded = EmbeddingTable::load(&bench.at("a.embeddings")).unwrap();
    assert_eq!(embedded.model().fingerprint, shown["fingerprint"].as_str().unwrap());
    let told = bench.refused(&adapt);
    assert!(told.contains("mine: holds a model already"), "{told}");
    let told = bench.refused(&["adapt", "a.embeddings", "-o", "other", "--model", "face"]);
    assert!(told.contains("its embeddings come from the model face-adapted"), "{told}");
}

#[test]
fn the_numbers_are_in_one_document() {
    let bench = Bench::new();
    save(&bench, "my.embeddings", &faces(40, 64));
    let adapt = ["adapt", "my.embeddings", "--model", "face", "-o", "mine", "--name", "ours"];
    let document = bench.json(&[&adapt[..], &["--json"]].concat());
    assert_eq!((&document["verdict"], &document["name"]), (&"better".into(), &"ours".into()));
    assert!(document["head"]["method"].is_string());
    assert_eq!((&document["embeddings"], &document["identities"]), (&200.into(), &40.into()));
    let held_out = &document["held_out"];
    assert!(held_out["map"]["interval"]["low"].as_f64().unwrap() > 0.0, "{document}");
    assert!(held_out["after"]["map"].as_f64() > held_out["before"]["map"].as_f64(), "{document}");
    assert!(document["candidates"].as_array().unwrap().len() >= 4);
    assert_eq!(bench.json(&["models", "show", "mine", "--json"])["dimension"], document["dimension"]);
    let output = bench.run(&["adapt", "my.embeddings", "-o", "small", "--dimension", "16", "--json"]);
    let small: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&small["dimension"], &small["head"]["method"]), (&16.into(), &"lda".into()));
    let told = bench.refused(&["adapt", "my.embeddings", "-o", "smaller", "--dimension", "100"]);
    assert!(told.contains("dimension 100: expected at most 23 for 40 identities"), "{told}");
}

#[test]
fn without_an_improvement_nothing_is_written() {
    let bench = Bench::new();
    // Labels that mean nothing.
    let table = faces(40, 128);
    let mut rows = table.rows().to_vec();
    rows.iter_mut().enumerate().for_each(|(at, row)| row.identity = Some(format!("p{}", at * 7 % 40)));
    save(&bench, "my.embeddings", &EmbeddingTable::new(tag(), rows, table.embeddings().to_vec()).unwrap());
    let output = bench.run(&["adapt", "my.embeddings", "-o", "mine"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("nothing was written: held-out identities"), "{}", told(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("95 % interval"));
    assert!(!bench.at("mine").exists());
}

#[test]
fn what_cannot_be_adapted_is_named() {
    let bench = Bench::with_photos();
    save(&bench, "few.embeddings", &faces(9, 64));
    let refused = |args: &[&str]| bench.refused(&[&["adapt"][..], args, &["-o", "mine"]].concat());
    let told = refused(&["few.embeddings"]);
    assert!(
        told.contains("few.embeddings: expected at least 10 identities with 2 photos each, found 9 among 45")
            && told.contains("hint: label more photos"),
        "{told}"
    );
    let told = refused(&["photos", "--model", "color"]);
    assert!(told.contains("color: a descriptor has no network"), "{told}");
    let values: Vec<String> = (0..8).map(|at| format!("0.{at}1")).collect();
    let lines: Vec<String> = (0..30).map(|at| format!("{at}.jpg,p{},{}", at / 3, values.join(","))).collect();
    bench.write("external.csv", lines.join("\n"));
    let told = refused(&["external.csv"]);
    assert!(
        told.contains("external.csv: the model of its embeddings (external) is not named")
            && told.contains("hint: name the network that made them with --model"),
        "{told}"
    );
    let told = refused(&["external.csv", "--model", "face"]);
    assert!(told.contains("its embeddings have 8 values, those of the model face have 128"), "{told}");
    assert!(refused(&["nowhere"]).contains("nowhere: no such file or folder"));
    let told = refused(&["few.embeddings", "--split", "test"]);
    assert!(told.contains("no photos of the split test"), "{told}");
    assert!(!bench.at("mine").exists());
    bench.write("mine/notes.txt", "years of work");
    assert!(refused(&["few.embeddings"]).contains("mine: is not empty"));
}

#[test]
fn named_faces_of_a_gallery_are_labels() {
    let bench = Bench::new();
    let config = likeness_synth::SynthConfig {
        identities: 2,
        images_per_identity: 3,
        size: 160,
        seed: 7,
        ..likeness_synth::SynthConfig::default()
    };
    let layout = (likeness_synth::Layout::Folders, likeness_synth::PictureFormat::Png);
    likeness_synth::write_dataset(&config, &bench.at("album"), layout, &|_| {}).unwrap();
    bench.good(&["gallery", "create", "my.gallery", "album"]);
    let told = bench.refused(&["adapt", "my.gallery", "-o", "mine"]);
    assert!(
        told.contains("my.gallery: expected at least 10 identities with 2 photos each, found 0 among 0"),
        "{told}"
    );
    assert!(told.contains("in a gallery, name or confirm faces of more people"), "{told}");
    let told = bench.refused(&["adapt", "my.gallery", "-o", "mine", "--split", "test"]);
    assert!(told.contains("my.gallery: a gallery has no splits"), "{told}");
}
