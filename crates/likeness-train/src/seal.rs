//! A checksum at the end of a text file, written as a comment.
//!
//! The last line is `# sha256 = HEX`, over all bytes before it. Parsers of TOML skip it, and so do older versions of the
//! program; files without the line are read as they are.

use likeness_data::decode::sha256_hex;

const MARK: &str = "# sha256 = ";

/// What the checksum of a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// The text is as it was written.
    Whole,
    /// The text was altered or cut short.
    Broken,
    /// The text has no checksum: an older version or a user wrote it.
    Absent,
}

/// `text`, which ends with a newline, with its checksum as the last line.
pub fn sealed(text: &str) -> String {
    format!("{text}{MARK}{}\n", sha256_hex(text.as_bytes()))
}

/// Compares a text with its checksum.
pub fn check(text: &str) -> Seal {
    let Some(at) = text.rfind(MARK) else { return Seal::Absent };
    let (content, line) = text.split_at(at);
    let found = line[MARK.len()..].trim_end();
    if found == sha256_hex(content.as_bytes()) { Seal::Whole } else { Seal::Broken }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found_or_leaves_the_content_as_it_was() {
        let content = "format = 1\nname = \"a\"\n";
        let whole = sealed(content);
        assert_eq!(check(&whole), Seal::Whole);
        assert_eq!(check(content), Seal::Absent);
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert!(check(&text) == Seal::Broken || text.starts_with(content), "bit {bit}: {text}");
        }
    }

    #[test]
    fn a_text_that_goes_on_after_its_checksum_was_altered() {
        assert_eq!(check(&(sealed("a = 1\n") + "b = 2\n")), Seal::Broken);
    }
}
