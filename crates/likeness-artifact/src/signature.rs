//! Signatures of files that this program wrote. Only such files may be replaced without asking the user.
//!
//! PNG files have a `tEXt` chunk `Software: Likeness` after the header, and SVG files have a comment. Embeddings and results
//! files are recognised by their format, in the crate that writes them.

use std::io::{Read, Result, Write};
use std::path::Path;

/// A file format that this program writes to a path given by the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A PNG file with our mark.
    Png,
    /// An SVG file with our mark.
    Svg,
    /// An HTML or Markdown file with [`TEXT_MARK`] near its beginning.
    Text,
    /// A JSON document whose first key is [`JSON_MARK`].
    Json,
}

/// The mark in an HTML or Markdown file.
pub const TEXT_MARK: &str = "<!-- written by Likeness -->";
/// The first key of a JSON document; its value is the kind of document.
pub const JSON_MARK: &str = "likeness";
/// The mark in a PNG file: keyword, a zero byte and the text.
const PNG_TEXT: &[u8] = b"Software\0Likeness";
/// The mark in an SVG file, after the opening tag.
pub const SVG_MARK: &str = "<!-- written by Likeness -->";
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Length of signature and header chunk of a PNG file: 8 + 4 + 4 + 13 + 4 bytes.
const PNG_HEADER_BYTES: usize = 33;
/// Number of bytes at the beginning of a file that are searched for a mark.
const SEARCHED_BYTES: u64 = 4096;

/// Whether the existing file at `path` may be replaced by a file of `kind`: it is empty, or this program wrote it.
///
/// # Errors        the file cannot be read
pub fn may_replace(path: &Path, kind: FileKind) -> Result<bool> {
    let mut start = Vec::new();
    fs_err::File::open(path)?.take(SEARCHED_BYTES).read_to_end(&mut start)?;
    Ok(start.is_empty()
        || match kind {
            FileKind::Png => is_marked_png(&start),
            FileKind::Svg => is_marked_svg(&start),
            FileKind::Text => start.windows(TEXT_MARK.len()).any(|window| window == TEXT_MARK.as_bytes()),
            FileKind::Json => is_marked_json(&start),
        })
}

fn is_marked_json(start: &[u8]) -> bool {
    let after_brace = start.trim_ascii_start().strip_prefix(b"{").unwrap_or_default().trim_ascii_start();
    let after_quote = after_brace.strip_prefix(b"\"").unwrap_or_default();
    after_quote.strip_prefix(JSON_MARK.as_bytes()).is_some_and(|rest| rest.starts_with(b"\""))
}

/// Whether `start` is the beginning of a PNG file with our mark.
pub fn is_marked_png(start: &[u8]) -> bool {
    let chunk = start.get(PNG_HEADER_BYTES..).unwrap_or_default();
    start.starts_with(PNG_SIGNATURE)
        && chunk.get(4..8) == Some(b"tEXt")
        && chunk.get(8..8 + PNG_TEXT.len()) == Some(PNG_TEXT)
}

/// Whether `start` is the beginning of an SVG file with our mark.
pub fn is_marked_svg(start: &[u8]) -> bool {
    start.windows(SVG_MARK.len()).any(|window| window == SVG_MARK.as_bytes())
}

/// Writes the encoded PNG file `png` with our mark inserted.
///
/// # Errors        the errors of `out`
/// # Panics        `png` is shorter than a PNG header
pub fn write_marked_png(png: &[u8], out: &mut dyn Write) -> Result<()> {
    let (header, rest) = png.split_at(PNG_HEADER_BYTES);
    let mut chunk = b"tEXt".to_vec();
    chunk.extend_from_slice(PNG_TEXT);
    out.write_all(header)?;
    out.write_all(&(PNG_TEXT.len() as u32).to_be_bytes())?;
    out.write_all(&chunk)?;
    out.write_all(&crc32(&chunk).to_be_bytes())?;
    out.write_all(rest)
}

/// Inserts our mark after the opening tag of `svg`.
pub fn marked_svg(svg: &str) -> String {
    let after_tag = svg.find("<svg").and_then(|at| svg[at..].find('>').map(|end| at + end + 1)).unwrap_or(0);
    let (before, after) = svg.split_at(after_tag);
    format!("{before}\n{SVG_MARK}{after}")
}

/// The checksum of PNG chunks (ISO 3309; PNG specification, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 })
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey picture of one pixel.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\
        \0\0\0\nIDATx\x9cc\xf8\x0f\0\x01\x01\x01\0\x1b\xb6\xeeV\0\0\0\0IEND\xaeB`\x82";

    #[test]
    fn the_checksum_is_that_of_the_png_specification() {
        // The CRC of the last chunk of every PNG file.
        assert_eq!(crc32(b"IEND"), 0xAE42_6082);
    }

    #[test]
    fn a_marked_png_is_ours_and_another_is_not() {
        let mut marked = Vec::new();
        write_marked_png(PNG, &mut marked).unwrap();
        assert!(is_marked_png(&marked) && !is_marked_png(PNG));
        assert_eq!(marked.len(), PNG.len() + 12 + PNG_TEXT.len());
        for cut in 0..50 {
            assert!(!is_marked_png(&marked[..cut]), "{cut}");
        }
    }

    #[test]
    fn documents_are_recognised_by_their_first_key() {
        for ours in ["{\"likeness\":\"report\"}", " {\n  \"likeness\" : 1}"] {
            assert!(is_marked_json(ours.as_bytes()), "{ours}");
        }
        for other in ["", "{}", "{\"likenesses\":1}", "[\"likeness\"]", "{\"a\":\"likeness\"}"] {
            assert!(!is_marked_json(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_marked_svg_is_ours_and_stays_an_svg() {
        let svg = "<svg width=\"4\" height=\"4\"><g/></svg>";
        let marked = marked_svg(svg);
        assert!(is_marked_svg(marked.as_bytes()) && !is_marked_svg(svg.as_bytes()));
        assert!(marked.starts_with("<svg width=\"4\" height=\"4\">\n<!--") && marked.ends_with("<g/></svg>"));
    }

    #[test]
    fn only_our_files_and_empty_ones_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        let mut marked = Vec::new();
        write_marked_png(PNG, &mut marked).unwrap();
        for (content, allowed) in [(&marked[..], true), (PNG, false), (b"", true), (b"years of work", false)]
        {
            crate::write(&path, |file| file.write_all(content)).unwrap();
            assert_eq!(may_replace(&path, FileKind::Png).unwrap(), allowed);
        }
    }
}
