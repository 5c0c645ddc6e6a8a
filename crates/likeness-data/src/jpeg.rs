//! Parses the marker structure of a JPEG file before decoding, to detect truncated and progressive files.
//!
//! Decoders fill the missing part of a truncated file with grey without an error, but such a photo must be reported.
//! Reference: ITU-T T.81 (1992), annex B.

/// Properties of a JPEG file found in its markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JpegStructure {
    /// The file has an end-of-image marker.
    pub(crate) complete: bool,
    /// The file is progressive: decoding keeps all coefficients in memory until the last scan.
    pub(crate) progressive: bool,
}

const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

impl JpegStructure {
    /// Parses the markers of `bytes`, which start with a start-of-image marker.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut structure = Self { complete: false, progressive: false };
        let mut at = 2;
        while let Some(marker_at) = next_marker(bytes, at) {
            let marker = bytes[marker_at];
            at = marker_at + 1;
            match marker {
                END_OF_IMAGE => {
                    structure.complete = true;
                    return structure;
                }
                // Restart markers and TEM have no length field.
                0xD0..=0xD8 | 0x01 => continue,
                0xC2 | 0xC6 | 0xCA | 0xCE => structure.progressive = true,
                _ => {}
            }
            let Some(length) = bytes.get(at..at + 2) else { return structure };
            at += usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            if marker == START_OF_SCAN {
                at = end_of_scan(bytes, at);
            }
        }
        structure
    }
}

/// Position of the marker code (the byte after 0xFF, fill bytes skipped) at or after `at`.
fn next_marker(bytes: &[u8], at: usize) -> Option<usize> {
    let ff = at + bytes.get(at..)?.iter().position(|&b| b == 0xFF)?;
    let code = ff + bytes[ff..].iter().position(|&b| b != 0xFF)?;
    if bytes[code] == 0 { next_marker_after_stuffing(bytes, code) } else { Some(code) }
}

/// As [`next_marker`], starting from a stuffed zero, without recursion.
fn next_marker_after_stuffing(bytes: &[u8], at: usize) -> Option<usize> {
    let pairs = bytes.get(at..)?.windows(2);
    pairs.into_iter().position(|p| p[0] == 0xFF && p[1] != 0 && p[1] != 0xFF).map(|i| at + i + 1)
}

/// First position after `at` where an 0xFF is followed by a marker that is neither stuffing nor a restart.
fn end_of_scan(bytes: &[u8], at: usize) -> usize {
    let Some(rest) = bytes.get(at..) else { return bytes.len() };
    rest.windows(2)
        .position(|p| p[0] == 0xFF && !matches!(p[1], 0x00 | 0xFF | 0xD0..=0xD7))
        .map_or(bytes.len(), |i| at + i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg() -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, 7]));
        image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn a_whole_file_is_complete_and_every_cut_one_is_not() {
        let bytes = jpeg();
        assert_eq!(JpegStructure::read(&bytes), JpegStructure { complete: true, progressive: false });
        for end in 2..bytes.len() - 1 {
            assert!(!JpegStructure::read(&bytes[..end]).complete, "cut at {end} of {}", bytes.len());
        }
    }

    #[test]
    fn bytes_behind_the_end_and_hostile_lengths_do_no_harm() {
        let mut bytes = jpeg();
        bytes.extend_from_slice(b"a camera's own trailer");
        assert!(JpegStructure::read(&bytes).complete);
        assert!(!JpegStructure::read(&[0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF]).complete);
        assert!(!JpegStructure::read(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0xFF]).complete);
        assert!(!JpegStructure::read(&[0xFF; 1000]).complete);
    }
}
