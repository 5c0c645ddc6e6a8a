//! Everything that the program prints: data to stdout, messages to stderr.
//!
//! Names of files and people, answers of servers and texts of models may contain terminal escape sequences. Text for people
//! shows control characters as escapes such as `\u{1b}`. A closed stdout ends the printing, but not the program. Other errors
//! of stdout, such as a full disk, are reported. A closed stderr is ignored.
// The one module that prints.
#![allow(clippy::disallowed_methods)]

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use anyhow::Context;
use likeness_data::photos::{Skipped, grouped};

/// Maximum number of lines of a list on stderr.
const SHOWN: usize = 10;

/// Prints one JSON document to stdout.
///
/// # Errors        stdout cannot be written
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print_json_text(&(serde_json::to_string_pretty(value).context("cannot write the answer as JSON")? + "\n"))
}

/// Prints the JSON document `text` to stdout, with its keys in the given order.
///
/// # Errors        stdout cannot be written
pub(crate) fn print_json_text(text: &str) -> anyhow::Result<()> {
    write_stdout(escaped_json(text).as_bytes())
}

/// Prints text for people to stdout; control characters other than line feeds are shown as escapes.
///
/// # Errors        stdout cannot be written
pub(crate) fn print_text(text: &str) -> anyhow::Result<()> {
    write_stdout(escaped(text, &['\n']).as_bytes())
}

/// Prints data for other programs, such as CSV or a path: unchanged, but escaped if stdout is a terminal.
///
/// # Errors        stdout cannot be written
pub(crate) fn print_data(text: &str) -> anyhow::Result<()> {
    if std::io::stdout().is_terminal() { print_text(text) } else { write_stdout(text.as_bytes()) }
}

/// Whether stderr is a terminal.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Prints one line of a message to stderr.
pub(crate) fn say(line: impl std::fmt::Display) {
    write_stderr(&escaped(&line.to_string(), &[]));
}

/// Lists skipped photos on stderr: their number, and the first reasons.
pub(crate) fn say_skipped(skipped: &[Skipped], where_all: Option<&str>) {
    if !skipped.is_empty() {
        say_list(&format!("skipped {}:", skipped.len()), skipped, where_all);
    }
}

/// Prints a heading and photos with their reasons to stderr, one line per reason.
pub(crate) fn say_list(heading: &str, photos: &[Skipped], where_all: Option<&str>) {
    say(heading);
    let groups = grouped(photos);
    for group in groups.iter().take(SHOWN) {
        say(format!("  {group}"));
    }
    if groups.len() > SHOWN {
        let rest: usize = groups[SHOWN..].iter().map(|group| group.names.len()).sum();
        let place = where_all.map(|place| format!(", all listed in {place}")).unwrap_or_default();
        say(format!("  … and {rest} more{place}"));
    }
}

/// Prints an error message to stderr as `label: message`. Further lines of the message are indented.
pub(crate) fn say_error(label: &str, message: &str) {
    let message = escaped(message.trim_end(), &['\n']).replace('\n', "\n    ");
    write_stderr(&format!("{label}: {message}"));
}

/// `text` with control characters and bidirectional overrides as escapes. They could manipulate what a terminal shows.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, &[])
}

fn escaped<'a>(text: &'a str, allowed: &[char]) -> Cow<'a, str> {
    let hides = |c: char| is_control(c) && !allowed.contains(&c);
    if !text.contains(hides) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' if hides(c) => shown.extend(c.escape_default()),
            c if hides(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The JSON document `text`, with control characters in strings as JSON escapes.
fn escaped_json(text: &str) -> Cow<'_, str> {
    let hides = |c: char| is_control(c) && c != '\n';
    if !text.contains(hides) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hides(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Control characters (C0, DEL, C1) and Unicode's bidirectional formatting characters.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn write_stdout(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}

fn write_stderr(line: &str) {
    // One call for the line, so that lines of two threads do not mix; a closed stderr is no reason to stop.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_and_not_sent() {
        let name = "a\u{1b}]0;title\u{7}\u{9b}31m\u{7f}\u{202e}gpj.exe";
        let shown = visible(name);
        assert_eq!(shown, "a\\u{1b}]0;title\\u{7}\\u{9b}31m\\u{7f}\\u{202e}gpj.exe");
        assert!(!shown.chars().any(is_control));
        assert_eq!(visible("two\nlines\tand\rmore"), "two\\nlines\\tand\\rmore");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["Zoë 漢字 🙂 1×1", "", "tab-free"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
        assert_eq!(escaped("a\nb\u{1b}", &['\n']), "a\nb\\u{1b}");
    }

    #[test]
    fn escaped_json_reads_as_the_same_value() {
        let value = serde_json::json!({ "na\u{9b}me": "\u{1b}[31m\u{7f}\u{85}\u{202e}\nx" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let safe = escaped_json(&text);
        assert!(!safe.chars().any(|c| is_control(c) && c != '\n'), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
