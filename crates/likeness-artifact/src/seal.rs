//! Seals: a checksum of a text file in its own last line.
//!
//! The last line is `# sha256 = HEX`, over all bytes before it. TOML parsers ignore it, and files without the line are read
//! without verification. The seal detects a flipped bit in a name, a licence or a setting. A user who edits the file removes
//! the line, which distinguishes an intended edit from damage.

/// The text before the checksum in the last line.
const MARK: &str = "# sha256 = ";

/// The result of verifying the seal of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// The text has no seal: it comes from an older version or from a user.
    Absent,
    /// The checksum matches.
    Intact,
    /// The text was changed or truncated after it was sealed.
    Broken,
}

/// Appends the checksum to `text`, which must end with a line feed, as the last line.
pub fn sealed(text: &str) -> String {
    format!("{text}{MARK}{}\n", digest(text))
}

/// Verifies the checksum in the last line of `text`.
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
