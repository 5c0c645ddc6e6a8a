//! A checksum that a TOML file carries about itself: text enters, the same text with a line that seals it leaves.
//!
//! The line `description_sha256 = "…"` holds the SHA-256 of all other lines. A flipped bit in a name, a licence or a setting
//! is found by it. Removing the line accepts the file as it is, which is how an edit on purpose is told from damage.

use sha2::{Digest, Sha256};

/// The key of the checksum.
pub const SEAL_KEY: &str = "description_sha256";

/// What a file's seal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seal {
    /// The file carries none.
    Absent,
    /// The text is the one that was sealed.
    Intact,
    /// The text was changed since.
    Broken {
        /// The checksum that the file states.
        expected: String,
        /// The checksum of its text.
        found: String,
    },
}

/// `text`, a TOML document without a seal, with one as its first line.
pub fn sealed(text: &str) -> String {
    format!("{SEAL_KEY} = \"{}\"\n{text}", digest(text))
}

/// What the seal of the TOML document `text` says. Line endings do not count.
pub fn seal_of(text: &str) -> Seal {
    let Some(expected) = text.lines().find_map(stated) else { return Seal::Absent };
    let found = digest(text);
    match expected == found {
        true => Seal::Intact,
        false => Seal::Broken { expected: expected.to_owned(), found },
    }
}

/// The checksum that a line states, if it is the seal's.
fn stated(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    (key.trim() == SEAL_KEY).then(|| value.trim().trim_matches('"'))
}

fn digest(text: &str) -> String {
    let mut hasher = Sha256::new();
    for line in text.lines().filter(|line| stated(line).is_none()) {
        hasher.update(line);
        hasher.update(b"\n");
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = \"net\"\nmean = [1.0, 2.0, 3.0]\n";

    #[test]
    fn a_seal_is_intact_until_a_line_changes() {
        let whole = sealed(TEXT);
        assert_eq!((seal_of(TEXT), seal_of(&whole)), (Seal::Absent, Seal::Intact));
        assert_eq!(seal_of(&whole.replace('\n', "\r\n")), Seal::Intact);
        for changed in [whole.replace("net", "nes"), whole.replace("2.0", "2.5"), format!("{whole}x = 1\n")] {
            assert!(matches!(seal_of(&changed), Seal::Broken { .. }), "{changed}");
        }
        let without: String = whole.split_inclusive('\n').skip(1).collect();
        assert_eq!((without.as_str(), seal_of(&without)), (TEXT, Seal::Absent));
    }

    #[test]
    fn a_seal_that_says_something_else_is_broken() {
        let other = format!("{SEAL_KEY} = \"00\"\n{TEXT}");
        let Seal::Broken { expected, found } = seal_of(&other) else { panic!("{other}") };
        assert_eq!((expected.as_str(), found.len()), ("00", 64));
    }
}
