//! The lines of a journal: adds and verifies checksums, and parses entries and marks.

use std::collections::HashMap;

use super::Entry;
use likeness_artifact::sha256_hex;

/// The line of a mark: the faces of all entries above it, except the last `after`, are synced.
pub(super) fn mark(after: usize) -> String {
    serde_json::json!({ "synced_but_last": after }).to_string()
}

/// The number of entries that a mark excludes; `None` for other lines.
fn after_mark(line: &str) -> Option<usize> {
    line.strip_prefix(r#"{"synced_but_last":"#)?.strip_suffix('}')?.parse().ok()
}

/// Number of hexadecimal digits in a line's checksum.
const DIGITS: usize = 16;

/// Appends the checksum and a line break to `line`.
pub(super) fn checked(line: &str) -> String {
    format!("{line}\t{}\n", &sha256_hex(line.as_bytes())[..DIGITS])
}

/// A line that was read.
enum Line<'a> {
    /// The line matches its checksum.
    Whole(&'a str),
    /// The line has no checksum, as in journals of earlier versions. JSON has no tabs, so a damaged line is not mistaken for it.
    Plain(&'a str),
    /// The line does not match its checksum.
    Damaged,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        match line.rsplit_once('\t') {
            None => Self::Plain(line),
            Some((content, sum)) if sha256_hex(content.as_bytes())[..DIGITS] == *sum => Self::Whole(content),
            Some(_) => Self::Damaged,
        }
    }
}

/// The parsed contents of a journal.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The first line; `None` for an empty journal.
    pub(super) settings: Option<String>,
    /// The first line does not match its checksum, or is not JSON.
    pub(super) damaged: bool,
    /// Finished photos by name; if a photo has several entries, the last one.
    pub(super) entries: HashMap<String, Entry>,
    /// Photos with an entry that no mark covers.
    pub(super) unmarked: Vec<String>,
}

impl Lines {
    pub(super) fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let Some(first) = lines.next() else { return Self::default() };
        let (settings, with_sums) = match Line::parse(first) {
            Line::Whole(settings) => (Some(settings), true),
            Line::Plain(settings) => (Some(settings).filter(|s| is_json(s)), false),
            Line::Damaged => (None, true),
        };
        let mut parsed =
            Self { settings: settings.map(str::to_owned), damaged: settings.is_none(), ..Self::default() };
        for line in lines {
            let content = match Line::parse(line) {
                Line::Whole(content) => content,
                Line::Plain(content) if !with_sums => content,
                Line::Plain(_) | Line::Damaged => continue,
            };
            if let Some(after) = after_mark(content) {
                parsed.unmarked.drain(..parsed.unmarked.len().saturating_sub(after));
                continue;
            }
            let Ok(entry) = serde_json::from_str::<Entry>(content) else { continue };
            if with_sums {
                parsed.unmarked.push(entry.photo.clone());
            }
            parsed.entries.insert(entry.photo.clone(), entry);
        }
        parsed
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(photo: &str) -> Entry {
        Entry {
            photo: photo.to_owned(),
            stem: format!("faces/{photo}"),
            photo_bytes: 7,
            photo_modified_ns: 8,
            given_box: None,
            given_landmarks: None,
            faces: Vec::new(),
        }
    }

    fn line(photo: &str) -> String {
        serde_json::to_string(&entry(photo)).unwrap()
    }

    fn photos(lines: &Lines) -> Vec<&str> {
        let mut photos: Vec<_> = lines.entries.keys().map(String::as_str).collect();
        photos.sort_unstable();
        photos
    }

    #[test]
    fn entries_that_no_mark_covers_are_listed() {
        let text = [r#"{"size":1}"#, &line("a"), &line("b"), &line("c"), &mark(1), &line("d")];
        let lines = Lines::parse(&text.map(checked).concat());
        assert_eq!(lines.settings.as_deref(), Some(r#"{"size":1}"#));
        assert_eq!(photos(&lines), ["a", "b", "c", "d"]);
        assert_eq!(lines.unmarked, ["c", "d"]);
        let all = Lines::parse(&[r#"{"size":1}"#, &line("a"), &mark(0), &mark(7)].map(checked).concat());
        assert!(all.unmarked.is_empty());
    }

    #[test]
    fn journals_without_checksums_are_read() {
        let lines = Lines::parse(&format!("{{\"size\":1}}\n{}\n{}\n", line("a"), line("b")));
        assert_eq!((photos(&lines), lines.unmarked.len(), lines.damaged), (vec!["a", "b"], 0, false));
    }

    #[test]
    fn every_flipped_bit_costs_one_line_at_most_two() {
        let text = [r#"{"size":1}"#, &line("a"), &line("b"), &mark(0), &line("c")].map(checked).concat();
        let whole = Lines::parse(&text);
        for at in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at / 8] ^= 1 << (at % 8);
            let lines = Lines::parse(&String::from_utf8_lossy(&bytes));
            let same_settings = !lines.damaged && lines.settings == whole.settings;
            assert!(same_settings || lines.damaged, "bit {at}: other settings pass");
            for (photo, found) in &lines.entries {
                assert_eq!(Some(found), whole.entries.get(photo), "bit {at}");
            }
            // A flipped line break joins two lines.
            assert!(lines.damaged || lines.entries.len() + 2 >= whole.entries.len(), "bit {at}");
            assert!(!lines.damaged || at / 8 <= text.find('\n').unwrap(), "bit {at}");
        }
    }
}
