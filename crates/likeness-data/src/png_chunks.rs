//! Removes the chunks of a PNG file that do not affect its pixels, before it is decoded.
//!
//! Colour profiles and texts may be compressed by a factor of a thousand, and a decoder that reads them uses memory that no
//! header announces. Only IHDR, PLTE, tRNS and IDAT affect the pixels; eXIf, which is not compressed, has the orientation.
//!
//! Reference: PNG specification, third edition (W3C, 2025), section 11.

/// Length of the signature at the start of every PNG file.
const SIGNATURE_BYTES: usize = 8;
/// Bytes of a chunk besides its data: length, type and checksum.
const FRAME_BYTES: usize = 12;
const KEPT: [&[u8; 4]; 6] = [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"];

/// Removes all chunks that are not in [`KEPT`] from `png`, which starts with the signature.
///
/// If the chunks end early, the rest of the file is unchanged, and the decoder reports the error.
pub(crate) fn keep_pixels(png: &mut Vec<u8>) {
    let (mut from, mut to) = (SIGNATURE_BYTES, SIGNATURE_BYTES);
    while let Some(length) = chunk_bytes(png, from) {
        let kind: &[u8] = &png[from + 4..from + 8];
        if KEPT.iter().any(|kept| *kept == kind) {
            png.copy_within(from..from + length, to);
            to += length;
        }
        from += length;
    }
    png.drain(to..from.min(png.len()).max(to));
}

/// Size of the chunk at `at` including its frame; `None` if it is incomplete.
fn chunk_bytes(png: &[u8], at: usize) -> Option<usize> {
    let length = png.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)?;
    let bytes = (length as usize).checked_add(FRAME_BYTES)?;
    png.get(at..at.checked_add(bytes)?)?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32).to_be_bytes(), kind.as_slice(), content, b"sums"].concat()
    }

    #[test]
    fn only_what_decides_pixels_is_kept() {
        let [header, profile, text, data, exif, end] = [
            chunk(b"IHDR", b"header"),
            chunk(b"iCCP", b"bomb"),
            chunk(b"zTXt", b""),
            chunk(b"IDAT", b"pixels"),
            chunk(b"eXIf", b"up"),
            chunk(b"IEND", b""),
        ];
        let signature = b"\x89PNG\r\n\x1a\n".to_vec();
        let all = [&signature, &header, &profile, &text, &data, &exif, &data, &end, &b"junk".to_vec()];
        let mut png = all.map(Vec::as_slice).concat();
        keep_pixels(&mut png);
        let kept = [&signature, &header, &data, &exif, &data, &end, &b"junk".to_vec()];
        assert_eq!(png, kept.map(Vec::as_slice).concat());
    }

    #[test]
    fn cut_and_hostile_chunks_stay_for_the_decoder() {
        let whole = [b"\x89PNG\r\n\x1a\n".as_slice(), &chunk(b"IHDR", b"header"), &chunk(b"IDAT", b"pixels")]
            .concat();
        for end in 8..whole.len() {
            let mut png = whole[..end].to_vec();
            keep_pixels(&mut png);
            assert_eq!(png, whole[..end]);
        }
        let mut png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0xFF; 40]].concat();
        let before = png.clone();
        keep_pixels(&mut png);
        assert_eq!(png, before);
    }
}
