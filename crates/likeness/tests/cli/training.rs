//! `train` from a dataset to a network that `--model` takes, with interruptions and nonsense.

use std::time::{Duration, Instant};

use crate::bench::Bench;

const SMALL: [&str; 14] = [
    "--method",
    "classification",
    "--backbone",
    "resnet18",
    "--size",
    "32",
    "--embedding-dim",
    "16",
    "--batch",
    "4",
    "--augment",
    "none",
    "--workers",
    "1",
];

fn dataset() -> Bench {
    let bench = Bench::with_photos();
    bench.good(&["prepare", "photos", "-o", "faces", "--size", "32", "--validation", "0.25"]);
    bench
}

fn train<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "faces", "-o", run][..], &SMALL, more].concat()
}

#[test]
fn a_run_leaves_a_network_that_finds_people() {
    let bench = dataset();
    let answer = bench.json(&train("run", &["--epochs", "2", "--json"]));
    assert_eq!((&answer["epochs"], &answer["stopped"]), (&2.into(), &false.into()));
    for file in
        ["run.toml", "history.jsonl", "curves.svg", "curves.png", "model/model.onnx", "model/model.toml"]
    {
        assert!(fs_err::metadata(bench.at("run").join(file)).unwrap().len() > 0, "{file}");
    }
    let history = fs_err::read_to_string(bench.at("run/history.jsonl")).unwrap();
    assert_eq!(history.lines().count(), 2);
    for model in ["run", "run/model", "run/model/model.onnx"] {
        let found = bench.json(&["evaluate", "faces", "--model", model, "--json"]);
        assert_eq!(found["queries"], 3, "{model}");
    }
    // Taken out and brought back it is the same network.
    bench.good(&["models", "export", "run", "--safetensors", "-o", "out.safetensors"]);
    bench.good(&["models", "import", "out.safetensors", "-o", "again", "--input-size", "32"]);
    let graph = |folder: &str| fs_err::read(bench.at(folder).join("model.onnx")).unwrap();
    assert!(graph("again") == graph("run/model"), "the graphs differ");
    assert!(
        bench.refused(&["models", "import", "out.safetensors", "-o", "again"]).contains("a model already")
    );
    let told = bench.refused(&["models", "import", "out.safetensors", "-o", "b", "--backbone", "vgg16"]);
    assert!(told.contains("out.safetensors"), "{told}");
    let told = bench.refused(&["models", "import", "out.safetensors", "-o", "b", "--normalize", "arcface"]);
    assert!(told.contains("known here"), "{told}");
}

#[test]
fn a_graph_is_taken_apart_and_trained_on() {
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    let import = |folder: &'static str, backbone: &'static str| {
        vec!["models", "import", "run/model/model.onnx", "-o", folder, "--backbone", backbone]
    };
    bench.good(&import("apart", "resnet18"));
    let shown = bench.json(&["models", "show", "apart", "--json"]);
    assert_eq!((&shown["architecture"], &shown["has_weights"]), (&"resnet18".into(), &true.into()));
    assert_eq!(shown["preprocess"]["input_size"], serde_json::json!([32, 32]));
    // Architecture and length of the embedding are those of the weights.
    let few = ["--method", "classification", "--batch", "4", "--epochs", "1", "--workers", "1"];
    bench.good(&[&["train", "faces", "-o", "on", "--weights", "apart", "--size", "32"][..], &few].concat());
    assert_eq!(bench.json(&["models", "show", "on", "--json"])["dimension"], 16);
    let told = bench.refused(&import("other", "resnet34"));
    assert!(told.contains("where layer1.2.conv1 has weights"), "{told}");
    let told = bench.refused(&[&import("other", "resnet18")[..], &["--normalize", "arcface"]].concat());
    assert!(told.contains("subtracts 123.675"), "{told}");
    assert!(!bench.at("other").exists());
    let told = bench.refused(&["train", "faces", "-o", "no", "--weights", "run/model/model.onnx"]);
    assert!(told.contains("likeness models import"), "{told}");
    assert!(bench.refused(&["models", "prune", "run", "-o", "half"]).contains("resnet18"));
}

#[test]
fn a_pruned_network_is_narrower_and_is_trained_on() {
    let bench = Bench::with_photos();
    bench.good(&["prepare", "photos", "-o", "faces", "--size", "112", "--validation", "0.25"]);
    let few = ["--method", "classification", "--batch", "4", "--epochs", "1", "--workers", "1"];
    let small = ["--backbone", "mobilefacenet-x1", "--embedding-dim", "16"];
    bench.good(&[&["train", "faces", "-o", "run"][..], &few, &small].concat());
    let output = bench.run(&["models", "prune", "run", "-o", "half"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(0) && said.contains("train DATASET --weights half"), "{said}");
    let length = |folder: &str| fs_err::metadata(bench.at(folder).join("model.onnx")).unwrap().len();
    assert!(length("half") * 10 < length("run/model") * 6);
    bench.good(&[&["train", "faces", "-o", "again", "--weights", "half"][..], &few].concat());
    assert_eq!(length("again/model"), length("half"));
    bench.good(&["embed", "faces", "--model", "again", "-o", "rows", "--engine", "burn"]);
    assert!(bench.refused(&["models", "prune", "again", "-o", "no"]).contains("pruned to 0.5"));
    assert!(bench.refused(&["models", "prune", "run", "-o", "half"]).contains("a model already"));
    assert!(bench.refused(&["models", "prune", "run", "-o", "no", "--keep", "1.5"]).contains("1.5"));
}

#[test]
fn a_network_of_aligned_faces_says_so_when_photos_are_taken_as_they_are() {
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    let card = bench.at("run/model/model.toml");
    let text = fs_err::read_to_string(&card).unwrap();
    let said = |input: &str| {
        let output = bench.command(&["embed", input, "--model", "run", "-o", "out"]).output().unwrap();
        String::from_utf8(output.stderr).unwrap().contains("--detector auto")
    };
    assert!(!said("photos"));
    fs_err::write(&card, text.replace("alignment = \"none\"", "alignment = \"arcface\"")).unwrap();
    assert!(said("photos"));
    assert!(!said("faces"), "a dataset's faces are cut already");
}

#[test]
fn a_run_with_a_teacher_goes_on_from_another_name_of_the_dataset() {
    let bench = dataset();
    let teacher = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-model/tests/golden/onnx/good.onnx");
    bench.good(&train("run", &["--epochs", "1", "--teacher", teacher]));
    let (faces, before) =
        (bench.at("faces").display().to_string(), fs_err::read(bench.at("run/history.jsonl")));
    fs_err::remove_file(bench.at("run/curves.svg")).unwrap();
    bench.good(&["train", &faces, "-o", "run", "--resume"]);
    assert_eq!(fs_err::read(bench.at("run/history.jsonl")).unwrap(), before.unwrap());
    assert!(bench.at("run/curves.svg").exists(), "curves of a run that has ended are drawn anew");
}

#[test]
fn a_run_adapts_to_a_dataset_and_says_what_the_domains_share() {
    let bench = dataset();
    for at in 0..6 {
        bench.photo(&format!("others/{at}.png"), 40 + at);
    }
    bench.good(&["prepare", "others", "-o", "target", "--size", "32"]);
    let said = |run: &str, more: &[&str]| {
        let output = bench.run(&train(run, &[&["--epochs", "1"], more].concat()));
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).unwrap()
    };
    let apart = said("apart", &["--adapt-to", "target", "--adapt", "dann"]);
    assert!(apart.contains("adapting to 6 faces") && !apart.contains("also trained on"), "{apart}");
    let history = fs_err::read_to_string(bench.at("apart/history.jsonl")).unwrap();
    assert!(history.contains("domain_accuracy") && history.contains("reversal_strength"), "{history}");
    let same = said("same", &["--adapt-to", "faces", "--adapt", "coral"]);
    assert!(
        same.contains("photos that are also trained on") && same.contains("names of both domains"),
        "{same}"
    );
    assert!(bench.refused(&train("no", &["--adapt", "coral"])).contains("--adapt-to"));
    assert!(bench.refused(&train("no", &["--adapt-to", "photos"])).contains("not a dataset"));
}

#[test]
fn burn_computes_what_the_graph_computes_and_refuses_other_weights() {
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    bench.good(&train("other", &["--epochs", "1", "--seed", "5"]));
    let embed = |engine: &[&'static str]| {
        let output = bench.run(&[&["embed", "faces", "--model", "run", "-o", "rows"], engine].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = embed(&["--engine", "burn"]);
    assert!(code == Some(0) && said.contains("engine: burn on cpu, as asked for"), "{said}");
    // The same model: embeddings of both engines may be compared.
    bench.good(&["match", "faces", "rows", "--model", "run", "--engine", "direct"]);
    let (code, said) = embed(&["--engine", "burn", "--engine-device", "toaster"]);
    assert!(code == Some(2) && said.contains("no such device"), "{said}");
    let weights = |run: &str| bench.at(run).join("model/weights.safetensors");
    fs_err::copy(weights("other"), weights("run")).unwrap();
    let (code, said) = embed(&["--engine", "burn"]);
    assert!(code == Some(2) && said.contains("other embeddings than the graph"), "{said}");
    fs_err::remove_file(weights("run")).unwrap();
    let (code, said) = embed(&["--engine", "burn"]);
    assert!(code == Some(2) && said.contains("no weights.safetensors beside it"), "{said}");
    assert_eq!(embed(&[]).0, Some(0), "the graph runs on the other engines");
}

#[test]
fn a_classifier_beside_triplets_needs_no_warm_up() {
    let bench = dataset();
    let refused = bench.refused(&train("no", &["--keep-classification", "0.5"]));
    assert!(refused.contains("no triplets"), "{refused}");
    let few = ["--identities-per-batch", "2", "--images-per-identity", "2", "--margin", "0.1"];
    let mut flags = train("run", &["--warm-up", "0", "--epochs", "1", "--keep-classification", "0.5"]);
    flags.retain(|flag| !["--method", "classification"].contains(flag));
    bench.good(&[&flags[..], &few].concat());
    let settings = fs_err::read_to_string(bench.at("run/run.toml")).unwrap();
    assert!(settings.contains("cosface") && settings.contains("weight = 0.5"), "{settings}");
    let history = fs_err::read_to_string(bench.at("run/history.jsonl")).unwrap();
    assert!(history.contains("\"train_top1\":0.") || history.contains("\"train_top1\":1.0"), "{history}");
}

#[test]
fn a_killed_run_goes_on_to_the_same_network() {
    let bench = dataset();
    bench.good(&train("whole", &["--epochs", "3"]));
    let mut running = bench.command(&train("broken", &["--epochs", "3"])).spawn().unwrap();
    let checkpoint = bench.at("broken/checkpoint/state.toml");
    let start = Instant::now();
    while !checkpoint.exists() && running.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    bench.good(&train("broken", &["--resume"]));
    let weights = |run: &str| fs_err::read(bench.at(run).join("model/weights.safetensors")).unwrap();
    assert!(weights("whole") == weights("broken"), "the networks differ");
}

#[test]
fn nonsense_is_refused_with_a_way_out() {
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    let cases: [(&str, &[&str], &str); 9] = [
        ("run", &[], "--resume"),
        ("other", &["--resume"], "leave --resume out"),
        ("a", &["--device", "gpu"], "devices are"),
        ("b", &["--device", "wgpu"], "--features wgpu"),
        ("c", &["--freeze", "layer9"], "stages are"),
        ("d", &["--dropout", "2"], "dropout"),
        ("e", &["--weights", "photos/p0/0.png"], "0.png"),
        ("f", &["--learning-rate", "0"], "learning_rate"),
        ("g", &["--teacher-weight", "2"], "--teacher <MODEL>"),
    ];
    for (run, more, expected) in cases {
        let told = bench.refused(&train(run, more));
        assert!(told.contains(expected), "{more:?}: {told}");
    }
    for at in 0..4 {
        bench.photo(&format!("alone/p0/{at}.png"), at);
    }
    bench.good(&["prepare", "alone", "-o", "one", "--size", "32"]);
    let told = bench.refused(&["train", "one", "-o", "h"]);
    assert!(told.contains("one identity"), "{told}");
}
