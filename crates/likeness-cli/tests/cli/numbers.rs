//! Every numeric flag of the commands that read photos, with nonsense: refused by name or harmless, never a crash.

use crate::bench::{Bench, told};
use crate::detectors::cascade;

const NONSENSE: [&str; 11] = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "-0.5",
    "0",
    "1e39",
    "18446744073709551615",
    "99999999999999999999",
    "",
    "1,5",
];

/// Runs a command with each nonsense value of each flag.
fn tried(bench: &Bench, command: &[&str], flags: &[&str]) {
    for flag in flags {
        for value in NONSENSE {
            let given = format!("{flag}={value}");
            let output = bench.run(&[command, &[&given]].concat());
            let told = told(&output);
            let code = output.status.code();
            assert!(matches!(code, Some(0..=2)), "{command:?} {given}: {code:?} {told}");
            assert!(!told.contains("panicked"), "{command:?} {given}: {told}");
            let is_float_nonsense = matches!(value, "nan" | "inf" | "-inf" | "");
            if is_float_nonsense {
                assert_eq!(code, Some(2), "{command:?} {given} was accepted: {told}");
                let name = flag.trim_start_matches('-').replace('-', " ");
                let named = told.contains(flag)
                    || told.contains(&name)
                    || told.contains(name.split(' ').next().unwrap());
                assert!(named, "{command:?} {given} is not named: {told}");
            }
        }
        let _ = fs_err::remove_dir_all(bench.at("out"));
    }
}

#[test]
fn prepare_and_detect() {
    let bench = Bench::with_photos();
    let cascade = cascade();
    let reading = ["--max-width", "--max-height", "--max-memory", "--threads"];
    let finding = ["--min-face-px", "--min-score", "--margin", "--scale-factor", "--min-neighbors"];
    let sampling = ["--identities", "--min-images", "--max-images", "--validation", "--seed", "--size"];
    let prepare =
        ["prepare", "photos", "-o", "out", "--replace", "--no-face", "keep", "--detector", &cascade];
    tried(&bench, &prepare, &[&reading[..], &finding, &sampling].concat());
    tried(&bench, &["detect", "photos", "--detector", &cascade], &[&reading[..], &finding].concat());
}

#[test]
fn embed_match_and_evaluate() {
    let bench = Bench::with_photos();
    bench.good(&["embed", "photos", "--model", "color", "-o", "e"]);
    tried(
        &bench,
        &["embed", "photos", "--model", "color", "-o", "x"],
        &["--batch", "--threads", "--max-memory"],
    );
    tried(
        &bench,
        &["match", "e", "-o", "r.json", "--grid", "g.png"],
        &["-k", "--grid-queries", "--submit-timeout"],
    );
    tried(&bench, &["evaluate", "e"], &["--require-top1", "--seed"]);
}

#[test]
fn demo() {
    let bench = Bench::new();
    for flag in ["--identities", "--images", "--epochs"] {
        for value in ["nan", "-1", "", "99999999999999999999"] {
            let told = bench.refused(&["demo", &format!("{flag}={value}")]);
            assert!(told.contains(flag), "{told}");
        }
    }
    for (flag, value) in [("--identities", "0"), ("--images", "0"), ("--images", "1"), ("--identities", "1")]
    {
        let told = bench.refused(&["demo", flag, value]);
        assert!(told.contains(flag), "{flag} {value}: {told}");
        assert!(!bench.at("likeness-demo").exists(), "{flag} {value} leaves nothing");
    }
}
