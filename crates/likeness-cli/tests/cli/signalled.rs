//! Signals: exit codes, ignored signals, and commands that do not stop by themselves.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, told};
use crate::interrupted::slow_photos;

/// Starts `command` and sends `signal` once some photos are prepared.
fn signalled(bench: &Bench, mut command: Command, signals: &[&str]) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    let prepared = || {
        let journal = fs_err::read_to_string(bench.at("out/.prepare.journal")).unwrap_or_default();
        journal.lines().count()
    };
    while prepared() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no progress");
        std::thread::sleep(Duration::from_millis(2));
    }
    for signal in signals {
        assert!(Command::new("kill").args([*signal, &child.id().to_string()]).status().unwrap().success());
    }
    child.wait_with_output().unwrap()
}

const PREPARE: [&str; 10] =
    ["prepare", "photos", "-o", "out", "--threads", "1", "--layout", "folders", "--detector", "none"];

#[test]
fn the_exit_code_names_the_signal() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let bench = slow_photos();
        let output = signalled(&bench, bench.command(&PREPARE), &[signal]);
        assert_eq!(output.status.code(), Some(code), "{signal}: {}", told(&output));
        assert!(told(&output).contains("interrupted after"), "{}", told(&output));
    }
}

#[test]
fn ignored_signals_stay_ignored() {
    for (ignored, signal) in [("HUP", "-HUP"), ("INT", "-INT")] {
        let bench = slow_photos();
        let mut command = Command::new("sh");
        command.current_dir(bench.path()).args(["-c", &format!("trap '' {ignored}; exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_likeness")).args(PREPARE);
        bench.isolate(&mut command);
        let output = signalled(&bench, command, &[signal]);
        assert_eq!(output.status.code(), Some(0), "{signal}: {}", told(&output));
        assert!(bench.at("out/dataset.toml").exists(), "{signal}");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let bench = slow_photos();
    let output = signalled(&bench, bench.command(&PREPARE), &["-TERM", "-TERM"]);
    // The second may be merged with the first by the system; either way nothing is left half-written.
    assert_eq!(output.status.code(), Some(143), "{}", told(&output));
    assert_eq!(output.status.signal(), None);
    assert!(!bench.at("out/dataset.toml").exists());
    bench.good(&PREPARE);
}
