//! `prepare` stopped in the middle, asked to or killed: the same command finishes, byte for byte.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, contents, told};

const PHOTOS: usize = 120;

/// Photos large enough that reading them all takes far longer than sending a signal.
pub(crate) fn slow_photos() -> Bench {
    let bench = Bench::new();
    fs_err::create_dir_all(bench.at("photos/p")).unwrap();
    let picture = image::RgbImage::from_fn(900, 900, |x, y| {
        image::Rgb([(x * y % 251) as u8, (x % 256) as u8, (y * 7 % 256) as u8])
    });
    picture.save(bench.at("photos/p/0.png")).unwrap();
    for at in 1..PHOTOS {
        fs_err::hard_link(bench.at("photos/p/0.png"), bench.at(&format!("photos/p/{at}.png"))).unwrap();
    }
    bench
}

/// Sends `signal` once some photos are in the journal.
fn signalled(bench: &Bench, signal: &str) -> (Output, usize) {
    let mut command =
        bench.command(&["prepare", "photos", "-o", "out", "--threads", "1", "--detector", "none"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while finished(bench) < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no progress");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output, finished(bench))
}

/// Photos in the journal.
fn finished(bench: &Bench) -> usize {
    let journal = fs_err::read_to_string(bench.at("out/.prepare.journal")).unwrap_or_default();
    journal.lines().filter(|line| line.contains("\"photo\"")).count()
}

fn finishes(bench: &Bench, done: usize) {
    assert!((3..PHOTOS).contains(&done), "the signal must land in the middle, landed after {done}");
    assert!(!bench.at("out/dataset.toml").exists(), "an incomplete dataset has no card");
    bench.refused(&["evaluate", "out/manifest.csv", "--model", "color"]);
    let counts = bench.json(&["prepare", "photos", "-o", "out", "--json", "--detector", "none"]);
    assert_eq!(counts["images"], PHOTOS);
    assert!(counts["worked"].as_u64().unwrap() <= (PHOTOS - done + 1) as u64, "{counts} after {done}");
    bench.good(&["prepare", "photos", "-o", "fresh", "--detector", "none"]);
    assert!(contents(&bench.at("out")) == contents(&bench.at("fresh")));
}

#[test]
fn ctrl_c_keeps_what_is_done() {
    let bench = slow_photos();
    let (output, done) = signalled(&bench, "-INT");
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(
        told(&output).contains(&format!("error: interrupted after {done} of {PHOTOS}")),
        "{}",
        told(&output)
    );
    assert!(told(&output).contains("hint: run the same command again"), "{}", told(&output));
    finishes(&bench, done);
}

#[test]
fn kill_9_keeps_what_is_done() {
    let bench = slow_photos();
    let (output, done) = signalled(&bench, "-KILL");
    assert_eq!(output.status.signal(), Some(9));
    finishes(&bench, done);
}
