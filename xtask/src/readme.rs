//! Checks the README's command lines: their commands and flags exist, and the demo runs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{self, Scratch, build_likeness, output, repository};

/// Checks every command line of the README.
///
/// # Errors        the first line with an unknown command or flag; the demo failed
pub(crate) fn check() -> Result<()> {
    let text = fs_err::read_to_string(repository().join("README.md"))?;
    let lines = command_lines(&text);
    ensure!(lines.iter().any(|words| words[0] == "demo"), "README.md: has no command line for demo");
    let program = build_likeness()?;
    for words in &lines {
        flags_exist(&program, words)?;
    }
    eprintln!("README.md: the commands and flags of {} command lines exist", lines.len());
    demo(&program)
}

/// The arguments of every line in a code block that runs the program.
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
            .with_context(|| format!("README.md: no such command: {}", command.join(" ")))
    };
    let mut command = &words[..1];
    let mut flags = help(command)?;
    // A command with subcommands, such as `models quantize`.
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
            "README.md: `likeness {}`: {} has no flag {flag}",
            words.join(" "),
            command.join(" ")
        );
    }
    Ok(())
}

/// Runs the demo in a temporary folder and checks that its files exist.
fn demo(program: &Path) -> Result<()> {
    let scratch = Scratch::new("demo")?;
    let folder = scratch.join("demo");
    process::run(Command::new(program).args(["demo", "-o"]).arg(&folder))?;
    for file in ["dataset/manifest.csv", "best.embeddings", "results.json", "matches.png"] {
        let length = fs_err::metadata(folder.join(file))?.len();
        ensure!(length > 0, "{file}: the demo wrote an empty file");
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
