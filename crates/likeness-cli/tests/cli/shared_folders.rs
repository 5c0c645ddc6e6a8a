//! Two processes in one folder: the second is refused, and the first finishes as if it had been alone.
#![cfg(unix)]

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, contents};

/// Starts a command and waits until it has made `file`.
fn started(bench: &Bench, args: &[&str], file: &str) -> Child {
    let child = bench.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !bench.at(file).exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{args:?} made no {file}");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// Runs `args` twice at once; the second must be refused and the first succeed.
fn one_at_a_time(bench: &Bench, args: &[&str], file: &str) {
    let first = started(bench, args, file);
    let told = bench.refused(args);
    assert!(told.contains("another process") && told.contains("hint: "), "{args:?}: {told}");
    let output = first.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", crate::bench::told(&output));
}

#[test]
fn prepare_train_and_demo() {
    let bench = Bench::new();
    let picture = image::RgbImage::from_fn(700, 700, |x, y| {
        image::Rgb([(x * y % 251) as u8, (x % 256) as u8, (y * 7 % 256) as u8])
    });
    fs_err::create_dir_all(bench.at("photos/a")).unwrap();
    fs_err::create_dir_all(bench.at("photos/b")).unwrap();
    picture.save(bench.at("photos/a/0.png")).unwrap();
    for at in 1..120 {
        let name = format!("photos/{}/{at}.png", if at % 2 == 0 { "a" } else { "b" });
        fs_err::hard_link(bench.at("photos/a/0.png"), bench.at(&name)).unwrap();
    }
    let prepare = [
        "prepare",
        "photos",
        "-o",
        "data",
        "--size",
        "32",
        "--threads",
        "1",
        "--layout",
        "folders",
        "--detector",
        "none",
    ];
    one_at_a_time(&bench, &prepare, "data/.prepare.journal");
    bench.good(&[
        "prepare",
        "photos",
        "-o",
        "alone",
        "--size",
        "32",
        "--layout",
        "folders",
        "--detector",
        "none",
    ]);
    assert!(contents(&bench.at("data")) == contents(&bench.at("alone")), "the two runs disturbed each other");

    let train = [
        "train",
        "data",
        "-o",
        "run",
        "--backbone",
        "resnet18",
        "--size",
        "32",
        "--embedding-dim",
        "8",
        "--method",
        "classification",
        "--epochs",
        "2",
        "--batch",
        "8",
    ];
    one_at_a_time(&bench, &train, "run/.likeness.lock");
    let resumed = [&train[..3], &["run", "--resume"]].concat();
    bench.good(&resumed);

    one_at_a_time(
        &bench,
        &["demo", "--identities", "4", "--images", "4", "--epochs", "0"],
        "likeness-demo/.likeness.lock",
    );
}

#[test]
fn a_cache() {
    let bench = Bench::with_photos();
    let cache = ["embed", "photos", "--model", "color", "--cache", "kept", "-o"];
    // The file of the cache is locked by the test itself, as another process would.
    bench.good(&[&cache[..], &["a"]].concat());
    let file = fs_err::read_dir(bench.at("kept")).unwrap().next().unwrap().unwrap().path();
    let held = fs_err::OpenOptions::new().write(true).open(&file).unwrap();
    held.file().lock().unwrap();
    let told = bench.refused(&[&cache[..], &["b"]].concat());
    assert!(told.contains("another run uses this cache"), "{told}");
    drop(held);
    let output = bench.run(&[&cache[..], &["b"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", crate::bench::told(&output));
}

#[test]
fn a_demo_goes_into_no_folder_that_holds_something() {
    let bench = Bench::new();
    bench.write("mine/results.json", "years of work");
    let told = bench.refused(&["demo", "-o", "mine", "--identities", "4", "--images", "4"]);
    assert!(told.contains("mine: is not empty (it holds results.json)"), "{told}");
    assert_eq!(fs_err::read(bench.at("mine/results.json")).unwrap(), b"years of work");
    bench.write("file", "years of work");
    let output = bench.run(&["demo", "-o", "file"]);
    assert_eq!(output.status.code(), Some(2), "{}", crate::bench::told(&output));
    assert!(crate::bench::told(&output).contains("file"), "{}", crate::bench::told(&output));
}
