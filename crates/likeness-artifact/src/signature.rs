//! Which files this program wrote: only those may be replaced without being asked.
//!
//! Formats with room for it carry a mark: PNG a `tEXt` chunk `Software: Likeness` right after the header, SVG a comment.
//! Embeddings files and results have a shape of their own, which the crate that writes them recognises.

use std::io::{Read, Result, Write};
use std::path::Path;

/// What this program can write to a file that a user names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A picture with our mark.
    Png,
    /// A drawing with our mark.
    Svg,
}

/// Keyword, a zero byte and the text of the mark in a PNG.
const PNG_TEXT: &[u8] = b"Software\0Likeness";
/// The mark in an SVG; it follows the opening tag.
pub const SVG_MARK: &str = "<!-- written by Likeness -->";
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Signature and header chunk of a PNG: 8 + 4 + 4 + 13 + 4 bytes.
const PNG_HEADER_BYTES: usize = 33;
/// Bytes of a file that are searched for a mark.
const SEARCHED_BYTES: u64 = 4096;

/// Whether the existing file at `path` may be replaced by one of `kind`: it is empty, or this program wrote it.
///
/// # Errors        the file cannot be read
pub fn may_replace(path: &Path, kind: FileKind) -> Result<bool> {
    let mut start = Vec::new();
    fs_err::File::open(path)?.take(SEARCHED_BYTES).read_to_end(&mut start)?;
    Ok(start.is_empty()
        || match kind {
            FileKind::Png => is_marked_png(&start),
            FileKind::Svg => is_marked_svg(&start),
        })
}

/// Whether `start`, the beginning of a file, is that of a PNG with our mark.
pub fn is_marked_png(start: &[u8]) -> bool {
    let chunk = start.get(PNG_HEADER_BYTES..).unwrap_or_default();
    start.starts_with(PNG_SIGNATURE)
        && chunk.get(4..8) == Some(b"tEXt")
        && chunk.get(8..8 + PNG_TEXT.len()) == Some(PNG_TEXT)
}

/// Whether `start`, the beginning of a file, is that of an SVG with our mark.
pub fn is_marked_svg(start: &[u8]) -> bool {
    start.windows(SVG_MARK.len()).any(|window| window == SVG_MARK.as_bytes())
}

/// Writes the encoded PNG `png` with our mark.
///
/// # Errors        those of `out`
/// # Panics        `png` is shorter than a PNG's header
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

/// `svg` with our mark after its opening tag.
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
        // The CRC of every PNG's last chunk.
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
