//! Every word of help and of the commonest errors, reviewed as snapshots.

use crate::bench::Bench;

/// Compares a story with its snapshot; durations, rates and the version are left out.
macro_rules! told {
    ($name:expr, $story:expr) => {
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!($name, lasting(&$story));
        });
    };
}

/// `story` without what differs from run to run: `in 1.2 s, 34 photos/s` becomes `in [time]`, the version `[version]`.
fn lasting(story: &str) -> String {
    let lines: Vec<String> = story.split('\n').map(without_time).collect();
    lines.join("\n").replace(concat!("likeness ", env!("CARGO_PKG_VERSION")), "likeness [version]")
}

fn without_time(line: &str) -> String {
    let Some((start, from)) = line.split_once(" in ") else { return line.to_owned() };
    let Some((seconds, rest)) = from.split_once(" s") else { return line.to_owned() };
    if seconds.parse::<f32>().is_err() || !seconds.contains('.') {
        return line.to_owned();
    }
    let rate = rest.strip_prefix(", ").and_then(|rate| rate.split_once("/s"));
    let rest = match rate {
        Some((rate, after)) if rate.starts_with(|c: char| c.is_ascii_digit()) => after,
        _ => rest,
    };
    format!("{start} in [time]{rest}")
}

#[test]
fn help_of_every_command() {
    let bench = Bench::new();
    told!("help", bench.story(&["--help"]));
    told!("help-find", bench.story(&["find", "--help"]));
    told!("help-identify", bench.story(&["identify", "--help"]));
    told!("help-prepare", bench.story(&["prepare", "--help"]));
    told!("help-detect", bench.story(&["detect", "--help"]));
    told!("help-models", bench.story(&["models", "--help"]));
    told!("help-models-quantize", bench.story(&["models", "quantize", "--help"]));
    told!("help-models-pull", bench.story(&["models", "pull", "--help"]));
    told!("help-embed", bench.story(&["embed", "--help"]));
    for command in ["inspect", "adapt", "compare", "calibrate", "report"] {
        told!(format!("help-{command}"), bench.story(&[command, "--help"]));
    }
    told!("help-match", bench.story(&["match", "--help"]));
    told!("help-evaluate", bench.story(&["evaluate", "--help"]));
    told!("help-config", bench.story(&["config", "--help"]));
    told!("help-config-show", bench.story(&["config", "show", "--help"]));
    told!("help-demo", bench.story(&["demo", "--help"]));
    told!("help-train", bench.story(&["train", "--help"]));
    told!("version", bench.story(&["--version"]));
}

#[test]
fn a_run_with_a_text_file_among_the_photos() {
    let bench = Bench::with_photos();
    bench.write("photos/p1/note.jpg", "dear diary");
    told!("prepare-with-text", bench.story(&["prepare", "photos", "-o", "out", "--size", "32"]));
    told!("evaluate", bench.story(&["evaluate", "out", "--model", "color"]));
}

#[test]
fn nothing_to_work_on() {
    let bench = Bench::with_photos();
    fs_err::create_dir(bench.at("empty")).unwrap();
    told!("empty-folder", bench.story(&["prepare", "empty", "-o", "out"]));
    told!("missing-folder", bench.story(&["prepare", "nowhere", "-o", "out"]));
    told!("unknown-model", bench.story(&["embed", "photos", "-o", "x", "--model", "colour"]));
    told!("no-model", bench.story(&["embed", "photos", "-o", "x"]));
    told!("bad-threshold", bench.story(&["evaluate", "photos", "--model", "color", "--require-top1", "2"]));
}

#[test]
fn a_threshold_that_is_missed() {
    let bench = Bench::new();
    // Two people whose photos resemble the other's more than their own.
    for (name, seed) in [("a/1", 0), ("a/2", 4), ("b/1", 1), ("b/2", 5)] {
        bench.photo(&format!("photos/{name}.png"), seed);
    }
    told!(
        "missed-threshold",
        bench.story(&[
            "evaluate",
            "photos",
            "--layout",
            "folders",
            "--model",
            "color",
            "--require-top1",
            "0.9"
        ])
    );
}

#[test]
fn settings_that_make_no_sense() {
    let bench = Bench::with_photos();
    told!("bad-size", bench.story(&["prepare", "photos", "-o", "out", "--size", "1"]));
    told!("bad-share", bench.story(&["prepare", "photos", "-o", "out", "--validation", "1.5"]));
    told!("no-official-split", bench.story(&["prepare", "photos", "-o", "out", "--split", "official"]));
    told!("too-many-images", bench.story(&["prepare", "photos", "-o", "out", "--min-images", "50"]));
    bench.write("mine/thesis.txt", "years of work");
    told!("occupied", bench.story(&["prepare", "photos", "-o", "mine"]));
}
