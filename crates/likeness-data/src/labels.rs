//! `labels.txt`: one line `file identity` for each face, the format of CelebA's `identity_CelebA.txt`.
//!
//! A line has exactly two fields. In an identity, each UTF-8 byte of blanks, line breaks, control characters and `%` is
//! therefore encoded as `%` and two hexadecimal digits: `Ann Lee` becomes `Ann%20Lee`. Other characters are unchanged. Names
//! of face files contain no blanks and are not encoded. [`read_identities`](crate::source::read_identities) decodes the
//! lines; `manifest.csv` contains the identities unencoded.

use std::fmt::Write;

use crate::manifest::Face;

/// The file's text for `faces`; faces without an identity have no line.
///
/// # Examples
/// An `identity` of `Ann Lee` in `faces/1.png` gives the line `1.png Ann%20Lee`.
pub(crate) fn text(faces: &[Face]) -> String {
    let mut text = String::new();
    for face in faces {
        let Some(identity) = face.identity.as_deref().filter(|identity| !identity.is_empty()) else {
            continue;
        };
        let name = face.path.strip_prefix("faces/").unwrap_or(&face.path);
        text.push_str(name);
        text.push(' ');
        text.push_str(&escape(identity));
        text.push('\n');
    }
    text
}

/// Encodes `identity` as one field without blanks.
pub fn escape(identity: &str) -> String {
    let mut escaped = String::with_capacity(identity.len());
    for c in identity.chars() {
        // A byte order mark at the start of a file would be dropped.
        if c == '%' || c == '\u{feff}' || c.is_whitespace() || c.is_control() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(escaped, "%{byte:02X}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Decodes a field that [`escape`] wrote.
///
/// # Conventions   a `%` without two hexadecimal digits is unchanged; bytes that are not UTF-8 become U+FFFD
pub fn unescape(field: &str) -> String {
    let bytes = field.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |nth: usize| bytes.get(at + nth).and_then(|&b| char::from(b).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blanks_are_escaped_and_letters_are_not() {
        assert_eq!(escape(" Ann\tLee\n100%"), "%20Ann%09Lee%0A100%25");
        assert_eq!(escape("Zoë-漢字-😀"), "Zoë-漢字-😀");
        assert_eq!(escape("a\u{a0}b\u{85}c"), "a%C2%A0b%C2%85c");
        for field in ["7", "100%", "%", "%4", "%zz", "a%é"] {
            assert_eq!(unescape(field), field, "no escape in it");
        }
    }

    proptest! {
        #[test]
        fn every_identity_is_one_field_and_comes_back(identity in any::<String>()) {
            let field = escape(&identity);
            prop_assert!(identity.is_empty() || field.split_whitespace().eq([field.as_str()]));
            prop_assert_eq!(unescape(&field), identity);
        }
    }
}
