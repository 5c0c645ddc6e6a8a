//! Files and folders that refuse, loop, or have names of bytes.
#![cfg(unix)]

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use crate::bench::{Bench, contents, told};

const NOBODY: u32 = 65_534;
const PREPARE: [&str; 6] = ["prepare", "photos", "-o", "out", "--size", "32"];

fn allow(bench: &Bench, name: &str, mode: u32) {
    fs_err::set_permissions(bench.at(name), std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the program as somebody whom permissions bind, which root is not.
pub(crate) fn as_nobody(bench: &Bench, args: &[&str]) -> Output {
    allow(bench, ".", 0o777);
    // The build folder may be closed to others, so the program is run from a copy.
    fs_err::copy(env!("CARGO_BIN_EXE_likeness"), bench.at("likeness")).unwrap();
    allow(bench, "likeness", 0o755);
    let mut command = Command::new(bench.at("likeness"));
    command.current_dir(bench.path()).args(args);
    bench.isolate(&mut command);
    if fs_err::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    loop {
        match command.output() {
            // Another test's child may still hold the copy open for writing, until it has become its own program.
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => return output.unwrap(),
        }
    }
}

#[test]
fn a_photo_that_may_not_be_read_is_skipped() {
    let bench = Bench::with_photos();
    allow(&bench, "photos/p1/2.png", 0o000);
    let output = as_nobody(&bench, &PREPARE);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("skipped 1:\n  p1/2.png: Permission denied"), "{told}");
    assert!(told.contains("11 images of 3 identities"), "{told}");
}

#[test]
fn folders_that_may_not_be_read_or_written_are_named() {
    let bench = Bench::with_photos();
    allow(&bench, "photos/p1", 0o000);
    let output = as_nobody(&bench, &PREPARE);
    assert!(told(&output).contains("photos/p1: ") && told(&output).contains("8 images"), "{}", told(&output));
    allow(&bench, "photos/p1", 0o755);
    allow(&bench, "photos", 0o000);
    let output = as_nobody(&bench, &PREPARE);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("photos") && told(&output).contains("Permission denied"),
        "{}",
        told(&output)
    );
    allow(&bench, "photos", 0o755);
    fs_err::create_dir(bench.at("locked")).unwrap();
    allow(&bench, "locked", 0o555);
    for out in ["locked", "locked/out"] {
        let output = as_nobody(&bench, &["prepare", "photos", "-o", out]);
        assert_eq!(output.status.code(), Some(2));
        assert!(told(&output).contains("locked") && told(&output).contains("denied"), "{}", told(&output));
    }
    let output = as_nobody(&bench, &["embed", "photos", "--model", "color", "-o", "locked/x.embeddings"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("locked/x.embeddings"), "{}", told(&output));
}

#[test]
fn loops_pipes_and_names_of_bytes_do_no_harm() {
    let bench = Bench::with_photos();
    symlink(bench.at("photos"), bench.at("photos/p0/again")).unwrap();
    for pipe in ["photos/p0/pipe.png", "photos/table.csv"] {
        assert!(Command::new("mkfifo").arg(bench.at(pipe)).status().unwrap().success());
    }
    let name = std::ffi::OsStr::from_bytes(b"caf\xE9.png");
    fs_err::rename(bench.at("photos/p2/0.png"), bench.at("photos/p2").join(name)).unwrap();
    let output = bench.run(&PREPARE);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("skipped 2:") && told.contains("12 images of 3 identities"), "{told}");
    assert!(told.contains("symbolic link loop") && told.contains("pipe.png: not a regular file"), "{told}");
    let manifest = fs_err::read_to_string(bench.at("out/manifest.csv")).unwrap();
    assert!(manifest.contains("p2/caf%E9.png"), "{manifest}");
    assert!(
        bench.refused(&["embed", "photos/table.csv", "-o", "x", "--model", "color"]).contains("regular file")
    );
}

#[test]
fn tables_that_disagree_with_the_folder_are_told() {
    let bench = Bench::new();
    bench.photo("img/1.png", 1);
    bench.photo("img/2.png", 2);
    bench.photo("img/unlisted.png", 3);
    bench.write("identity_CelebA.txt", "1.png a\n1.png a\n2.png b\nabsent.png b\n");
    let output = bench.run(&["prepare", ".", "-o", "out", "--size", "32", "--json"]);
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&counts["images"], &counts["identities"], &counts["skipped"]),
        (&2.into(), &2.into(), &2.into())
    );
    for expected in
        ["1 duplicate rows in identity_CelebA.txt", "absent.png: listed", "unlisted.png: has no row"]
    {
        assert!(told(&output).contains(expected), "{}", told(&output));
    }
}

#[test]
fn nobody_listening_is_no_panic() {
    let bench = Bench::with_photos();
    for args in [["evaluate", "photos", "--model", "color"], ["match", "photos", "--model", "color"]] {
        let mut command = bench.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        if let Ok(full) = fs_err::OpenOptions::new().write(true).open("/dev/full") {
            let output = bench.command(&args).stdout(full.into_parts().0).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{}", told(&output));
            assert!(told(&output).contains("cannot write to stdout"), "{}", told(&output));
        }
    }
}

/// Fills a small disk, then makes it larger; where none may be mounted, a limit on file sizes stands for it.
#[test]
fn a_full_disk_is_said_and_the_run_goes_on_with_space() {
    let bench = Bench::with_photos();
    fs_err::create_dir(bench.at("disk")).unwrap();
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.current_dir(bench.path()).env("LIKENESS", env!("CARGO_BIN_EXE_likeness"));
        bench.isolate(&mut command);
        command.arg("-c").arg(script).output().unwrap()
    };
    let mount = "mount -t tmpfs -o size=160k none disk";
    let run = "\"$LIKENESS\" prepare photos -o disk/out --threads 1";
    let mounted = shell(&format!("unshare -m sh -c '{mount}'")).status.success();
    let script = if mounted {
        format!(
            "unshare -m sh -c '{mount} && {{ {run}; echo $? >first; mount -o remount,size=50m disk; {run}; \
             echo $? >second; cp -r disk/out whole; }}'"
        )
    } else {
        format!(
            "(trap '' XFSZ; ulimit -f 1; {run}; echo $? >first); {run}; echo $? >second; cp -r disk/out whole"
        )
    };
    let told = told(&shell(&script));
    let code = |name: &str| fs_err::read_to_string(bench.at(name)).unwrap().trim().to_owned();
    assert_eq!((code("first").as_str(), code("second").as_str()), ("2", "0"), "{told}");
    assert!(told.contains("error: disk/out/"), "{told}");
    assert!(!mounted || told.contains("hint: free some space"), "{told}");
    bench.good(&["prepare", "photos", "-o", "fresh"]);
    assert!(contents(&bench.at("whole")) == contents(&bench.at("fresh")));
}
