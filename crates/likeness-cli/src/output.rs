//! Checks of output files: every file that a flag names is checked before any work begins.
//!
//! A command collects its outputs in [`Outputs`], then works, then writes them through `likeness_artifact::write`. A
//! file is replaced without `--force` only if this program wrote it and the command does not read it. Devices, pipes and
//! `-` (stdout) are written through.

use std::io::Read;
use std::path::{Path, PathBuf};

use likeness_artifact::{Destination, FileKind, may_replace, same_file};
use likeness_report::chart::ChartFormat;
use likeness_report::sheet::check_picture_path;
use likeness_search::{EmbeddingTable, Results};

use crate::failure::hinted;

/// The content of an output file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// An embeddings file.
    Embeddings,
    /// Results for a challenge.
    Results,
    /// The table of an inspection.
    Issues,
    /// The JSON document of an inspection.
    IssuesDocument,
    /// A contact sheet.
    Sheet,
    /// A chart, in the format of the file name: PNG or SVG.
    Chart,
    /// A page or a text: HTML or Markdown.
    Text,
    /// A JSON document.
    Json,
}

impl Content {
    /// Checks that the content can be written in the format of the file name `path`.
    fn check_name(self, path: &Path) -> anyhow::Result<()> {
        match self {
            Self::Embeddings
            | Self::Results
            | Self::Issues
            | Self::IssuesDocument
            | Self::Text
            | Self::Json => {}
            Self::Sheet => check_picture_path(path)?,
            Self::Chart => drop(ChartFormat::of(path)?),
        }
        Ok(())
    }

    /// Whether the existing file at `path` was written by this program with such content, or is empty.
    fn is_ours(self, path: &Path) -> anyhow::Result<bool> {
        Ok(match self {
            Self::Embeddings => EmbeddingTable::is_ours(path)?,
            Self::Results => Results::is_ours(path)?,
            Self::Issues => begins_with(path, "issue,photo,path,")?,
            Self::IssuesDocument => {
                begins_with(path, "{\n  \"identities\"")? || begins_with(path, "{\n  \"input\"")?
            }
            Self::Sheet => may_replace(path, FileKind::Png)?,
            Self::Chart => may_replace(path, ChartFormat::of(path)?.file_kind())?,
            Self::Text => may_replace(path, FileKind::Text)?,
            Self::Json => may_replace(path, FileKind::Json)?,
        })
    }
}

/// Whether the file at `path` is empty or begins with `start`.
fn begins_with(path: &Path, start: &str) -> std::io::Result<bool> {
    let mut found = Vec::new();
    fs_err::File::open(path)?.take(start.len() as u64).read_to_end(&mut found)?;
    Ok(found.is_empty() || found == start.as_bytes())
}

/// The output files of one command.
#[derive(Debug)]
pub(crate) struct Outputs {
    force: bool,
    inputs: Vec<PathBuf>,
    /// Destination of each output with its flag, stdout included.
    taken: Vec<(String, Destination)>,
}

impl Outputs {
    /// Creates an empty set of outputs for a command that reads `inputs`. `force` allows overwriting any file.
    pub(crate) fn new<'a>(inputs: impl IntoIterator<Item = &'a Path>, force: bool) -> Self {
        let inputs = inputs.into_iter().map(Path::to_owned).collect();
        Self { force, inputs, taken: Vec::new() }
    }

    /// Declares that the command prints to stdout, so that no file may go there.
    pub(crate) fn stdout(&mut self, what: &str) {
        self.taken.push((what.to_owned(), Destination::Stdout));
    }

    /// Checks that `content` can and may go to `path`, which `flag` names.
    ///
    /// # Errors        an unsupported file name extension; a missing or read-only folder; a file that is another output of the
    /// command; without `--force`, an existing file that is an input or was not written by this program
    pub(crate) fn add(&mut self, flag: &str, path: &Path, content: Content) -> anyhow::Result<()> {
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(hinted(
                format!("{flag} {}: names a folder, expected a file", path.display()),
                "remove the trailing /, or add a file name",
            ));
        }
        let to = Destination::of(path)
            .map_err(|error| hinted(format!("{flag}: {error}"), "name a file; - stands for stdout"))?;
        if let Destination::File(target) = &to {
            content.check_name(path)?;
            check_folder(flag, path, target)?;
            if !self.force && fs_err::symlink_metadata(target).is_ok() {
                self.check_existing(flag, path, target, content)?;
            }
        }
        if let Some((other, _)) = self.taken.iter().find(|(_, taken)| is_same(taken, &to)) {
            return Err(hinted(
                format!("{flag} {}: {other} goes to the same place", path.display()),
                "name different files",
            ));
        }
        self.taken.push((flag.to_owned(), to));
        Ok(())
    }

    fn check_existing(&self, flag: &str, path: &Path, target: &Path, content: Content) -> anyhow::Result<()> {
        let is_picture = matches!(content, Content::Sheet | Content::Chart);
        if self.inputs.iter().any(|input| same_file(input, target) || (is_picture && is_below(target, input)))
        {
            return Err(hinted(
                format!("{flag} {}: the command reads this file", path.display()),
                "name another file, or replace this one with --force",
            ));
        }
        if !content.is_ours(target)? {
            return Err(hinted(
                format!("{flag} {}: this file exists and was not written by Likeness", path.display()),
                "name another file, or replace this one with --force",
            ));
        }
        Ok(())
    }
}

fn is_same(a: &Destination, b: &Destination) -> bool {
    match (a, b) {
        (Destination::File(a), Destination::File(b)) => {
            a == b || same_file(a, b) || absolute(a) == absolute(b)
        }
        (Destination::Stdout, Destination::Stdout) => true,
        // Devices such as /dev/null take any number of outputs.
        _ => false,
    }
}

/// `path` with its folder resolved; the file itself need not exist.
fn absolute(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(fs_err::canonicalize(folder).ok()?.join(path.file_name()?))
}

/// Whether the file `path` lies in the folder `folder` or below it.
fn is_below(path: &Path, folder: &Path) -> bool {
    let (Ok(path), Ok(folder)) = (fs_err::canonicalize(path), fs_err::canonicalize(folder)) else {
        return false;
    };
    folder.is_dir() && path.starts_with(folder)
}

/// Checks that the folder of `target`, which `flag` names as `path`, exists and can be written.
///
/// # Errors        a missing or a read-only folder
pub(crate) fn check_folder(flag: &str, path: &Path, target: &Path) -> anyhow::Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(hinted(
            format!("{flag} {}: there is no folder {}", path.display(), folder.display()),
            format!("make it with: mkdir -p {}", folder.display()),
        ));
    }
    likeness_artifact::scratch(target)
        .map(drop)
        .map_err(|error| hinted(format!("{flag} {error}"), "name a file in a folder that you may write to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(inputs: &[&Path], force: bool) -> Outputs {
        Outputs::new(inputs.iter().copied(), force)
    }

    fn write(path: &Path, bytes: &[u8]) {
        likeness_artifact::write(path, |file| file.write_all(bytes)).unwrap();
    }

    #[test]
    fn a_foreign_file_is_replaced_only_with_force() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("a.png", Content::Sheet),
            ("a.svg", Content::Chart),
            ("a.json", Content::Results),
            ("a.embeddings", Content::Embeddings),
        ] {
            let path = folder.path().join(name);
            assert!(outputs(&[], false).add("-o", &path, content).is_ok(), "{name} is new");
            write(&path, b"years of work");
            let error = outputs(&[], false).add("-o", &path, content).unwrap_err().to_string();
            assert!(error.contains("was not written by Likeness"), "{error}");
            assert!(outputs(&[], true).add("-o", &path, content).is_ok());
            write(&path, b"");
            assert!(outputs(&[], false).add("-o", &path, content).is_ok(), "{name} is empty");
        }
    }

    #[test]
    fn an_input_and_another_output_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("in.json"), br#"{"groupname":"g","images":{}}"#);
        let input = at("in.json");
        let error = outputs(&[&input], false).add("-o", &input, Content::Results).unwrap_err();
        assert!(error.to_string().contains("the command reads this file"), "{error}");
        assert!(outputs(&[&input], true).add("-o", &input, Content::Results).is_ok());
        for force in [false, true] {
            let mut both = outputs(&[], force);
            both.add("-o", &at("x.png"), Content::Results).unwrap();
            let other = folder.path().join(".").join("x.png");
            let error = both.add("--grid", &other, Content::Sheet).unwrap_err().to_string();
            assert!(error.contains("-o goes to the same place"), "{error}");
        }
        let mut stdout = outputs(&[], true);
        stdout.stdout("the results");
        let error = stdout.add("--grid", Path::new("-"), Content::Sheet).unwrap_err().to_string();
        assert!(error.contains("the results goes to the same place"), "{error}");
        let mut devices = outputs(&[], false);
        devices.add("-o", Path::new("/dev/null"), Content::Results).unwrap();
        devices.add("--grid", Path::new("/dev/null"), Content::Sheet).unwrap();
    }

    #[test]
    fn endings_and_folders_are_checked_first() {
        let folder = tempfile::tempdir().unwrap();
        let add = |name: &str, content| {
            outputs(&[], false).add("--grid", &folder.path().join(name), content).map_err(|e| e.to_string())
        };
        for name in ["x.jpg", "x.svg", "x.PDF", "x.jpeg"] {
            assert!(add(name, Content::Sheet).unwrap_err().contains("contact sheets are PNG"), "{name}");
        }
        assert!(add("x.pdf", Content::Chart).unwrap_err().contains(".png or .svg"));
        for (name, content) in [("x.PNG", Content::Sheet), ("x", Content::Sheet), ("x.svg", Content::Chart)] {
            assert!(add(name, content).is_ok(), "{name}");
        }
        assert!(add("absent/x.png", Content::Sheet).unwrap_err().contains("there is no folder"));
        assert!(add("", Content::Sheet).unwrap_err().contains("folder"));
        assert!(add("new/", Content::Embeddings).unwrap_err().contains("names a folder"));
    }
}
