//! Every command that writes a file, on every kind of target: what may be written is, and nothing else is touched.
#![cfg(unix)]

use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::process::{Command, Output, Stdio};

use crate::bench::{Bench, told};
use crate::detectors::cascade;

const GRAPH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/good.onnx");

/// A command and the flag by which it writes a file.
struct Case {
    name: &'static str,
    /// Everything but the target.
    args: Vec<String>,
    /// Bytes that what it writes begins with, or holds near its beginning.
    mark: &'static [u8],
    /// Ending of the file's name.
    ending: &'static str,
    /// Whether the target may be `-`: the command prints nothing else to stdout.
    to_stdout: bool,
    /// A file that the command reads.
    input: &'static str,
    force: bool,
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn cases() -> Vec<Case> {
    let case = |name, args: Vec<String>, mark, ending| Case {
        name,
        args,
        mark,
        ending,
        to_stdout: true,
        input: "photos/p0/0.png",
        force: true,
    };
    vec![
        Case {
            input: "in.embeddings",
            ..case("embed", words("embed in.embeddings -o"), b"likeness-embeddings", "embeddings")
        },
        case("embed photos", words("embed photos --model color -o"), b"likeness-embeddings", "embeddings"),
        Case { input: "in.embeddings", ..case("match", words("match in.embeddings -o"), b"{\n", "json") },
        case("grid", words("match photos --model color -o r.json --grid"), b"\x89PNG", "png"),
        Case {
            to_stdout: false,
            ..case("map", words("evaluate photos --model color --map"), b"\x89PNG", "png")
        },
        Case {
            to_stdout: false,
            ..case("map svg", words("evaluate photos --model color --map"), b"<svg", "svg")
        },
        case(
            "detect",
            [words("detect photos --detector"), vec![cascade(), "--preview".to_owned()]].concat(),
            b"\x89PNG",
            "png",
        ),
        case("prepare", words("prepare photos -o out --size 32 --preview"), b"\x89PNG", "png"),
        Case {
            input: "in.onnx",
            ..case("export", words("models export in.onnx --onnx -o"), b"\x08", "onnx")
        },
    ]
}

/// A folder with photos, an embeddings file and a graph.
fn bench() -> Bench {
    let bench = Bench::with_photos();
    bench.good(&["embed", "photos", "--model", "color", "-o", "in.embeddings"]);
    fs_err::copy(GRAPH, bench.at("in.onnx")).unwrap();
    bench
}

impl Case {
    fn args<'a>(&'a self, target: &'a str) -> Vec<&'a str> {
        self.args.iter().map(String::as_str).chain([target]).collect()
    }

    fn run(&self, bench: &Bench, target: &str) -> Output {
        bench.run(&self.args(target))
    }

    fn good(&self, bench: &Bench, target: &str) -> Output {
        let output = self.run(bench, target);
        assert_eq!(output.status.code(), Some(0), "{} to {target}: {}", self.name, told(&output));
        output
    }

    fn refused(&self, bench: &Bench, target: &str, expected: &str) {
        let output = self.run(bench, target);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{} to {target}: {told}", self.name);
        assert!(told.contains(expected) && told.contains("error: "), "{} to {target}: {told}", self.name);
        assert!(!told.contains("panicked"), "{told}");
    }

    fn is_written(&self, bytes: &[u8]) -> bool {
        let start = &bytes[..bytes.len().min(400)];
        start.windows(self.mark.len()).any(|window| window == self.mark)
    }
}

/// Makes a device like `/dev/null` (minor number 3) or `/dev/full` (7) in the test's own folder, as a failing test would
/// replace the machine's; false where that is not allowed.
fn device(bench: &Bench, name: &str, minor: &str) -> bool {
    let mut mknod = Command::new("mknod");
    let made = mknod.arg(bench.at(name)).args(["-m", "666", "c", "1", minor]).output();
    // Where no device may be made, none is tried.
    made.is_ok_and(|output| output.status.success())
        && fs_err::OpenOptions::new().write(true).open(bench.at(name)).is_ok()
}

#[test]
fn a_new_file_and_one_of_our_own_are_written() {
    for case in cases() {
        let bench = bench();
        let target = format!("target.{}", case.ending);
        case.good(&bench, &target);
        assert!(case.is_written(&fs_err::read(bench.at(&target)).unwrap()), "{}", case.name);
        fs_err::set_permissions(bench.at(&target), std::fs::Permissions::from_mode(0o640)).unwrap();
        case.good(&bench, &target);
        let mode = fs_err::metadata(bench.at(&target)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "{}: the mode is kept", case.name);
        let left: Vec<_> = fs_err::read_dir(bench.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with(".likeness-"))
            .collect();
        assert!(left.is_empty(), "{}: {left:?}", case.name);
    }
}

#[test]
fn a_foreign_file_stays_unless_forced() {
    for case in cases() {
        let bench = bench();
        let target = format!("thesis.{}", case.ending);
        bench.write(&target, "years of work");
        case.refused(&bench, &target, &target);
        assert_eq!(fs_err::read(bench.at(&target)).unwrap(), b"years of work", "{}", case.name);
        if case.force {
            let output = bench.run(&[&case.args(&target)[..], &["--force"]].concat());
            assert_eq!(output.status.code(), Some(0), "{}: {}", case.name, told(&output));
            assert!(case.is_written(&fs_err::read(bench.at(&target)).unwrap()), "{}", case.name);
        }
    }
}

#[test]
fn an_input_is_never_replaced_unasked() {
    for case in cases() {
        let bench = bench();
        let before = fs_err::read(bench.at(case.input)).unwrap();
        // By its own name, by another way to it, and through links.
        symlink(bench.at(case.input), bench.at(&format!("soft.{}", case.ending))).unwrap();
        fs_err::hard_link(bench.at(case.input), bench.at(&format!("hard.{}", case.ending))).unwrap();
        let roundabout = format!("photos/../{}", case.input);
        for target in
            [case.input, &roundabout, &format!("soft.{}", case.ending), &format!("hard.{}", case.ending)]
        {
            let output = case.run(&bench, target);
            assert_eq!(output.status.code(), Some(2), "{} to {target}: {}", case.name, told(&output));
            assert!(fs_err::read(bench.at(case.input)).unwrap() == before, "{} to {target}", case.name);
        }
    }
}

#[test]
fn a_folder_is_no_target() {
    for case in cases() {
        let bench = bench();
        case.refused(&bench, "photos", "folder");
        case.refused(&bench, ".", "folder");
        case.refused(&bench, &format!("absent/x.{}", case.ending), "folder");
        assert!(!bench.at("absent").exists(), "{}", case.name);
    }
}

#[test]
fn devices_pipes_and_links_are_written_through() {
    for case in cases() {
        let bench = bench();
        if device(&bench, "null", "3") {
            case.good(&bench, "null");
            assert!(
                fs_err::metadata(bench.at("null")).unwrap().file_type().is_char_device(),
                "{}",
                case.name
            );
        }
        // A pipe, as `>(cat)` makes one.
        let pipe = format!("pipe.{}", case.ending);
        assert!(Command::new("mkfifo").arg(bench.at(&pipe)).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = bench.at(&pipe);
            move || {
                let mut bytes = Vec::new();
                fs_err::File::open(pipe).unwrap().read_to_end(&mut bytes).unwrap();
                bytes
            }
        });
        case.good(&bench, &pipe);
        assert!(case.is_written(&reader.join().unwrap()), "{}", case.name);
        assert!(fs_err::metadata(bench.at(&pipe)).unwrap().file_type().is_fifo(), "{}", case.name);
        // A link that leads nowhere yet: its target is made, and the link stays.
        let (link, target) = (format!("link.{}", case.ending), format!("deep/target.{}", case.ending));
        fs_err::create_dir(bench.at("deep")).unwrap();
        symlink(&target, bench.at(&link)).unwrap();
        for _ in 0..2 {
            case.good(&bench, &link);
            assert!(fs_err::symlink_metadata(bench.at(&link)).unwrap().is_symlink(), "{}", case.name);
            assert!(case.is_written(&fs_err::read(bench.at(&target)).unwrap()), "{}", case.name);
        }
    }
}

#[test]
fn a_dash_is_stdout() {
    for case in cases() {
        let bench = bench();
        if case.to_stdout {
            let output = case.good(&bench, "-");
            assert!(case.is_written(&output.stdout), "{}", case.name);
        } else {
            case.refused(&bench, "-", "goes to the same place");
        }
        assert!(!bench.at("-").exists(), "{}", case.name);
    }
}

#[test]
fn a_full_device_is_an_error_and_a_closed_pipe_is_none() {
    for case in cases() {
        let bench = bench();
        if device(&bench, "full", "7") {
            case.refused(&bench, "full", "full");
            assert!(
                fs_err::metadata(bench.at("full")).unwrap().file_type().is_char_device(),
                "{}",
                case.name
            );
        }
        if case.to_stdout {
            let mut child =
                bench.command(&case.args("-")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}: {}", case.name, told(&output));
        }
    }
}

#[test]
fn a_read_only_folder_is_refused_before_any_work() {
    for case in cases() {
        let bench = bench();
        fs_err::create_dir(bench.at("locked")).unwrap();
        fs_err::set_permissions(bench.at("locked"), std::fs::Permissions::from_mode(0o555)).unwrap();
        let target = format!("locked/x.{}", case.ending);
        let args = case.args(&target);
        let output = crate::files::as_nobody(&bench, &args);
        assert_eq!(output.status.code(), Some(2), "{}: {}", case.name, told(&output));
        assert!(told(&output).contains("locked"), "{}: {}", case.name, told(&output));
        assert!(!told(&output).contains("photos in "), "{} worked first: {}", case.name, told(&output));
    }
}

#[test]
fn a_full_disk_leaves_no_part_of_a_file() {
    for case in cases() {
        let bench = bench();
        fs_err::create_dir(bench.at("disk")).unwrap();
        let script = "mount -t tmpfs -o size=4k none disk && { head -c 4096 /dev/zero > disk/filler; \"$LIKENESS\" \"$@\"; \
             echo $? >code; ls disk >left; }";
        let target = format!("disk/x.{}", case.ending);
        let mut command = Command::new("unshare");
        command.current_dir(bench.path()).env("LIKENESS", env!("CARGO_BIN_EXE_likeness"));
        bench.isolate(&mut command);
        command.args(["-m", "sh", "-c", script, "sh"]).args(case.args(&target));
        let output = command.output().unwrap();
        let Ok(code) = fs_err::read_to_string(bench.at("code")) else {
            assert!(!output.status.success(), "no disk may be mounted here: {}", told(&output));
            return;
        };
        assert_eq!(code.trim(), "2", "{}: {}", case.name, told(&output));
        assert_eq!(fs_err::read_to_string(bench.at("left")).unwrap(), "filler\n", "{}", case.name);
    }
}

#[test]
fn two_outputs_of_one_command_are_kept_apart() {
    let bench = bench();
    for (output, grid) in [("x.png", "x.png"), ("x.png", "./x.png"), ("photos/../x.png", "x.png")] {
        let told = bench.refused(&["match", "in.embeddings", "-o", output, "--grid", grid, "--force"]);
        assert!(told.contains("goes to the same place"), "{told}");
    }
    assert!(!bench.at("x.png").exists());
}

#[test]
fn pictures_are_written_in_the_format_of_their_name() {
    let bench = bench();
    for name in ["x.jpg", "x.svg", "x.pdf", "x.webp"] {
        let told = bench.refused(&["match", "in.embeddings", "-o", "r.json", "--grid", name]);
        assert!(
            told.contains("contact sheets are PNG")
                && !bench.at(name).exists()
                && !bench.at("r.json").exists(),
            "{told}"
        );
    }
    let told = bench.refused(&["evaluate", "in.embeddings", "--map", "x.pdf"]);
    assert!(told.contains(".png or .svg"), "{told}");
}
