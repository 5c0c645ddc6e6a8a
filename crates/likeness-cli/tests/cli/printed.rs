//! What the program prints: nothing that controls a terminal, and no panic where nobody reads.

use std::process::Stdio;

use crate::bench::{Bench, told};

/// A name that would colour a terminal, set its title and turn text around.
const NAME: &str = "a\u{1b}[31m\u{7}\u{9b}2J\u{202e}b\nerror: forged";

fn hostile() -> Bench {
    let bench = Bench::new();
    for at in 0..6 {
        bench.photo(&format!("photos/{NAME}{}/{NAME}{at}.png", at / 3), at);
    }
    bench.write(&format!("photos/{NAME}0/{NAME}.jpg"), "no picture");
    bench
}

/// Characters that a terminal acts on; a line feed is allowed.
fn is_active(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn names_never_control_the_terminal() {
    let bench = hostile();
    let folder = format!("photos/{NAME}0");
    let model = format!("{NAME}.onnx");
    bench.write(&model, "no network");
    let commands: Vec<Vec<&str>> = vec![
        vec!["prepare", "photos", "-o", "out", "--size", "32", "--json"],
        vec!["evaluate", "photos", "--model", "color", "--layout", "folders"],
        vec!["evaluate", "photos", "--model", "color", "--layout", "folders", "--json"],
        vec!["evaluate", "out", "--model", "color", "--by", "identity"],
        vec!["match", &folder, "photos", "--model", "color"],
        vec!["match", &folder, "photos", "--model", "color", "--json"],
        vec!["embed", &folder, "--model", "color", "-o", "x.embeddings"],
        vec!["embed", "photos", "--model", &model, "-o", "x"],
        vec!["embed", NAME, "--model", "color", "-o", "x"],
        vec!["models", "show", NAME],
        vec!["models", "show", &model],
        vec!["models", "import", &model, "--models", "models"],
        vec!["detect", "photos", "--detector", NAME],
        vec!["match", "photos", "--model", "color", "--submit", NAME],
        vec!["match", "photos", "--model", "color", "-o", NAME, "--grid", NAME],
        vec![NAME],
        vec!["prepare", "photos", "--layout", NAME, "-o", "x"],
    ];
    for args in commands {
        let output = bench.run(&args);
        for (stream, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let text = String::from_utf8_lossy(bytes);
            assert!(!text.contains(is_active), "{args:?} {stream}: {text:?}");
            let forged = stream == "stderr" && text.lines().any(|line| line.starts_with("error: forged"));
            assert!(!forged, "{args:?} {stream}: {text:?}");
        }
        assert!(!told(&output).contains("panicked"), "{args:?}: {}", told(&output));
    }
}

#[test]
fn a_closed_or_full_stdout_never_panics() {
    let bench = Bench::with_photos();
    bench.good(&["prepare", "photos", "-o", "data", "--size", "32"]);
    let commands: Vec<Vec<&str>> = vec![
        vec!["models", "list"],
        vec!["models", "list", "--json"],
        vec!["models", "show", "yunet"],
        vec!["models", "show", "yunet", "--json"],
        vec!["evaluate", "photos", "--model", "color"],
        vec!["evaluate", "data", "--model", "color", "--json"],
        vec!["match", "photos", "--model", "color"],
        vec!["match", "photos", "--model", "color", "--json"],
        vec!["prepare", "photos", "-o", "data", "--size", "32", "--json"],
        vec!["--help"],
        vec!["match", "--help"],
        vec!["--version"],
    ];
    for args in commands {
        let mut command = bench.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", told(&output));
        if let Ok(full) = fs_err::OpenOptions::new().write(true).open("/dev/full") {
            let output = bench.command(&args).stdout(full.into_parts().0).output().unwrap();
            assert!(!told(&output).contains("panicked"), "{args:?}: {}", told(&output));
            let is_help = args.iter().any(|arg| ["--help", "--version"].contains(arg));
            assert!(is_help || output.status.code() == Some(2), "{args:?}: {}", told(&output));
        }
        // Nobody reads the messages either.
        if let Ok(full) = fs_err::OpenOptions::new().write(true).open("/dev/full") {
            let output = bench.command(&args).stderr(full.into_parts().0).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{args:?} without stderr");
        }
    }
}
