//! A temporary folder with photos, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Rgb, RgbImage};

/// A folder of its own for each test; the program runs in it, so that paths in messages are short.
pub(crate) struct Bench(tempfile::TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Three people of four photos each in `photos`.
    pub(crate) fn with_photos() -> Self {
        let bench = Self::new();
        for at in 0..12 {
            bench.photo(&format!("photos/p{}/{}.png", at / 4, at % 4), at);
        }
        bench
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    /// A picture of 32 × 32 pixels; four neighbouring seeds share their colour.
    pub(crate) fn photo(&self, name: &str, seed: u32) {
        let path = self.at(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        let shade = |x: u32, y: u32, step: u32| ((x * step + y * 3 + seed % 4 * 5) % 120) as u8;
        let base = (seed / 4 * 67) as u8;
        let picture = RgbImage::from_fn(32, 32, |x, y| Rgb([base, shade(x, y, 3), shade(y, x, 5)]));
        picture.save(path).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_likeness"));
        command.current_dir(self.path()).args(args).env_remove("RUST_LOG").env("COLUMNS", "100");
        self.isolate(&mut command);
        command
    }

    /// Hides the settings and models of the person who runs the tests from `command`.
    pub(crate) fn isolate(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LIKENESS_") {
                command.env_remove(name);
            }
        }
        command.env("HOME", self.path()).env("XDG_DATA_HOME", self.at("data"));
        command.env("XDG_CONFIG_HOME", self.at("config"));
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs what must succeed and returns its stdout.
    pub(crate) fn good(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs what must succeed and returns its stdout as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.good(args)).unwrap()
    }

    /// Runs what must end with an error and returns its stderr.
    pub(crate) fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
        assert!(output.stdout.is_empty(), "an error leaves stdout empty: {told}");
        assert!(told.contains("error: ") && !told.contains("panicked"), "{told}");
        told
    }

    /// Exit code, stdout and stderr as one text, without what differs from run to run.
    pub(crate) fn story(&self, args: &[&str]) -> String {
        story(&self.run(args))
    }
}

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn story(output: &Output) -> String {
    let code = output.status.code().map_or("none".to_owned(), |c| c.to_string());
    let stdout = String::from_utf8_lossy(&output.stdout);
    format!("exit code {code}\n----- stdout\n{stdout}----- stderr\n{}", told(output))
}

/// Every file below `folder` with its content, by name, without the journal.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs_err::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with(".prepare.journal") {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.push((name, fs_err::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
