//! A checksum that a text file carries about itself: text enters, the same text with a last line that seals it leaves.
//!
//! The last line is `# sha256 = HEX`, over all bytes before it. Parsers of TOML skip it, and files without the line are read as
//! they are. A flipped bit in a name, a licence or a setting is found by it. Removing the line accepts the file as it is, which
//! is how an edit on purpose is told from damage.

/// Start of the line with the checksum.
const MARK: &str = "# sha256 = ";

/// What the seal of a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// The text carries none: an older version or a user wrote it.
    Absent,
    /// The text is the one that was sealed.
    Intact,
    /// The text was altered or cut short since.
    Broken,
}

/// `text`, which ends with a line feed, with its checksum as the last line.
pub fn sealed(text: &str) -> String {
    format!("{text}{MARK}{}\n", digest(text))
}

/// Compares `text` with the checksum that it carries.
pub fn seal_of(text: &str) -> Seal {
    let Some(at) = text.rfind(MARK) else { return Seal::Absent };
    let (content, line) = text.split_at(at);
    if line[MARK.len()..].trim_end() == digest(content) { Seal::Intact } else { Seal::Broken }
}

fn digest(text: &str) -> String {
    crate::sha256_hex(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "format = 1\nname = \"net\"\n";

    #[test]
    fn every_flipped_bit_is_found_or_leaves_the_content_as_it_was() {
        let whole = sealed(TEXT);
        assert_eq!((seal_of(&whole), seal_of(TEXT)), (Seal::Intact, Seal::Absent));
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert!(seal_of(&text) == Seal::Broken || text.starts_with(TEXT), "bit {bit}: {text}");
        }
    }

    #[test]
    fn text_after_the_checksum_was_added_later() {
        assert_eq!(seal_of(&(sealed(TEXT) + "b = 2\n")), Seal::Broken);
    }

    #[test]
    fn without_the_last_line_an_edit_is_accepted() {
        let edited = sealed(TEXT).replace("net", "mine");
        assert_eq!(seal_of(&edited), Seal::Broken);
        let lines: Vec<&str> = edited.lines().filter(|line| !line.starts_with(MARK)).collect();
        assert_eq!(seal_of(&lines.join("\n")), Seal::Absent);
    }
}
