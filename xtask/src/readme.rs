//! The README's commands: each names a command and flags that exist, and the demo runs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{self, Scratch, build_likeness, output, repository};

/// Checks every command line of the README.
///
/// # Errors        the first line that does not hold, by its text
pub(crate) fn check() -> Result<()> {
    let text = fs_err::read_to_string(repository().join("README.md"))?;
    let lines = command_lines(&text);
    ensure!(lines.iter().any(|words| words[0] == "demo"), "README.md: shows no demo command");
    let program = build_likeness()?;
    for words in &lines {
        flags_exist(&program, words)?;
    }
    eprintln!("README.md: {} command lines name commands and flags that exist", lines.len());
    demo(&program)
}

/// The words after the program's name, of every line in a code block that calls it.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let mut inside = false;
    let mut lines = Vec::new();
    for line in joined.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        }
        let line = line.trim_start_matches("$ ");
        let call = ["likeness ", "cargo run --release -- "].iter().find_map(|start| line.strip_prefix(start));
        if let Some(call) = call.filter(|_| inside) {
            let code = call.split(" #").next().unwrap_or(call);
            lines.push(code.split_whitespace().map(str::to_owned).collect());
        }
    }
    lines.retain(|words: &Vec<String>| !words.is_empty());
    lines
}

fn flags_exist(program: &Path, words: &[String]) -> Result<()> {
    if words[0].starts_with('-') {
        return output(Command::new(program).args(words)).map(drop);
    }
    let help = |command: &[String]| {
        output(Command::new(program).args(command).arg("--help"))
            .with_context(|| format!("README.md: there is no command {}", command.join(" ")))
    };
    let mut command = &words[..1];
    let mut flags = help(command)?;
    // `models quantize` and the like: the flags are those of both words.
    if flags.contains("\nCommands:\n") && words.len() > 1 {
        command = &words[..2];
        flags = help(command)?;
    }
    let is_known = |flag: &str| {
        let flag = flag.split('=').next().unwrap_or(flag);
        flags.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|word| word == flag)
    };
    for flag in words.iter().filter(|w| w.starts_with('-')) {
        ensure!(
            is_known(flag),
            "README.md: `likeness {}`: {} has no {flag}",
            words.join(" "),
            command.join(" ")
        );
    }
    Ok(())
}

/// The demo, into a temporary folder, leaves what it promises.
fn demo(program: &Path) -> Result<()> {
    let scratch = Scratch::new("demo")?;
    let folder = scratch.join("demo");
    process::run(Command::new(program).args(["demo", "-o"]).arg(&folder))?;
    for file in ["dataset/manifest.csv", "classic.embeddings", "results.json", "matches.png"] {
        let length = fs_err::metadata(folder.join(file))?.len();
        ensure!(length > 0, "the demo left an empty {file}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::command_lines;

    #[test]
    fn only_calls_in_code_blocks_count() {
        let text = "likeness outside\n```sh\nlikeness match a \\\n  b -k 3   # nearest\n$ likeness demo\ncargo run --release -- embed x\nls\n```\n";
        let lines = command_lines(text);
        assert_eq!(lines, [vec!["match", "a", "b", "-k", "3"], vec!["demo"], vec!["embed", "x"]]);
    }
}
