//! Every word of help and of the commonest errors, reviewed as snapshots.

use crate::bench::Bench;

/// Compares a story with its snapshot; durations, rates and the version are left out.
macro_rules! told {
    ($name:literal, $story:expr) => {
        insta::with_settings!({ filters => vec![
            (r"in \d+\.\d s(, \d+ [a-z]+/s)?", "in [time]"),
            (r"likeness \d+\.\d+\.\d+", "likeness [version]"),
        ], omit_expression => true }, {
            insta::assert_snapshot!($name, $story);
        });
    };
}

#[test]
fn help_of_every_command() {
    let bench = Bench::new();
    told!("help", bench.story(&["--help"]));
    told!("help-prepare", bench.story(&["prepare", "--help"]));
    told!("help-detect", bench.story(&["detect", "--help"]));
    told!("help-models", bench.story(&["models", "--help"]));
    told!("help-models-pull", bench.story(&["models", "pull", "--help"]));
    told!("help-embed", bench.story(&["embed", "--help"]));
    told!("help-match", bench.story(&["match", "--help"]));
    told!("help-evaluate", bench.story(&["evaluate", "--help"]));
    told!("help-demo", bench.story(&["demo", "--help"]));
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
    told!(
        "missed-threshold",
        bench.story(&["evaluate", "photos/p0", "--model", "color", "--require-top1", "2"])
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
