//! A run's folder: resumed, interrupted, refused, locked, and what its files are like.

use std::time::{Duration, Instant};

use crate::bench::contents;
use crate::training::{dataset, train};

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
        ("g", &["--teacher-weight", "2"], "name one with --teacher MODEL"),
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
    let teacher = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/good.onnx");
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
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/nhwc.onnx");
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
    assert!(
        crate::bench::told(&output).contains("continue with --resume"),
        "{}",
        crate::bench::told(&output)
    );
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
    assert!(told.contains("run.toml: was changed after the run started"), "{told}");
    bench.good(&["train", "faces", "-o", "third", "--config", "run/run.toml"]);
}
