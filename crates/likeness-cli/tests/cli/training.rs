//! `train` from a dataset to a network that `--model` takes.

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

pub(crate) fn dataset() -> Bench {
    let bench = Bench::with_photos();
    bench.good(&["prepare", "photos", "-o", "faces", "--size", "32", "--validation", "0.25"]);
    bench
}

pub(crate) fn train<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
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
    assert!(told.contains("the preprocessing of weights is given"), "{told}");
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
    bench.good(&[&import("backbone", "resnet18")[..], &["--backbone-only"]].concat());
    assert_eq!(bench.json(&["models", "show", "backbone", "--json"])["dimension"], 512);
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
        let embed = ["embed", input, "--model", "run", "-o", "out", "--detector", "none"];
        let output = bench.command(&embed).output().unwrap();
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("trained on aligned faces, but face detection is off")
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
    let teacher = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/good.onnx");
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
    assert!(apart.contains("adapting to 6 faces") && !apart.contains("also training photos"), "{apart}");
    let history = fs_err::read_to_string(bench.at("apart/history.jsonl")).unwrap();
    assert!(history.contains("domain_accuracy") && history.contains("reversal_strength"), "{history}");
    let same = said("same", &["--adapt-to", "faces", "--adapt", "coral"]);
    assert!(same.contains("are also training photos") && same.contains("occur in both domains"), "{same}");
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
    assert!(refused.contains("only applies to the triplet loss"), "{refused}");
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
fn a_run_and_its_networks_list_the_photos_that_were_trained_on_and_no_names() {
    use likeness_model::trained_on::TrainedOn;
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
        let trained = of(likeness_data::sample::Split::Train);
        assert_eq!(trained.photos, part(likeness_data::sample::Split::Train).count());
        assert!(trained.identities > 0);
        assert_eq!(of(likeness_data::sample::Split::Validation).photos, 0);
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
    let photos = part(likeness_data::sample::Split::Train).map(|f| f.sha256.as_str());
    assert_eq!(known.overlap(photos, []).photos, part(likeness_data::sample::Split::Train).count());
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
    let open = || likeness_embed::load_embedder(model.to_str().unwrap(), &Default::default());
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
    // What was embedded says it without the model.
    assert!(warned(&["evaluate", "e"]));
    assert_eq!(bench.json(&["evaluate", "e", "--json"])["trained_on"], overlap);
    bench.good(&["models", "export", "run", "--onnx", "-o", "alone.onnx"]);
    bench.good(&["models", "import", "alone.onnx", "--models", "store"]);
    for copy in ["alone.onnx", "store/alone.onnx"] {
        let settings = ["--channels", "rgb"];
        assert!(warned(&[&["evaluate", "faces", "--model", copy], &settings[..]].concat()), "{copy}");
    }
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
