//! `train` from a dataset to a network that `--model` takes, with interruptions and nonsense.

use std::time::{Duration, Instant};

use crate::bench::{Bench, contents};

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
    let altered = text.replace("alignment = \"none\"", "alignment = \"arcface\"");
    fs_err::write(&card, &altered).unwrap();
    let told = bench.refused(&["embed", "photos", "--model", "run", "-o", "out"]);
    assert!(told.contains("model.toml") && told.contains("remove the last line"), "{told}");
    let (unsealed, _) = altered.split_once("# sha256").unwrap();
    fs_err::write(&card, unsealed).unwrap();
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
        ("f", &["--learning-rate", "0"], "learning_rate 0: expected more than 0"),
        ("g", &["--teacher-weight", "2"], "--teacher <MODEL>"),
    ];
    for (run, more, expected) in cases {
        let told = bench.refused(&train(run, more));
        assert!(told.contains(expected), "{more:?}: {told}");
    }
    for at in 0..4 {
        bench.photo(&format!("alone/p0/{at}.png"), at);
    }
    bench.good(&["prepare", "alone", "-o", "one", "--size", "32", "--layout", "folders"]);
    let told = bench.refused(&["train", "one", "-o", "h"]);
    assert!(told.contains("one identity"), "{told}");
}

#[test]
fn a_run_goes_on_with_its_own_settings_alone() {
    let bench = dataset();
    bench.photo("others/p0/0.png", 50);
    for at in 0..8 {
        bench.photo(&format!("others/p{}/{at}.png", at / 4), 50 + at);
    }
    bench.good(&["prepare", "others", "-o", "other", "--size", "32", "--validation", "0.25"]);
    let begun = train("run", &["--epochs", "2", "--average", "0.9", "--seed", "4"]);
    bench.good(&begun);
    let before = contents(&bench.at("run"));
    let resumed = |more: &[&'static str]| -> Vec<&str> {
        [&["train", "faces", "-o", "run", "--resume"][..], more].concat()
    };
    for (more, expected) in [
        (&["--epochs", "9"][..], "phases.classification.epochs is 2 in the run, 9 was given"),
        (&["--average", "0.5"], "averaging is 0.9 in the run, 0.5 was given"),
        (&["--seed", "5"], "seed is 4 in the run, 5 was given"),
        (&["--method", "arcface"], "method is classification in the run, arcface was given"),
        (&["--backbone", "resnet34"], "network.backbone.architecture is \"resnet18\" in the run"),
        (&["--batch", "8", "--size", "64"], "batch_size is 4 in the run, 8 was given"),
        (&["--patience", "3"], "patience is not set in the run, 3 was given"),
        (&["--weights", "run"], "weights is not set in the run"),
        (&["--rates", "layer1=0.5"], "rates"),
        (&["--augment", "strong"], "augmentation."),
        (&["--adapt-to", "other", "--adapt", "coral"], "adaptation is not set in the run"),
    ] {
        let told = bench.refused(&resumed(more));
        assert!(
            told.contains(expected) && told.contains("run: the run was begun with other settings"),
            "{told}"
        );
        assert!(told.contains("hint: leave out flags"), "{told}");
    }
    let told = bench.refused(&["train", "other", "-o", "run", "--resume"]);
    assert!(told.contains("dataset is faces in the run, other was given"), "{told}");
    assert!(contents(&bench.at("run")) == before, "a refused command changes nothing");
    for more in [
        &[][..],
        &["--epochs", "2", "--seed", "4", "--workers", "2", "--json"],
        &["--method", "classification", "--device", "cpu", "--augment", "none", "--optimizer", "adamw"],
        &["--config", "run/run.toml"],
    ] {
        bench.good(&resumed(more));
    }
    bench.good(&[&begun[..], &["--resume"]].concat());
}

#[test]
fn the_same_command_again_goes_on_with_every_kind_of_flag() {
    let bench = dataset();
    bench.good(&train("first", &["--epochs", "1"]));
    let teacher = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-model/tests/golden/onnx/good.onnx");
    let few =
        ["--identities-per-batch", "2", "--images-per-identity", "2", "--workers", "1", "--epochs", "1"];
    let flags = ["--size", "32", "--weights", "first", "--warm-up", "0", "--keep-classification", "0.5"];
    let more =
        ["--teacher", teacher, "--teacher-weight", "2", "--miner", "random", "--triplet-margin", "0.3"];
    let command = [&["train", "faces", "-o", "run"][..], &few, &flags, &more].concat();
    bench.good(&command);
    bench.good(&[&command[..], &["--resume"]].concat());
    // Each flag alone, over the settings of the run.
    for flag in [
        &["--warm-up", "0"][..],
        &["--keep-classification", "0.5"],
        &["--teacher", teacher],
        &["--miner", "random"],
        &["--triplet-margin", "0.3"],
        &["--weights", "first/model/weights.safetensors"],
        &["--method", "triplet"],
    ] {
        bench.good(&[&["train", "faces", "-o", "run", "--resume"][..], flag].concat());
    }
    let resumed = |more: &[&'static str]| -> Vec<&str> {
        [&["train", "faces", "-o", "run", "--resume"][..], more].concat()
    };
    let told = bench.refused(&resumed(&["--warm-up", "3"]));
    assert!(told.contains("warm-up is 0 in the run, 3 was given"), "{told}");
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-model/tests/golden/onnx/nhwc.onnx");
    let told = bench.refused(&["train", "faces", "-o", "run", "--resume", "--teacher", other]);
    assert!(told.contains("teacher is") && told.contains("which is another model"), "{told}");
}

#[test]
fn outputs_that_are_inputs_or_belong_to_others_are_refused_and_left_as_they_are() {
    let bench = dataset();
    bench.write("notes/mine.txt", "mine");
    bench.write("file", "mine");
    let before = contents(bench.path());
    for (output, expected) in [
        ("faces", "faces: is the dataset that is trained on"),
        ("photos", "photos: holds other files, expected a run or an empty folder"),
        ("notes", "notes: holds other files"),
        ("file", "file: is a file"),
    ] {
        let told = bench.refused(&train(output, &["--epochs", "1"]));
        assert!(told.contains(expected) && told.contains("hint: name another folder"), "{told}");
    }
    assert!(contents(bench.path()) == before);
}

#[test]
fn two_processes_do_not_train_in_one_folder() {
    let bench = dataset();
    let mut first = bench.command(&train("run", &["--epochs", "50"])).spawn().unwrap();
    let start = Instant::now();
    while !bench.at("run/run.toml").exists() {
        assert!(start.elapsed() < Duration::from_secs(120) && first.try_wait().unwrap().is_none(), "no run");
        std::thread::sleep(Duration::from_millis(5));
    }
    for more in [&["--epochs", "1"][..], &["--resume"]] {
        let told = bench.refused(&train("run", more));
        assert!(told.contains("run: another process is working in this folder"), "{told}");
        assert!(told.contains("hint: wait until it has ended"), "{told}");
    }
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_command_that_failed_works_once_its_cause_is_gone() {
    let bench = dataset();
    bench.write("bad.pth", "no weights");
    bench.refused(&train("run", &["--epochs", "1", "--weights", "bad.pth"]));
    assert!(!bench.at("run").exists(), "nothing is left");
    bench.good(&train("first", &["--epochs", "1"]));
    // Weights that are read, and then do not fit.
    let deeper = ["--weights", "first", "--backbone", "resnet34", "--size", "32", "--epochs", "1"];
    let told =
        bench.refused(&[&["train", "faces", "-o", "run"][..], &deeper, &["--method", "cosface"]].concat());
    assert!(told.contains("--allow-missing layer"), "{told}");
    assert!(!bench.at("run").exists(), "nothing is left");
    // A first step that breaks leaves a run without an epoch.
    let wild = ["--learning-rate", "1000", "--optimizer", "sgd", "--weight-decay", "100", "--clip", "0"];
    bench.refused(&train("run", &[&["--epochs", "40"][..], &wild].concat()));
    if !bench.at("run/checkpoint").exists() {
        bench.good(&train("run", &["--epochs", "1"]));
    }
}

#[test]
fn a_default_batch_shrinks_and_a_chosen_one_is_refused_before_the_warm_up() {
    let bench = dataset();
    let few = [
        "--backbone",
        "resnet18",
        "--size",
        "32",
        "--embedding-dim",
        "16",
        "--workers",
        "1",
        "--validation",
        "0",
    ];
    let train = |run: &'static str, more: &[&'static str]| -> Vec<&str> {
        [&["train", "faces", "-o", run, "--warm-up", "1", "--epochs", "1"][..], &few, more].concat()
    };
    let told = bench.refused(&train("a", &["--identities-per-batch", "8"]));
    assert!(told.contains("phase triplet: batches of 8 identities, but there are"), "{told}");
    assert!(told.contains("--identities-per-batch"), "{told}");
    assert!(!bench.at("a").exists());
    let output = bench.run(&train("b", &[]));
    let said = crate::bench::told(&output);
    assert!(output.status.success() && said.contains("identities instead of 8"), "{said}");
    let told = bench.refused(&train("c", &["--batch", "1"]));
    assert!(told.contains("phase cosface: batch_size 1: batch normalisation needs 2 faces"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_says_so_by_its_exit_code() {
    let bench = dataset();
    let mut command = bench.command(&train("run", &["--epochs", "500", "--json"]));
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !bench.at("run/checkpoint/state.toml").exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint");
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", crate::bench::told(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["stopped"], true);
    assert!(crate::bench::told(&output).contains("go on with --resume"), "{}", crate::bench::told(&output));
}

#[test]
fn a_closed_or_full_stdout_ends_no_run() {
    let bench = dataset();
    let run = |name: &str, stdout: std::process::Stdio| {
        let mut command = bench.command(&train(name, &["--epochs", "1", "--json"]));
        command.stdout(stdout).stderr(std::process::Stdio::piped()).output().unwrap()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run("closed", writer.into());
    assert!(
        output.status.success() && !crate::bench::told(&output).contains("panicked"),
        "{}",
        crate::bench::told(&output)
    );
    let Ok(full) = fs_err::OpenOptions::new().write(true).open("/dev/full") else { return };
    let output = run("full", full.into_file().into());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        crate::bench::told(&output).contains("stdout") && !crate::bench::told(&output).contains("panicked"),
        "{}",
        crate::bench::told(&output)
    );
}

#[cfg(unix)]
#[test]
fn every_file_of_a_run_has_the_mode_of_any_other() {
    use std::os::unix::fs::PermissionsExt;
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    bench.good(&train("run", &["--resume", "--epochs", "1"]));
    bench.write("plain", "");
    let mode = |path: std::path::PathBuf| fs_err::metadata(path).unwrap().permissions().mode();
    for (name, _) in contents(&bench.at("run")) {
        assert_eq!(mode(bench.at("run").join(&name)), mode(bench.at("plain")), "{name:?}");
    }
}

#[test]
fn a_run_and_its_networks_list_the_photos_that_were_trained_on_and_no_names() {
    use likeness_train::train::TrainedOn;
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    let faces = likeness_data::dataset::Dataset::open(&bench.at("faces")).unwrap().faces;
    let part = |split| faces.iter().filter(move |face| face.split == split);
    for place in ["run", "run/model", "run/model/model.onnx"] {
        let known = TrainedOn::beside(&bench.at(place)).unwrap().unwrap();
        let of = |split| {
            let (photos, names) =
                (part(split).map(|f| f.sha256.as_str()), part(split).filter_map(|f| f.identity.as_deref()));
            known.overlap(photos, names)
        };
        let trained = of(likeness_data::split::Split::Train);
        assert_eq!(trained.photos, part(likeness_data::split::Split::Train).count());
        assert!(trained.identities > 0);
        assert_eq!(of(likeness_data::split::Split::Validation).photos, 0);
    }
    // A network that begins with another's weights has seen that one's photos too.
    for at in 0..8 {
        bench.photo(&format!("others/q{}/{at}.png", at / 4), 50 + at);
    }
    bench.good(&["prepare", "others", "-o", "other", "--size", "32", "--validation", "0.25"]);
    let few =
        ["--method", "classification", "--batch", "4", "--epochs", "1", "--workers", "1", "--size", "32"];
    bench.good(
        &[&["train", "other", "-o", "second", "--weights", "run", "--validation", "0"][..], &few].concat(),
    );
    let known = TrainedOn::beside(&bench.at("second")).unwrap().unwrap();
    let photos = part(likeness_data::split::Split::Train).map(|f| f.sha256.as_str());
    assert_eq!(known.overlap(photos, []).photos, part(likeness_data::split::Split::Train).count());
}

#[test]
fn a_card_that_was_altered_is_refused_on_resume_and_read_as_settings() {
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    let card = bench.at("run/run.toml");
    let whole = fs_err::read(&card).unwrap();
    let checksum = whole.len() - 66;
    for bit in (0..8 * whole.len()).step_by(8 * 37 + 1) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs_err::write(&card, bytes).unwrap();
        let output = bench.run(&["train", "faces", "-o", "run", "--resume"]);
        let refused = output.status.code() == Some(2) && crate::bench::told(&output).contains("run.toml");
        assert!(refused || (bit / 8 >= checksum - 11), "bit {bit}: {}", crate::bench::told(&output));
    }
    let text = String::from_utf8(whole).unwrap().replace("seed = 0", "seed = 3");
    fs_err::write(&card, text).unwrap();
    let told = bench.refused(&["train", "faces", "-o", "run", "--resume"]);
    assert!(told.contains("run.toml: was altered since the run began"), "{told}");
    bench.good(&["train", "faces", "-o", "third", "--config", "run/run.toml"]);
}

/// Words such as `--adapt-to` in the string literals of the library that trains and of this command.
fn flags_in_messages() -> std::collections::BTreeSet<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("../likeness-train/src"), root.join("src/commands/train")];
    let mut texts = vec![fs_err::read_to_string(root.join("src/commands/train.rs")).unwrap()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.push(fs_err::read_to_string(path).unwrap());
            }
        }
    }
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let mut found = std::collections::BTreeSet::new();
    for line in texts.iter().flat_map(|text| text.lines()).filter(code) {
        for (at, _) in line.match_indices("--") {
            let rest = &line[at + 2..];
            let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(rest.len());
            let before = line[..at].chars().next_back();
            if end > 1 && !before.is_some_and(|c| c.is_alphanumeric() || c == '-') {
                found.insert(format!("--{}", &rest[..end]));
            }
        }
    }
    found
}

#[test]
fn every_flag_that_a_message_names_exists() {
    let bench = Bench::new();
    let mut known: String =
        ["train", "prepare", "match"].map(|command| bench.good(&[command, "--help"])).concat();
    // Flags of cargo, which builds the program.
    known += " --release --features ";
    let named = flags_in_messages();
    assert!(named.len() > 10, "{named:?}");
    let exists = |flag: &&String| {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '-');
        known.match_indices(flag.as_str()).any(|(at, _)| ends(&known[at + flag.len()..]))
    };
    let unknown: Vec<&String> = named.iter().filter(|flag| !exists(flag)).collect();
    assert!(unknown.is_empty(), "no such flags: {unknown:?}");
}

#[test]
fn flipped_bits_of_a_model_folder_are_refused_or_change_no_embedding() {
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    let model = bench.at("run/model");
    let open = || likeness_model::load_embedder(model.to_str().unwrap(), &Default::default());
    let expected = open().unwrap().spec().clone();
    for (name, flips) in [("model.toml", 60), ("model.onnx", 6)] {
        let path = model.join(name);
        let whole = fs_err::read(&path).unwrap();
        for flip in 0..flips {
            let bit = flip * 8 * whole.len() / flips + flip % 8;
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&path, bytes).unwrap();
            match open() {
                Err(error) => assert!(error.to_string().contains("model."), "{name}, bit {bit}: {error}"),
                Ok(embedder) => {
                    let found = embedder.spec();
                    assert_eq!(name, "model.toml", "bit {bit} of a graph");
                    assert_eq!(found.fingerprint, expected.fingerprint, "bit {bit}");
                    assert_eq!(
                        (found.dimension, found.distance, found.alignment),
                        (expected.dimension, expected.distance, expected.alignment),
                        "bit {bit}"
                    );
                }
            }
        }
        fs_err::write(&path, whole).unwrap();
    }
}

#[test]
fn a_model_that_is_measured_on_its_training_photos_is_warned_of() {
    let bench = dataset();
    bench.good(&train("run", &["--epochs", "1"]));
    for at in 0..8 {
        bench.photo(&format!("others/q{}/{at}.png", at / 4), 40 + at);
    }
    let warned = |args: &[&str]| {
        let output = bench.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", crate::bench::told(&output));
        crate::bench::told(&output).contains("warning: the model was trained on ")
    };
    for model in ["run", "run/model", "run/model/model.onnx"] {
        assert!(warned(&["evaluate", "faces", "--model", model]), "{model}");
        assert!(!warned(&["evaluate", "others", "--model", model]), "{model}");
    }
    assert!(!warned(&["embed", "faces", "--split", "validation", "--model", "run", "-o", "v"]));
    assert!(warned(&["embed", "faces", "--model", "run", "-o", "e"]));
    let overlap = bench.json(&["evaluate", "faces", "--model", "run", "--json"])["trained_on"].clone();
    assert_eq!(overlap["photos"], 9, "{overlap}");
    // Networks that are made of it know it too.
    bench.good(&["models", "quantize", "run", "-o", "half", "--weights", "f16"]);
    assert!(warned(&["evaluate", "faces", "--model", "half"]));
    // A list that was altered is no list.
    let list = bench.at("run/model/trained-on.txt");
    let text = fs_err::read_to_string(&list).unwrap();
    fs_err::write(&list, text.replacen("photo ", "photo 0", 1)).unwrap();
    let told = bench.refused(&["evaluate", "faces", "--model", "run/model"]);
    assert!(told.contains("trained-on.txt"), "{told}");
}
